"""FFmpeg's libraries in this process, through PyAV."""

from __future__ import annotations

import functools
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator
    from pathlib import Path

    from hfbench.backends.base import (
        ExtractJob,
        ExtractReport,
        NormalizeReport,
        ProbeReport,
        StreamedPicture,
        StreamJob,
        TargetReport,
    )
    from hfbench.backends.libav.pipeline import Workers
    from hfbench.model.cancellation import Control
    from hfbench.model.metrics import WorkCounters
    from hfbench.model.plan import ClipPlan


class LibavBackend:
    """The default backend: no child process, one open file for all windows of a source.

    Args:
        workers: threads that convert and encode pictures, in addition to the thread that decodes.
    """

    name = "libav"
    serves_distant_windows = True

    def __init__(self, workers: int) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="hfbench-picture")
        self._count = workers

    def load_probe(self) -> None:
        """See :class:`hfbench.backends.base.Backend`."""
        from hfbench.backends.libav.imports import import_for_probing

        import_for_probing()

    def probe(self, path: Path, control: Control) -> ProbeReport:
        """See :class:`hfbench.backends.base.Backend`."""
        from hfbench.backends.libav.probe import probe

        return probe(path, control)

    def load(self, plans: Collection[ClipPlan], announce: Callable[[], None]) -> None:
        """See :class:`hfbench.backends.base.Backend`."""
        if not plans:
            return
        from hfbench.backends.libav.imports import import_for_kernels, import_for_probing, import_for_working
        from hfbench.model.plan import Pixels
        from hfbench.pixels.kernels.loading import load

        import_for_probing()  # the sources may have been known from the cache
        import_for_working()
        if any(plan.pixels is Pixels.KERNEL for plan in plans) and load(announce) is not None:
            import_for_kernels()

    def prepare(self, plans: Collection[ClipPlan]) -> None:
        """See :class:`hfbench.backends.base.Backend`."""
        from hfbench.backends.libav.pictures import can_use_kernels
        from hfbench.pixels.cube_files import cube_of

        for plan in plans:
            if plan.normalize is not None or not can_use_kernels(plan):
                cube_of(plan.color)

    def normalize(self, plan: ClipPlan, into: Path, control: Control) -> NormalizeReport:
        """See :class:`hfbench.backends.base.Backend`."""
        from hfbench.backends.libav.normalize import normalize

        return normalize(plan, into, control)

    def extract(self, job: ExtractJob, control: Control) -> ExtractReport:
        """See :class:`hfbench.backends.base.Backend`."""
        from hfbench.backends.libav.extract import extract

        return extract(job, self._workers, control)

    def stream(
        self, job: StreamJob, control: Control
    ) -> Generator[StreamedPicture, None, tuple[TargetReport, WorkCounters]]:
        """See :class:`hfbench.backends.base.StreamingBackend`."""
        from hfbench.backends.libav.stream import stream

        return stream(job, self._workers, control)

    @functools.cached_property
    def _workers(self) -> Workers:
        from hfbench.backends.libav.pipeline import Workers

        return Workers(self._pool, self._count)

    def close(self) -> None:
        """Let the worker threads end; what is queued is finished first."""
        self._pool.shutdown(wait=True)
