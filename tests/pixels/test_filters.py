"""Chains of filters against the ffmpeg program itself: the eight turns of a picture, and the grid rule."""

from __future__ import annotations

import random
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

import hfbench
from fixtures_gen.program import find_ffmpeg
from hfbench.model.media import Orientation
from hfbench.pixels.filters import grid_chain, join
from hfbench.pixels.orientation import orientation_of
from hfbench.timebase import FrameGrid
from tests.makers.clip_maker import read_pixels, run_ffmpeg

BACKENDS = ("libav", "ffmpeg")
ONE = 1 << 16
WIDTH, HEIGHT = 64, 48

#: Turns and flips as the ffmpeg program writes them into a file; every right-angle case once.
WRITTEN = {
    "upright": (),
    "quarter": ("-display_rotation:v", "90"),
    "half": ("-display_rotation:v", "180"),
    "three quarters": ("-display_rotation:v", "270"),
    "flipped sideways": ("-display_rotation:v", "0", "-display_hflip:v"),
    "flipped upside down": ("-display_rotation:v", "0", "-display_vflip:v"),
    "quarter, flipped": ("-display_rotation:v", "90", "-display_hflip:v"),
    "quarter, upside down": ("-display_rotation:v", "90", "-display_vflip:v"),
}


@pytest.fixture(scope="module")
def flat(tmp_path_factory) -> Path:
    """Two frames without loss; every quadrant, and each half of one, is another colour."""
    boxes = (
        "drawbox=x=0:y=0:w=32:h=24:color=red:t=fill,drawbox=x=32:y=0:w=32:h=24:color=lime:t=fill,"
        "drawbox=x=0:y=24:w=32:h=24:color=blue:t=fill,drawbox=x=0:y=0:w=16:h=8:color=white:t=fill"
    )
    source = ("-f", "lavfi", "-i", f"color=c=black:s={WIDTH}x{HEIGHT}:r=30:d=0.1,format=rgb24,{boxes}")
    return run_ffmpeg(tmp_path_factory.mktemp("turns") / "flat.mov", *source, "-frames:v", "2", "-c:v", "png")


@pytest.fixture(scope="module")
def turned(flat) -> dict[str, Path]:
    return {
        name: run_ffmpeg(flat.with_name(f"{number}.mov"), *options, "-i", str(flat), "-c", "copy")
        for number, (name, options) in enumerate(WRITTEN.items())
    }


def display_matrix(path: Path) -> tuple[int, ...] | None:
    """Nine numbers from the first frame's side data."""
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        found = frame.side_data.get("DISPLAYMATRIX")  # by name: iteration differs from PyAV 18 to 19
        return None if found is None else tuple(np.frombuffer(bytes(found), np.int32).tolist())


def first_picture(path: Path, *options: str) -> np.ndarray:
    """One frame as the ffmpeg program shows it."""
    return read_pixels(run_ffmpeg(path.with_suffix(".png"), *options))


@pytest.mark.parametrize("name", list(WRITTEN))
class TestOrientation:
    def test_our_chain_is_what_ffmpeg_does_by_itself(self, turned, name, tmp_path):
        path = turned[name]
        matrix = display_matrix(path)
        orientation = Orientation.UPRIGHT if matrix is None else orientation_of(matrix)
        shown = first_picture(tmp_path / "auto.mov", "-i", str(path), "-frames:v", "1")
        chain = ("-vf", join(orientation.value))
        ours = first_picture(tmp_path / "ours.mov", "-noautorotate", "-i", str(path), *chain, "-frames:v", "1")
        assert ours.shape == shown.shape
        assert (ours == shown).all()
        assert orientation.swaps_sides == (shown.shape[:2] == (WIDTH, HEIGHT))

    @pytest.mark.parametrize("backend", BACKENDS)
    def test_so_are_the_extracted_frames(self, turned, name, backend, tmp_path):
        shown = first_picture(tmp_path / "auto.mov", "-i", str(turned[name]), "-frames:v", "1")
        composition = hfbench.Composition([hfbench.Clip("a", str(turned[name]), 0, "0.03")])
        options = hfbench.ExtractOptions(backend=backend, format="png")
        clip = hfbench.extract(composition, tmp_path / "out", options).clips[0]
        ours = read_pixels(clip.path_of(0))
        assert clip.size == (shown.shape[1], shown.shape[0])
        assert ours.shape == shown.shape
        assert np.abs(ours.astype(int) - shown.astype(int)).max() <= 1


def test_the_eight_files_are_eight_cases(turned, flat, tmp_path):
    """Negative control: were two of them the same, the test above would show less than it says."""
    found = [Orientation.UPRIGHT if m is None else orientation_of(m) for m in map(display_matrix, turned.values())]
    assert set(found) == set(Orientation)
    upright = first_picture(tmp_path / "flat.mov", "-i", str(flat), "-frames:v", "1")
    turns = [np.rot90(picture, k) for picture in (upright, upright[::-1]) for k in range(4)]
    assert len({picture.tobytes() for picture in turns}) == 8


def test_chains_join_without_gaps():
    assert join("a", "", "b=1") == "a,b=1"
    assert join("", "") == "null"


