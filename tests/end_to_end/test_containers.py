"""Containers beyond MP4, Matroska and TS: those without presentation times, without an index, or with odd clocks."""

from __future__ import annotations

import pytest

import hfbench
from tests.makers.clip_maker import ClipMaker, ids_of

BACKENDS = ("libav", "ffmpeg")
SECONDS, RATE = 2, 30
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "15")
MPEG4 = ("-c:v", "mpeg4", "-q:v", "2", "-g", "15")
MPEG2 = ("-c:v", "mpeg2video", "-q:v", "2", "-g", "15", "-bf", "2")

#: AVI keeps decode times only: with B-frames the pictures' own times must be worked out.
FILES = {
    "h264.avi": (*X264, "-bf", "0"),
    "h264-b.avi": (*X264, "-bf", "2"),
    "mpeg4.avi": MPEG4,
    "mpeg4-b.avi": (*MPEG4, "-bf", "2"),
    "mjpeg.avi": ("-c:v", "mjpeg", "-q:v", "2"),
    "program-stream.mpg": MPEG2,
    "mpeg2.mxf": MPEG2,
    "h264-b.flv": (*X264, "-bf", "2"),
    "ffv1.nut": ("-c:v", "ffv1"),
    "vp8.webm": ("-c:v", "libvpx", "-b:v", "1M", "-deadline", "realtime", "-g", "15"),
    "h264-b.m2ts": (*X264, "-bf", "2"),
    "prores.mov": ("-c:v", "prores_ks"),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", list(FILES))
class TestEveryContainer:
    def windows(self, make_clip: ClipMaker, out, name, backend) -> list[hfbench.ExtractedClip]:
        """All of it, and the last second alone, which needs a seek; in calls of their own."""
        path = str(make_clip(f"c-{name}", seconds=SECONDS, rate=str(RATE), encoder=FILES[name]))
        options = hfbench.ExtractOptions(backend=backend, format="jpg")
        found = []
        for clip in (hfbench.Clip("all", path, 0, SECONDS), hfbench.Clip("rest", path, 0, 1, 1)):
            result = hfbench.extract(hfbench.Composition([clip]), out / clip.id, options)
            assert not result.failures, result.failures[0].message
            found += result.clips
        return found

    def test_every_frame_once_in_order(self, tmp_path, make_clip, name, backend):
        whole, rest = self.windows(make_clip, tmp_path, name, backend)
        assert ids_of(whole) == list(range(60))
        assert ids_of(rest) == list(range(30, 60))

    def test_nothing_untrue_is_said(self, tmp_path, make_clip, name, backend):
        for clip in self.windows(make_clip, tmp_path, name, backend):
            assert {warning.kind for warning in clip.warnings} <= {"untagged_colors"}


@pytest.mark.parametrize("name", ["late.ts", "late.mpg"])
def test_a_seek_that_lands_late_costs_no_second_process(tmp_path, make_clip: ClipMaker, name):
    """Without an index a seek lands on the keyframe after: an earlier one is found before the program starts."""
    encoder = MPEG2 if name.endswith("mpg") else (*X264, "-bf", "2")
    path = str(make_clip(name, seconds=4, rate=str(RATE), encoder=(*encoder, "-g", "45")))
    options = hfbench.ExtractOptions(backend="ffmpeg", format="jpg")
    result = hfbench.extract(hfbench.Composition([hfbench.Clip("a", path, 0, 1, "2.5")]), tmp_path, options)
    found = result.breakdown.to_json()
    assert ids_of(result.clips[0]) == list(range(75, 105))
    assert found["processesSpawned"] == 1
    assert found["bytesWritten"] == found["tmpPeakBytes"] == found["tmpFinalBytes"]
    assert found["bytesWritten"] == sum(file.stat().st_size for file in result.clips[0].directory.iterdir())
    assert [each.name for each in tmp_path.iterdir()] == ["a"]
