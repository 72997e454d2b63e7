"""Between the decoder and the disk: frames are converted, encoded and written on workers, a few at a time."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from hfbench.backends.base import ClipTrouble
from hfbench.backends.libav.pictures import FramePictures
from hfbench.backends.linking import link_or_copy
from hfbench.model.metrics import WorkCounters
from hfbench.model.profile import Activity, span_of
from hfbench.model.result import FailureKind

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future
    from pathlib import Path

    from av import VideoFrame

    from hfbench.backends.base import ExtractJob
    from hfbench.model.plan import Pixels
    from hfbench.model.profile import ProfileRecorder

#: Decoded frames that may wait for a worker, in addition to the one that each worker holds: limits the memory at 4K.
_FRAMES_WAITING: Final = 2


class Workers:
    """Threads that serve every job of a backend, and a limit for the frames that they hold together.

    Args:
        pool: runs the work.
        count: threads in it.
    """

    def __init__(self, pool: Executor, count: int) -> None:
        self.pool = pool
        self.count = count
        self.room = threading.Semaphore(count + _FRAMES_WAITING)


@dataclass(slots=True)
class _Written:
    """What was written: ``frames`` names for ``pictures`` files."""

    frames: int = 0
    pictures: int = 0
    bytes: int = 0


@dataclass(slots=True)
class FramePipeline:
    """Takes the frames of one job from the decoding thread."""

    job: ExtractJob
    workers: Workers
    recorder: ProfileRecorder | None = None
    _pictures: FramePictures = field(init=False)
    _source: str = field(init=False)
    _futures: list[Future[_Written]] = field(init=False, default_factory=list)
    _trouble: list[BaseException] = field(init=False, default_factory=list)
    _done: _Written = field(init=False, default_factory=_Written)

    def __post_init__(self) -> None:
        self._pictures = FramePictures(self.job, self.recorder)
        self._source = self.job.media.path.name

    @property
    def pixels(self) -> Pixels:
        """What converts the frames."""
        return self._pictures.pixels

    def put(self, frame: VideoFrame, places: list[tuple[Path, int]]) -> None:
        """Queue one picture for all its places (folder, slot); waits while too many are in flight."""
        self.raise_trouble()
        with span_of(self.recorder, Activity.WAIT, self._source):
            self.workers.room.acquire()
        if self.recorder is not None:
            self.recorder.change("frames in flight", 1)
        try:
            self._futures.append(self.workers.pool.submit(self._process, frame, places))
        except BaseException:
            self.workers.room.release()
            raise
        self._collect(only_finished=True)

    def wait(self) -> None:
        """Until every queued picture is written or has failed."""
        self._collect(only_finished=False)

    def raise_trouble(self) -> None:
        """Raise an error that occurred on a worker.

        Raises:
            ClipTrouble: the output can't be written.
        """
        for trouble in self._trouble:
            if isinstance(trouble, OSError):
                message = f"frames can't be written: {trouble.strerror or trouble}"
                raise ClipTrouble(FailureKind.OUTPUT_FAILED, message, str(trouble)) from trouble
            raise trouble

    def work(self) -> WorkCounters:
        """What was written, as counters."""
        return WorkCounters(
            frames_converted=self._done.pictures if self.job.color is not None else 0,
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
            return self._write(self._pictures.encoded(frame), places)
        finally:
            self.workers.room.release()
            if self.recorder is not None:
                self.recorder.change("frames in flight", -1)

    def _write(self, data: bytes, places: list[tuple[Path, int]]) -> _Written:
        first, *others = (folder / (self.job.image.pattern % (slot + 1)) for folder, slot in places)
        with span_of(self.recorder, Activity.WRITE, self._source):
            first.write_bytes(data)
            for other in others:
                link_or_copy(first, other)
        if self.recorder is not None:
            self.recorder.change("bytes written", len(data))
        return _Written(frames=len(places), pictures=1, bytes=len(data))
