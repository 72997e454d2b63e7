"""Frames of one file: decode on the calling thread, hand each frame that a slot shows to the pipeline, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hfbench.backends.base import (
    ExtractJob,
    ExtractReport,
    Target,
    TargetFailure,
    TargetReport,
    damage_warning,
    merge_touching,
)
from hfbench.backends.libav.decode import WindowDecoder
from hfbench.backends.libav.files import open_input, stream_of
from hfbench.backends.libav.pipeline import FramePipeline
from hfbench.model.cancellation import StopWork
from hfbench.model.result import FailureKind
from hfbench.timebase import GridSampler

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from av import VideoFrame

    from hfbench.backends.libav.pipeline import Workers
    from hfbench.model.cancellation import Control


def extract(job: ExtractJob, workers: Workers, control: Control) -> ExtractReport:
    """Write the frames of all targets of a job; windows that overlap or touch are decoded once.

    Raises:
        ClipTrouble: the file can't be read, or the output can't be written.
        StopWork: cancelled.
    """
    reports: dict[int, TargetReport | TargetFailure] = {}
    with open_input(job.media.path) as container:
        stream = stream_of(container, job.media)
        decoder = WindowDecoder(container, stream, job.media, control)
        pipeline = FramePipeline(job, workers)
        try:
            for run in merge_touching(job.targets):
                reports.update(_attempt_run(decoder, job, run, pipeline))
        finally:
            pipeline.wait()
        pipeline.raise_trouble()
    return ExtractReport(
        tuple(reports[index] for index in range(len(job.targets))), decoder.tally.work() + pipeline.work()
    )


def _attempt_run(
    decoder: WindowDecoder, job: ExtractJob, run: list[int], pipeline: FramePipeline
) -> dict[int, TargetReport | TargetFailure]:
    """One run under a clock of its own: where it takes too long, the file's other windows still get their frames."""
    decoder.begin_run()
    try:
        return dict(_extract_run(decoder, job, run, pipeline))
    except StopWork as stop:
        kind = FailureKind(stop.kind)
        if kind is FailureKind.CANCELLED:
            raise
        return dict.fromkeys(run, TargetFailure(kind, stop.message))


def _extract_run(
    decoder: WindowDecoder, job: ExtractJob, run: list[int], pipeline: FramePipeline
) -> Iterator[tuple[int, TargetReport]]:
    """Decode once over the union of a run's windows; each frame goes to all the slots that show it."""
    samplers = {index: GridSampler(job.targets[index].grid) for index in run}
    start = min(job.targets[index].grid.start for index in run)
    end = max(job.targets[index].grid.end_of_need for index in run)
    errors_before = decoder.tally.decode_errors
    held: VideoFrame | None = None
    corrupt = 0
    for frame in decoder.window(start, end):
        time = decoder.media_time(frame)
        places = _places(job.targets, {index: sampler.advance(time) for index, sampler in samplers.items()})
        corrupt += _send(pipeline, held, places)
        held = frame
        if all(sampler.is_full for sampler in samplers.values()):
            break
    if held is not None:
        until = None if decoder.may_hold_last(held) else decoder.media_time(held) + job.media.timing.period
        places = _places(job.targets, {index: sampler.finish(until) for index, sampler in samplers.items()})
        corrupt += _send(pipeline, held, places)
    errors = decoder.tally.decode_errors - errors_before
    for index, sampler in samplers.items():
        wanted = job.targets[index].grid.count
        warning = damage_warning(wanted=wanted, got=sampler.filled, decode_errors=errors, corrupt_frames=corrupt)
        noticed = [warning] if warning else []
        yield index, TargetReport(sampler.filled, (*noticed, *decoder.tally.noticed.values()), pipeline.pixels)


def _places(targets: tuple[Target, ...], slots: dict[int, range]) -> list[tuple[Path, int]]:
    return [(targets[index].folder, slot) for index, filled in slots.items() for slot in filled]


def _send(pipeline: FramePipeline, frame: VideoFrame | None, places: list[tuple[Path, int]]) -> int:
    """Hand a frame to the workers if any slot shows it; 1 if it is shown and corrupt, else 0."""
    if frame is None or not places:
        return 0
    pipeline.put(frame, places)
    return int(frame.is_corrupt)
