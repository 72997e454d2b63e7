"""Clips for the engine's tests: catalogue fixtures at a small size, and tiny ones made on the spot."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from clip_maker import ClipMaker

from fixtures_gen import FileTruth, Store
from fixtures_gen.recipe import Size
from fixtures_gen.store import Request

Fixture = Callable[[str, str], tuple[Path, FileTruth]]


@pytest.fixture(scope="session")
def store(home: Path) -> Store:
    return Store(home / "fixtures")


@pytest.fixture(scope="session")
def fixture_file(store: Store) -> Fixture:
    """``fixture_file("vfr-screen-recording", "screen.mp4")``: a small build of a catalogue file, and its truth."""

    def get(name: str, file: str) -> tuple[Path, FileTruth]:
        store.ensure([Request(name, Size.P180)])
        return store.path(name, file, Size.P180), store.truth(name, Size.P180).file(file)

    return get


@pytest.fixture(scope="session")
def make_clip(tmp_path_factory: pytest.TempPathFactory) -> ClipMaker:
    return ClipMaker(tmp_path_factory.mktemp("clips"))
