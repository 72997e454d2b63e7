"""Long sources, many sources, broadcast rates and the shapes of groups of pictures."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from fixtures_gen import barcode, encoders
from fixtures_gen.catalogue.parts import HdrClip, SdrClip, remux
from fixtures_gen.recipe import Encode, Lavfi, Recipe, Size, Step
from fixtures_gen.truth import BT709, Truth

_SDR = frozenset({"sdr", "timing"})


def _long(seconds: int) -> Recipe:
    """Grey with a barcode: the only content that is both cheap for so long and different in every frame."""
    minutes = seconds // 60
    label, length = (f"{minutes}min", f"{minutes} min") if minutes else (f"{seconds}s", f"{seconds} s")
    output, frames = f"grey-{label}.mp4", seconds * 30

    def steps(size: Size) -> tuple[Step, ...]:
        w, h = size.width, size.height
        grey = f"color=c=gray:s={w}x{h}:r=30,format=yuv420p,{barcode.drawbox_chain(w, h)}"
        graph = Lavfi(f"{grey},{encoders.setparams(BT709)}")
        # Grey has no scene cuts, and the default gop of 250 would make every seek decode eight seconds.
        encoder = encoders.x264(preset="ultrafast", params="keyint=60:min-keyint=60:scenecut=0")
        return (Encode(output, graph, ("-frames:v", str(frames), *encoder)),)

    def truth(size: Size) -> Truth:
        base = SdrClip(output, size, frames).truth()
        return Truth((replace(base, notes="grey under a barcode: decodes faster than camera pictures"),))

    title = f"{length} of grey with a barcode on every frame: cost must not grow with length"
    return Recipe(f"long-{label}", title, frozenset({"sdr", "long"}), Size.P180, steps, truth)


_UNIT, _REPEATS = 150, 120


def _camera_steps(size: Size) -> tuple[Step, ...]:
    # No B-frames: looping would start each copy late by their delay.
    unit = SdrClip("unit.mp4", size, _UNIT, threads=4, params="bframes=0").step()
    loop = remux("camera-10min.mp4", "unit.mp4", before=("-stream_loop", str(_REPEATS - 1)))
    return unit, loop


def _camera_truth(size: Size) -> Truth:
    whole = SdrClip("camera-10min.mp4", size, _UNIT * _REPEATS).truth()
    ids = tuple(range(_UNIT)) * _REPEATS
    return Truth((replace(whole, frame_ids=ids, notes="5 s repeated by stream copy: barcodes repeat too"),))


_CLIPS = 24


def _many(size: Size) -> tuple[SdrClip, ...]:
    return tuple(SdrClip(f"clip-{k:02d}.mp4", size, 30, first_id=1000 * (k + 1), seed=100 + k) for k in range(_CLIPS))


def _ntsc(name: str, rate: Fraction) -> Recipe:
    def clip(size: Size) -> SdrClip:
        return SdrClip(f"{name}.mp4", size, 2 * round(rate), rate=rate)

    return Recipe(
        name=f"cfr-{name}",
        title=f"2 s at {rate.numerator}/{rate.denominator} fps",
        tags=_SDR,
        default_size=Size.P180,
        steps=lambda size: (clip(size).step(),),
        truth=lambda size: Truth((clip(size).truth(),)),
    )


def _one(name: str, title: str, output: str, frames: int, params: str) -> Recipe:
    """One SDR clip, which differs from others in its x264 parameters only."""

    def clip(size: Size) -> SdrClip:
        return SdrClip(output, size, frames, params=params)

    return Recipe(
        name=name,
        title=title,
        tags=_SDR | {"gop"},
        default_size=Size.P180,
        steps=lambda size: (clip(size).step(),),
        truth=lambda size: Truth((clip(size).truth(),)),
    )


def _open_gop(size: Size) -> tuple[SdrClip, HdrClip]:
    h264 = SdrClip("open-gop-h264.mp4", size, 144, params="open-gop=1:keyint=24:min-keyint=24:bframes=3:scenecut=0")
    hevc = "open-gop=1:keyint=24:min-keyint=24:bframes=3:b-adapt=0:scenecut=0"
    return h264, HdrClip("open-gop-hevc.mp4", size, 96, params=hevc)


RECIPES = (
    _long(30),
    _long(600),
    _long(1800),
    Recipe(
        name="long-10min-camera",
        title="10 min of camera pictures: 5 s repeated 120 times by stream copy",
        tags=frozenset({"sdr", "long"}),
        default_size=Size.P180,
        steps=_camera_steps,
        truth=_camera_truth,
    ),
    Recipe(
        name="many-clips",
        title=f"{_CLIPS} files of 1 s, each with its own thousand of barcodes",
        tags=_SDR,
        default_size=Size.P180,
        steps=lambda size: tuple(clip.step() for clip in _many(size)),
        truth=lambda size: Truth(tuple(clip.truth() for clip in _many(size))),
    ),
    _ntsc("23.976", Fraction(24000, 1001)),
    _ntsc("29.97", Fraction(30000, 1001)),
    _ntsc("59.94", Fraction(60000, 1001)),
    Recipe(
        name="open-gop",
        title="open groups of pictures: leading frames need the group before, H.264 and HEVC",
        tags=_SDR | {"gop", "hdr"},
        default_size=Size.P180,
        steps=lambda size: tuple(clip.step() for clip in _open_gop(size)),
        truth=lambda size: Truth(tuple(clip.truth() for clip in _open_gop(size))),
    ),
    _one(
        "long-gop-600",
        "a keyframe only every 20 s: a seek decodes up to 599 frames",
        "long-gop.mp4",
        1200,
        "keyint=600:min-keyint=600:scenecut=0",
    ),
    _one("all-intra", "every frame a keyframe", "all-intra.mp4", 60, "keyint=1"),
)
