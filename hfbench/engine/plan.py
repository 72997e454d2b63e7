"""From probed clips to plans. Pure: no I/O, so that every rule can be tested by properties.

Which part of a source a clip uses follows HyperFrames' engine (0.4.31 and 0.8.33, as measured), and adds rules for the
cases that it gets wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from hfbench.color import HdrTarget, Matrix, Primaries, target_of
from hfbench.engine.refusals import refusal_of
from hfbench.model.pixel_format import subsampling_of
from hfbench.model.plan import (
    ClipPlan,
    ColorMap,
    GamutSwap,
    HdrToHdr,
    ImageFormat,
    ImageSpec,
    Normalize,
    ProbedClip,
    Scope,
    SdrMapping,
    SdrToHdr,
    Segment,
    Size,
    WholeSource,
)
from hfbench.model.result import ClipFailure, ClipWarning, FailureKind, Placement
from hfbench.timebase import FrameGrid, frame_count, round_half_up, seconds_text

if TYPE_CHECKING:
    from hfbench.composition import Clip, Composition
    from hfbench.model.media import FrameTiming, MediaInfo
    from hfbench.model.options import ExtractOptions


@dataclass(frozen=True, slots=True)
class NeverShown:
    """A clip that lies entirely outside the timeline: it has no frames, which is not a failure."""

    probed: ProbedClip
    image: ImageSpec
    fps: Fraction

    @property
    def clip_id(self) -> str:
        """The clip's id."""
        return self.probed.clip_id


@dataclass(frozen=True, slots=True)
class SourceWindow:
    """The part of a source that a clip shows.

    Attributes:
        start: media time of the first slot, seconds.
        wanted: seconds asked for.
        available: seconds that the source has from ``start`` on, above 0.
        shown_from, shown_to: when it is on screen, seconds of the timeline.
        wraps: whether the frames are one whole cycle of a loop, to be repeated.
    """

    start: Fraction
    wanted: Fraction
    available: Fraction
    shown_from: Fraction
    shown_to: Fraction
    wraps: bool = False


Planned = ClipPlan | NeverShown | ClipFailure


def plan_clips(
    probed: tuple[ProbedClip | ClipFailure, ...], composition: Composition, options: ExtractOptions
) -> tuple[Planned, ...]:
    """Plan every clip that was probed; failures are passed on."""
    target = composition_target(tuple(each for each in probed if isinstance(each, ProbedClip)))
    return tuple(
        plan_clip(each, fps=composition.fps, timeline_end=composition.timeline_end, target=target, options=options)
        if isinstance(each, ProbedClip)
        else each
        for each in probed
    )


def composition_target(probed: tuple[ProbedClip, ...]) -> HdrTarget | None:
    """The HDR transfer that every clip of the composition is converted to; None if all clips are SDR."""
    return target_of([each.media.tags for each in probed])


def plan_clip(
    probed: ProbedClip,
    *,
    fps: Fraction,
    timeline_end: Fraction | None,
    target: HdrTarget | None,
    options: ExtractOptions,
) -> Planned:
    """Plan one clip, or say why it can't be extracted.

    Args:
        probed: the clip and its source.
        fps: slots per second.
        timeline_end: seconds; only what is between 0 and it is extracted. None: no limit.
        target: the composition's HDR transfer.
        options: as given by the caller.
    """
    refusal = refusal_of(probed)
    if refusal is not None:
        return refusal
    if options.format is ImageFormat.JPG and not _fits_jpg(probed.media):
        message = (
            f"a jpg holds {_LONGEST_JPG_SIDE} pixels per side, {probed.media.display_size} is larger: use --format png"
        )
        return ClipFailure(probed.clip.id, FailureKind.TOO_LARGE, message)
    image, warnings = _image_of(probed.media, target, options)
    image = replace(image, size=fitted_size(probed.media, options.size))
    window = source_window(probed.clip, probed.media.timing, timeline_end)
    if window is None:
        return NeverShown(probed, image, fps)
    requested = frame_count(window.wanted, fps)
    count = min(requested, frame_count(window.available, fps))
    grid = FrameGrid(window.start, fps, count)
    color = _color_of(probed.media, target, options)
    return ClipPlan(
        probed=probed,
        grid=grid,
        color=color,
        is_regularized=probed.media.timing.is_vfr,
        normalize=_normalize_of(probed.media, grid, color, options.scope),
        image=image,
        placement=Placement(window.shown_from, window.shown_to, probed.clip.playback_rate, fps, wraps=window.wraps),
        warnings=(*_media_notes(probed.media), *warnings, *_shortfall(window, requested, count)),
        pixels=options.pixels,
    )


