"""The doors as a user meets them: exit codes, stdout, stderr; engines are real small processes."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hfbench.bench.scenarios import SCENARIOS, BuiltScenario
from hfbench.cli import main
from hfbench.composition import Clip, Composition
from tests.makers import fake_engine
from tests.makers.ended import Ended

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

FAKE = Path(fake_engine.__file__)
_CI = ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_EVENT_NAME")


@pytest.fixture(autouse=True)
def quiet_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without budgets, a home of its own, no CI, and scenarios that need no fixture: fakes read no media."""

    def built(wanted: Iterable[Any], size: str | None = None, **_: Any) -> tuple[BuiltScenario, ...]:
        del size
        return tuple(BuiltScenario(each, Composition([Clip("a", "/a.mp4")]), "f" * 16, None) for each in wanted)  # type: ignore[arg-type]

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HFBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("hfbench.bench.scenarios.build_scenarios", built)
    for name in _CI:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def hfbench(capfd: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Run a command line in this process."""

    def run(*arguments: object) -> Ended:
        capfd.readouterr()
        with pytest.raises(SystemExit) as caught:
            main([str(each) for each in arguments])
        said = capfd.readouterr()
        return Ended(int(caught.value.code or 0), said.out, said.err)

    return run


@pytest.fixture
def engine() -> Callable[..., str]:
    """``NAME=COMMAND`` of a fake engine: ``engine("old", cpu=110)``."""

    def make(name: str, **config: Any) -> str:
        return f"{name}={shlex.join([sys.executable, '-S', '-E', str(FAKE), json.dumps(config)])}"

    return make


@pytest.fixture
def scenario() -> str:
    """A scenario's name, as good as any other: the fakes do not look at it."""
    return next(iter(SCENARIOS))
