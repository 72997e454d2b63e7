"""Phase: frames go where the caller finds them, and what became of each clip is said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hfbench.engine.frame_cache import CachedClip, copy_frames
from hfbench.engine.plan import NeverShown
from hfbench.engine.write_frames import Written
from hfbench.errors import OutputError
from hfbench.model.result import ClipFailure, ClipWarning, ExtractedClip, FailureKind, Placement

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hfbench.cache import Lease
    from hfbench.engine.frame_cache import FrameCache
    from hfbench.engine.workfolder import WorkFolder
    from hfbench.model.options import ExtractOptions
    from hfbench.model.plan import ClipPlan

_STRICT_KINDS = {kind.value for kind in (FailureKind.SOURCE_DAMAGED, FailureKind.SHORTER_THAN_REQUESTED)}


@dataclass(frozen=True, slots=True)
class Published:
    """One outcome a clip, and the leases on frames that are read from the cache."""

    outcomes: tuple[ExtractedClip | ClipFailure, ...]
    leases: tuple[Lease, ...]


@dataclass(frozen=True, slots=True)
class _Frames:
    """Frames that were made, wherever they are; exactly one of ``folder`` and ``lease`` is set."""

    plan: ClipPlan
    count: int
    warnings: tuple[ClipWarning, ...]
    folder: Path | None = None
    lease: Lease | None = None


def publish_clips(
    outcomes: Sequence[object], options: ExtractOptions, cache: FrameCache, folder: WorkFolder
) -> Published:
    """Rename each clip's frames into the output, or point into the cache.

    Raises:
        OutputError: the output can't be written.
    """
    published: list[ExtractedClip | ClipFailure] = []
    leases: list[Lease] = []
    for number, outcome in enumerate(outcomes):
        result, lease = _publish(outcome, options, cache, folder, number)
        published.append(result)
        leases += [lease] if lease is not None else []
    return Published(tuple(published), tuple(leases))


def _publish(
    outcome: object, options: ExtractOptions, cache: FrameCache, folder: WorkFolder, number: int
) -> tuple[ExtractedClip | ClipFailure, Lease | None]:
    if isinstance(outcome, ClipFailure):
        return outcome, None
    if isinstance(outcome, NeverShown):
        return _never_shown(outcome, folder, number), None
    frames = _frames_of(outcome, options, cache)
    if isinstance(frames, ClipFailure):
        if isinstance(outcome, CachedClip):
            outcome.lease.close()
        return frames, None
    if frames.lease is not None and options.cached_in_place:
        return _extracted(frames, frames.lease.folder, is_cached=isinstance(outcome, CachedClip)), frames.lease
    own = frames.folder
    if own is None and frames.lease is not None:
        own = _copied(frames.lease, folder.new_folder(f"cached/{number:05d}"))
    if frames.lease is not None:
        frames.lease.close()
    if own is None:
        raise TypeError(f"a clip left the phases without frames: {outcome!r}")
    directory = folder.publish(own, frames.plan.clip.id)
    return _extracted(frames, directory, is_cached=isinstance(outcome, CachedClip)), None


def _frames_of(outcome: object, options: ExtractOptions, cache: FrameCache) -> _Frames | ClipFailure:
    """A clip's frames, kept in the cache where there is one; or why there are none that count."""
    if isinstance(outcome, CachedClip):
        warnings = (*outcome.plan.warnings, *outcome.warnings)
        frames = _Frames(outcome.plan, outcome.frames, warnings, lease=outcome.lease)
        return _refusal(frames, options) or frames
    if not isinstance(outcome, Written):
        raise TypeError(f"a clip left the phases unfinished: {outcome!r}")
    plan = outcome.prepared.ready.plan
    noticed = outcome.prepared.warnings or outcome.report.warnings
    frames = _Frames(plan, outcome.report.frames, (*plan.warnings, *noticed), folder=outcome.folder)
    refusal = _refusal(frames, options)
    if refusal is not None:
        return refusal
    lease = cache.keep(outcome, noticed, in_place=options.cached_in_place)
    return _Frames(plan, frames.count, frames.warnings, outcome.folder, lease)


def _refusal(frames: _Frames, options: ExtractOptions) -> ClipFailure | None:
    clip_id = frames.plan.clip.id
    if not frames.count:
        message = "; ".join(each.message for each in frames.warnings) or "no frame could be decoded"
        return ClipFailure(clip_id, FailureKind.NO_FRAMES, message)
    if options.strict:
        for warning in frames.warnings:
            if warning.kind in _STRICT_KINDS:
                return ClipFailure(clip_id, FailureKind(warning.kind), f"{warning.message} (strict)")
    return None


def _copied(lease: Lease, into: Path) -> Path:
    try:
        copy_frames(lease, into)
    except OSError as error:
        raise OutputError(
            f"output_failed: frames can't be written: {error.strerror or error}", diagnostic=str(error)
        ) from error
    return into


def _extracted(frames: _Frames, directory: Path, *, is_cached: bool) -> ExtractedClip:
    plan = frames.plan
    return ExtractedClip(
        clip_id=plan.clip.id,
        frames=frames.count,
        directory=directory,
        pattern=plan.image.pattern,
        size=plan.media.display_size,
        placement=plan.placement,
        warnings=frames.warnings,
        is_cached=is_cached,
    )


def _never_shown(outcome: NeverShown, folder: WorkFolder, number: int) -> ExtractedClip:
    clip = outcome.probed.clip
    message = "nothing of the clip lies inside the timeline: no frame was extracted"
    return ExtractedClip(
        clip_id=clip.id,
        frames=0,
        directory=folder.publish(folder.new_folder(f"never-shown/{number:05d}"), clip.id),
        pattern=outcome.image.pattern,
        size=outcome.probed.media.display_size,
        placement=Placement(clip.start, clip.end or clip.start, clip.playback_rate, outcome.fps),
        warnings=(ClipWarning("never_shown", message),),
    )
