"""The profile of one extraction: which thread did what, when, and for how much CPU time. Recorded only on request."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager


class Activity(StrEnum):
    """What a thread is busy with; ``program``: a run of the ffmpeg program, which does all of it."""

    DEMUX = "demux"
    DECODE = "decode"
    CONVERT = "convert"
    ENCODE = "encode"
    WRITE = "write"
    PROGRAM = "program"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class Span:
    """One activity of one thread.

    Attributes:
        activity: what was done.
        thread: name of the thread, or of the child process.
        source: name of the file that was read.
        start_ns: when it began, :func:`time.perf_counter_ns`.
        wall_ns: elapsed time.
        cpu_ns: user + system CPU time of the thread; for a child process, of the process.
    """

    activity: Activity
    thread: str
    source: str
    start_ns: int
    wall_ns: int
    cpu_ns: int


@dataclass(frozen=True, slots=True)
class Gauge:
    """A counter's value at one moment (:func:`time.perf_counter_ns`): frames in flight, bytes, bytes of memory."""

    name: str
    time_ns: int
    value: int


@dataclass(frozen=True, slots=True)
class ActivityTotal:
    """Milliseconds of one activity: elapsed time summed over threads, and CPU time."""

    wall_ms: float
    cpu_ms: float


@dataclass(frozen=True, slots=True)
class StageProfile:
    """Everything that was recorded over one extraction.

    Attributes:
        spans: in the order in which they ended.
        gauges: in the order in which they were taken.
        cpu_ms: user + system CPU time of the process and its children over the whole stage. FFmpeg's own codec
            threads are part of it and belong to no span.
    """

    spans: tuple[Span, ...]
    gauges: tuple[Gauge, ...]
    cpu_ms: float

    def by_activity(self) -> dict[Activity, ActivityTotal]:
        """Totals over all threads. CPU time that no span covers is FFmpeg's: of its codec threads, or the program."""
        totals = _totals((span.activity, span) for span in self.spans)
        unseen = max(0.0, self.cpu_ms - sum(total.cpu_ms for total in totals.values()))
        ffmpeg = Activity.PROGRAM if Activity.PROGRAM in totals else Activity.DECODE
        so_far = totals.get(ffmpeg, ActivityTotal(0.0, 0.0))
        totals[ffmpeg] = ActivityTotal(so_far.wall_ms, so_far.cpu_ms + unseen)
        return {activity: totals[activity] for activity in Activity if activity in totals}

    def by_thread(self) -> dict[str, dict[Activity, ActivityTotal]]:
        """Totals of each thread, without FFmpeg's own codec threads."""
        threads = dict.fromkeys(span.thread for span in self.spans)
        return {
            thread: _totals((span.activity, span) for span in self.spans if span.thread == thread) for thread in threads
        }

    def to_json(self) -> dict[str, object]:
        """Totals by activity and by thread: ``{"activities": {name: {"wallMs", "cpuMs"}}, "threads": {…}}``."""
        return {
            "activities": _to_json(self.by_activity()),
            "threads": {thread: _to_json(totals) for thread, totals in self.by_thread().items()},
        }


def _totals(spans: Iterable[tuple[Activity, Span]]) -> dict[Activity, ActivityTotal]:
    totals: dict[Activity, ActivityTotal] = {}
    for activity, span in spans:
        so_far = totals.get(activity, ActivityTotal(0.0, 0.0))
        totals[activity] = ActivityTotal(so_far.wall_ms + span.wall_ns / 1e6, so_far.cpu_ms + span.cpu_ns / 1e6)
    return totals


def _to_json(totals: dict[Activity, ActivityTotal]) -> dict[str, dict[str, float]]:
    return {
        activity.value: {"wallMs": round(total.wall_ms, 3), "cpuMs": round(total.cpu_ms, 3)}
        for activity, total in totals.items()
    }


@dataclass(slots=True)
class ProfileRecorder:
    """Collects spans and gauges from all threads of one extraction."""

    _spans: list[Span] = field(default_factory=list)
    _gauges: list[Gauge] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _levels: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def span(self, activity: Activity, source: str) -> Iterator[None]:
        """Record what the calling thread does inside the ``with`` block."""
        start, cpu = time.perf_counter_ns(), time.thread_time_ns()
        try:
            yield
        finally:
            wall = time.perf_counter_ns() - start
            self.add(Span(activity, threading.current_thread().name, source, start, wall, time.thread_time_ns() - cpu))

    def add(self, span: Span) -> None:
        """Record a finished span; for what is measured elsewhere, such as a child process."""
        self._spans.append(span)  # appending to a list is atomic

    def change(self, name: str, by: int) -> None:
        """Raise or lower a counter such as the number of frames in flight."""
        with self._lock:
            level = self._levels[name] = self._levels.get(name, 0) + by
            self._gauges.append(Gauge(name, time.perf_counter_ns(), level))

    def observe(self, name: str, value: int) -> None:
        """Record a counter's value, such as the memory of the process."""
        self._gauges.append(Gauge(name, time.perf_counter_ns(), value))

    def finish(self, cpu_ms: float) -> StageProfile:
        """Everything recorded up to now; ``cpu_ms`` is the CPU time of the whole stage."""
        return StageProfile(tuple(self._spans), tuple(self._gauges), cpu_ms)


_NOTHING: Final = nullcontext()
_Item = TypeVar("_Item")


def span_of(recorder: ProfileRecorder | None, activity: Activity, source: str) -> AbstractContextManager[None]:
    """A recording block, or one that does nothing where no profile was asked for."""
    return _NOTHING if recorder is None else recorder.span(activity, source)


def recorded(
    items: Iterator[_Item], recorder: ProfileRecorder | None, activity: Activity, source: str
) -> Iterator[_Item]:
    """The same items; the time that each takes to arrive is recorded where a profile was asked for."""
    return items if recorder is None else _recorded(items, recorder, activity, source)


def _recorded(items: Iterator[_Item], recorder: ProfileRecorder, activity: Activity, source: str) -> Iterator[_Item]:
    while True:
        with recorder.span(activity, source):
            try:
                item = next(items)
            except StopIteration:
                return
        yield item
