"""Each slot shows what a player shows then, whatever the container says: both backends, with seeks, by barcode."""

from __future__ import annotations

import os
import random
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import pytest

import hfbench
from hfbench.backends.libav.probe import probe
from hfbench.model.cancellation import Control
from tests.makers import field_coded
from tests.makers.clip_maker import ClipMaker, expected_ids, ids_of, read_pixels, slots_of
from tests.makers.field_coded import SIDE
from tests.makers.odd_times import CONTAINERS, MPEG4, RATE, VP8, X264, OddTimes, demuxed_times

BACKENDS = ("libav", "ffmpeg")
PERIOD = Fraction(1, RATE)
X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1", "-x265-params", "log-level=0:bframes=4:keyint=60")
PYRAMID = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "3", "-b-pyramid", "normal", "-g", "250")


@pytest.fixture(scope="session")
def odd(make_clip: ClipMaker, tmp_path_factory) -> OddTimes:
    return OddTimes(tmp_path_factory.mktemp("odd"), make_clip)


def windows_of(out: Path, path: Path, windows, backend: str, **options) -> list[hfbench.ExtractedClip]:
    """Each window of a file, in one call: they are sought one after the other."""
    clips = [hfbench.Clip(f"w{number}", str(path), 0, length, start) for number, (start, length) in enumerate(windows)]
    chosen = hfbench.ExtractOptions(backend=backend, format="jpg", **options)
    result = hfbench.extract(hfbench.Composition(clips, fps=RATE), out, chosen)
    assert not result.failures, result.failures[0].message
    return list(result.clips)


def said(clip: hfbench.ExtractedClip) -> set[str]:
    return {warning.kind for warning in clip.warnings} - {"untagged_colors"}


LEADS = (0.021, -0.021, 0.5, -0.5, 5, -5)
#: Those whose clocks ran wrong; the others are there to stay right.
OFTEN = ("mp4", "ts", "mpg", "ogg")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("extension", "lead"),
    [
        pytest.param(extension, lead, marks=() if extension in OFTEN and lead in {0.5, -0.021, 5} else pytest.mark.slow)
        for extension in CONTAINERS
        for lead in LEADS
    ],
)
def test_a_video_that_does_not_start_with_its_container(tmp_path, odd: OddTimes, extension, lead, backend):
    path = odd.led(extension, lead)
    times = times_of(path)
    starts = (Fraction(0), max(Fraction(1), times[0] - Fraction(1, 4)), times[-1] - Fraction(1, 2))
    windows = [(start, Fraction(2, 5)) for start in starts]
    for clip, (start, length) in zip(windows_of(tmp_path, path, windows, backend), windows, strict=True):
        wanted = expected_ids(times, tuple(range(len(times))), start, Fraction(RATE), slots_of(length, Fraction(RATE)))
        assert ids_of(clip) == wanted
        assert said(clip) <= {"timestamps_repaired"}


@cache
def times_of(path: Path) -> tuple[Fraction, ...]:
    """By the demuxer; in a program stream several small pictures share a time stamp, so they are counted there."""
    times = demuxed_times(path)
    if path.suffix == ".mpg":
        return tuple(times[0] + number * PERIOD for number in range(len(times)))
    return tuple(times)


def test_negative_control_a_lead_moves_what_is_shown(odd: OddTimes):
    shown = {
        lead: expected_ids(times_of(odd.led("ts", lead)), tuple(range(90)), Fraction(1), Fraction(RATE), 12)
        for lead in (0.5, -0.5)
    }
    assert shown[0.5] != shown[-0.5]


JOINED = {"same": 0, "ahead": 600, "back": -600}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("extension", "how"), [*(("ts", how) for how in JOINED), ("mpg", "same")])
def test_joined_recordings_follow_one_another(tmp_path, odd: OddTimes, extension, how, backend):
    path = odd.joined(extension, JOINED[how])
    parts = [list(range(90)), list(range(100, 190))]
    ids = parts[0] + parts[1] if JOINED[how] >= 0 else parts[1] + parts[0]
    windows = [(Fraction(0), None), (Fraction("2.8"), Fraction("0.4")), (Fraction(4), Fraction("0.4"))]
    whole, across, behind = windows_of(tmp_path, path, windows, backend)
    assert (ids_of(whole), ids_of(across), ids_of(behind)) == (ids, ids[84:96], ids[120:132])
    assert said(whole) == said(across) == {"timestamps_repaired"}


@pytest.mark.parametrize("backend", BACKENDS)
def test_three_recordings(tmp_path, odd: OddTimes, backend):
    windows = [(Fraction("5.8"), Fraction("0.4")), (Fraction(8), Fraction("0.3"))]
    across, behind = windows_of(tmp_path, odd.joined("ts", 0, parts=3), windows, backend)
    assert (ids_of(across), ids_of(behind)) == ([*range(184, 190), *range(6)], list(range(60, 69)))


