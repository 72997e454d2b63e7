"""Shapes of the picture: alpha, rotation, odd sizes."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from fixtures_gen import encoders
from fixtures_gen.catalogue.parts import THIRTY, SdrClip, milliseconds, remux
from fixtures_gen.recipe import Encode, Recipe, Size, Step
from fixtures_gen.sources import Camera
from fixtures_gen.truth import BT709, FileTruth, Tags, Truth

_FRAMES = 30
_MILLISECONDS = Fraction(1, 1000)
EXACT_SCALE = "scale=flags=accurate_rnd+bitexact+full_chroma_int"
"""swscale's result depends on the CPU without these."""

_VP9_TAGS = Tags(matrix=1, full_range=False)
"""A VP9 stream can say matrix and range; primaries and transfer are the container's alone."""

ALPHA_RULE = "255 in the upper quarter, (X + 2 N) mod 256 below it (8 bits)"
_OPAQUE_TOP = "if(lt(Y,H/4),{full},{scale}*mod(X+2*N,256))"


def _camera(size: Size) -> Camera:
    return Camera(size.width, size.height, THIRTY, _FRAMES)


def _alpha_filters(pix_fmt: str, full: int, scale: int) -> str:
    kept = "lum='lum(X,Y)':cb='cb(X,Y)':cr='cr(X,Y)'"
    alpha = _OPAQUE_TOP.format(full=full, scale=scale)
    return f"{EXACT_SCALE},format={pix_fmt},geq={kept}:a='{alpha}',{encoders.setparams(BT709)}"


def _vp9_steps(size: Size) -> tuple[Step, ...]:
    # Alternate references and alpha do not go together in libvpx.
    encoder = (*encoders.vp9(pix_fmt="yuva420p"), "-auto-alt-ref", "0")
    return (Encode("alpha.webm", _camera(size), ("-vf", _alpha_filters("yuva420p", 255, 1), *encoder)),)


def _prores_steps(size: Size) -> tuple[Step, ...]:
    filters = _alpha_filters("yuva444p10le", 1023, 4)
    return (Encode("alpha.mov", _camera(size), ("-vf", filters, *encoders.prores4444())),)


def _plain(size: Size, name: str) -> FileTruth:
    return SdrClip(name, size, _FRAMES).truth()


def _webm(truth: FileTruth) -> FileTruth:
    times = milliseconds(THIRTY, truth.frames)
    return replace(truth, codec="vp9", bitstream=_VP9_TAGS, time_base=_MILLISECONDS, timing=times, last_duration=None)


def _vp9_truth(size: Size) -> Truth:
    why = f"alpha: {ALPHA_RULE}; libav's own vp9 decoder drops it, libvpx-vp9 keeps it"
    return Truth((replace(_webm(_plain(size, "alpha.webm")), pix_fmt="yuva420p", alpha=True, notes=why),))


def _prores_truth(size: Size) -> Truth:
    entry = replace(_plain(size, "alpha.mov"), codec="prores", pix_fmt="yuva444p12le", alpha=True)
    return Truth((replace(entry, notes=f"alpha: {ALPHA_RULE}"),))


_TURNS = {90: "transpose=cclock", 180: "hflip,vflip", 270: "transpose=clock"}
"""Clockwise turn for display, and how the upright picture is turned before it is stored."""


def _rotated_steps(size: Size) -> tuple[Step, ...]:
    steps: list[Step] = []
    for turn, filters in _TURNS.items():
        upright = (size.height, size.width) if turn % 180 else (size.width, size.height)
        camera = Camera(*upright, THIRTY, _FRAMES, first_id=turn)
        chain = f"{filters},{encoders.setparams(BT709)}"
        steps.append(Encode(f"stored-{turn}.mp4", camera, ("-vf", chain, *encoders.x264())))
        steps.append(remux(f"rotated-{turn}.mp4", f"stored-{turn}.mp4", before=("-display_rotation", str(-turn))))
    return tuple(steps)


def _rotated_truth(size: Size) -> Truth:
    why = "the barcode is upright after the rotation"
    return Truth(
        tuple(
            replace(
                _plain(size, f"rotated-{turn}.mp4"), rotation=turn, frame_ids=range(turn, turn + _FRAMES), notes=why
            )
            for turn in _TURNS
        )
    )


def _odd_steps(size: Size) -> tuple[Step, ...]:
    crop = f"crop={size.width - 1}:{size.height - 1}:0:0:exact=1"
    tags = encoders.setparams(BT709)
    full_chroma = f"{EXACT_SCALE},format=yuv444p,{crop},{tags}"
    return (
        Encode("odd-420.webm", _camera(size), ("-vf", f"{crop},{tags}", *encoders.vp9())),
        Encode("odd-444.mp4", _camera(size), ("-vf", full_chroma, *encoders.x264())),
    )


def _odd_truth(size: Size) -> Truth:
    def odd(name: str) -> FileTruth:
        return replace(_plain(size, name), width=size.width - 1, height=size.height - 1)

    return Truth((_webm(odd("odd-420.webm")), replace(odd("odd-444.mp4"), pix_fmt="yuv444p")))


RECIPES = (
    Recipe(
        name="alpha-vp9",
        title="VP9 with alpha, WebM",
        tags=frozenset({"sdr", "alpha"}),
        default_size=Size.P180,
        steps=_vp9_steps,
        truth=_vp9_truth,
    ),
    Recipe(
        name="alpha-prores",
        title="ProRes 4444 with alpha, MOV",
        tags=frozenset({"sdr", "alpha"}),
        default_size=Size.P180,
        steps=_prores_steps,
        truth=_prores_truth,
    ),
    Recipe(
        name="rotated",
        title="stored on its side or on its head, with the matrix to turn it",
        tags=frozenset({"sdr", "rotation"}),
        default_size=Size.P180,
        steps=_rotated_steps,
        truth=_rotated_truth,
    ),
    Recipe(
        name="odd-size",
        title="odd width and height: VP9 in 4:2:0, H.264 in 4:4:4",
        tags=frozenset({"sdr", "shape"}),
        default_size=Size.P180,
        steps=_odd_steps,
        truth=_odd_truth,
    ),
)
