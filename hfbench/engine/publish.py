"""Phase: frames are moved to where the caller finds them, and each clip gets its outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from hfbench.engine.frame_cache import CachedClip, copy_frames
from hfbench.engine.plan import NeverShown
from hfbench.engine.write_frames import Finished, WrittenClip
from hfbench.errors import OutputError
from hfbench.model.result import ClipFailure, ClipWarning, ExtractedClip, FailureKind, Placement

if TYPE_CHECKING:
    from pathlib import Path

    from hfbench.cache import Lease
    from hfbench.engine.frame_cache import FrameCache
    from hfbench.engine.workfolder import WorkFolder
    from hfbench.model.media import MediaInfo
    from hfbench.model.options import ExtractOptions
    from hfbench.model.plan import ClipPlan, ImageSpec, Pixels

_STRICT_KINDS = {kind.value for kind in (FailureKind.SOURCE_DAMAGED, FailureKind.SHORTER_THAN_REQUESTED)}


@dataclass(frozen=True, slots=True)
class Published:
    """One outcome per clip, and the leases on frames that are read from the cache."""

    outcomes: tuple[ExtractedClip | ClipFailure, ...]
    leases: tuple[Lease, ...]


@dataclass(frozen=True, slots=True)
class _PublishedClip:
    """A clip's outcome, and the lease on its frames where they are read from the cache."""

    outcome: ExtractedClip | ClipFailure
    lease: Lease | None = None


def publish_clips(
    clips: tuple[Finished, ...], options: ExtractOptions, cache: FrameCache, folder: WorkFolder
) -> Published:
    """Rename each clip's frames into the output, or refer to the cache.

    Raises:
        OutputError: the output can't be written.
    """
    published = [_publish(clip, options, cache, folder) for clip in clips]
    leases = tuple(each.lease for each in published if each.lease is not None)
    return Published(tuple(each.outcome for each in published), leases)


def _publish(clip: Finished, options: ExtractOptions, cache: FrameCache, folder: WorkFolder) -> _PublishedClip:
    match clip:
        case ClipFailure():
            return _PublishedClip(clip)
        case NeverShown():
            return _PublishedClip(_never_shown(clip, folder))
        case CachedClip():
            return _publish_cached(clip, options, folder)
        case WrittenClip():
            return _publish_written(clip, options, cache, folder)
        case _:
            assert_never(clip)


def _publish_cached(clip: CachedClip, options: ExtractOptions, folder: WorkFolder) -> _PublishedClip:
    plan, lease = clip.plan, clip.lease
    warnings = (*plan.warnings, *clip.warnings)
    refusal = _refusal(plan, clip.frames, warnings, options)
    if refusal is None and options.cached_in_place:
        return _PublishedClip(
            _extracted(plan, clip.frames, warnings, lease.folder, is_cached=True, pixels=clip.pixels), lease
        )
    with lease:
        if refusal is not None:
            return _PublishedClip(refusal)
        directory = folder.publish(_copied(lease, folder.new_folder(f"cached/{plan.clip_id}")), plan.clip_id)
    return _PublishedClip(_extracted(plan, clip.frames, warnings, directory, is_cached=True, pixels=clip.pixels))


def _publish_written(
    clip: WrittenClip, options: ExtractOptions, cache: FrameCache, folder: WorkFolder
) -> _PublishedClip:
    plan, frames = clip.prepared.plan, clip.report.frames
    noticed = clip.prepared.warnings or clip.report.warnings
    warnings = (*plan.warnings, *noticed)
    refusal = _refusal(plan, frames, warnings, options)
    if refusal is not None:
        return _PublishedClip(refusal)
    lease = cache.keep(plan, clip.folder, noticed, clip.report.pixels, in_place=options.cached_in_place)
    if lease is not None and options.cached_in_place:
        return _PublishedClip(
            _extracted(plan, frames, warnings, lease.folder, is_cached=False, pixels=clip.report.pixels), lease
        )
    if lease is not None:
        lease.close()
    directory = folder.publish(clip.folder, plan.clip_id)
    return _PublishedClip(_extracted(plan, frames, warnings, directory, is_cached=False, pixels=clip.report.pixels))


def _refusal(
    plan: ClipPlan, frames: int, warnings: tuple[ClipWarning, ...], options: ExtractOptions
) -> ClipFailure | None:
    """Why a clip with frames fails: it has none, or ``strict`` makes one of the warnings a failure."""
    if not frames:
        message = "; ".join(each.message for each in warnings) or "no frame could be decoded"
        return ClipFailure(plan.clip_id, FailureKind.NO_FRAMES, message)
    if options.strict:
        for warning in warnings:
            if warning.kind in _STRICT_KINDS:
                return ClipFailure(plan.clip_id, FailureKind(warning.kind), f"{warning.message} (strict)")
    return None


def _copied(lease: Lease, into: Path) -> Path:
    try:
        copy_frames(lease, into)
    except OSError as error:
        raise OutputError(
            f"output_failed: frames can't be written: {error.strerror or error}", diagnostic=str(error)
        ) from error
    return into


def _extracted(
    plan: ClipPlan, frames: int, warnings: tuple[ClipWarning, ...], directory: Path, *, is_cached: bool, pixels: Pixels
) -> ExtractedClip:
    return ExtractedClip(
        clip_id=plan.clip_id,
        frames=frames,
        directory=directory,
        pattern=plan.image.pattern,
        size=_size_of(plan.image, plan.media),
        placement=plan.placement,
        warnings=warnings,
        is_cached=is_cached,
        pixels=pixels.value,
    )


def _size_of(image: ImageSpec, media: MediaInfo) -> tuple[int, int]:
    return media.display_size if image.size is None else (image.size.width, image.size.height)


def _never_shown(outcome: NeverShown, folder: WorkFolder) -> ExtractedClip:
    clip = outcome.probed.clip
    message = "the clip is entirely outside the timeline: no frame was extracted"
    return ExtractedClip(
        clip_id=clip.id,
        frames=0,
        directory=folder.publish(folder.new_folder(f"never-shown/{clip.id}"), clip.id),
        pattern=outcome.image.pattern,
        size=_size_of(outcome.image, outcome.probed.media),
        placement=Placement(clip.start, clip.end or clip.start, clip.playback_rate, outcome.fps),
        warnings=(ClipWarning("never_shown", message),),
    )
