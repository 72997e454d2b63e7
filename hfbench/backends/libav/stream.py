"""Frames of one clip in memory: decode on the calling thread, convert on workers, deliver in order of time."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from hfbench.backends.base import StreamedPicture, TargetReport, damage_warning
from hfbench.backends.libav.decode import WindowDecoder
from hfbench.backends.libav.pictures import FramePictures

if TYPE_CHECKING:
    from collections.abc import Generator
    from concurrent.futures import Future

    from av import VideoFrame

    from hfbench.backends.base import StreamJob
    from hfbench.backends.libav.pipeline import Workers
    from hfbench.model.cancellation import Control
    from hfbench.model.metrics import WorkCounters


def stream(
    job: StreamJob, workers: Workers, control: Control
) -> Generator[StreamedPicture, None, tuple[TargetReport, WorkCounters]]:
    """Pictures in order of time; no more of them wait for the caller than there are workers.

    Raises:
        ClipTrouble: the file can't be read, or its pixels can't be converted.
        StopWork: cancelled, or out of time.
    """
    pictures = FramePictures(job)
    waiting: deque[Future[StreamedPicture]] = deque()

    def convert(frame: VideoFrame, slots: range) -> StreamedPicture:
        try:
            array = pictures.array(frame)
            array.flags.writeable = False
            return StreamedPicture(slots, array)
        finally:
            workers.room.release()

    def finished(at_most: int) -> Generator[StreamedPicture, None, None]:
        while len(waiting) > at_most:
            yield waiting.popleft().result()

    try:
        with WindowDecoder(job.media, control) as decoder:
            frames = decoder.run([job.grid])
            for shown in frames:
                yield from finished(workers.count - 1)
                workers.room.acquire()
                waiting.append(workers.pool.submit(convert, shown.frame, shown.slots[0]))
            yield from finished(0)
            got = frames.filled(0)
            warning = damage_warning(
                wanted=job.grid.count,
                got=got,
                decode_errors=frames.decode_errors,
                corrupt_frames=frames.corrupt_frames,
            )
        report = TargetReport(got, (*([warning] if warning else []), *frames.noticed), pictures.pixels)
        return report, decoder.tally.work()
    finally:
        for future in waiting:  # the caller stopped early
            if future.cancel():
                workers.room.release()
