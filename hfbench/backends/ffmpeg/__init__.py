"""The ffmpeg program, one process a window: HyperFrames' way, and the cross-check of the in-process backend."""

from __future__ import annotations

import functools
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from hfbench.backends.base import (
    TAGS_CHANGE,
    ClipTrouble,
    ExtractJob,
    ExtractReport,
    NormalizeReport,
    TargetReport,
    damage_warning,
    merge_touching,
)
from hfbench.backends.cubes import cube_of
from hfbench.backends.ffmpeg.commands import extract_arguments, is_segment, normalize_arguments, seek_for
from hfbench.backends.ffmpeg.program import ProgramReport, find_ffmpeg, run_ffmpeg
from hfbench.backends.linking import link_or_copy
from hfbench.intermediates import intermediate_media, intermediate_spec
from hfbench.metrics import WorkCounters
from hfbench.plan import Intermediate
from hfbench.result import ClipWarning, FailureKind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from hfbench.backends.base import ProbeReport
    from hfbench.control import Control
    from hfbench.media import MediaInfo
    from hfbench.plan import ClipPlan, ColorMap

#: How far before the wanted time a second, third, ... seek goes (seconds): containers without an index land late.
_BACK_OFF: Final = (Fraction(0), Fraction(2), Fraction(10), Fraction(60))


class FfmpegBackend:
    """Runs the ffmpeg program.

    Raises:
        MachineError: there is no ffmpeg program.
    """

    name = "ffmpeg"
    serves_distant_windows = False

    @functools.cached_property
    def _program(self) -> Path:
        return find_ffmpeg()

    def probe(self, path: Path, control: Control) -> ProbeReport:
        """See :class:`hfbench.backends.base.Backend`. In process: imageio-ffmpeg ships no ffprobe."""
        from hfbench.backends.libav.probe import probe

        return probe(path, control)

    def prepare(self, colors: Collection[ColorMap]) -> None:
        """See :class:`hfbench.backends.base.Backend`."""
        for color in colors:
            cube_of(color)

    def normalize(self, plan: ClipPlan, into: Path, control: Control) -> NormalizeReport:
        """See :class:`hfbench.backends.base.Backend`."""
        spec = intermediate_spec(plan)
        path = into.with_name(into.name + spec.codec.suffix)
        start = spec.grid.start if spec.grid is not None and is_segment(plan) else None

        def attempt(seek_to: Fraction | None) -> ProgramReport:
            return run_ffmpeg(self._program, normalize_arguments(plan, spec, path, seek_to), into.parent, control)

        report, runs = _from_far_enough(plan.media, start, attempt)
        if not report.frames_encoded:
            raise _trouble(report)
        end = spec.grid.end_of_need if spec.grid is not None and start is not None else None
        work = _work(report, end, runs, converted=report.frames_encoded, written=path.stat().st_size)
        is_whole = spec.grid is None or _saw_the_end(plan.media, spec.grid.end_of_need, report)
        held_to = report.frames_encoded if is_whole else spec.expected_frames
        warning = damage_warning(
            wanted=held_to or report.frames_encoded,
            got=report.frames_encoded,
            decode_errors=report.decode_errors,
            corrupt_frames=0,
        )
        media = intermediate_media(plan, spec, path, held_to)
        return NormalizeReport(Intermediate(path, media), work, _noticed(warning, report))

    def extract(self, job: ExtractJob, control: Control) -> ExtractReport:
        """See :class:`hfbench.backends.base.Backend`."""
        targets: dict[int, TargetReport] = {}
        work = WorkCounters()
        for run in merge_touching(job.targets):
            reports, cost = self._extract_run(job, run, control)
            targets.update(reports)
            work += cost
        return ExtractReport(tuple(targets[index] for index in range(len(job.targets))), work)

    def close(self) -> None:
        """Nothing outlives a call."""

    def _extract_run(
        self, job: ExtractJob, run: list[int], control: Control
    ) -> tuple[dict[int, TargetReport], WorkCounters]:
        """One process for windows that overlap or touch."""
        parent = job.targets[run[0]].folder.parent
        named = {index: job.targets[index].folder.name for index in run}
        start = min(job.targets[index].grid.start for index in run)
        end = max(job.targets[index].grid.end_of_need for index in run)

        def attempt(seek_to: Fraction | None) -> ProgramReport:
            return run_ffmpeg(self._program, extract_arguments(job, named, seek_to), parent, control)

        report, runs = _from_far_enough(job.media, start, attempt)
        reports = {index: _settle(job, index, report) for index in run}
        if not any(each.frames for each in reports.values()):
            raise _trouble(report)
        written = _bytes_of([job.targets[index].folder for index in run])
        frames = sum(each.frames for each in reports.values())
        converted = report_frames_converted(job, run)
        return reports, _work(report, end, runs, converted=converted, written=written, frames=frames)


