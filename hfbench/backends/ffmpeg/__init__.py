"""The ffmpeg program, one process a window: HyperFrames' way, and the cross-check of the in-process backend."""

from __future__ import annotations

import functools
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from hfbench.backends.base import (
    SHAPE_CHANGE,
    TAGS_CHANGE,
    ClipTrouble,
    ExtractJob,
    ExtractReport,
    NormalizeReport,
    TargetReport,
    damage_warning,
    merge_touching,
)
from hfbench.backends.ffmpeg.commands import extract_arguments, is_segment, normalize_arguments, seek_for
from hfbench.backends.ffmpeg.program import ProgramReport, find_ffmpeg, run_ffmpeg
from hfbench.backends.linking import link_or_copy
from hfbench.model.metrics import WorkCounters
from hfbench.model.plan import Intermediate
from hfbench.model.result import ClipWarning, FailureKind
from hfbench.pixels.cube_files import cube_of
from hfbench.pixels.intermediates import intermediate_media, intermediate_spec

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from pathlib import Path

    from hfbench.backends.base import ProbeReport
    from hfbench.model.cancellation import Control
    from hfbench.model.media import MediaInfo
    from hfbench.model.plan import ClipPlan

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

    def load(self, plans: Collection[ClipPlan], announce: Callable[[], None]) -> None:
        """Nothing is loaded: the program has all it needs."""

    def prepare(self, plans: Collection[ClipPlan]) -> None:
        """See :class:`hfbench.backends.base.Backend`."""
        for plan in plans:
            cube_of(plan.color)

    def normalize(self, plan: ClipPlan, into: Path, control: Control) -> NormalizeReport:
        """See :class:`hfbench.backends.base.Backend`."""
        spec = intermediate_spec(plan)
        path = into.with_name(into.name + spec.codec.suffix)
        start = spec.grid.start if spec.grid is not None and is_segment(plan) else None

        def attempt(seek_to: Fraction | None) -> ProgramReport:
            return run_ffmpeg(self._program, normalize_arguments(plan, spec, path, seek_to), into.parent, control)

        def put_aside(number: int) -> None:
            if path.exists():
                path.rename(path.with_name(f"{path.name}.missed-{number}"))

        reports = _from_far_enough(plan.media, start, attempt, put_aside)
        report = reports[-1]
        if not report.frames_encoded:
            raise _trouble(report)
        end = spec.grid.end_of_need if spec.grid is not None and start is not None else None
        converted = sum(each.frames_encoded for each in reports)
        written = _bytes_of(path.parent.glob(f"{path.name}*"))
        work = _work(reports, end, converted=converted, written=written)
        is_whole = spec.grid is None or _saw_the_end(plan.media, spec.grid.end_of_need, report)
        held_to = report.frames_encoded if is_whole else spec.expected_frames
        warning = damage_warning(
            wanted=held_to or report.frames_encoded,
            got=report.frames_encoded,
            decode_errors=report.decode_errors,
            corrupt_frames=0,
        )
        media = intermediate_media(plan, spec, path, held_to)
        return NormalizeReport(Intermediate(path, media), work, _noticed(warning, report, plan.media, end))

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

        def put_aside(number: int) -> None:
            for index in run:
                folder = job.targets[index].folder
                folder.rename(_missed(folder, number))
                folder.mkdir()

        reports = _from_far_enough(job.media, start, attempt, put_aside)
        settled = {index: _settle(job, index, reports[-1]) for index in run}
        if not any(each.frames for each in settled.values()):
            raise _trouble(reports[-1])
        folders = [job.targets[index].folder for index in run]
        folders += [_missed(folder, number) for number in range(1, len(reports)) for folder in folders]
        written = _bytes_of(file for folder in folders for file in folder.iterdir())
        frames = sum(each.frames for each in settled.values())
        converted = len(reports) * _slots_converted(job, run)
        return settled, _work(reports, end, converted=converted, written=written, frames=frames)


