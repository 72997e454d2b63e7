"""The frames of a folder, counted and read; the pictures are drawn here, with a barcode each."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest

from fixtures_gen import barcode
from hfbench.bench.frame_check import check_folder, count_frames
from hfbench.bench.scenarios import BuiltScenario, Part, Scenario
from hfbench.composition import Clip, Composition


@pytest.fixture
def built() -> BuiltScenario:
    """Two clips over one file of one second: 3 frames from the start, and 2 in the middle."""
    times = tuple(Fraction(n, 10) for n in range(10))
    file = SimpleNamespace(pts=times, frame_ids=range(10), last_duration=Fraction(1, 10))
    truth: Any = SimpleNamespace(file=lambda _: file)
    parts = (
        Part("a", "x.mp4", Fraction(0), Fraction(3, 10)),
        Part("ab", "x.mp4", Fraction(0), Fraction(2, 10), Fraction(1, 2)),
    )
    scenario = Scenario("demo", "", "demo", parts, fps=Fraction(10))
    return BuiltScenario(scenario, Composition([Clip("a", "/x.mp4")]), "f" * 16, truth)


RIGHT = {"a": (0, 1, 2), "ab": (5, 6)}


@pytest.mark.parametrize(
    ("reported", "files", "first_wrong"),
    [
        ({"a": 3, "ab": 2}, 5, ""),
        ({}, 5, ""),  # an engine need not report; its files are counted
        ({"a": 2, "ab": 3}, 5, "a: 2 frames reported, should be 3"),
        ({"a": 3}, 5, "ab: 0 frames reported, should be 2"),
        ({"a": 3, "ab": 2, "c": 1}, 5, "c: 1 frames reported, should be 0"),
        ({"a": 3, "ab": 2}, 4, "4 image files found, should be 5"),
        ({}, 0, "0 image files found, should be 5"),
    ],
)
def test_frames_are_counted_twice(built: BuiltScenario, reported: dict[str, int], files: int, first_wrong: str) -> None:
    check = count_frames(built, reported, files)
    assert check is not None
    assert (check.expected, check.right, check.first_wrong) == (5, files, first_wrong)
    assert check.is_right == (not first_wrong)


def draw(path: Path, frame_id: int | None) -> None:
    """A grey picture with a barcode, or without one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    luma = np.full((180, 320), 128, np.uint8)
    if frame_id is not None:
        barcode.paint(luma, frame_id, 0, 255)
    codec, pixels = {".png": ("png", "rgb24")}.get(path.suffix.lower(), ("mjpeg", "yuvj444p"))
    encoder = av.CodecContext.create(codec, "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 320, 180, pixels, Fraction(1)
    frame = av.VideoFrame.from_ndarray(np.stack([luma] * 3, axis=-1), format="rgb24").reformat(format=pixels)
    path.write_bytes(b"".join(bytes(packet) for packet in (*encoder.encode(frame), *encoder.encode(None))))


def fill(folder: Path, names: str, frames: dict[str, tuple[int | None, ...]]) -> None:
    """``names`` gives a file its name by ``{clip}`` and ``{number}``."""
    for clip, ids in frames.items():
        for number, frame_id in enumerate(ids, 1):
            draw(folder / names.format(clip=clip, number=number), frame_id)


@pytest.mark.parametrize(
    "names",
    [
        "{clip}/frame_{number:05d}.jpg",
        "{clip}/{number}.PNG",
        "frames/{clip}/x{number}.jpeg",
        "{clip}_{number}.png",
    ],
)
def test_images_are_found_however_an_engine_names_them(built: BuiltScenario, tmp_path: Path, names: str) -> None:
    fill(tmp_path, names, RIGHT)
    check = check_folder(built, tmp_path, {})
    assert check is not None and check.is_right, check
    assert (check.right, check.expected) == (5, 5)


def test_numbers_in_names_are_numbers(built: BuiltScenario, tmp_path: Path) -> None:
    times = tuple(Fraction(n, 10) for n in range(20))
    file = SimpleNamespace(pts=times, frame_ids=range(20), last_duration=Fraction(1, 10))
    parts = (Part("a", "x.mp4", Fraction(0), Fraction(12, 10)),)
    truth: Any = SimpleNamespace(file=lambda _: file)
    longer = replace(built, scenario=replace(built.scenario, parts=parts), truth=truth)
    fill(tmp_path, "{number}.png", {"a": tuple(range(12))})
    check = check_folder(longer, tmp_path, {"a": 12})
    assert check is not None and check.is_right, check


@pytest.mark.parametrize(
    ("frames", "first_wrong", "right"),
    [
        ({"a": (0, 2, 1), "ab": (5, 6)}, "a frame 2 shows 2, should show 1", 3),
        ({"a": (0, 1, 2), "ab": (0, 1)}, "ab frame 1 shows 0, should show 5", 3),
        ({"a": (0, 1, None), "ab": (5, 6)}, "a frame 3 shows no barcode, should show 2", 4),
        ({"a": (0, 1), "ab": (5, 6, 7)}, "a frame 3 shows nothing, should show 2", 4),
    ],
)
def test_as_many_frames_as_there_must_be_and_wrong(
    built: BuiltScenario, tmp_path: Path, frames: dict[str, tuple[int | None, ...]], first_wrong: str, right: int
) -> None:
    fill(tmp_path, "{clip}/{number}.png", frames)
    check = check_folder(built, tmp_path, {})
    assert check is not None
    assert (check.first_wrong, check.right, check.is_right) == (first_wrong, right, False)


def test_images_of_no_clip(built: BuiltScenario, tmp_path: Path) -> None:
    fill(tmp_path, "{number}{clip}.png", RIGHT)
    check = check_folder(built, tmp_path, {})
    assert check is not None
    assert "1a.png belongs to no clip: write the frames of each clip into a folder" in check.first_wrong


def test_files_that_are_no_images(built: BuiltScenario, tmp_path: Path) -> None:
    for clip, ids in RIGHT.items():
        for number in ids:
            (tmp_path / f"{clip}{number}.jpg").write_bytes(b"no picture")
    check = check_folder(built, tmp_path, {})
    assert check is not None
    assert check.first_wrong == "a frame 1 shows no barcode, should show 0"


def test_without_a_truth_nothing_is_said(built: BuiltScenario, tmp_path: Path) -> None:
    assert check_folder(replace(built, truth=None), tmp_path, {"a": 7}) is None
