"""The ffmpeg program, one process per window: HyperFrames' way, and the cross-check of the in-process backend."""

from __future__ import annotations

import functools
from fractions import Fraction
from typing import TYPE_CHECKING

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
from hfbench.backends.ffmpeg.commands import extract_arguments, is_segment, normalize_arguments
from hfbench.backends.ffmpeg.program import ProgramReport, find_ffmpeg, run_ffmpeg
from hfbench.backends.libav.damage import Damage, count_damage
from hfbench.backends.libav.feed import Fed, WindowFeed
from hfbench.backends.linking import link_or_copy
from hfbench.model.metrics import WorkCounters
from hfbench.model.plan import Intermediate
from hfbench.model.profile import Activity, span_of
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
    from hfbench.timebase import FrameGrid


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

    def load_probe(self) -> None:
        """See :class:`hfbench.backends.base.Backend`."""
        from hfbench.backends.libav.imports import import_for_probing

        import_for_probing()

    def probe(self, path: Path, control: Control) -> ProbeReport:
        """See :class:`hfbench.backends.base.Backend`. In process: imageio-ffmpeg ships no ffprobe."""
        from hfbench.backends.libav.probe import probe

        return probe(path, control)

    def load(self, plans: Collection[ClipPlan], announce: Callable[[], None]) -> None:
        """See :class:`hfbench.backends.base.Backend`: finds the program."""
        del announce  # takes no time that anybody would notice
        if plans:
            self.load_probe()
            _ = self._program

    def prepare(self, plans: Collection[ClipPlan]) -> None:
        """See :class:`hfbench.backends.base.Backend`."""
        for plan in plans:
            cube_of(plan.color)

    def normalize(self, plan: ClipPlan, into: Path, control: Control) -> NormalizeReport:
        """See :class:`hfbench.backends.base.Backend`."""
        spec = intermediate_spec(plan)
        path = into.with_name(into.name + spec.codec.suffix)
        start = spec.grid.start if spec.grid is not None and is_segment(plan) else Fraction(0)
        end = None if spec.grid is None else spec.grid.end_of_need
        with WindowFeed(plan.media, start, end, control) as feed:
            arguments = normalize_arguments(plan, spec, path, feed.fed)
            with span_of(control.recorder, Activity.PROGRAM, plan.media.path.name):
                report = run_ffmpeg(self._program, arguments, into.parent, control, feed.write)
        if not report.frames_encoded:
            raise _trouble(report)
        work = _work(feed.fed, report, end, converted=report.frames_encoded, written=_bytes_of([path]))
        held_to = report.frames_encoded if may_hold_last(plan.media, feed.fed, report) else spec.expected_frames
        damage = _damage(plan.media, [spec.grid or plan.grid], feed.fed, report, control)
        warning = damage_warning(
            wanted=held_to or report.frames_encoded,
            got=report.frames_encoded,
            decode_errors=damage.decode_errors,
            corrupt_frames=damage.corrupt_frames,
        )
        media = intermediate_media(plan, spec, path, held_to)
        return NormalizeReport(Intermediate(path, media), work, _noticed(warning, report, plan.media))

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
        """Nothing to release: no process outlives a call."""

    def _extract_run(
        self, job: ExtractJob, run: list[int], control: Control
    ) -> tuple[dict[int, TargetReport], WorkCounters]:
        """One process for windows that overlap or touch."""
        parent = job.targets[run[0]].folder.parent
        named = {index: job.targets[index].folder.name for index in run}
        start = min(job.targets[index].grid.start for index in run)
        end = max(job.targets[index].grid.end_of_need for index in run)
        with WindowFeed(job.media, start, end, control) as feed:
            arguments = extract_arguments(job, named, feed.fed)
            with span_of(control.recorder, Activity.PROGRAM, job.media.path.name):
                report = run_ffmpeg(self._program, arguments, parent, control, feed.write)
        damage = _damage(job.media, [job.targets[index].grid for index in run], feed.fed, report, control)
        settled = {index: _settle(job, index, feed.fed, report, damage) for index in run}
        if not any(each.frames for each in settled.values()):
            raise _trouble(report)
        written = _bytes_of(file for index in run for file in job.targets[index].folder.iterdir())
        frames = sum(each.frames for each in settled.values())
        return settled, _work(
            feed.fed, report, end, converted=_slots_converted(job, run), written=written, frames=frames
        )