RATES = (Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(30), Fraction(60), Fraction(24000, 1001))
TIME_BASES = (Fraction(1, 90_000), Fraction(1, 15_360), Fraction(1, 1000), Fraction(1001, 30_000), Fraction(1, 24_000))


def through_ffmpeg(
    grid: FrameGrid, time_base: Fraction, ticks: list[int], folder: Path, limit_seconds: float | None = None
) -> list[int]:
    """Grey frames whose level is their number, at these ticks, through the grid's chain; the level of each slot.

    The turn at the end stands for whatever follows the chain in a real graph.
    """
    when = "+".join(f"{tick}*eq(N,{number})" for number, tick in enumerate(ticks))
    black = f"color=c=black:s=16x16:r=30,trim=end_frame={len(ticks)},format=gray"
    source = f"{black},geq=lum=N,settb={time_base},setpts='{when}'"
    chain = ("-vf", f"{grid_chain(grid, time_base)},hflip", "-frames:v", str(grid.count), "-fps_mode", "passthrough")
    out = folder / "levels.raw"
    command = (str(find_ffmpeg()), "-v", "error", "-nostdin", "-y", "-copyts", "-f", "lavfi", "-i", source, *chain)
    kind = ("-pix_fmt", "gray", "-f", "rawvideo", str(out))
    subprocess.run((*command, *kind), check=True, capture_output=True, timeout=limit_seconds)
    return np.frombuffer(out.read_bytes(), np.uint8).reshape(-1, 256)[:, 0].tolist()


def a_case(draw: random.Random) -> tuple[FrameGrid, Fraction, list[int]]:
    """A grid, and frames on a clock's ticks: around slot boundaries where the clock has them, else anywhere."""
    rate, time_base = draw.choice(RATES), draw.choice(TIME_BASES)
    starts = (
        Fraction(draw.randrange(3000), 1000),
        Fraction(draw.randrange(90)) / rate,
        draw.randrange(60_000) * time_base % 3,
        Fraction(draw.randrange(40), 7),
        Fraction(repr(draw.randrange(180) / 60)),  # computed in floats, as web pages do
        Fraction(repr(draw.random() * 3)),
    )
    grid = FrameGrid(draw.choice(starts), rate, draw.randint(1, 12))
    ties = [(grid.start + Fraction(halves, 2) / rate) / time_base for halves in range(-3, 2 * grid.count + 3)]
    near = {round(tie) + draw.choice((-1, 0, 0, 0, 1)) for tie in draw.sample(ties, min(len(ties), 12))}
    ticks = sorted(tick for tick in near if tick >= 0) or [0]
    return grid, time_base, [*ticks, max(ticks[-1], round((grid.end_of_need + 1) / time_base)) + 1]


def by_the_rule(grid: FrameGrid, times: list[Fraction]) -> list[int]:
    rows = []
    for slot in range(grid.count):
        limit = grid.start + (slot + Fraction(1, 2)) / grid.rate
        rows.append(max((number for number, pts in enumerate(times) if pts < limit), default=0))
    return rows


def test_grid_chain_is_the_rule_frame_for_frame(tmp_path):
    draw, wrong, ties = random.Random(4), [], 0
    for _ in range(60):
        grid, time_base, ticks = a_case(draw)
        times = [tick * time_base for tick in ticks]
        wanted = by_the_rule(grid, times)
        found = through_ffmpeg(grid, time_base, ticks, tmp_path)
        ties += any(((pts - grid.start) * grid.rate).denominator == 2 for pts in times)
        if found != wanted:
            wrong.append(f"{grid} on {time_base}, {ticks}: found {found}, wanted {wanted}")
    assert not wrong, "\n".join(["", *wrong])
    assert ties >= 10


def test_a_start_computed_in_floats_is_not_moved_across_a_frame(tmp_path):
    """1/60 as a float lies a hair below it, so the frame at 1/30 comes too late for slot 0 of a 30 fps grid."""
    grid = FrameGrid(Fraction(repr(1 / 60)), Fraction(30), 3)
    ticks = [n * 512 for n in range(8)]
    wanted = by_the_rule(grid, [tick * Fraction(1, 15_360) for tick in ticks])
    assert wanted == [0, 1, 2]
    assert through_ffmpeg(grid, Fraction(1, 15_360), ticks, tmp_path) == wanted


def test_a_very_long_hold_ends_with_the_grid(tmp_path):
    """A frame that is held for months: the chain must not make months of frames before it ends.

    ``-frames:v`` alone does not help: the graph fills memory with repeats until the program is killed.

    The limit is no measurement: with a chain that ends by itself this takes less than a tenth of a second.
    """
    grid = FrameGrid(Fraction(0), Fraction(60), 3)
    assert through_ffmpeg(grid, Fraction(1, 1000), [0, 2**31], tmp_path, limit_seconds=8) == [0, 0, 0]


def test_a_last_frame_shorter_than_half_a_slot_is_still_shown(tmp_path):
    """A window into the last 1/60 s of a file has one slot at 24 fps, and that slot has a frame."""
    grid = FrameGrid(Fraction(1, 60), Fraction(24), 1)
    assert through_ffmpeg(grid, Fraction(1, 60), [0, 1], tmp_path) == [1]
