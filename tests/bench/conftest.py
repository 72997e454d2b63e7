"""Things that the tests of measurement and judgement share."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hfbench.bench.judge.comparability import Side
from hfbench.bench.protocol.client import EngineSpec
from hfbench.bench.record import Sample
from tests.makers import fake_engine as fake_engine_program

if TYPE_CHECKING:
    from collections.abc import Callable

FAKE = Path(fake_engine_program.__file__)
MACHINE: dict[str, str | int] = {
    "cpu": "Test CPU",
    "cores": 2,
    "threads": 2,
    "memory_gib": 8,
    "system": "Linux",
    "architecture": "x86_64",
}


@pytest.fixture
def data() -> Path:
    return Path(__file__).parents[1] / "data"


@pytest.fixture
def fake_engine() -> Callable[..., EngineSpec]:
    """A specification of a real child process: ``fake_engine("name", mode="die", cpu=110)``."""

    def make(name: str = "fake", **config: Any) -> EngineSpec:
        return EngineSpec(name, (sys.executable, "-S", "-E", str(FAKE), json.dumps(config)))

    return make


@pytest.fixture
def make_samples() -> Callable[..., tuple[Sample, ...]]:
    """Samples of one case, one a value of ``cpu``; other metrics are the same in each, or a list with one for each."""

    def make(cpu: list[float], *, scenario: str = "demo", frames: int = 3, **more: Any) -> tuple[Sample, ...]:
        axes = {key: more.pop(key) for key in ("backend", "scope", "format", "cache", "engine", "role") if key in more}
        plain = {"backend": "libav", "scope": "segment", "format": "jpg", **axes}
        return tuple(
            Sample(
                scenario=scenario,
                round=index + 1,
                order=index,
                frames={"a": frames},
                metrics={
                    "cpuMs": value,
                    "videoExtractMs": value,
                    **{name: given[index] if isinstance(given, list) else given for name, given in more.items()},
                },
                **plain,
            )
            for index, value in enumerate(cpu)
        )

    return make


@pytest.fixture
def make_side(make_samples: Callable[..., tuple[Sample, ...]]) -> Callable[..., Side]:
    def make(
        name: str,
        cpu: list[float],
        *,
        fixture: str = "f" * 12,
        machine: dict[str, str | int] | None = None,
        **more: Any,
    ) -> Side:
        samples = make_samples(cpu, **more)
        return Side(name, samples, {samples[0].scenario: fixture}, MACHINE | (machine or {}))

    return make


def _git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=test", "-c", "user.email=test"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty git repository."""
    folder = tmp_path / "project"
    folder.mkdir()
    _git(folder, "init", "--initial-branch=main")
    return folder


@pytest.fixture
def commit(project: Path) -> Callable[..., str]:
    """Commit everything in the project; the commit's hash."""

    def make(message: str) -> str:
        _git(project, "add", "--all")
        _git(project, "commit", "--allow-empty", "-m", message)
        return _git(project, "rev-parse", "HEAD")

    return make


@pytest.fixture
def git(project: Path) -> Callable[..., str]:
    """Run git in the project."""
    return lambda *arguments: _git(project, *arguments)
