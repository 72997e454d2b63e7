"""The ffmpeg program of the fixtures, and stores that a test may damage."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures_gen import Store
from fixtures_gen.program import Program, find_ffmpeg, load


@pytest.fixture(scope="session")
def program() -> Program:
    return load(find_ffmpeg())


@pytest.fixture
def private_store(tmp_path: Path) -> Store:
    """A store that a test may damage."""
    return Store(tmp_path / "store")
