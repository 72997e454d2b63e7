"""One extraction while it runs: phases timed, work counted, tasks run in parallel, exceptions turned into values."""

from __future__ import annotations

import resource
import time
import traceback
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from hfbench.backends.base import ClipTrouble, ProbeReport
from hfbench.errors import HfbenchError, OutputError
from hfbench.model.cancellation import Control, StopWork
from hfbench.model.metrics import Breakdown, Phase, PhaseTiming, WorkCounters
from hfbench.model.result import ClipFailure, FailureKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Executor


class Progress(Protocol):
    """Receives the progress of a phase; called from the thread that called the engine."""

    def __call__(self, phase: str, done: int, total: int) -> None:
        """``done`` of ``total`` tasks of a phase are finished."""
        ...


def no_progress(phase: str, done: int, total: int) -> None:
    """Discard progress updates."""


class TaskItem(Protocol):
    """What a task works on: anything that knows which clip fails when the task does."""

    @property
    def clip_id(self) -> str:
        """The id of the clip, or of one of the clips, that the item belongs to."""
        ...


_Item = TypeVar("_Item", bound=TaskItem)
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Attempt(Generic[_Item, _Value]):
    """An item and what its task returned, or why it failed."""

    item: _Item
    outcome: _Value | ClipFailure


class PhaseRunner:
    """What the phases of one extraction share: the timer, the work counters, and the executor of their tasks.

    Args:
        executor: where the tasks of a phase run.
        control: the token and the time limit of each task.
        progress: called after each task.
    """

    def __init__(self, executor: Executor, control: Control, progress: Progress = no_progress) -> None:
        self._control = control
        self._executor = executor
        self._progress = progress
        self._started = time.perf_counter()
        self._cpu_at_start = _cpu_seconds()
        self._timings: list[PhaseTiming] = []
        self._work = WorkCounters()

    @contextmanager
    def timed(self, phase: Phase) -> Iterator[None]:
        """Time a phase (elapsed milliseconds)."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self._timings.append(PhaseTiming(phase, (time.perf_counter() - started) * 1000))

    @contextmanager
    def unmeasured(self, what: str) -> Iterator[Callable[[], None]]:
        """Leave what is done out of every metric: a cost of the process or the machine, not of this extraction.

        Yields:
            What shows ``what`` as a phase of its own, to be called where it takes long.
        """
        started, cpu = time.perf_counter(), _cpu_seconds()
        try:
            yield lambda: self._progress(what, 0, 1)
        finally:
            self._started += time.perf_counter() - started
            self._cpu_at_start += _cpu_seconds() - cpu

    def map(
        self, phase: str, task: Callable[[_Item, Control], _Value], items: Sequence[_Item]
    ) -> tuple[Attempt[_Item, _Value], ...]:
        """Run a task for every item; one that fails becomes a failure of the item's clip.

        Raises:
            OutputError: the output can't be written; the tasks that have not begun are dropped.
        """
        futures = [self._executor.submit(_attempt, task, item, self._control) for item in items]
        attempts: list[Attempt[_Item, _Value]] = []
        try:
            for future in futures:
                attempts.append(future.result())
                self._progress(phase, len(attempts), len(futures))
        finally:
            for future in futures:
                future.cancel()
        return tuple(attempts)

    def map_here(
        self, task: Callable[[_Item, Control], _Value], items: Sequence[_Item]
    ) -> tuple[Attempt[_Item, _Value], ...]:
        """The same in this thread, without progress: for tasks that take less time than handing them over."""
        return tuple(_attempt(task, item, self._control) for item in items)

    def count(self, work: WorkCounters) -> None:
        """Add work to the run's counters."""
        self._work += work

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
        cache_hits: int,
        cache_misses: int,
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
            work=self._work,
        )


def _attempt(task: Callable[[_Item, Control], _Value], item: _Item, control: Control) -> Attempt[_Item, _Value]:
    """Run one task under its own time limit. A broken machine is an exception; anything else is this clip's failure."""
    own = control.restarted()
    try:
        own.check()
        return Attempt(item, task(item, own))
    except Exception as error:  # noqa: BLE001  a bug or an unforeseen library error must not affect the other clips
        return Attempt(item, failure_of(error, item.clip_id))


def failure_of(error: Exception, clip_id: str) -> ClipFailure:
    """The failure of a clip whose work raised ``error``.

    Raises:
        HfbenchError: ``error`` itself, where it concerns the whole run; that the output can't be written does.
    """
    match error:
        case StopWork():
            return ClipFailure(clip_id, FailureKind(error.kind), error.message)
        case ClipTrouble(kind=FailureKind.OUTPUT_FAILED):
            raise OutputError(f"output_failed: {error.message}", diagnostic=error.diagnostic) from error
        case ClipTrouble():
            return ClipFailure(clip_id, error.kind, error.message, error.diagnostic)
        case HfbenchError():
            raise error
        case _:
            diagnostic = "".join(traceback.format_exception(error))
            return ClipFailure(clip_id, FailureKind.ENGINE_FAILED, _explained(error), diagnostic)


def _explained(error: Exception) -> str:
    """A message for an unexpected exception; it asks for a report only where a bug is the likely cause."""
    if isinstance(error, MemoryError):
        return "there was not enough memory for this clip: use fewer workers or a smaller source"
    if type(error).__module__.partition(".")[0] == "av":
        return f"FFmpeg's libraries can't handle this clip ({type(error).__name__}: {error}): convert its source"
    if isinstance(error, OSError):
        what = error.strerror or error
        return f"the system refused to read or write a file of this clip ({type(error).__name__}: {what}): try again"
    return f"the engine failed on this clip ({type(error).__name__}: {error}); please report it"


def _cpu_seconds() -> float:
    """User + system CPU seconds of this process and its ended children."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    )
