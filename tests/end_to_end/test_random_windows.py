"""Two hundred windows into every kind of timing: each frame on disk is the one that the truth names.

The windows are random but seeded, so every run asks for the same ones; many begin or end exactly on a frame, or exactly
between two slots, where a rounding shows. The oracle is the recipe's truth and the grid rule in its own words.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_left
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import pytest

import hfbench
from tests.makers.clip_maker import ids_of

BACKENDS = ("libav", "ffmpeg")
RATES = (Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(30), Fraction(60))
WINDOWS = 200
SEED = 20261

FILES = (
    ("cfr-sdr-cache", "sdr-3s.mp4"),
    ("vfr-screen-recording", "screen.mp4"),
    ("vfr-screen-recording", "screen-b-frames.mp4"),
    ("vfr-phone-jitter", "jitter.mp4"),
    ("vfr-dropped", "dropped.mp4"),
    ("vfr-24-30", "24-then-30.mp4"),
    ("vfr-verdict-traps", "vfr-holds.mkv"),
    ("vfr-verdict-traps", "cfr.flv"),
    ("vfr-verdict-traps", "cfr.ts"),
    ("vfr-verdict-traps", "cfr.mkv"),
    ("cfr-23.976", "23.976.mp4"),
    ("cfr-29.97", "29.97.mp4"),
    ("cfr-59.94", "59.94.mp4"),
    ("open-gop", "open-gop-h264.mp4"),
    ("open-gop", "open-gop-hevc.mp4"),
    ("long-gop-600", "long-gop.mp4"),
    ("all-intra", "all-intra.mp4"),
    ("edit-list", "edit-list.mp4"),
    ("negative-start", "negative-start.mp4"),
    ("ts-odd-start", "odd-start.ts"),
    ("near-wrap-ts", "near-wrap.ts"),
    ("fragmented", "fragmented.mp4"),
    ("moov-at-end", "moov-at-end.mp4"),
    ("moov-at-end", "moov-at-front.mp4"),
    ("mkv-no-duration", "no-duration.mkv"),
    ("past-eof", "sdr-2s.mp4"),
)
LONGEST = ("long-gop-600", "long-gop.mp4")
HDR_FILE = ("past-eof", "hdr-1s.mp4")
"""Beside it, the re-encoding scopes must re-encode every SDR file."""


@dataclass(frozen=True)
class Known:
    """A file and its truth; 0 on the clock is where the file begins.

    ``end`` is exact where the recipe declares how long the last frame lasts; elsewhere nobody asks for what is past it.
    """

    path: Path
    times: tuple[Fraction, ...]
    ids: tuple[int, ...]
    end: Fraction
    is_end_declared: bool


@dataclass(frozen=True)
class Window:
    file: tuple[str, str]
    start: Fraction
    duration: Fraction
    fps: Fraction

    def expected(self, known: Known) -> tuple[int, list[int]]:
        """Frames asked for, and the barcodes of those that there are."""
        asked = max(1, math.floor(self.duration * self.fps + Fraction(1, 2)))
        there = min(asked, max(1, math.floor((known.end - self.start) * self.fps + Fraction(1, 2))))
        limits = [self.start + (slot + Fraction(1, 2)) / self.fps for slot in range(there)]
        return asked, [known.ids[max(0, bisect_left(known.times, limit) - 1)] for limit in limits]

    def clip(self, number: int, path: Path) -> hfbench.Clip:
        return hfbench.Clip(f"w{number:03d}", str(path), 0, self.duration, self.start)


def some_windows(corpus: dict[tuple[str, str], Known]) -> list[Window]:
    """Every file gets its share; the kind of start and of length is drawn."""
    draw = random.Random(SEED)
    windows = []
    for number in range(WINDOWS):
        file = FILES[number % len(FILES)]
        fps = RATES[number // len(FILES) % len(RATES)]
        known = corpus[file]
        times, last = known.times, known.times[-1]
        start = draw.choice(
            (
                Fraction(0),
                Fraction(draw.randrange(int(last * 1000)), 1000),
                Fraction(draw.randrange(int(last * 1000)), 1000),
                draw.choice(times),
                max(Fraction(0), draw.choice(times) - Fraction(1, 2) / fps),
                max(Fraction(0), draw.choice(times) - 1 / (fps * 4) * draw.randrange(8)),
                Fraction(draw.randrange(int(last * 7)), 7),
                Fraction(repr(draw.randrange(int(last * 60)) / 60)),  # computed in floats, as web pages do
                last,
            )
        )
        short = draw.choice((Fraction(draw.randint(1, 400), 1000), draw.randint(1, 10) / fps, draw.choice(times[1:10])))
        is_past_end = known.is_end_declared and known.end - start < Fraction(1, 2)
        length = known.end - start + Fraction(1, 2) if is_past_end else min(short, last - start)
        windows.append(Window(file, start, length if length > 0 else 1 / fps, fps))
    return windows


@pytest.fixture(scope="session")
def corpus(fixture_file) -> dict[tuple[str, str], Known]:
    return {file: known(*fixture_file(*file)) for file in (*FILES, HDR_FILE)}


def known(path, truth) -> Known:
    pts = truth.pts
    times = tuple(each - pts[0] for each in pts)
    end = times[-1] + (truth.last_duration or times[-1] - times[-2])
    return Known(path, times, tuple(truth.frame_ids), end, truth.last_duration is not None)


@pytest.fixture(scope="session")
def windows(corpus) -> list[Window]:
    return some_windows(corpus)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("scope", "rates", "part"),
    [
        pytest.param("fused", RATES, "all", id="fused"),
        # Every window is encoded again for each rate, in ``source`` every file: the rest is in the long run.
        pytest.param("segment", RATES[2:4], "all", id="segment"),
        pytest.param("source", RATES[:1], "half", id="source"),
        pytest.param("segment", RATES[:2] + RATES[4:], "all", id="segment-other-rates", marks=pytest.mark.slow),
        pytest.param("source", RATES, "all", id="source-all", marks=pytest.mark.slow),
    ],
)
def test_every_frame_is_the_one_that_the_truth_names(tmp_path, corpus, windows, backend, scope, rates, part):
    """``fused`` runs as it is; beside an HDR clip the other scopes send every window through an intermediate.

    Of ``half`` of the files, one backend gets every second one and the other backend the rest.
    """
    files = set(FILES) if part == "all" else {file for file in FILES[BACKENDS.index(backend) :: 2] if file != LONGEST}
    wrong = []
    for fps in rates:
        asked = {number: each for number, each in enumerate(windows) if each.fps == fps and each.file in files}
        clips = [window.clip(number, corpus[window.file].path) for number, window in asked.items()]
        if scope != "fused":
            clips.append(hfbench.Clip("hdr", str(corpus[HDR_FILE].path), 0, "0.1"))
        options = hfbench.ExtractOptions(backend=backend, scope=scope, format="jpg", quality=80, sdr_mapping="gamut")
        out = tmp_path / f"{fps.numerator}"
        result = hfbench.extract(hfbench.Composition(clips, fps=fps), out, options)
        wrong += [f"{failure.clip_id}: {failure.kind.value}: {failure.message}" for failure in result.failures]
        by_id = {clip.clip_id: clip for clip in result.clips}
        for number, window in asked.items():
            clip = by_id.get(f"w{number:03d}")
            wrong += [] if clip is None else differences(window, corpus[window.file], clip)
    assert not wrong, "\n".join(["", *wrong])


def differences(window: Window, known: Known, clip: hfbench.ExtractedClip) -> list[str]:
    """What is not as it should be, one line each."""
    what = f"{clip.clip_id} {window.file[1]} {window.start} +{window.duration} at {window.fps}"
    requested, wanted = window.expected(known)
    found = ids_of(clip)
    said = {warning.kind: dict(warning.counts) for warning in clip.warnings if warning.kind != "jpg_beside_hdr"}
    short = {"requested_frames": requested, "available_frames": len(wanted)}
    true_words = {"shorter_than_requested": short} if len(wanted) < requested else {}
    lines = []
    if len(list(clip.directory.iterdir())) != clip.frames:
        lines.append(f"{what}: {clip.frames} frames, {len(list(clip.directory.iterdir()))} files")
    if found != wanted:
        lines.append(f"{what}: found {found}, wanted {wanted}")
    if said != true_words:
        lines.append(f"{what}: said {said}, true is {true_words}")
    return lines


def test_the_windows_are_what_they_claim(corpus, windows):
    """The draw covers what it should: every file, every rate, file ends, exact frame times, ties between two slots."""
    assert len(windows) == WINDOWS
    assert {window.file for window in windows} == set(FILES)
    assert {window.fps for window in windows} == set(RATES)
    expected = [window.expected(corpus[window.file]) for window in windows]
    assert sum(asked > len(ids) for asked, ids in expected) >= 5
    assert sum(window.start in corpus[window.file].times for window in windows) >= 30
    ties = [window for window in windows if window.start + Fraction(1, 2) / window.fps in corpus[window.file].times]
    assert len(ties) >= 10


def test_negative_control_the_frame_before_is_noticed(corpus, windows):
    """Were each slot a half frame early, most windows would show it."""
    noticed = 0
    for window in windows:
        known = corpus[window.file]
        early = Window(window.file, window.start - Fraction(1, 2) / window.fps, window.duration, window.fps)
        noticed += window.expected(known)[1] != early.expected(known)[1]
    assert noticed > WINDOWS / 2