def _missed(folder: Path, number: int) -> Path:
    """Where the files of a run that began too late are kept: nothing is deleted before the peak is measured."""
    return folder.with_name(f"{folder.name}.missed-{number}")


def _slots_converted(job: ExtractJob, run: list[int]) -> int:
    """Slots whose colours the filter graph mapped: it maps after sampling, one frame a slot."""
    return sum(job.targets[index].grid.count for index in run) if job.color is not None else 0


def _from_far_enough(
    media: MediaInfo,
    start: Fraction | None,
    attempt: Callable[[Fraction | None], ProgramReport],
    put_aside: Callable[[int], None],
) -> list[ProgramReport]:
    """Run once; again from further back where the seek landed after the frame that is on screen at ``start``.

    Returns:
        A report a run; the last one counts, and what the others wrote was put aside.
    """
    seeks = [None] if start is None else [seek_for(start, media, back_off) for back_off in _BACK_OFF] + [None]
    reports: list[ProgramReport] = []
    for seek_to in seeks:
        if reports:
            put_aside(len(reports))
        reports.append(attempt(seek_to))
        pts = reports[-1].pts
        if seek_to is None or (pts and start is not None and pts[0] <= start):
            break
    return reports


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
    return TargetReport(got, _noticed(warning, report, job.media, target.grid.end_of_need))


def _noticed(
    damage: ClipWarning | None, report: ProgramReport, media: MediaInfo, end: Fraction | None
) -> tuple[ClipWarning, ...]:
    """What is worth knowing about the frames that were needed: what the program met beyond them is chance."""
    needed = _frames_needed(report, end)
    has_other_tags = len(set(report.tags[:needed])) > 1
    shapes = {*report.shapes[:needed]}
    # A window that lies wholly after a change of size: nothing changes in it, and yet it is not as the file began.
    sizes = {shape.split(" ")[0] for shape in shapes} - {"?"}
    is_resized = not media.is_intermediate and bool(sizes - {f"{media.width}x{media.height}"})
    changes = ((TAGS_CHANGE, has_other_tags), (SHAPE_CHANGE, len(shapes) > 1 or is_resized))
    return (*([damage] if damage else []), *(warning for warning, is_true in changes if is_true))


def _saw_the_end(media: MediaInfo, end: Fraction, report: ProgramReport) -> bool:
    last = max(report.pts, default=Fraction(-1))
    return last >= end or last > media.timing.last_pts - media.timing.period / 2


def _work(
    reports: Sequence[ProgramReport], end: Fraction | None, *, converted: int, written: int, frames: int = 0
) -> WorkCounters:
    """Counters of the processes, those that began too late included."""
    return WorkCounters(
        files_opened=len(reports),
        packets_read=None,
        frames_decoded=sum(_frames_needed(report, end) for report in reports),
        frames_converted=converted,
        frames_written=frames,
        bytes_written=written,
        processes_spawned=len(reports),
    )


def _frames_needed(report: ProgramReport, end: Fraction | None) -> int:
    """Frames up to the first past the window: those after it are the program reading ahead, by an unsteady amount."""
    if end is None:
        return len(report.pts)
    return next((n for n, pts in enumerate(report.pts, 1) if pts >= end), len(report.pts))


def _bytes_of(files: Iterable[Path]) -> int:
    """Bytes on disk, hard links counted once."""
    statuses = [file.stat() for file in files]
    return sum({(status.st_dev, status.st_ino): status.st_size for status in statuses}.values())


def _trouble(report: ProgramReport) -> ClipTrouble:
    if report.is_disk_full:
        return ClipTrouble(
            FailureKind.OUTPUT_FAILED, "the disk is full: nothing more can be written", report.last_words
        )
    message = f"ffmpeg wrote no frame (exit code {report.exit_code})"
    return ClipTrouble(FailureKind.NO_FRAMES, message, report.last_words)