WITHOUT_TIMES = {
    "lost": (X264, 0),
    "half": (X264, 45),
    "pyramid": (PYRAMID, 0),
    "hevc": (X265, 0),
    "hevc-half": (X265, 40),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", list(WITHOUT_TIMES))
def test_lost_times_are_replaced_by_the_decoders_order(tmp_path, odd: OddTimes, name, backend):
    path = odd.without_times(name, *WITHOUT_TIMES[name])
    windows = [(Fraction(0), None), (Fraction("2.3"), Fraction("0.4"))]
    whole, part = windows_of(tmp_path, path, windows, backend)
    assert (ids_of(whole), ids_of(part)) == (list(range(90)), list(range(69, 81)))
    assert said(whole) == said(part) == {"timestamps_repaired"}


#: Ticks of 1/15360 s, 512 a picture: all alike, and at random within ten pictures.
OFFSETS = {"alike": [1024] * 90, "random": [random.Random(number).randrange(5000) for number in range(90)]}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("how", list(OFFSETS))
@pytest.mark.parametrize("name", ["lost", "hevc", "mpeg4"])
def test_impossible_times_are_replaced_by_the_decoders_order(tmp_path, odd: OddTimes, name, how, backend):
    encoder = WITHOUT_TIMES[name][0] if name in WITHOUT_TIMES else (*MPEG4[:-1], "2")
    path = odd.with_offsets(f"{name}-{how}", encoder, OFFSETS[how])
    windows = [(Fraction(0), Fraction("0.5")), (Fraction("2.3"), Fraction("0.4"))]
    first, part = windows_of(tmp_path, path, windows, backend)
    assert (ids_of(first), ids_of(part)) == (list(range(15)), list(range(69, 81)))
    assert said(first) == said(part) == {"timestamps_repaired"}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("name", "by"), [("swapped", 66), ("far", 3_600_000)])
def test_times_that_go_back_are_replaced(tmp_path, odd: OddTimes, name, by, backend):
    windows = [(Fraction(0), None), (Fraction(2), Fraction("0.4"))]
    whole, part = windows_of(tmp_path, odd.disordered(name, 30, by), windows, backend)
    assert (ids_of(whole), ids_of(part)) == (list(range(90)), list(range(60, 72)))
    assert said(whole) == {"timestamps_repaired"}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("extension", ["mkv", "mp4", "avi"])
def test_key_flags_that_lie(tmp_path, odd: OddTimes, extension, backend):
    """A first picture that refers to others is no place to begin: an earlier one is found."""
    windows = [(Fraction("1.5"), Fraction("0.3")), (Fraction("2.3"), Fraction("0.3"))]
    first, second = windows_of(tmp_path, odd.all_keys(extension), windows, backend)
    assert (ids_of(first), ids_of(second)) == (list(range(45, 54)), list(range(69, 78)))
    assert said(first) == said(second) == set()


def test_negative_control_the_flags_do_lie(odd: OddTimes):
    with av.open(str(odd.all_keys("mp4"))) as container:
        assert all(packet.is_keyframe for packet in container.demux(video=0) if packet.size)


RAW = {
    "h264": (X264, "H.264"),
    "hevc": (X265[:4], "HEVC"),
    "mjpeg": (("-c:v", "mjpeg", "-q:v", "2"), "Motion JPEG"),
    "m2v": (("-c:v", "mpeg2video", "-q:v", "2"), "MPEG video"),
    "h263": (("-c:v", "h263", "-s", "176x144"), "H.263"),
}


@pytest.mark.parametrize("extension", list(RAW))
def test_a_raw_stream_is_named_with_the_way_to_wrap_it(tmp_path, odd: OddTimes, extension):
    encoder, name = RAW[extension]
    path = odd.clip(f"raw.{extension}", encoder)
    result = hfbench.extract(hfbench.Composition([hfbench.Clip("a", str(path), 0, 1)]), tmp_path)
    assert [failure.kind.value for failure in result.failures] == ["unsupported_media"]
    assert f"raw {name} stream" in result.failures[0].message
    assert "ffmpeg -framerate 30" in result.failures[0].message


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("name", "encoder"), [("stated.ivf", VP8), ("stated.y4m", ("-f", "yuv4mpegpipe"))])
def test_streams_that_state_their_timing_are_read(tmp_path, odd: OddTimes, name, encoder, backend):
    windows = [(Fraction(0), Fraction("0.2")), (Fraction(2), Fraction("0.3"))]
    first, second = windows_of(tmp_path, odd.clip(name, encoder), windows, backend)
    assert (ids_of(first), ids_of(second)) == (list(range(6)), list(range(60, 69)))
    assert said(first) == said(second) == set()


