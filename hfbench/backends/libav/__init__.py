"""FFmpeg's libraries in this process, through PyAV."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from hfbench.backends.base import ExtractJob, ExtractReport, NormalizeReport, ProbeReport
    from hfbench.model.cancellation import Control
    from hfbench.model.plan import ClipPlan, ColorMap


class LibavBackend:
    """The default backend: no child process, one open file for all windows of a source.

    Args:
        workers: threads that convert and encode pictures, beside the thread that decodes.
    """

    name = "libav"
    serves_distant_windows = True

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="hfbench-picture")

    def probe(self, path: Path, control: Control) -> ProbeReport:
        """See :class:`hfbench.backends.base.Backend`."""
        from hfbench.backends.libav.probe import probe

        return probe(path, control)

    def prepare(self, colors: Collection[ColorMap]) -> None:
        """See :class:`hfbench.backends.base.Backend`."""
        from hfbench.pixels.cube_files import cube_of

        for color in colors:
            cube_of(color)

    def normalize(self, plan: ClipPlan, into: Path, control: Control) -> NormalizeReport:
        """See :class:`hfbench.backends.base.Backend`."""
        from hfbench.backends.libav.normalize import normalize

        return normalize(plan, into, control)

    def extract(self, job: ExtractJob, control: Control) -> ExtractReport:
        """See :class:`hfbench.backends.base.Backend`."""
        from hfbench.backends.libav.extract import extract

        return extract(job, self._pool, self._workers, control)

    def close(self) -> None:
        """Let the worker threads end; what is queued is finished first."""
        self._pool.shutdown(wait=True)