def report_frames_converted(job: ExtractJob, run: list[int]) -> int:
    """Slots whose colours the filter graph mapped: it maps after sampling, one frame a slot."""
    return sum(job.targets[index].grid.count for index in run) if job.color is not None else 0


def _from_far_enough(
    media: MediaInfo, start: Fraction | None, attempt: Callable[[Fraction | None], ProgramReport]
) -> tuple[ProgramReport, int]:
    """Run once; again from further back where the seek landed after the frame that is on screen at ``start``."""
    seeks = [None] if start is None else [seek_for(start, media, back_off) for back_off in _BACK_OFF] + [None]
    for runs, seek_to in enumerate(seeks, 1):
        report = attempt(seek_to)
        if seek_to is None or (report.pts and start is not None and report.pts[0] <= start):
            return report, runs
    return report, len(seeks)


def _settle(job: ExtractJob, index: int, report: ProgramReport) -> TargetReport:
    """Count one target's files, hold the last frame where the source does, and say what is missing."""
    target = job.targets[index]
    got = sum(1 for _ in target.folder.iterdir())
    wanted = target.grid.count
    if 0 < got < wanted and _saw_the_end(job.media, target.grid.end_of_need, report):
        last = target.folder / (job.image.pattern % got)
        for slot in range(got, wanted):
            link_or_copy(last, target.folder / (job.image.pattern % (slot + 1)))
        got = wanted
    warning = damage_warning(wanted=wanted, got=got, decode_errors=report.decode_errors, corrupt_frames=0)
    return TargetReport(got, _noticed(warning, report))


def _noticed(damage: ClipWarning | None, report: ProgramReport) -> tuple[ClipWarning, ...]:
    return (*([damage] if damage else []), *([TAGS_CHANGE] if report.has_several_tags else []))


def _saw_the_end(media: MediaInfo, end: Fraction, report: ProgramReport) -> bool:
    last = max(report.pts, default=Fraction(-1))
    return last >= end or last > media.timing.last_pts - media.timing.period / 2


def _work(
    report: ProgramReport, end: Fraction | None, runs: int, *, converted: int, written: int, frames: int = 0
) -> WorkCounters:
    """Counters of one process. Frames after the first past the window are the program reading ahead: not counted."""
    needed = (
        len(report.pts)
        if end is None
        else next((n for n, pts in enumerate(report.pts, 1) if pts >= end), len(report.pts))
    )
    return WorkCounters(
        files_opened=runs,
        packets_read=None,
        frames_decoded=needed,
        frames_converted=converted,
        frames_written=frames,
        bytes_written=written,
        processes_spawned=runs,
    )


def _bytes_of(folders: list[Path]) -> int:
    seen = {
        (stat.st_dev, stat.st_ino): stat.st_size
        for folder in folders
        for stat in (each.stat() for each in folder.iterdir())
    }
    return sum(seen.values())


def _trouble(report: ProgramReport) -> ClipTrouble:
    if report.is_disk_full:
        return ClipTrouble(
            FailureKind.OUTPUT_FAILED, "the disk is full: nothing more can be written", report.last_words
        )
    message = f"ffmpeg wrote no frame (exit code {report.exit_code})"
    return ClipTrouble(FailureKind.NO_FRAMES, message, report.last_words)
