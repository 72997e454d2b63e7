"""Values that a probe would give, made up: for tests of the floors that never open a file."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import hfbench
from hfbench.backends.base import ExtractJob
from hfbench.color import ColorRange, ColorTags, Matrix, Primaries, Transfer
from hfbench.engine.plan import NeverShown, plan_clip
from hfbench.model.media import FrameTiming, HdrFacts, MediaInfo, Orientation
from hfbench.model.plan import ClipPlan, ColorMap, ImageFormat, ImageSpec, ProbedClip, ResolvedClip

SDR_TAGS = ColorTags(Primaries.BT709, Transfer.BT709, Matrix.BT709, ColorRange.LIMITED)
PQ_TAGS = ColorTags(Primaries.BT2020, Transfer.SMPTE2084, Matrix.BT2020_NCL, ColorRange.LIMITED)
HLG_TAGS = replace(PQ_TAGS, transfer=Transfer.ARIB_STD_B67)


def timing(
    seconds: Fraction | int = 10, rate: Fraction | int = 30, first: Fraction | int = 0, *, is_vfr: bool = False
) -> FrameTiming:
    period = 1 / Fraction(rate)
    return FrameTiming(
        first_pts=Fraction(first),
        last_pts=Fraction(seconds) - period,
        end=Fraction(seconds),
        frames=None,
        period=period,
        is_vfr=is_vfr,
    )


def media_info(name: str = "a.mp4", tags: ColorTags = SDR_TAGS, **facts: object) -> MediaInfo:
    values = {
        "path": Path("/somewhere") / name,
        "format_name": "mov,mp4,m4a,3gp,3g2,mj2",
        "stream_index": 0,
        "codec": "h264",
        "decoder": "h264",
        "width": 1280,
        "height": 720,
        "pixel_format": "yuv420p",
        "bit_depth": 8,
        "has_alpha": False,
        "orientation": Orientation.UPRIGHT,
        "sample_aspect_ratio": Fraction(1),
        "time_base": Fraction(1, 90_000),
        "origin_ticks": 0,
        "rate_from_header": Fraction(30),
        "timing": timing(),
        "container_tags": tags,
        "frame_tags": tags,
        "hdr": HdrFacts(),
        "notes": (),
    }
    return MediaInfo(**{**values, **facts})  # type: ignore[arg-type]


def probed(clip: hfbench.Clip, media: MediaInfo) -> ProbedClip:
    return ProbedClip(ResolvedClip(clip, media.path), media)


def planned(
    clip: hfbench.Clip,
    media: MediaInfo,
    *,
    fps: Fraction | int = 30,
    timeline_end: Fraction | None = None,
    target: object = None,
    **options: object,
) -> ClipPlan | NeverShown | hfbench.ClipFailure:
    chosen = hfbench.ExtractOptions(**options)  # type: ignore[arg-type]
    return plan_clip(probed(clip, media), fps=Fraction(fps), timeline_end=timeline_end, target=target, options=chosen)


def job_for(media: MediaInfo, image: ImageFormat, color: ColorMap | None = None) -> ExtractJob:
    """A job without targets: for tests of chains."""
    return ExtractJob(media, color, ImageSpec(image), ())
