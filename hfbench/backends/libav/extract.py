"""Frames of one file: decode on the calling thread, convert and encode on workers, write each picture once."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from hfbench.backends.base import (
    ClipTrouble,
    ExtractJob,
    ExtractReport,
    Target,
    TargetFailure,
    TargetReport,
    damage_warning,
    merge_touching,
)
from hfbench.backends.libav.decode import WindowDecoder
from hfbench.backends.libav.graph import ChainRunner, convert
from hfbench.backends.linking import link_or_copy
from hfbench.color import Matrix
from hfbench.model.cancellation import StopWork
from hfbench.model.metrics import WorkCounters
from hfbench.model.plan import ImageFormat
from hfbench.model.result import FailureKind
from hfbench.pixels.cube_files import cube_of
from hfbench.pixels.filters import (
    color_chain,
    deep_rgb_chain,
    geometry_chain,
    join,
    rgb_chain,
    source_chain,
    tags_after,
)
from hfbench.pixels.images import encode_image

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor, Future
    from pathlib import Path

    from av import VideoFrame

    from hfbench.model.cancellation import Control

EIGHT_BITS: Final = 8
#: Decoded pictures that may wait for a worker, beside the one that each worker holds: bounds memory at 4K.
_FRAMES_WAITING = 2


def extract(job: ExtractJob, pool: Executor, workers: int, control: Control) -> ExtractReport:
    """Write the frames of all targets of a job; windows that overlap or touch are decoded once.

    Raises:
        ClipTrouble: the file can't be read, or the output can't be written.
        StopWork: cancelled.
    """
    reports: dict[int, TargetReport | TargetFailure] = {}
    with WindowDecoder(job.media, control) as decoder:
        sink = FrameSink(job, pool, workers)
        try:
            for run in merge_touching(job.targets):
                reports.update(_attempt_run(decoder, job, run, sink))
        finally:
            sink.wait()
        sink.raise_trouble()
    return ExtractReport(
        tuple(reports[index] for index in range(len(job.targets))), decoder.tally.work() + sink.work(job)
    )


def _attempt_run(
    decoder: WindowDecoder, job: ExtractJob, run: list[int], sink: FrameSink
) -> dict[int, TargetReport | TargetFailure]:
    """One run under a clock of its own: where it takes too long, the file's other windows still get their frames."""
    try:
        return dict(_extract_run(decoder, [job.targets[index] for index in run], run, sink))
    except StopWork as stop:
        kind = FailureKind(stop.kind)
        if kind is FailureKind.CANCELLED:
            raise
        return dict.fromkeys(run, TargetFailure(kind, stop.message))


def _extract_run(
    decoder: WindowDecoder, targets: list[Target], run: list[int], sink: FrameSink
) -> Iterator[tuple[int, TargetReport]]:
    """Decode once over the union of a run's windows; each picture goes to all the slots that show it."""
    frames = decoder.run([target.grid for target in targets])
    for shown in frames:
        sink.put(shown.frame, _places(targets, shown.slots))
    for number, (index, target) in enumerate(zip(run, targets, strict=True)):
        got = frames.filled(number)
        warning = damage_warning(
            wanted=target.grid.count,
            got=got,
            decode_errors=frames.decode_errors,
            corrupt_frames=frames.corrupt_frames,
        )
        yield index, TargetReport(got, (*([warning] if warning else []), *frames.noticed))


def _places(targets: list[Target], slots: tuple[range, ...]) -> list[tuple[Path, int]]:
    return [(target.folder, slot) for target, filled in zip(targets, slots, strict=True) for slot in filled]


@dataclass(slots=True)
class _Written:
    frames: int = 0
    pictures: int = 0
    bytes: int = 0


@dataclass(slots=True)
class FrameSink:
    """Converts, encodes and writes frames on a pool, with a bound on the frames in flight."""

    job: ExtractJob
    pool: Executor
    workers: int
    _room: threading.Semaphore = field(init=False)
    _local: threading.local = field(init=False, default_factory=threading.local)
    _futures: list[Future[_Written]] = field(init=False, default_factory=list)
    _trouble: list[BaseException] = field(init=False, default_factory=list)
    _done: _Written = field(init=False, default_factory=_Written)

    def __post_init__(self) -> None:
        self._room = threading.Semaphore(self.workers + _FRAMES_WAITING)

    def put(self, frame: VideoFrame, places: list[tuple[Path, int]]) -> None:
        """Queue one picture for all its places (folder, slot); waits while too many are in flight."""
        self.raise_trouble()
        self._room.acquire()
        self._futures.append(self.pool.submit(self._process, frame, places))
        self._collect(only_finished=True)

    def wait(self) -> None:
        """Until every queued picture is written or has failed."""
        self._collect(only_finished=False)

    def raise_trouble(self) -> None:
        """Raise what went wrong on a worker.

        Raises:
            ClipTrouble: the output can't be written.
        """
        for trouble in self._trouble:
            if isinstance(trouble, OSError):
                message = f"frames can't be written: {trouble.strerror or trouble}"
                raise ClipTrouble(FailureKind.OUTPUT_FAILED, message, str(trouble)) from trouble
            raise trouble

    def work(self, job: ExtractJob) -> WorkCounters:
        """What was written, as counters."""
        return WorkCounters(
            frames_converted=self._done.pictures if job.color is not None else 0,
            frames_written=self._done.frames,
            bytes_written=self._done.bytes,
        )

    def _collect(self, *, only_finished: bool) -> None:
        pending = []
        for future in self._futures:
            if only_finished and not future.done():
                pending.append(future)
                continue
            error = future.exception()
            if error is not None:
                self._trouble.append(error)
                continue
            written = future.result()
            self._done.frames += written.frames
            self._done.pictures += written.pictures
            self._done.bytes += written.bytes
        self._futures = pending

    def _process(self, frame: VideoFrame, places: list[tuple[Path, int]]) -> _Written:
        try:
            return self._write(frame, places)
        finally:
            self._room.release()

    def _write(self, frame: VideoFrame, places: list[tuple[Path, int]]) -> _Written:
        runner = getattr(self._local, "runner", None)
        tags = tags_after(self.job.color, self.job.media)
        if runner is None:
            runner = self._local.runner = ChainRunner(picture_chain(self.job), tags)
        pixels: Any = convert(runner, frame).to_ndarray()
        data = encode_image(pixels, self.job.image, tags)
        first, *others = (folder / (self.job.image.pattern % (slot + 1)) for folder, slot in places)
        first.write_bytes(data)
        for other in others:
            link_or_copy(first, other)
        return _Written(frames=len(places), pictures=1, bytes=len(data))


def picture_chain(job: ExtractJob) -> str:
    """Decoded frame -> RGB of the clip's size: source, colour, shape, then depth.

    8-bit images of deeper pictures stay at 16 bits here: rounding them once, exactly, is the image writer's.
    """
    tags = tags_after(job.color, job.media)
    is_deep = job.image.format is ImageFormat.PNG16 or job.media.bit_depth > EIGHT_BITS or tags.matrix == Matrix.RGB
    pixels = deep_rgb_chain if is_deep else rgb_chain
    return join(
        source_chain(job.media),
        color_chain(job.color, job.media, cube_of(job.color)),
        geometry_chain(job.media),
        pixels(tags, has_alpha=job.media.has_alpha),
    )
