from __future__ import annotations

import gc
import threading
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import hfbench
from fixtures_gen import find_barcode
from hfbench.engine.stream_frames import StreamedClip
from hfbench.errors import OptionsError
from tests.makers.clip_maker import ClipMaker


def composition(*clips: hfbench.Clip, fps: int = 30) -> hfbench.Composition:
    return hfbench.Composition(clips, fps=Fraction(fps))


def clip(name: str, source: Path, start: float, seconds: float, media_start: float = 0) -> hfbench.Clip:
    first = Fraction(str(start))
    return hfbench.Clip(name, str(source), first, first + Fraction(str(seconds)), Fraction(str(media_start)))


def barcode(pixels: np.ndarray) -> int | None:
    found = find_barcode(pixels[..., :3])
    return None if found is None else found[0]


@pytest.mark.parametrize(("scope", "pixels"), [("fused", "kernel"), ("fused", "libavfilter"), ("segment", "kernel")])
def test_frames_are_those_that_extract_writes(make_clip: ClipMaker, tmp_path: Path, scope: str, pixels: str) -> None:
    wanted = composition(clip("sdr", make_clip("plain.mp4"), 0, 0.5, 1), clip("hdr", make_clip.pq(), 0.5, 0.5), fps=24)
    options = hfbench.ExtractOptions(scope=scope, format="png16", pixels=pixels)
    with hfbench.extract(wanted, tmp_path, options) as result:
        written = {
            (each.clip_id, slot): read_png16(each.path_of(slot)) for each in result.clips for slot in range(each.frames)
        }
    frames = list(hfbench.iter_frames(wanted, options))
    assert [(frame.clip_id, frame.slot) for frame in frames] == list(written)
    assert len(frames) == 24
    for frame in frames:
        assert frame.pixels.dtype == np.uint16
        np.testing.assert_array_equal(frame.pixels, written[frame.clip_id, frame.slot])


def read_png16(path: Path) -> np.ndarray:
    """By FFmpeg: Pillow has no 16-bit RGB."""
    import av

    with av.open(str(path)) as file:
        return next(file.decode(video=0)).to_ndarray(format="rgb48")


def test_eight_bits_are_those_of_a_png(make_clip: ClipMaker, tmp_path: Path) -> None:
    wanted = composition(clip("a", make_clip("plain.mp4"), 0, 0.2))
    with hfbench.extract(wanted, tmp_path, hfbench.ExtractOptions(format="png")) as result:
        written = [np.asarray(Image.open(result.clips[0].path_of(slot))) for slot in range(6)]
    for image_format in ("png", "jpg"):  # a JPEG's losses come with its encoder, which is not used here
        frames = list(hfbench.iter_frames(wanted, hfbench.ExtractOptions(format=image_format)))
        for frame, expected in zip(frames, written, strict=True):
            np.testing.assert_array_equal(frame.pixels, expected)


def test_alpha_is_the_fourth_channel(make_clip: ClipMaker) -> None:
    source = make_clip("alpha.mov", seconds=0.2, chain="format=yuva444p10le", encoder=("-c:v", "prores_ks"))
    frames = list(hfbench.iter_frames(composition(clip("a", source, 0, 0.2))))
    assert {frame.pixels.shape for frame in frames} == {(180, 320, 4)}


def test_times_slots_and_tags(make_clip: ClipMaker) -> None:
    frames = list(hfbench.iter_frames(composition(clip("late", make_clip("plain.mp4"), 2, 0.5, 1), fps=10)))
    assert [frame.slot for frame in frames] == [0, 1, 2, 3, 4]
    assert [frame.time for frame in frames] == [2 + Fraction(slot, 10) for slot in range(5)]
    assert [barcode(frame.pixels) for frame in frames] == [
        31,
        34,
        37,
        40,
        43,
    ]  # the last frame before each slot's middle
    assert {frame.tags.hdr_target for frame in frames} == {None}


def test_a_picture_that_several_slots_show_is_converted_once(make_clip: ClipMaker) -> None:
    frames = list(hfbench.iter_frames(composition(clip("a", make_clip("slow.mp4", rate="5"), 0, 1), fps=30)))
    assert len(frames) == 30
    assert len({id(frame.pixels) for frame in frames}) == 5
    with pytest.raises(ValueError, match="read-only"):
        frames[0].pixels[0, 0] = 0


def test_failures_are_values_and_do_not_affect_other_clips(make_clip: ClipMaker, tmp_path: Path) -> None:
    (tmp_path / "junk.mp4").write_bytes(b"no video")
    good = make_clip("plain.mp4")
    wanted = composition(
        clip("before", good, 0, 0.2),
        clip("junk", tmp_path / "junk.mp4", 0, 1),
        clip("gone", tmp_path / "gone.mp4", 0, 1),
        clip("after", good, 1, 0.2),
    )
    with hfbench.iter_frames(wanted) as stream:
        assert [frame.clip_id for frame in stream] == ["before"] * 6 + ["after"] * 6
    kinds = {each.clip_id: each.kind.value for each in stream.failures}
    assert kinds == {"junk": "invalid_media", "gone": "source_missing"}
    assert [each.clip_id for each in stream.outcomes] == ["before", "junk", "gone", "after"]


def test_warnings_come_with_the_outcome(make_clip: ClipMaker) -> None:
    with hfbench.iter_frames(composition(clip("a", make_clip("plain.mp4"), 0, 9))) as stream:
        frames = sum(1 for _ in stream)
    (outcome,) = stream.outcomes
    assert isinstance(outcome, StreamedClip)
    assert outcome.frames == frames == 90
    assert "shorter_than_requested" in {warning.kind for warning in outcome.warnings}


def test_few_frames_are_converted_ahead_of_the_caller(make_clip: ClipMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    from hfbench.backends.libav.pictures import FramePictures

    converted = []
    original = FramePictures.array
    monkeypatch.setattr(FramePictures, "array", lambda *given: converted.append(1) or original(*given))
    with hfbench.iter_frames(
        composition(clip("a", make_clip("plain.mp4"), 0, 3)), hfbench.ExtractOptions(workers=2)
    ) as stream:
        for number, _ in enumerate(stream, 1):
            time.sleep(0.005)  # time enough to run ahead
            assert len(converted) <= number + 2
            if number == 30:
                break
    assert len(converted) <= 33


def test_cancelling_ends_the_stream_with_a_failure(make_clip: ClipMaker) -> None:
    token = hfbench.CancelToken()
    wanted = composition(clip("a", make_clip("plain.mp4"), 0, 3), clip("b", make_clip("plain.mp4"), 3, 3))
    with hfbench.iter_frames(wanted, token=token) as stream:
        next(stream)
        token.cancel()
        rest = sum(1 for _ in stream)
    assert rest < 180
    assert {each.kind.value for each in stream.failures} == {"cancelled"}


def test_a_stream_that_is_left_early_leaves_no_thread(make_clip: ClipMaker) -> None:
    before = {thread.name for thread in threading.enumerate()}
    with hfbench.iter_frames(composition(clip("a", make_clip("plain.mp4"), 0, 3))) as stream:
        next(stream)
    gc.collect()
    assert {thread.name for thread in threading.enumerate()} <= before


def test_another_backend_is_refused(make_clip: ClipMaker) -> None:
    with pytest.raises(OptionsError, match=r"hfbench\.extract"):
        hfbench.iter_frames(
            composition(clip("a", make_clip("plain.mp4"), 0, 1)), hfbench.ExtractOptions(backend="ffmpeg")
        )
