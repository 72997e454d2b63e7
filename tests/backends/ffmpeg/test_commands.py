"""What is handed to the ffmpeg program, by what it makes of it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

import hfbench
from fixtures_gen.barcode import drawbox_chain
from tests.makers.clip_maker import expected_ids, ids_of, run_ffmpeg
from tests.makers.edit_lists import Entry, with_edit_list

SIZE, RATE, PICTURES = (192, 108), 30, 60
#: Ticks a picture of the track, ticks a second of the movie, as ffmpeg's muxer writes them.
TICKS, MOVIE_TICKS = 512, 1000
CODECS = {
    "h264": ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "30"),
    "mpeg4": ("-c:v", "mpeg4", "-q:v", "2", "-bf", "2", "-g", "30"),
}


@pytest.fixture(scope="module", params=list(CODECS))
def late_and_trimmed(request, tmp_path_factory) -> Path:
    """Sound from 0 on; after 1 s the picture, from picture 10 on, in the middle of a group of pictures."""
    folder = tmp_path_factory.mktemp("late")
    picture = f"color=c=gray:s={SIZE[0]}x{SIZE[1]}:r={RATE}:d={PICTURES / RATE}"
    made = run_ffmpeg(
        folder / f"whole-{request.param}.mp4",
        *("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine=duration=2"),
        *("-vf", f"format=yuv444p,{drawbox_chain(*SIZE)},format=yuv420p"),
        *(
            *CODECS[request.param],
            "-c:a",
            "aac",
            "-video_track_timescale",
            str(TICKS * RATE),
            "-movie_timescale",
            str(MOVIE_TICKS),
        ),
    ).read_bytes()
    delay = int.from_bytes(made[(at := made.index(b"elst")) + 16 : at + 20], "big")
    entries = [Entry(MOVIE_TICKS, -1), Entry(MOVIE_TICKS, 10 * TICKS + delay)]
    path = folder / f"late-{request.param}.mp4"
    path.write_bytes(with_edit_list(made, entries))
    return path


@pytest.mark.parametrize("scope", ["fused", "segment", "source"])
@pytest.mark.parametrize("backend", ["libav", "ffmpeg"])
def test_what_an_edit_list_hides_is_not_shown_before_it(tmp_path, make_clip, late_and_trimmed, backend, scope):
    clips = [hfbench.Clip("a", str(late_and_trimmed), 0, "1.5"), hfbench.Clip("hdr", str(make_clip.pq()), 0, "0.1")]
    shown = clips if scope != "fused" else clips[:1]
    options = hfbench.ExtractOptions(backend=backend, scope=scope, format="jpg")
    result = hfbench.extract(hfbench.Composition(shown, fps=RATE), tmp_path, options)
    times = tuple(1 + Fraction(number, RATE) for number in range(30))
    wanted = expected_ids(times, tuple(range(10, 40)), Fraction(0), Fraction(RATE), 45)
    assert ids_of(result.clips[0]) == wanted
