"""Each trap of the catalogue is really one: what the library says by itself is the wrong answer it is built for."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from fixtures_gen import Request, Size, Store
from tests.oracles import boxes
from tests.oracles.truth_oracle import frames

if TYPE_CHECKING:
    from pathlib import Path


def media(store: Store, name: str, file: str) -> Path:
    store.ensure([Request(name, Size.P180)])
    return store.path(name, file, Size.P180)


def transfers(path: Path) -> tuple[int, int, int]:
    """Transfer before decoding, of the first frame and of the last."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        before = int(stream.codec_context.color_trc)
        seen = [int(frame.color_trc) for frame in container.decode(stream)]
    return before, seen[0], seen[-1]


@pytest.mark.parametrize(
    ("name", "file", "expected"),
    [
        ("container-tags-only", "container-pq.mp4", (16, 2, 2)),
        ("hlg-sei", "hlg-sei.mp4", (14, 18, 18)),
        ("conflicting-tags", "container-sdr-bitstream-pq.mp4", (1, 16, 16)),
        ("conflicting-tags", "container-pq-bitstream-sdr.mp4", (16, 1, 1)),
        ("tags-switch", "pq-then-hlg.mp4", (16, 16, 18)),
    ],
)
def test_where_a_transfer_shows(store: Store, name: str, file: str, expected: tuple[int, int, int]) -> None:
    assert transfers(media(store, name, file)) == expected


@pytest.mark.parametrize(("file", "equal"), [("vfr-holds.mkv", True), ("cfr.flv", False)])
def test_the_two_rates_of_ffmpeg_judge_wrongly(store: Store, file: str, equal: bool) -> None:
    with av.open(str(media(store, "vfr-verdict-traps", file))) as container:
        stream = container.streams.video[0]
        assert (stream.average_rate == stream.base_rate) is equal
    assert store.truth("vfr-verdict-traps").file(file).is_vfr is equal


def test_the_declared_duration_ends_before_the_last_frame(store: Store) -> None:
    path = media(store, "vfr-screen-recording", "screen-b-frames.mp4")
    truth = store.truth("vfr-screen-recording").file(path.name)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.duration * stream.time_base < truth.pts[-1] - 2
        kinds = {frame.pict_type for frame in container.decode(stream)}
    assert av.video.frame.PictureType.B in kinds


def test_screen_recording_has_bursts_and_long_holds(store: Store) -> None:
    times = store.truth("vfr-screen-recording").files[0].pts
    steps = [float(b - a) for a, b in itertools.pairwise(times)]
    assert times[-1] >= 8
    assert sum(step < 0.02 for step in steps) > 100
    assert max(steps) > 1.4


def test_packets_outnumber_frames_under_an_edit_list(store: Store) -> None:
    path = media(store, "edit-list", "edit-list.mp4")
    track = boxes.read(path)
    assert track.samples == store.truth("edit-list").files[0].packets == 90
    assert track.edits[0][1] > 1024  # more than the B-frame delay
    assert sum(1 for _ in frames(path)) == 72


def test_times_start_where_they_should(store: Store) -> None:
    assert store.truth("negative-start").files[0].pts[0] < 0
    wrapped = store.truth("near-wrap-ts").files[0].pts
    assert wrapped[0] < 0 < wrapped[-1]
    assert store.truth("ts-odd-start").files[0].pts[0] > 1000


def test_matroska_tells_no_duration(store: Store) -> None:
    with av.open(str(media(store, "mkv-no-duration", "no-duration.mkv"))) as container:
        assert container.duration is None
        assert container.streams.video[0].duration is None


def test_the_index_is_where_the_name_says(store: Store) -> None:
    order = [boxes.read(media(store, "moov-at-end", f"moov-at-{at}.mp4")).top_level for at in ("end", "front")]
    at_end, at_front = (kinds.index("moov") < kinds.index("mdat") for kinds in order)
    assert (at_end, at_front) == (False, True)
    fragmented = boxes.read(media(store, "fragmented", "fragmented.mp4"))
    assert fragmented.top_level.count("moof") == 3
    assert fragmented.samples == 0


@pytest.mark.parametrize(
    ("name", "file", "keyframes"),
    [("long-gop-600", "long-gop.mp4", 2), ("all-intra", "all-intra.mp4", None), ("cfr-29.97", "29.97.mp4", 1)],
)
def test_keyframes_are_where_they_should_be(store: Store, name: str, file: str, keyframes: int | None) -> None:
    assert boxes.read(media(store, name, file)).sync_samples == keyframes


@pytest.mark.parametrize("file", ["open-gop-h264.mp4", "open-gop-hevc.mp4"])
def test_open_groups_have_frames_shown_before_their_keyframe(store: Store, file: str) -> None:
    leading = 0
    with av.open(str(media(store, "open-gop", file))) as container:
        key = None
        for packet in container.demux(video=0):
            if packet.pts is None:
                continue
            key = packet.pts if packet.is_keyframe else key
            leading += key is not None and packet.pts < key
    assert leading >= 3


@pytest.mark.parametrize(("name", "file"), [("alpha-vp9", "alpha.webm"), ("alpha-prores", "alpha.mov")])
def test_alpha_is_opaque_above_and_a_ramp_below(store: Store, name: str, file: str) -> None:
    frame = next(iter(frames(media(store, name, file), alpha=True)))
    alpha = frame.to_ndarray(format="rgba")[:, :, 3].astype(int)
    assert alpha[:40].min() >= 240
    expected = np.arange(320) % 256
    inner = slice(8, 248)  # lossy codecs smear the jump from 255 to 0
    assert np.abs(alpha[60:, inner] - expected[inner]).mean() < 3


def test_library_default_drops_vp9_alpha(store: Store) -> None:
    with av.open(str(media(store, "alpha-vp9", "alpha.webm"))) as container:
        stream = container.streams.video[0]
        assert stream.metadata["alpha_mode"] == "1"
        assert next(container.decode(stream)).format.name == "yuv420p"


def test_files_of_many_clips_have_their_own_thousands(store: Store) -> None:
    starts = [file.frame_ids[0] for file in store.truth("many-clips").files]
    assert starts == [1000 * (k + 1) for k in range(24)]
