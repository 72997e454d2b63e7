"""One store for the whole session; ``$HFBENCH_HOME/fixtures`` where that is set, so that a second run is warm."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # boxes and truth_oracle stand beside the tests; tests are no package

from fixtures_gen import Store
from fixtures_gen.program import Program, find_ffmpeg, load


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    home = os.environ.get("HFBENCH_HOME")
    if home:
        return Store(Path(home) / "fixtures")
    if "PYTEST_XDIST_WORKER" in os.environ:
        return Store(tmp_path_factory.getbasetemp().parent / "fixtures")  # one for all workers: builders lock
    return Store(tmp_path_factory.mktemp("fixtures"))


@pytest.fixture(scope="session")
def program() -> Program:
    return load(find_ffmpeg())


@pytest.fixture
def private_store(tmp_path: Path) -> Store:
    """A store that a test may damage."""
    return Store(tmp_path / "store")