def source_window(clip: Clip, timing: FrameTiming, timeline_end: Fraction | None) -> SourceWindow | None:
    """The part of the source that a clip shows; None when it is entirely outside the timeline.

    Source seconds are timeline seconds times the playback rate. A looped clip that runs past its source keeps its
    whole cycle, from its media start to the end of the source.
    """
    available = timing.end - clip.media_start
    natural_end = clip.start + available / clip.playback_rate
    end = natural_end if clip.end is None else clip.end
    shown_from, shown_to = clip.start, end
    if timeline_end is not None:
        shown_from, shown_to = max(clip.start, Fraction(0)), min(end, timeline_end)
        if shown_to <= shown_from:
            return None
    if clip.loop and shown_to > natural_end:
        return SourceWindow(clip.media_start, available, available, clip.start, shown_to, wraps=True)
    start = clip.media_start + (shown_from - clip.start) * clip.playback_rate
    wanted = (shown_to - shown_from) * clip.playback_rate
    if start >= timing.end:  # the slot began before 0 and its source has run out by then: its last frame is held
        start = max(timing.last_pts, clip.media_start)
    return SourceWindow(start, wanted, timing.end - start, shown_from, shown_to)


def _color_of(media: MediaInfo, target: HdrTarget | None, options: ExtractOptions) -> ColorMap | None:
    """The map into the one colour space of a composition with HDR: BT.2020 with the target's transfer."""
    own = media.hdr_target
    if target is None:
        return None
    if own is not None:
        primaries = Primaries(media.primaries)
        return None if own is target and primaries is Primaries.BT2020 else HdrToHdr(own, primaries, target)
    if options.sdr_mapping is SdrMapping.GAMUT:
        return GamutSwap(target)
    return SdrToHdr(target, media.display_primaries, options.sdr_eotf, options.sdr_white)


def _normalize_of(media: MediaInfo, grid: FrameGrid, color: ColorMap | None, scope: Scope) -> Normalize | None:
    is_vfr = media.timing.is_vfr
    if scope is Scope.FUSED or (color is None and not is_vfr):
        return None
    if scope is Scope.SEGMENT:
        return Normalize(Segment(grid), color)
    return Normalize(WholeSource(grid_over_source(grid, media.timing) if is_vfr else None), color)


def grid_over_source(grid: FrameGrid, timing: FrameTiming) -> FrameGrid:
    """A grid over the whole source whose slots coincide with a clip's own, so that sampling twice changes nothing."""
    slots_before = max(0, int(grid.start * grid.rate))
    start = grid.start - slots_before / grid.rate
    whole = round_half_up((timing.end - start) * grid.rate)
    return FrameGrid(start, grid.rate, max(whole, slots_before + grid.count))


def fitted_size(media: MediaInfo, within: tuple[int, int] | None) -> Size | None:
    """The displayed size of a source's pictures once they fit in a box; None where they fit already.

    The aspect ratio is kept within a pixel, or two where chroma is subsampled: then both sides are even.
    """
    width, height = media.display_size
    if within is None or (width <= within[0] and height <= within[1]):
        return None
    ratio = min(Fraction(within[0], width), Fraction(within[1], height))
    step = 1 if subsampling_of(media.pixel_format) == "444" else 2

    def side(length: int, limit: int) -> int:
        whole = step * round_half_up(length * ratio / step)
        return max(step, min(whole, limit // step * step))

    return Size(side(width, within[0]), side(height, within[1]))


def _image_of(
    media: MediaInfo, target: HdrTarget | None, options: ExtractOptions
) -> tuple[ImageSpec, tuple[ClipWarning, ...]]:
    asked = options.format
    if asked is None:
        plain = ImageFormat.PNG if media.has_alpha or not _fits_jpg(media) else ImageFormat.JPG
        return ImageSpec(ImageFormat.PNG16 if target is not None else plain, options.quality), ()
    if asked is not ImageFormat.JPG:
        return ImageSpec(asked, options.quality), ()
    if media.has_alpha:
        note = ClipWarning("alpha_needs_png", "the source has alpha, which jpg can't hold: png was written instead")
        return ImageSpec(ImageFormat.PNG, options.quality), (note,)
    notes = (_JPG_BESIDE_HDR,) if target is not None else ()
    return ImageSpec(ImageFormat.JPG, options.quality), notes


#: The limit of libjpeg; that of the JPEG file format is 65535.
_LONGEST_JPG_SIDE = 65_500


def _fits_jpg(media: MediaInfo) -> bool:
    return max(media.display_size) <= _LONGEST_JPG_SIDE


_JPG_BESIDE_HDR = ClipWarning(
    "jpg_beside_hdr",
    "the composition is HDR and jpg holds 8 bits: expect banding; --format png16 (or auto) holds it all",
)


def _media_notes(media: MediaInfo) -> tuple[ClipWarning, ...]:
    notes = [ClipWarning(kind, message) for kind, message in media.notes]
    if media.is_matrix_guessed:
        name = "BT.601" if media.matrix == Matrix.SMPTE170M else "BT.709"
        message = (
            f"the source does not say its colour matrix: by its size ({media.width}x{media.height}) taken for {name}"
        )
        notes.append(ClipWarning("untagged_colors", message))
    return tuple(notes)


def _shortfall(window: SourceWindow, requested: int, count: int) -> tuple[ClipWarning, ...]:
    if count >= requested:
        return ()
    message = (
        f"asked for {seconds_text(window.wanted)} s ({requested} frames) from {seconds_text(window.start)} s, "
        f"but the source has {seconds_text(window.available)} s ({count} frames) from there"
    )
    counts = {"requested_frames": requested, "available_frames": count}
    return (ClipWarning("shorter_than_requested", message, counts),)