def _slots_converted(job: ExtractJob, run: list[int]) -> int:
    """Slots whose colours the filter graph mapped: it maps after sampling, so there is one frame per slot."""
    return sum(job.targets[index].grid.count for index in run) if job.color is not None else 0


def _settle(job: ExtractJob, index: int, fed: Fed, report: ProgramReport, damage: Damage) -> TargetReport:
    """Count one target's files, hold the last frame where the source does, and say what is missing."""
    target = job.targets[index]
    got = sum(1 for _ in target.folder.iterdir())
    wanted = target.grid.count
    if 0 < got < wanted and may_hold_last(job.media, fed, report):
        last = target.folder / (job.image.pattern % got)
        for slot in range(got, wanted):
            link_or_copy(last, target.folder / (job.image.pattern % (slot + 1)))
        got = wanted
    warning = damage_warning(
        wanted=wanted, got=got, decode_errors=damage.decode_errors, corrupt_frames=damage.corrupt_frames
    )
    return TargetReport(got, _noticed(warning, report, job.media))


def _damage(media: MediaInfo, grids: Sequence[FrameGrid], fed: Fed, report: ProgramReport, control: Control) -> Damage:
    """What is broken or missing in the pictures that slots show.

    The program's counts are not limited to the slots, so if they are not 0 the windows are decoded again to count.
    """
    if not (report.decode_errors or report.corrupt_frames or fed.errors or fed.pictures > len(report.pts)):
        return Damage()
    return count_damage(media, grids, control)


def _noticed(damage: ClipWarning | None, report: ProgramReport, media: MediaInfo) -> tuple[ClipWarning, ...]:
    """Warnings about the frames of the window."""
    has_other_tags = len(set(report.tags)) > 1
    shapes = {*report.shapes}
    # A window entirely after a change of size: nothing changes in it, but it differs from the start of the file.
    sizes = {shape.split(" ")[0] for shape in shapes} - {"?"}
    is_resized = not media.is_intermediate and bool(sizes - {"x".join(map(str, media.decoded_size))})
    changes = ((TAGS_CHANGE, has_other_tags), (SHAPE_CHANGE, len(shapes) > 1 or is_resized))
    return (*([damage] if damage else []), *(warning for warning, is_true in changes if is_true))


def may_hold_last(media: MediaInfo, fed: Fed, report: ProgramReport) -> bool:
    """Whether the last frame may be held: the file goes on after the window, or this is its last frame."""
    last = max(report.pts, default=Fraction(-1)) - fed.bias
    return fed.saw_later or last > media.timing.last_pts - media.timing.period / 2


def _work(
    fed: Fed, report: ProgramReport, end: Fraction | None, *, converted: int, written: int, frames: int = 0
) -> WorkCounters:
    """Counters of one process and of the file that it was fed from."""
    return WorkCounters(
        files_opened=1,
        packets_read=None,
        frames_decoded=fed.decoded + _frames_needed(fed, report, end),
        frames_converted=converted,
        frames_written=frames,
        bytes_written=written,
        processes_spawned=1,
    )


def _frames_needed(fed: Fed, report: ProgramReport, end: Fraction | None) -> int:
    """Frames up to the first past the window: the program reads further ahead, by an amount that varies."""
    if end is None:
        return len(report.pts)
    return next((n for n, pts in enumerate(report.pts, 1) if pts - fed.bias >= end), len(report.pts))


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
