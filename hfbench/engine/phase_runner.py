"""One extraction while it runs: phases timed, work counted, tasks run side by side, trouble turned into values."""

from __future__ import annotations

import resource
import time
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

from hfbench.backends.base import ClipTrouble, ProbeReport
from hfbench.errors import HfbenchError, OutputError
from hfbench.model.cancellation import Control, StopWork
from hfbench.model.metrics import Breakdown, Phase, PhaseTiming, WorkCounters
from hfbench.model.result import ClipFailure, FailureKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Executor

_Item = TypeVar("_Item")
_Value = TypeVar("_Value")


class Progress(Protocol):
    """Told how far a phase is; called from the thread that called the engine."""

    def __call__(self, phase: str, done: int, total: int) -> None:
        """``done`` of ``total`` tasks of a phase are finished."""
        ...


def no_progress(phase: str, done: int, total: int) -> None:
    """Nobody is watching."""


class Stage:
    """What the phases of one extraction share: the run's stop-watch, its counters, and where its tasks run.

    Args:
        executor: where the tasks of a phase run.
        control: the token and the time limit of each task.
        progress: told after each task.
    """

    def __init__(self, executor: Executor, control: Control, progress: Progress = no_progress) -> None:
        self.control = control
        self._executor = executor
        self._progress = progress
        self._started = time.perf_counter()
        self._cpu_at_start = _cpu_seconds()
        self._timings: list[PhaseTiming] = []
        self.work = WorkCounters()

    @contextmanager
    def timed(self, phase: Phase) -> Iterator[None]:
        """Time a phase (elapsed milliseconds)."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self._timings.append(PhaseTiming(phase, (time.perf_counter() - started) * 1000))

    def map(
        self,
        phase: str,
        task: Callable[[_Item, Control], _Value],
        items: Sequence[_Item],
        clip_ids: Sequence[str],
    ) -> list[_Value | ClipFailure]:
        """Run a task for every item; one that fails becomes a failure of the clip of the same position.

        Raises:
            OutputError: the output can't be written; the tasks that have not begun are dropped.
        """
        futures = [
            self._executor.submit(_attempt, task, item, clip_id, self.control)
            for item, clip_id in zip(items, clip_ids, strict=True)
        ]
        outcomes: list[_Value | ClipFailure] = []
        try:
            for future in futures:
                outcomes.append(future.result())
                self._progress(phase, len(outcomes), len(futures))
        finally:
            for future in futures:
                future.cancel()
        return outcomes

    def count(self, work: WorkCounters) -> None:
        """Add work to the run's counters."""
        self.work += work

    def split_probe_time(self, reports: Sequence[ProbeReport]) -> None:
        """Divide the probe's elapsed time between its two names, by what each part took: a source is opened once."""
        elapsed = self._timings.pop().elapsed_ms
        metadata = sum(report.metadata_seconds for report in reports)
        timing = sum(report.timing_seconds for report in reports)
        share = timing / (metadata + timing) if metadata + timing else 0.0
        self._timings.append(PhaseTiming(Phase.HDR_PROBE, elapsed * (1 - share)))
        self._timings.append(PhaseTiming(Phase.VFR_PROBE, elapsed * share))

    def breakdown(
        self,
        *,
        color_mapped: int,
        regularized: int,
        cache_hits: int = 0,
        cache_misses: int = 0,
        tmp_bytes: int,
    ) -> Breakdown:
        """Everything measured up to now; ``tmp_bytes`` is what the work folder held at the end, which is its most."""
        return Breakdown(
            timings=tuple(self._timings),
            video_extract_ms=(time.perf_counter() - self._started) * 1000,
            cpu_ms=(_cpu_seconds() - self._cpu_at_start) * 1000,
            hdr_preflight_count=color_mapped,
            vfr_preflight_count=regularized,
            cache_hits=cache_hits,
            cache_misses=cache_misses,
            tmp_peak_bytes=tmp_bytes,
            tmp_final_bytes=tmp_bytes,
            work=self.work,
        )


def _attempt(
    task: Callable[[_Item, Control], _Value], item: _Item, clip_id: str, control: Control
) -> _Value | ClipFailure:
    """Run one task under its own clock. A broken machine is an exception; anything else is this clip's failure."""
    own = control.restarted()
    try:
        own.check()
        return task(item, own)
    except StopWork as stop:
        return ClipFailure(clip_id, FailureKind(stop.kind), stop.message)
    except ClipTrouble as trouble:
        if trouble.kind is FailureKind.OUTPUT_FAILED:
            raise OutputError(f"output_failed: {trouble.message}", diagnostic=trouble.diagnostic) from trouble
        return ClipFailure(clip_id, trouble.kind, trouble.message, trouble.diagnostic)
    except HfbenchError:
        raise
    except Exception as error:  # noqa: BLE001  a bug or an unforeseen library error must not hurt the other clips
        message = f"the engine failed on this clip ({type(error).__name__}: {error}); please report it"
        return ClipFailure(clip_id, FailureKind.ENGINE_FAILED, message, traceback.format_exc())


def _cpu_seconds() -> float:
    """User + system CPU seconds of this process and its ended children."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    )
