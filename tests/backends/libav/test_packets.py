"""Where reading has to begin: windows in mid-file of codecs that need more than their container's keyframes."""

from __future__ import annotations

from fractions import Fraction

import pytest

import hfbench
from tests.makers.clip_maker import ClipMaker, ids_of

RATE = 30
#: Palettes that the container keeps, and keyframe flags that every packet carries.
FILES = {
    "raw.avi": ("-c:v", "rawvideo", "-pix_fmt", "pal8"),
    "raw.mov": ("-c:v", "rawvideo", "-pix_fmt", "pal8"),
    "msrle.avi": ("-c:v", "msrle", "-pix_fmt", "pal8", "-g", "12"),
    "smc.mov": ("-c:v", "smc", "-pix_fmt", "pal8", "-g", "12"),
    "qtrle.mov": ("-c:v", "qtrle", "-pix_fmt", "gray", "-g", "12"),
    "rpza.mov": ("-c:v", "rpza"),
    "png.mov": ("-c:v", "png", "-pix_fmt", "pal8"),  # has its own palette: negative control
}
WINDOWS = ((Fraction(0), 4), (Fraction(2, 3), 6), (Fraction(7, 6), 3))


@pytest.mark.parametrize("scope", ["fused", "segment", "source"])
@pytest.mark.parametrize("backend", ["libav", "ffmpeg"])
@pytest.mark.parametrize("name", list(FILES))
def test_a_window_in_mid_file_shows_its_pictures(tmp_path, make_clip: ClipMaker, name, backend, scope):
    path = str(make_clip(f"old-{name}", seconds=1.3, size=(192, 108), chain="format=rgb24", encoder=FILES[name]))
    hdr = [] if scope == "fused" else [hfbench.Clip("hdr", str(make_clip.pq()), 0, "0.1")]
    options = hfbench.ExtractOptions(backend=backend, scope=scope, format="png")
    windows = WINDOWS if scope == "fused" else WINDOWS[1:2]
    for number, (start, count) in enumerate(windows):  # in calls of their own: each opens the file
        clip = hfbench.Clip("a", path, 0, Fraction(count, RATE), start)
        result = hfbench.extract(hfbench.Composition([clip, *hdr]), tmp_path / str(number), options)
        assert ids_of(result.clips[0]) == list(range(int(start * RATE), int(start * RATE) + count))
        assert {each.kind for each in result.clips[0].warnings} <= {"untagged_colors"}
