"""The sound files that the hostile ones are made of: small, and the same bytes every time."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from fixtures_gen import encoders
from fixtures_gen.building import take
from fixtures_gen.catalogue.parts import remux
from fixtures_gen.program import Program, Runner
from fixtures_gen.recipe import Encode, Files, Join, Lavfi, Step
from fixtures_gen.sources import Camera
from fixtures_gen.truth import BT709

if TYPE_CHECKING:
    from pathlib import Path

_CAMERA = Camera(320, 180, Fraction(30), 60)
_TAGS = ("-vf", encoders.setparams(BT709))
_GOP = "keyint=30:min-keyint=30:scenecut=0:bframes=2"
_FLAT = "keyint=30:min-keyint=30:scenecut=0:bframes=0"
_KEY = "0123456789abcdef0123456789abcdef"
_CENC = ("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", _KEY, "-encryption_kid", _KEY[::-1])
_TONE = Lavfi("sine=frequency=440:duration=2")
_AUDIO = ("-c:a", "aac", "-flags:a", "+bitexact", "-b:a", "64k")
_PICTURE = ("-frames:v", "1", "-threads", "1", "-update", "1")
_CENTURY = str(100 * 365 * 86_400)

_STEPS: tuple[Step, ...] = (
    Encode("end.mp4", _CAMERA, (*_TAGS, *encoders.x264(params=_GOP))),
    remux("front.mp4", "end.mp4", "-movflags", "faststart"),
    remux("fragmented.mp4", "end.mp4", "-movflags", "frag_keyframe+empty_moov+default_base_moof"),
    remux("plain.mkv", "end.mp4"),
    remux("plain.ts", "end.mp4"),
    remux("plain.avi", "end.mp4"),
    remux("plain.h264", "end.mp4", "-bsf:v", "h264_mp4toannexb", "-f", "h264"),
    Encode("plain.webm", _CAMERA, (*_TAGS, *encoders.vp9())),
    remux("encrypted.mp4", "end.mp4", *_CENC),
    Encode("flat.mp4", _CAMERA, (*_TAGS, *encoders.x264(params="keyint=60:bframes=0:scenecut=0"))),
    remux("no-keyframes.mp4", "flat.mp4", "-copyinkf", "-bsf:v", "noise=drop=key"),
    remux(
        "negative.mp4",
        "end.mp4",
        *("-output_ts_offset", "-0.5", "-avoid_negative_ts", "disabled", "-movflags", "frag_keyframe+delay_moov"),
    ),
    remux("huge.mkv", "end.mp4", "-output_ts_offset", _CENTURY),
    remux("one-frame.mp4", "flat.mp4", "-frames:v", "1"),
    Encode("small.h264", _CAMERA, (*_TAGS, *encoders.x264(params=_FLAT))),
    Encode("large.h264", Camera(640, 360, Fraction(30), 30, first_id=60), (*_TAGS, *encoders.x264(params=_FLAT))),
    Encode(
        "chroma.h264",
        Camera(320, 180, Fraction(30), 30, first_id=60),
        ("-vf", f"scale=flags=accurate_rnd+bitexact,format=yuv444p,{_TAGS[1]}", *encoders.x264(params=_FLAT)),
    ),
    Join("sizes.h264", ("small.h264", "large.h264")),
    Join("formats.h264", ("small.h264", "chroma.h264")),
    remux("size-change.mp4", "sizes.h264", before=("-framerate", "30")),
    remux("format-change.mp4", "formats.h264", before=("-framerate", "30")),
    Encode("two-streams.mp4", Files(("-i", "end.mp4", "-i", "flat.mp4")), ("-map", "0", "-map", "1", "-c", "copy")),
    Encode("still.png", Files(("-i", "end.mp4")), (*_PICTURE, "-c:v", "png", "-sws_flags", "bitexact")),
    Encode("still.jpg", Files(("-i", "end.mp4")), (*_PICTURE, "-c:v", "mjpeg", "-pix_fmt", "yuvj420p")),
    Encode("audio.m4a", _TONE, _AUDIO),
    Encode(
        "cover.m4a",
        Files(("-i", "audio.m4a", "-i", "still.jpg")),
        ("-map", "0", "-map", "1", "-c", "copy", "-disposition:v:0", "attached_pic"),
    ),
    Encode("mjpeg.mov", Camera(320, 180, Fraction(30), 2), ("-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-threads", "1")),
)


def build_bases(folder: Path, program: Program) -> None:
    """Make every base file in an existing folder. Raises ``FixtureError``."""
    runner = Runner(program, folder)
    for step in _STEPS:
        take(step, runner)
