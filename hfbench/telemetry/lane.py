"""One sink, its bounded queue, and the thread that serves it.

A sink that takes several events at once (:class:`hfbench.telemetry.base.BatchSink`) gets whatever waits for it in one
call: a request costs ten times as much as its contents.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hfbench.errors import HfbenchError
from hfbench.telemetry.base import BatchSink, SlowStartingSink

if TYPE_CHECKING:
    from hfbench.telemetry.base import TelemetryEvent, TelemetrySink

#: Events in a batch: about 100 kB of JSON, far below what PostHog and collectors accept.
BATCH_EVENTS: Final = 64


@dataclass(frozen=True, slots=True)
class AttachedSink:
    """A sink as a dispatcher serves it.

    Attributes:
        label: What people see; it never leaves the machine.
        sink: The sink.
        is_awaited: Whether emitting waits (for a bounded time) until the event is delivered: for sinks on this machine,
            so that the event is safe even if the process dies next.
    """

    label: str
    sink: TelemetrySink
    is_awaited: bool = False


@dataclass(frozen=True, slots=True)
class SinkReport:
    """How many events were delivered to one sink, and dropped. After closing, ``offered == delivered + dropped``.

    Attributes:
        label: The sink.
        offered: Events that were to go there.
        delivered: Events that it took.
        dropped: Events that did not arrive.
        reason: Why the last of them was dropped: the type of the sink's error; for hfbench's own the message.
    """

    label: str
    offered: int = 0
    delivered: int = 0
    dropped: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Parcel:
    event: TelemetryEvent
    settled: threading.Event | None


class Lane:
    """Serves one sink on one daemon thread, started with the first event. All its state is behind one lock.

    Args:
        attached: The sink.
        capacity: Events that may wait.
    """

    def __init__(self, attached: AttachedSink, capacity: int) -> None:
        self._attached = attached
        self._capacity = capacity
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._queue: deque[_Parcel] = deque()
        self._in_hand: list[_Parcel] = []
        self._close_seconds = 0.0
        self._has_started = self._is_closing = self._is_over = self._is_behind = False
        self._offered = self._delivered = self._dropped = 0
        self._reason = ""

    def offer(self, event: TelemetryEvent) -> threading.Event | None:
        """Queue ``event``, or count it as dropped. Never waits.

        Returns:
            What to wait for, when the sink is awaited and keeps up.
        """
        with self._changed:
            self._offered += 1
            if self._is_closing:
                self._drop(1, "it came after closing")
                return None
            if len(self._queue) >= self._capacity or not self._start_thread():
                self._drop(1, "the queue was full")
                return None
            # A sink that once kept the engine waiting is not waited for again until it has caught up.
            self._is_behind = self._is_behind and bool(self._queue or self._in_hand)
            settled = threading.Event() if self._attached.is_awaited and not self._is_behind else None
            self._queue.append(_Parcel(event, settled))
            self._changed.notify_all()
            return settled

    def mark_behind(self) -> None:
        """Note that the sink did not deliver while it was waited for."""
        with self._changed:
            self._is_behind = True

    def begin_close(self, close_seconds: float) -> None:
        """Take no more events; deliver what waits, then give the sink ``close_seconds`` to close."""
        with self._changed:
            self._is_closing = True
            self._close_seconds = close_seconds
            self._start_thread()
            self._changed.notify_all()

    def wait_for_start(self, deadline: float) -> None:
        """Wait until the sink's client is imported, where it has to be, or until ``deadline`` (``time.monotonic``)."""
        with self._changed:
            self._changed.wait_for(lambda: self._has_started or self._thread is None, _seconds_until(deadline))

    def end_close(self, deadline: float) -> None:
        """Wait for the thread until ``deadline``, then give up on it and on what it did not deliver."""
        if self._thread is not None:
            self._thread.join(_seconds_until(deadline))
        with self._changed:
            self._is_over = True
            left = [*self._in_hand, *self._queue]
            self._queue.clear()
            if left:
                self._drop(len(left), self._reason or "not delivered in time")
        _settle(left)

    def report(self) -> SinkReport:
        """Return how many events were delivered and dropped so far."""
        with self._changed:
            return SinkReport(self._attached.label, self._offered, self._delivered, self._dropped, self._reason)

    def _drop(self, count: int, reason: str) -> None:
        self._dropped += count
        self._reason = reason

    def _start_thread(self) -> bool:
        """Start the thread if it is not running. False when the interpreter is too far into its exit to start one."""
        if self._thread is None:
            thread = threading.Thread(target=self._serve, name=f"hfbench-telemetry-{self._attached.label}", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                return False
            self._thread = thread
        return True

    def _serve(self) -> None:
        self._start_sink()
        while parcels := self._next():
            error = self._deliver([parcel.event for parcel in parcels])
            self._book(parcels, error)
            _settle(parcels)
        self._close_sink()

    def _start_sink(self) -> None:
        """Let the sink import its client before the first event; not for a sink that is closed unused."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._is_closing)
            is_needed = bool(self._queue)
        sink = self._attached.sink
        if is_needed and isinstance(sink, SlowStartingSink):
            with contextlib.suppress(Exception):  # the first event meets the same trouble, and is counted
                sink.start()
        with self._changed:
            self._has_started = True
            self._changed.notify_all()

    def _next(self) -> list[_Parcel]:
        """Wait for what is to be delivered next; nothing when there will be no more."""
        size = BATCH_EVENTS if isinstance(self._attached.sink, BatchSink) else 1
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._is_closing)
            self._in_hand = [self._queue.popleft() for _ in range(min(size, len(self._queue)))]
            return self._in_hand

    def _deliver(self, events: list[TelemetryEvent]) -> str:
        """Give events to the sink; returns what it raised, as text, or nothing."""
        sink = self._attached.sink
        try:
            if isinstance(sink, BatchSink):
                sink.emit_all(events)
            else:
                sink.emit(*events)
        except BaseException as error:  # noqa: BLE001  a sink's trouble, SystemExit included, ends here and is counted
            return error.message if isinstance(error, HfbenchError) else type(error).__name__
        return ""

    def _book(self, parcels: list[_Parcel], error: str) -> None:
        with self._changed:
            self._in_hand = []
            if self._is_over:  # they were given up on, and counted
                return
            if error:
                self._drop(len(parcels), error)
            else:
                self._delivered += len(parcels)

    def _close_sink(self) -> None:
        if self._is_over:
            return
        try:
            self._attached.sink.close(self._close_seconds)
        except BaseException as error:  # noqa: BLE001  as above
            with self._changed:
                self._reason = type(error).__name__


def _settle(parcels: list[_Parcel]) -> None:
    for parcel in parcels:
        if parcel.settled is not None:
            parcel.settled.set()


def _seconds_until(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())
