"""What all tests share: where fixtures are kept, clips, and skips that are failures in CI."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from fixtures_gen import FileTruth, Store
from fixtures_gen.recipe import Size
from fixtures_gen.store import Request
from hfbench.bench.case import every_case
from hfbench.bench.measure.external import Work
from hfbench.bench.scenarios import BuiltScenario, Scenario
from hfbench.composition import Clip, Composition
from tests.makers.browsing import Browser
from tests.makers.clip_maker import ClipMaker

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

#: The real clips lie beside a checkout where a maintainer keeps them; CI has them.
MEDIA = Path(__file__).parents[2] / "shared" / "media"

#: A busy machine is no finding, and the same examples are tried each time: a run fails for what was changed only.
#: ``pytest --hypothesis-profile=explore`` looks for new ones.
settings.register_profile("hfbench", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", settings.get_profile("hfbench"), derandomize=False, max_examples=1000)
settings.load_profile("hfbench")

#: Child processes buffer their streams as a user's do, whatever the machine that runs the tests is set to.
os.environ.pop("PYTHONUNBUFFERED", None)


#: Kernels are compiled once for all tests, also for those that have a home of their own.
os.environ.setdefault(
    "NUMBA_CACHE_DIR", str(Path(os.environ.get("HFBENCH_HOME") or tempfile.gettempdir()) / "kernels-of-tests")
)
#: What this CI can't provide, by the marker of the tests that need it.
MISSING_IN_CI = set(os.environ.get("HFBENCH_CI_WITHOUT", "").split())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a skip hides a failure: what CI can provide must be there."""
    report = yield
    is_excused = hasattr(report, "wasxfail") or MISSING_IN_CI & {marker.name for marker in item.iter_markers()}
    if report.skipped and os.environ.get("CI") and not is_excused:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {item.nodeid}: {reason} ({call.when})"
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With ``-n``, a file's tests run on one worker, so that what they share is made once."""
    from xdist.scheduler import LoadFileScheduling

    return LoadFileScheduling(config, log) if config.getvalue("dist") == "load" else None


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """hfbench's home for the session: the caller's ``HFBENCH_HOME``, so that a second run is warm, or a new one."""
    named = os.environ.get("HFBENCH_HOME")
    if named:
        return Path(named)
    if "PYTEST_XDIST_WORKER" in os.environ:
        return tmp_path_factory.getbasetemp().parent  # one for all workers: builders lock
    return tmp_path_factory.getbasetemp()


@pytest.fixture(scope="session")
def store(home: Path) -> Store:
    """The store of catalogue fixtures."""
    return Store(home / "fixtures")


@pytest.fixture(scope="session")
def fixture_file(store: Store) -> Callable[[str, str], tuple[Path, FileTruth]]:
    """``fixture_file("vfr-screen-recording", "screen.mp4")``: a small build of a catalogue file, and its truth."""

    def get(name: str, file: str) -> tuple[Path, FileTruth]:
        store.ensure([Request(name, Size.P180)])
        return store.path(name, file, Size.P180), store.truth(name, Size.P180).file(file)

    return get


@pytest.fixture(scope="session")
def make_clip(tmp_path_factory: pytest.TempPathFactory) -> ClipMaker:
    """Tiny clips made on the spot."""
    return ClipMaker(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="session")
def media() -> Path:
    """The folder of real clips."""
    if not MEDIA.is_dir():
        pytest.skip(f"the real clips are not at {MEDIA}")
    return MEDIA


@pytest.fixture(scope="session")
def browser() -> Browser:
    found = Browser.find()
    if found is None:
        pytest.skip("no Chromium is installed")
    return found


@pytest.fixture
def make_work() -> Callable[..., Work]:
    """Work for fake engines, which read no media: scenarios whose truth nobody knows, a case each."""

    def make(*scenarios: str, composition: Composition | None = None, limit_seconds: float = 60, **axes: str) -> Work:
        names = scenarios or ("demo",)
        content = composition or Composition([Clip("a", "/a.mp4")])
        built = {name: BuiltScenario(Scenario(name, "", name, ()), content, "f" * 12, None) for name in names}
        values = {axis: (value,) for axis, value in {"scope": "segment", **axes}.items()}
        return Work(cases=every_case(names, **values), scenarios=built, limit_seconds=limit_seconds)

    return make
