"""The real clips: what each is, and every frame of it on both backends. The facts were read off with other tools."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

import hfbench
from hfbench.backends.libav.probe import probe
from hfbench.model.cancellation import Control

pytestmark = pytest.mark.media

BACKENDS = ("libav", "ffmpeg")
SIDE = 48


@dataclass(frozen=True)
class Fact:
    """What is true of one file; ``turn`` is how often a decoded picture is turned clockwise by 90 degrees."""

    codec: str
    size: tuple[int, int]
    frames_at_30: int
    hdr: str | None = None
    is_vfr: bool = False
    has_alpha: bool = False
    turn: int = 0
    stream: int = 0
    true_words: frozenset[str] = frozenset()


UNTAGGED = frozenset({"untagged_colors"})
START = {"alpha-vp9.webm": 7}
"""Only its last two seconds and a bit: the ffmpeg program takes a third of a second for one of its pictures."""

FACTS = {
    "alpha-vp9.webm": Fact("vp9", (1280, 720), 270, has_alpha=True, true_words=UNTAGGED),
    "bikes-sdr.mp4": Fact("h264", (640, 272), 300, true_words=UNTAGGED),
    "hdr10-av1.mp4": Fact("av1", (720, 1280), 127, "pq"),
    "hlg10-color.mp4": Fact("hevc", (1920, 1080), 9, "hlg"),
    # Two video streams, 320x180 and 480x270: ffmpeg, and so hfbench, takes the larger.
    "nasa-sdr.mp4": Fact("h264", (480, 270), 390, stream=1, true_words=frozenset({"several_video_streams"})),
    "phone-edit-list.mp4": Fact("hevc", (1080, 1920), 77, "hlg", turn=1),
    "portrait-rotated.mp4": Fact("h264", (720, 1080), 30, true_words=UNTAGGED),
    "screen-recording-vfr.mp4": Fact("h264", (3026, 1386), 262, is_vfr=True),
}


def test_every_file_is_here(media):
    """Clips are files that FFmpeg knows; licences and the like may stand beside them."""
    clips = {path.name for path in media.iterdir() if path.suffix in {".mp4", ".webm", ".mov", ".mkv"}}
    assert clips == set(FACTS)


@cache
def decoded(path: Path) -> tuple[tuple[Fraction, ...], np.ndarray]:
    """Every frame by PyAV alone: seconds from the file's start, and a small grey picture of each."""
    times, pictures = [], []
    with av.open(str(path)) as container:
        stream = container.streams.video[FACTS[path.name].stream]
        origin = Fraction(container.start_time or 0, av.time_base)
        for frame in container.decode(stream):
            times.append(frame.pts * stream.time_base - origin)
            pictures.append(frame.reformat(SIDE, SIDE, "gray").to_ndarray())
    return tuple(times), np.stack(pictures).astype(np.int16)


@pytest.mark.parametrize("name", list(FACTS))
class TestProbe:
    def test_what_it_is(self, media, name):
        fact, found = FACTS[name], probe(media / name, Control()).media
        assert found.codec == fact.codec
        assert found.display_size == fact.size
        assert (found.hdr_target.value if found.hdr_target else None) == fact.hdr
        assert found.has_alpha == fact.has_alpha
        assert found.timing.is_vfr == fact.is_vfr
        assert {kind for kind, _ in found.notes} <= fact.true_words

    def test_its_times_are_those_of_the_decoded_frames(self, media, name):
        timing, (times, _) = probe(media / name, Control()).media.timing, decoded(media / name)
        assert timing.first_pts == times[0]
        assert timing.last_pts == times[-1]
        assert timing.frames in {None, len(times)}
        assert timing.end > timing.last_pts
        assert math.floor(timing.end * 30 + Fraction(1, 2)) == FACTS[name].frames_at_30

    def test_the_vfr_verdict_is_arithmetic(self, media, name):
        """Further than 2 ms from the best straight line, on either side, is variable."""
        times, _ = decoded(media / name)
        seconds = np.array([float(time) for time in times])
        numbers = np.arange(len(seconds))
        away = seconds - np.polyval(np.polyfit(numbers, seconds, 1), numbers)
        assert (np.ptp(away) / 2 > 0.002) == FACTS[name].is_vfr


@pytest.fixture(scope="module")
def extracted(media, tmp_path_factory):
    """To the natural end at 30 fps; HLG and PQ apart, so that each keeps its own colours."""

    @cache
    def get(backend: str) -> dict[str, hfbench.ExtractedClip | hfbench.ClipFailure]:
        found = {}
        for hdr in (None, "pq", "hlg"):
            names = [name for name, fact in FACTS.items() if fact.hdr == hdr]
            clips = [
                hfbench.Clip(name.partition(".")[0], str(media / name), media_start=START.get(name, 0))
                for name in names
            ]
            options = hfbench.ExtractOptions(backend=backend, format="jpg", quality=70)
            result = hfbench.extract(hfbench.Composition(clips), tmp_path_factory.mktemp(backend), options)
            found |= dict(zip(names, result.outcomes, strict=True))
        return found

    return get


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", list(FACTS))
def test_every_slot_of_every_file(extracted, media, backend, name):
    fact, clip = FACTS[name], extracted(backend)[name]
    assert isinstance(clip, hfbench.ExtractedClip), clip
    start = START.get(name, 0)
    assert clip.frames == fact.frames_at_30 - 30 * start == len(list(clip.directory.iterdir()))
    assert clip.size == fact.size
    noted = {"alpha_needs_png"} if fact.has_alpha else {"jpg_beside_hdr"} if fact.hdr else set()
    assert {warning.kind for warning in clip.warnings} == fact.true_words | noted
    times, pictures = decoded(media / name)
    for slot in range(0, clip.frames, 1 + clip.frames // 40):
        with Image.open(clip.path_of(slot)) as image:
            assert image.size == fact.size
            small = np.asarray(image.convert("L").resize((SIDE, SIDE), Image.Resampling.BICUBIC), np.int16)
        limit = start + (slot + Fraction(1, 2)) / 30
        wanted = max(number for number, time in enumerate(times) if time < limit or number == 0)
        errors = np.abs(pictures - np.rot90(small, fact.turn)).mean(axis=(1, 2))
        near = errors[max(0, wanted - 3) : wanted + 4].min()
        assert errors[wanted] <= near + 1, f"slot {slot} shows another frame than {wanted}"
        assert errors[wanted] < 12, f"slot {slot}"


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("scope", ["segment", "fused"])
def test_all_of_them_on_one_timeline(media, tmp_path, backend, scope):
    """A moment of each, in an HDR composition: counts, turned sizes, and only words that are true."""
    clips = [hfbench.Clip(name.partition(".")[0], str(media / name), 0, "0.2") for name in FACTS]
    options = hfbench.ExtractOptions(backend=backend, scope=scope, format="jpg")
    result = hfbench.extract(hfbench.Composition(clips), tmp_path, options)
    assert not result.failures
    for clip, fact in zip(result.clips, FACTS.values(), strict=True):
        assert (clip.frames, clip.size) == (math.floor(Fraction("0.2") * 30 + Fraction(1, 2)), fact.size)
        noted = {"alpha_needs_png"} if fact.has_alpha else {"jpg_beside_hdr"}
        assert {warning.kind for warning in clip.warnings} == fact.true_words | noted, clip.clip_id
        with Image.open(clip.path_of(0)) as image:
            assert image.size == fact.size
