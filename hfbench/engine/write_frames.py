"""Phase: frames are written. Clips of one file that want the same pictures share one job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from hfbench.backends.base import ExtractJob, ExtractReport, Target, TargetFailure, TargetReport, merge_touching
from hfbench.model.plan import PreparedClip
from hfbench.model.result import ClipFailure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hfbench.backends.base import Backend
    from hfbench.engine.frame_cache import CachedClip
    from hfbench.engine.phase_runner import PhaseRunner
    from hfbench.engine.plan import NeverShown
    from hfbench.engine.preflight import Prepared
    from hfbench.engine.workfolder import WorkFolder
    from hfbench.model.cancellation import Control


@dataclass(frozen=True, slots=True)
class WrittenClip:
    """A prepared clip whose frames are in a folder of the work folder."""

    prepared: PreparedClip
    folder: Path
    report: TargetReport

    @property
    def clip_id(self) -> str:
        """The clip's id."""
        return self.prepared.clip_id


#: A clip when frames have been written: it can be published.
Finished: TypeAlias = "WrittenClip | CachedClip | NeverShown | ClipFailure"


@dataclass(frozen=True, slots=True)
class _PlacedClip:
    """A prepared clip and the empty folder that its frames go to."""

    prepared: PreparedClip
    folder: Path

    @property
    def target(self) -> Target:
        return Target(self.prepared.grid, self.folder)


@dataclass(frozen=True, slots=True)
class _Job:
    """Clips of one file that want the same colours and image format, in the order of the backend's targets."""

    clips: tuple[_PlacedClip, ...]

    @property
    def clip_id(self) -> str:
        return self.clips[0].prepared.clip_id

    @property
    def for_backend(self) -> ExtractJob:
        first = self.clips[0].prepared
        targets = tuple(clip.target for clip in self.clips)
        return ExtractJob(first.media, first.color, first.plan.image, targets, first.plan.pixels)


def write_frames(
    clips: tuple[Prepared, ...], backend: Backend, folder: WorkFolder, runner: PhaseRunner
) -> tuple[Finished, ...]:
    """Extract every prepared clip; what is not prepared is passed on."""
    placed = [
        _PlacedClip(clip, folder.new_folder(f"frames/{number:05d}"))
        for number, clip in enumerate(clips)
        if isinstance(clip, PreparedClip)
    ]

    def extract(job: _Job, control: Control) -> ExtractReport:
        return backend.extract(job.for_backend, control)

    written: dict[str, WrittenClip | ClipFailure] = {}
    for attempt in runner.map("extract", extract, list(_jobs(placed, backend))):
        if isinstance(attempt.outcome, ExtractReport):
            runner.count(attempt.outcome.work)
        written |= _by_clip(attempt.item, attempt.outcome)
    return tuple(written[clip.clip_id] if isinstance(clip, PreparedClip) else clip for clip in clips)


def _jobs(placed: list[_PlacedClip], backend: Backend) -> Iterator[_Job]:
    """One job per file and kind of picture; one per run of touching windows where the backend opens files each time."""
    alike: dict[tuple[object, ...], list[_PlacedClip]] = {}
    for clip in placed:
        prepared = clip.prepared
        alike.setdefault((prepared.media.path, prepared.color, prepared.plan.image), []).append(clip)
    for clips in alike.values():
        if backend.serves_distant_windows:
            yield _Job(tuple(clips))
        else:
            for run in merge_touching([clip.target for clip in clips]):
                yield _Job(tuple(clips[index] for index in run))


def _by_clip(job: _Job, report: ExtractReport | ClipFailure) -> dict[str, WrittenClip | ClipFailure]:
    """The outcomes of a job's clips, by id."""
    if isinstance(report, ClipFailure):
        return {clip.prepared.clip_id: report.for_clip(clip.prepared.clip_id) for clip in job.clips}
    pairs = zip(job.clips, report.targets, strict=True)
    return {clip.prepared.clip_id: _written(clip, target) for clip, target in pairs}


def _written(clip: _PlacedClip, target: TargetReport | TargetFailure) -> WrittenClip | ClipFailure:
    if isinstance(target, TargetReport):
        return WrittenClip(clip.prepared, clip.folder, target)
    return ClipFailure(clip.prepared.clip_id, target.kind, target.message, target.diagnostic)
