"""Phase: frames are written. Clips of one file that want the same pictures share one job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from hfbench.backends.base import ExtractJob, ExtractReport, Target, TargetFailure, TargetReport, merge_touching
from hfbench.model.plan import Prepared
from hfbench.model.result import ClipFailure

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from hfbench.backends.base import Backend
    from hfbench.engine.phase_runner import Stage
    from hfbench.engine.workfolder import WorkFolder
    from hfbench.model.cancellation import Control

_Other = TypeVar("_Other")


@dataclass(frozen=True, slots=True)
class Written:
    """A prepared clip whose frames stand in a folder of the work folder."""

    prepared: Prepared
    folder: Path
    report: TargetReport


@dataclass(frozen=True, slots=True)
class _NumberedJob:
    """A job and the positions, among all clips, of its targets."""

    positions: tuple[int, ...]
    job: ExtractJob


def write_frames(
    clips: tuple[_Other | Prepared, ...], backend: Backend, folder: WorkFolder, stage: Stage
) -> tuple[_Other | Written | ClipFailure, ...]:
    """Extract every prepared clip; what is not prepared passes."""
    prepared = {position: clip for position, clip in enumerate(clips) if isinstance(clip, Prepared)}
    folders = {position: folder.new_folder(f"frames/{position:05d}") for position in prepared}
    jobs = list(_jobs(prepared, folders, backend))

    def extract(numbered: _NumberedJob, control: Control) -> ExtractReport:
        return backend.extract(numbered.job, control)

    ids = [prepared[each.positions[0]].ready.plan.clip.id for each in jobs]
    others: list[_Other] = [clip for clip in clips if not isinstance(clip, Prepared)]
    by_position: dict[int, Written | ClipFailure] = {}
    for numbered, report in zip(jobs, stage.map("extract", extract, jobs, ids), strict=True):
        if isinstance(report, ExtractReport):
            stage.count(report.work)
        by_position |= _settle(numbered, report, prepared, folders)
    passing = iter(others)
    return tuple(by_position[position] if position in prepared else next(passing) for position in range(len(clips)))


def _settle(
    numbered: _NumberedJob,
    report: ExtractReport | ClipFailure,
    prepared: dict[int, Prepared],
    folders: dict[int, Path],
) -> dict[int, Written | ClipFailure]:
    if isinstance(report, ExtractReport):
        pairs = zip(numbered.positions, report.targets, strict=True)
        return {position: _outcome(target, prepared[position], folders[position]) for position, target in pairs}
    return {
        position: ClipFailure(prepared[position].ready.plan.clip.id, report.kind, report.message, report.diagnostic)
        for position in numbered.positions
    }


def _outcome(target: TargetReport | TargetFailure, prepared: Prepared, folder: Path) -> Written | ClipFailure:
    if isinstance(target, TargetReport):
        return Written(prepared, folder, target)
    return ClipFailure(prepared.ready.plan.clip.id, target.kind, target.message, target.diagnostic)


def _jobs(prepared: dict[int, Prepared], folders: dict[int, Path], backend: Backend) -> Iterable[_NumberedJob]:
    """One job a file and kind of picture; one a run of touching windows where the backend opens files each time."""
    groups: dict[object, list[int]] = {}
    for position, clip in prepared.items():
        ready = clip.ready
        groups.setdefault((ready.media.path, ready.color, ready.plan.image), []).append(position)
    for positions in groups.values():
        targets = tuple(Target(prepared[position].ready.grid, folders[position]) for position in positions)
        runs = [range(len(targets))] if backend.serves_distant_windows else merge_touching(targets)
        ready = prepared[positions[0]].ready
        for run in runs:
            job = ExtractJob(ready.media, ready.color, ready.plan.image, tuple(targets[index] for index in run))
            yield _NumberedJob(tuple(positions[index] for index in run), job)
