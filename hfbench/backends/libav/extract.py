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
from hfbench.backends.libav.pipeline import FramePipeline
from hfbench.model.cancellation import StopWork
from hfbench.model.result import FailureKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hfbench.backends.libav.pipeline import Workers
    from hfbench.model.cancellation import Control


def extract(job: ExtractJob, workers: Workers, control: Control) -> ExtractReport:
    """Write the frames of all targets of a job; windows that overlap or touch are decoded once.

    Raises:
        ClipTrouble: the file can't be read, or the output can't be written.
        StopWork: cancelled.
    """
    reports: dict[int, TargetReport | TargetFailure] = {}
    with WindowDecoder(job.media, control) as decoder:
        pipeline = FramePipeline(job, workers, control.recorder)
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
    """One run with a time limit of its own: if it takes too long, the file's other windows still get their frames."""
    try:
        return dict(_extract_run(decoder, [job.targets[index] for index in run], run, pipeline))
    except StopWork as stop:
        kind = FailureKind(stop.kind)
        if kind is FailureKind.CANCELLED:
            raise
        return dict.fromkeys(run, TargetFailure(kind, stop.message))


def _extract_run(
    decoder: WindowDecoder, targets: list[Target], run: list[int], pipeline: FramePipeline
) -> Iterator[tuple[int, TargetReport]]:
    """Decode once over the union of a run's windows; each picture goes to all the slots that show it."""
    frames = decoder.run([target.grid for target in targets])
    for shown in frames:
        pipeline.put(shown.frame, _places(targets, shown.slots))
    for number, (index, target) in enumerate(zip(run, targets, strict=True)):
        got = frames.filled(number)
        warning = damage_warning(
            wanted=target.grid.count,
            got=got,
            decode_errors=frames.decode_errors,
            corrupt_frames=frames.corrupt_frames,
        )
        yield index, TargetReport(got, (*([warning] if warning else []), *frames.noticed), pipeline.pixels)


def _places(targets: list[Target], slots: tuple[range, ...]) -> list[tuple[Path, int]]:
    return [(target.folder, slot) for target, filled in zip(targets, slots, strict=True) for slot in filled]
