"""Colour tags: right, missing, in one place only, in conflict, and changing on the way."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from fixtures_gen import encoders
from fixtures_gen.catalogue.headline import HDR_ID
from fixtures_gen.catalogue.parts import HLG, PQ, THIRTY, HdrClip, SdrClip, remux, ticks_for
from fixtures_gen.edits import HideBox, SetColr
from fixtures_gen.recipe import Encode, Join, Recipe, Rewrite, Size, Step
from fixtures_gen.sources import Camera
from fixtures_gen.truth import BT709, UNTAGGED, FileTruth, Tags, Truth

if TYPE_CHECKING:
    from collections.abc import Callable

_FRAMES = 30
BT601_525 = Tags(6, 6, 6, full_range=False)
BT601_625 = Tags(5, 6, 5, full_range=False)
BT709_FULL = Tags(1, 1, 1, full_range=True)
BT2020_SDR = Tags(9, 14, 9, full_range=False)
_UNSPECIFIED_LIMITED = Tags(full_range=False)


@dataclass(frozen=True, slots=True)
class _Tagged:
    """An 8-bit H.264 clip with any tags, or with none."""

    name: str
    size: Size
    tags: Tags | None

    def step(self) -> Encode:
        full = self.tags is not None and self.tags.full_range is True
        levels = (0, 255) if full else (16, 235)
        camera = Camera(self.size.width, self.size.height, THIRTY, _FRAMES, floor=levels[0], ceiling=levels[1])
        tagging = () if self.tags is None else ("-vf", encoders.setparams(self.tags))
        return Encode(self.name, camera, (*tagging, *encoders.x264()))

    def truth(self) -> FileTruth:
        base = SdrClip(self.name, self.size, _FRAMES).truth()
        if self.tags is None:
            return replace(base, container=None, bitstream=UNTAGGED)
        pix_fmt = "yuvj420p" if self.tags.full_range else "yuv420p"
        return replace(base, container=self.tags, bitstream=self.tags, pix_fmt=pix_fmt)


def _tagged(name: str, title: str, *files: tuple[str, Tags | None]) -> Recipe:
    return Recipe(
        name=name,
        title=title,
        tags=frozenset({"sdr", "colour"}),
        default_size=Size.P180,
        steps=lambda size: tuple(_Tagged(file, size, tags).step() for file, tags in files),
        truth=lambda size: Truth(tuple(_Tagged(file, size, tags).truth() for file, tags in files)),
    )


def _hdr(name: str, title: str, clips: Callable[[Size], tuple[HdrClip, ...]], size: Size = Size.P180) -> Recipe:
    kinds = {"pq" if clip.tags == PQ else "hlg" for clip in clips(size)}
    return Recipe(
        name=name,
        title=title,
        tags=frozenset({"hdr", "colour", *kinds}),
        default_size=size,
        steps=lambda at: tuple(clip.step() for clip in clips(at)),
        truth=lambda at: Truth(tuple(clip.truth() for clip in clips(at))),
    )


def _ten_bit(name: str, size: Size, tags: Tags, params: str = "") -> Encode:
    camera = Camera(size.width, size.height, THIRTY, _FRAMES, depth=10, noise=9, saturation=40)
    return Encode(name, camera, ("-vf", encoders.setparams(tags), *encoders.x265(tags=tags, params=params)))


def _ten_bit_truth(name: str, size: Size, container: Tags | None, bitstream: Tags, hdr: str | None) -> FileTruth:
    base = HdrClip(name, size, _FRAMES, tags=HLG).truth()
    return replace(base, container=container, bitstream=bitstream, hdr=hdr)


def _hlg_sei_truth(size: Size) -> Truth:
    bitstream = replace(BT2020_SDR, transfer=18)
    entry = _ten_bit_truth("hlg-sei.mp4", size, BT2020_SDR, bitstream, "hlg")
    why = "VUI and container say transfer 14; the alternative transfer SEI of every keyframe says 18"
    return Truth((replace(entry, notes=why),))


_NO_VUI = "colour_primaries=2:transfer_characteristics=2:matrix_coefficients=2"


def _container_only_steps(size: Size) -> tuple[Step, ...]:
    return (
        _ten_bit("tagged-pq.mp4", size, PQ),
        remux("container-pq.mp4", "tagged-pq.mp4", "-tag:v", "hvc1", "-bsf:v", f"hevc_metadata={_NO_VUI}"),
        SdrClip("tagged-sdr.mp4", size, _FRAMES).step(),
        remux("container-sdr.mp4", "tagged-sdr.mp4", "-bsf:v", f"h264_metadata={_NO_VUI}"),
    )


def _container_only_truth(size: Size) -> Truth:
    pq = _ten_bit_truth("container-pq.mp4", size, PQ, _UNSPECIFIED_LIMITED, "pq")
    sdr = replace(SdrClip("container-sdr.mp4", size, _FRAMES).truth(), bitstream=_UNSPECIFIED_LIMITED)
    return Truth((pq, sdr))


def _bitstream_only_steps(size: Size) -> tuple[Step, ...]:
    return (
        _ten_bit("tagged-pq.mp4", size, PQ),
        Rewrite("bitstream-pq.mp4", "tagged-pq.mp4", HideBox("colr")),
        SdrClip("tagged-sdr.mp4", size, _FRAMES).step(),
        Rewrite("bitstream-sdr.mp4", "tagged-sdr.mp4", HideBox("colr")),
    )


def _bitstream_only_truth(size: Size) -> Truth:
    pq = _ten_bit_truth("bitstream-pq.mp4", size, None, PQ, "pq")
    return Truth((pq, replace(SdrClip("bitstream-sdr.mp4", size, _FRAMES).truth(), container=None)))


def _conflicting_steps(size: Size) -> tuple[Step, ...]:
    return (
        _ten_bit("pq.mp4", size, PQ),
        Rewrite("container-sdr-bitstream-pq.mp4", "pq.mp4", SetColr(1, 1, 1, full_range=False)),
        _ten_bit("sdr.mp4", size, BT709),
        Rewrite("container-pq-bitstream-sdr.mp4", "sdr.mp4", SetColr(9, 16, 9, full_range=False)),
    )


def _conflicting_truth(size: Size) -> Truth:
    why = "what the decoder says goes before what the container says"
    pq = _ten_bit_truth("container-sdr-bitstream-pq.mp4", size, BT709, PQ, "pq")
    sdr = _ten_bit_truth("container-pq-bitstream-sdr.mp4", size, PQ, BT709, None)
    return Truth((replace(pq, notes=why), replace(sdr, notes=why)))


def _switch_steps(size: Size) -> tuple[Step, ...]:
    # Without B-frames, so that the raw stream's order is that of presentation and a rate alone times it.
    pq = HdrClip("part-pq.hevc", size, _FRAMES, PQ, params="bframes=0")
    hlg = HdrClip("part-hlg.hevc", size, _FRAMES, HLG, first_id=_FRAMES, params="bframes=0")
    return (
        pq.step(),
        hlg.step(),
        Join("both.hevc", (pq.name, hlg.name)),
        remux(
            "pq-then-hlg.mp4",
            "both.hevc",
            *("-tag:v", "hev1", "-video_track_timescale", str(ticks_for(THIRTY))),
            before=("-framerate", "30"),
        ),
    )


def _switch_truth(size: Size) -> Truth:
    base = HdrClip("pq-then-hlg.mp4", size, 2 * _FRAMES).truth()
    why = f"the first {_FRAMES} frames are PQ, the rest HLG: only the frames know; bitstream is that of frame 0"
    return Truth((replace(base, notes=why),))


def _past_eof(size: Size) -> tuple[SdrClip, HdrClip]:
    return SdrClip("sdr-2s.mp4", size, 60), HdrClip("hdr-1s.mp4", size, 30, first_id=HDR_ID)


def _past_eof_truth(size: Size) -> Truth:
    why = "a composition asks for it from 5 s on, past its end"
    sdr, hdr = (replace(clip.truth(), media_start=Fraction(5), notes=why) for clip in _past_eof(size))
    return Truth((sdr, replace(hdr, media_start=None, notes="")))


_HDR_COLOUR = frozenset({"hdr", "colour"})

RECIPES = (
    _hdr(
        "pq-hlg-mix",
        "PQ beside HLG: one target for both",
        lambda size: (HdrClip("pq.mp4", size, _FRAMES), HdrClip("hlg.mp4", size, _FRAMES, HLG, first_id=HDR_ID)),
    ),
    _hdr("4k-hdr", "1 s of HDR10 in 4K", lambda size: (HdrClip("hdr10-4k.mp4", size, _FRAMES),), Size.P2160),
    _hdr("hlg", "1 s of HLG", lambda size: (HdrClip("hlg.mp4", size, _FRAMES, HLG),)),
    Recipe(
        name="hlg-sei",
        title="HLG that only an SEI message declares: 14 before decoding, 18 after",
        tags=_HDR_COLOUR | {"hlg"},
        default_size=Size.P180,
        steps=lambda size: (_ten_bit("hlg-sei.mp4", size, BT2020_SDR, "atc-sei=18"),),
        truth=_hlg_sei_truth,
    ),
    Recipe(
        name="bt2020-sdr",
        title="wide gamut and 10 bits, yet SDR",
        tags=frozenset({"sdr", "colour"}),
        default_size=Size.P180,
        steps=lambda size: (_ten_bit("bt2020-sdr.mp4", size, BT2020_SDR),),
        truth=lambda size: Truth((_ten_bit_truth("bt2020-sdr.mp4", size, BT2020_SDR, BT2020_SDR, None),)),
    ),
    _tagged("bt601", "BT.601 of both line counts", ("bt601-525.mp4", BT601_525), ("bt601-625.mp4", BT601_625)),
    _tagged("untagged", "no colour tags anywhere", ("untagged.mp4", None)),
    _tagged("full-range", "levels 0 to 255", ("full-range.mp4", BT709_FULL)),
    Recipe(
        name="container-tags-only",
        title="tags in the container, none in the bitstream: a decoder forgets them",
        tags=_HDR_COLOUR | {"pq", "sdr"},
        default_size=Size.P180,
        steps=_container_only_steps,
        truth=_container_only_truth,
    ),
    Recipe(
        name="bitstream-tags-only",
        title="tags in the bitstream, none in the container",
        tags=_HDR_COLOUR | {"pq", "sdr"},
        default_size=Size.P180,
        steps=_bitstream_only_steps,
        truth=_bitstream_only_truth,
    ),
    Recipe(
        name="conflicting-tags",
        title="container and bitstream disagree about HDR, both ways round",
        tags=_HDR_COLOUR | {"pq", "sdr"},
        default_size=Size.P180,
        steps=_conflicting_steps,
        truth=_conflicting_truth,
    ),
    Recipe(
        name="tags-switch",
        title="PQ for 1 s, then HLG, in one stream",
        tags=_HDR_COLOUR | {"pq", "hlg"},
        default_size=Size.P180,
        steps=_switch_steps,
        truth=_switch_truth,
    ),
    Recipe(
        name="past-eof",
        title="2 s of SDR asked for from 5 s on, beside 1 s of HDR10",
        tags=_HDR_COLOUR | {"pq", "sdr"},
        default_size=Size.P180,
        steps=lambda size: tuple(clip.step() for clip in _past_eof(size)),
        truth=_past_eof_truth,
    ),
)
