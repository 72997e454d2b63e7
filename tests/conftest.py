"""What all tests share: where fixtures are kept, and skips that are failures in CI."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

#: Tests are no packages: what they share stands beside them and is imported by its plain name.
sys.path[:0] = [str(folder) for folder in sorted(Path(__file__).parent.glob("*/"))]

if TYPE_CHECKING:
    from collections.abc import Generator

#: The real clips lie beside a checkout where a maintainer keeps them; CI has them.
MEDIA = Path(__file__).parents[2] / "shared" / "media"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a skip hides a failure: what CI can provide must be there."""
    report = yield
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {item.nodeid}: {reason} ({call.when})"
    return report


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """hfbench's home for the session: the caller's ``HFBENCH_HOME``, so that a second run is warm, or a new one."""
    named = os.environ.get("HFBENCH_HOME")
    if named:
        return Path(named)
    if "PYTEST_XDIST_WORKER" in os.environ:
        return tmp_path_factory.getbasetemp().parent
    return tmp_path_factory.getbasetemp()


@pytest.fixture(scope="session")
def media() -> Path:
    """The folder of real clips."""
    if not MEDIA.is_dir():
        pytest.skip(f"the real clips are not at {MEDIA}")
    return MEDIA