def test_packets_that_show_nothing_are_no_frames(odd: OddTimes):
    path = odd.hidden_pictures()
    with av.open(str(path)) as container:
        packets = sum(1 for packet in container.demux(video=0) if packet.size)
    timing = probe(path, Control()).media.timing
    assert packets > 120  # negative control: the file holds such packets
    assert (timing.frames, timing.is_vfr) == (120, False)


FIELDS = [number % 3 == 0 for number in range(10)]


@pytest.mark.parametrize("backend", BACKENDS)
def test_two_fields_are_one_picture(tmp_path, backend):
    path = tmp_path / "fields.ts"
    field_coded.write(path, FIELDS)
    with av.open(str(path)) as container:
        assert sum(1 for packet in container.demux(video=0) if packet.size) == 14  # negative control
    timing = probe(path, Control()).media.timing
    assert (timing.frames, timing.is_vfr, timing.period) == (10, False, Fraction(1, 25))
    clips = [hfbench.Clip("all", str(path), 0, "0.4"), hfbench.Clip("end", str(path), 0, "0.12", "0.28")]
    options = hfbench.ExtractOptions(backend=backend, format="png")
    whole, end = hfbench.extract(hfbench.Composition(clips, fps=25), tmp_path / "out", options).clips
    levels = [int(read_pixels(whole.path_of(slot))[SIDE // 2, SIDE // 2, 0]) for slot in range(10)]
    assert len(set(levels)) == 10 and levels == sorted(levels)
    assert [int(read_pixels(end.path_of(slot))[SIDE // 2, SIDE // 2, 0]) for slot in range(3)] == levels[7:]
    assert said(whole) == said(end) == set()


CUTS = {"half": 0.5, "late": 0.97, "last packet": 0.999}
PARTS = ((Fraction(0), Fraction(2)), (Fraction("0.5"), Fraction("0.5")), (Fraction("1.2"), Fraction("0.6")))


@pytest.mark.parametrize("cut", list(CUTS))
@pytest.mark.parametrize("name", ["faststart.mp4", "fragmented.mp4", "a.ts", "a.mkv", "a.flv", "a.mpg"])
def test_both_backends_agree_on_what_a_truncated_file_holds(tmp_path, odd: OddTimes, name, cut):
    whole = odd.clip(f"cut-{name}", encoder_of(name))
    data = whole.read_bytes()
    path = tmp_path / name
    path.write_bytes(data[: int(len(data) * CUTS[cut])])
    assert outcome(tmp_path / "1", path, "libav") == outcome(tmp_path / "2", path, "ffmpeg")


@pytest.mark.parametrize("how", ["hole", "no first keyframe", "flipped bits"])
@pytest.mark.parametrize("name", ["a.ts", "faststart.mp4", "a.mkv"])
def test_both_backends_agree_on_damage_within(tmp_path, odd: OddTimes, name, how):
    data = odd.clip(f"cut-{name}", encoder_of(name)).read_bytes()
    path = tmp_path / name
    path.write_bytes(damaged(data, how))
    assert outcome(tmp_path / "1", path, "libav") == outcome(tmp_path / "2", path, "ffmpeg")


def encoder_of(name: str) -> tuple[str, ...]:
    flags = {"faststart.mp4": "+faststart", "fragmented.mp4": "frag_keyframe+empty_moov"}.get(name)
    if name.endswith("mpg"):
        return ("-c:v", "mpeg2video", "-q:v", "2", "-bf", "2", "-g", "15")
    return (*X264, "-movflags", flags) if flags else X264


def damaged(data: bytes, how: str) -> bytes:
    packets = len(data) // 188
    if how == "hole":
        return data[: 188 * (packets // 2)] + bytes(188 * 20) + data[188 * (packets // 2 + 20) :]
    if how == "no first keyframe":
        return data[: 188 * 3] + bytes(188 * 4) + data[188 * 7 :] if data[0] != 0x47 else data[:564] + data[188 * 40 :]
    changed = bytearray(data)
    for at in range(8000, len(data) - 4000, 1777):
        changed[at] ^= 0x10
    return bytes(changed)


def outcome(out: Path, path: Path, backend: str) -> list[object]:
    """What there is and what is said to be missing, window by window."""
    os.mkdir(out)
    clips = [hfbench.Clip(f"w{number}", str(path), 0, length, start) for number, (start, length) in enumerate(PARTS)]
    options = hfbench.ExtractOptions(backend=backend, format="jpg")
    found = []
    for clip in clips:
        (each,) = hfbench.extract(hfbench.Composition([clip], fps=RATE), out / clip.id, options).outcomes
        if isinstance(each, hfbench.ClipFailure):
            found.append(each.kind.value)
        else:
            counts = {warning.kind: dict(warning.counts) for warning in each.warnings}
            damage = counts.get("source_damaged", {"frames": each.frames, "decode_errors": 0})
            # Whether a concealed picture is flagged in time depends on the decoder's threads.
            found.append((ids_of(each), damage["frames"], damage["decode_errors"], "timestamps_repaired" in counts))
    return found
