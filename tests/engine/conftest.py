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


#: Gaps in the hostile table (it comes after the main job): what is asked, and what happens today. Not strict:
#: what the program makes of the first depends on how busy the machine is.
KNOWN_GAPS = {
    "timestamps hours apart are held silently, and make the ffmpeg program sample until its time is up": (
        "test_it_gets_what_the_table_says[libav-stts-huge-delta.mp4]",
        "test_it_gets_what_the_table_says[libav-timescale-zero.mp4]",
        "test_it_gets_what_the_table_says[ffmpeg-stts-huge-delta.mp4]",
        "test_it_gets_what_the_table_says[ffmpeg-timescale-zero.mp4]",
        "test_through_an_intermediate_as_well[libav-timescale-zero.mp4]",
        "test_through_an_intermediate_as_well[libav-stts-huge-delta.mp4]",
        "test_through_an_intermediate_as_well[ffmpeg-stts-huge-delta.mp4]",
        "test_through_an_intermediate_as_well[ffmpeg-timescale-zero.mp4]",
        "test_a_failure_is_one_line_that_names_no_bug[ffmpeg-stts-huge-delta.mp4]",
        "test_a_failure_is_one_line_that_names_no_bug[ffmpeg-timescale-zero.mp4]",
    ),
    "the ffmpeg program rebuilds its filters where the picture changes, and the grid starts again": (
        "test_a_change_in_the_middle_loses_no_frame_without_a_word[ffmpeg-size-change.mp4]",
        "test_a_change_in_the_middle_loses_no_frame_without_a_word[ffmpeg-format-change.mp4]",
    ),
    "frames without timestamps are dated by their place, one period apart, and AVI's may be off": (
        "test_a_change_in_the_middle_loses_no_frame_without_a_word[libav-missing-timestamps.avi]",
        "test_a_change_in_the_middle_loses_no_frame_without_a_word[ffmpeg-missing-timestamps.avi]",
    ),
    "a change of size in mid-stream is handled and not yet noted": (
        "test_what_is_odd_is_noted[libav-size-change.mp4-size_change]",
        "test_what_is_odd_is_noted[ffmpeg-size-change.mp4-size_change]",
    ),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the known gaps as expected failures."""
    reasons = {name: reason for reason, names in KNOWN_GAPS.items() for name in names}
    for item in items:
        if item.name in reasons and item.path.name == "test_hostile.py":
            item.add_marker(pytest.mark.xfail(strict=False, reason=reasons[item.name]))
