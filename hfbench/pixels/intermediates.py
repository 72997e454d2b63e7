"""The file between preflight and extraction: its codec, clock and frames. Pure, and the same for both backends."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from hfbench.model.clock import StatedClock
from hfbench.model.media import FrameTiming, HdrFacts, MediaInfo
from hfbench.model.pixel_format import PixelFamily, subsampling_of
from hfbench.model.plan import ClipPlan, GamutSwap, Segment, WholeSource
from hfbench.pixels.tags import intermediate_tags

if TYPE_CHECKING:
    from pathlib import Path

    from hfbench.timebase import FrameGrid

#: Below this the mp4 muxer multiplies a track's time scale by powers of two; at or above it stays as it is.
_LEAST_TICKS_PER_SECOND: Final = 10_000
#: CRF of HyperFrames' own preflights: colours at 16, rate alone at 18 (preset fast).
_CRF_COLOR: Final = "16"
_CRF_RATE: Final = "18"


@dataclass(frozen=True, slots=True)
class IntermediateCodec:
    """How an intermediate is encoded.

    Attributes:
        pixel_formats: what may be encoded, as the ``format`` filter takes it, all of one family; the nearest is chosen.
        decoder: FFmpeg's name of the decoder that reads it back.
        least_depth: bits that every one of ``pixel_formats`` has at least.
    """

    encoder: str
    options: tuple[tuple[str, str], ...]
    muxer: str
    suffix: str
    pixel_formats: str
    decoder: str
    least_depth: int = 8


@dataclass(frozen=True, slots=True)
class IntermediateSpec:
    """One intermediate.

    Attributes:
        grid: the slots that it holds, in media time of the source; None: the source's own frames at their own times.
        time_base: seconds per tick in the intermediate.
        ticks_per_slot: 0 without a grid.
    """

    grid: FrameGrid | None
    time_base: Fraction
    ticks_per_slot: int
    codec: IntermediateCodec

    @property
    def expected_frames(self) -> int | None:
        """Frames on the grid, None without one."""
        return None if self.grid is None else self.grid.count


def intermediate_spec(plan: ClipPlan) -> IntermediateSpec:
    """How the intermediate of a plan's preflight is made.

    Raises:
        ValueError: the plan has no preflight.
    """
    if plan.normalize is None:
        raise ValueError(f"clip {plan.clip.id!r} needs no preflight")
    grid = plan.normalize.extent.grid
    ticks, per_slot = _clock(grid, plan.media.time_base)
    codec = _codec_of(plan)
    return IntermediateSpec(grid=grid, time_base=Fraction(1, ticks), ticks_per_slot=per_slot, codec=codec)


def _codec_of(plan: ClipPlan) -> IntermediateCodec:
    color = None if plan.normalize is None else plan.normalize.color
    is_deep = color is not None and not isinstance(color, GamutSwap)
    lossless = _lossless_for(plan.media)
    if plan.media.has_alpha and is_deep:
        return replace(lossless, pixel_formats="gbrap16le", least_depth=16)
    if color is None and plan.media.pixel_family is not PixelFamily.YCBCR:
        return replace(lossless, pixel_formats=_lossless_rgb_format(plan.media))
    if plan.media.has_alpha:
        return lossless
    crf = _CRF_RATE if color is None else _CRF_COLOR
    return IntermediateCodec(
        encoder="libx264",
        # mb-tree decides a little differently from run to run in process, and bytes are a work counter
        options=(("preset", "fast"), ("crf", crf), ("mbtree", "0")),
        muxer="mp4",
        suffix=".mp4",
        pixel_formats=_x264_formats(plan.media, is_deep=is_deep),
        decoder="h264",
        least_depth=10 if is_deep else 8,
    )


#: x264 has no alpha: losslessly, in a container that keeps any time base.
_LOSSLESS: Final = IntermediateCodec(
    encoder="ffv1",
    options=(),
    muxer="nut",
    suffix=".nut",
    pixel_formats="yuva420p|yuva422p|yuva444p|yuva420p10le|yuva422p10le|yuva444p10le|yuva444p16le",
    decoder="ffv1",
)


#: FFV1 divides pictures into slices by itself, and narrower ones into slices that it can't write.
_LEAST_SLICED_SIDE: Final = 64


def _lossless_for(media: MediaInfo) -> IntermediateCodec:
    is_small = min(media.width, media.height) < _LEAST_SLICED_SIDE
    return replace(_LOSSLESS, options=(("level", "3"), ("slices", "1"))) if is_small else _LOSSLESS


def _lossless_rgb_format(media: MediaInfo) -> str:
    """RGB and grey are kept: H.264 would need a matrix, and lose detail of palettes and screen recordings."""
    is_deep = media.bit_depth != 8 or media.pixel_family is PixelFamily.GRAY
    if media.has_alpha:
        return "gbrap16le" if is_deep else "bgra"
    return "gbrp16le" if is_deep else "bgr0"


_X264_FORMATS: Final = "yuv420p|yuv422p|yuv444p|yuv420p10le|yuv422p10le|yuv444p10le"


def _x264_formats(media: MediaInfo, *, is_deep: bool) -> str:
    """The pixel formats to encode: 10 bits for correct HDR colours, and never less chroma than the source has."""
    is_full_chroma = media.width % 2 or media.height % 2 or subsampling_of(media.pixel_format) in {"444", "440"}
    if is_deep:
        return "yuv444p10le" if is_full_chroma else "yuv420p10le"
    return "yuv444p|yuv444p10le" if is_full_chroma else _X264_FORMATS


def _clock(grid: FrameGrid | None, source_time_base: Fraction) -> tuple[int, int]:
    """Ticks per second, and ticks per slot: exact for the grid's rate, or for the source's own timestamps."""
    ticks = source_time_base.denominator if grid is None else grid.rate.numerator
    per_slot = 0 if grid is None else grid.rate.denominator
    factor = -(-_LEAST_TICKS_PER_SECOND // ticks)
    return ticks * factor, per_slot * factor


def intermediate_media(
    plan: ClipPlan, spec: IntermediateSpec, path: Path, frames: int | None, time_base: Fraction | None = None
) -> MediaInfo:
    """What a probe of the intermediate would say; known beforehand, so it is not opened again for that.

    Args:
        plan: what it was made for.
        spec: how it was made.
        path: where it is.
        frames: how many it should hold on its grid: a reader holds the last of them, and knows of damage where it finds
            fewer. None without a grid.
        time_base: seconds per tick, as the muxer chose it; None: as asked.
    """
    color = plan.normalize.color if plan.normalize is not None else None
    tags = intermediate_tags(color, plan.media)
    return replace(
        plan.media,
        path=path,
        format_name=spec.codec.muxer,
        stream_index=0,
        codec=spec.codec.decoder,
        decoder=spec.codec.decoder,
        pixel_format=spec.codec.pixel_formats.split("|")[0],
        time_base=time_base or spec.time_base,
        origin_ticks=0,
        bit_depth=plan.media.bit_depth if color is None else max(plan.media.bit_depth, spec.codec.least_depth),
        timing=_timing(plan.media.timing, spec, frames),
        container_tags=tags,
        frame_tags=tags,
        hdr=HdrFacts(),
        notes=(),
        is_intermediate=True,
        clock=StatedClock(),
        crop=None,
    )


def _timing(source: FrameTiming, spec: IntermediateSpec, frames: int | None) -> FrameTiming:
    if spec.grid is None or frames is None:
        return replace(source, first_pts=Fraction(0))
    period = 1 / spec.grid.rate
    return FrameTiming(
        first_pts=Fraction(0),
        last_pts=(frames - 1) * period,
        end=frames * period,
        frames=frames,
        period=period,
        is_vfr=False,
    )


def grid_in_intermediate(plan: ClipPlan) -> FrameGrid:
    """The clip's slots in the time of its intermediate, seconds."""
    extent = None if plan.normalize is None else plan.normalize.extent
    if isinstance(extent, Segment):
        return replace(plan.grid, start=Fraction(0))
    if isinstance(extent, WholeSource) and extent.grid is not None:
        return replace(plan.grid, start=plan.grid.start - extent.grid.start)
    return plan.grid
