"""One sink, its bounded queue, and the thread that serves it."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hfbench.errors import HfbenchError

if TYPE_CHECKING:
    from hfbench.telemetry.base import TelemetryEvent, TelemetrySink


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
    """What became of the events for one sink. After closing, ``offered == delivered + dropped``.

    Attributes:
        label: The sink.
        offered: Events that were to go there.
        delivered: Events that it took.
        dropped_full: Events that came while its queue was full, or after closing.
        dropped_failed: Events for which it raised.
        dropped_late: Events that were still on their way when the time for closing was over.
        last_error: What it raised last (the type; for hfbench's own errors the message); empty when it never did.
    """

    label: str
    offered: int = 0
    delivered: int = 0
    dropped_full: int = 0
    dropped_failed: int = 0
    dropped_late: int = 0
    last_error: str = ""

    @property
    def dropped(self) -> int:
        """Events that did not arrive, for whatever reason."""
        return self.dropped_full + self.dropped_failed + self.dropped_late


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
        self._parcels: deque[_Parcel] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_closing = False
        self._is_abandoned = False
        self._is_behind = False
        self._deadline = 0.0
        self._offered = self._delivered = self._full = self._failed = self._late = self._in_hand = 0
        self._last_error = ""

    def offer(self, event: TelemetryEvent) -> threading.Event | None:
        """Queue ``event``, or count it as dropped. Never waits.

        Returns:
            What to wait for, when the sink is awaited and keeps up.
        """
        with self._changed:
            self._offered += 1
            if self._is_closing or len(self._parcels) >= self._capacity or not self._start():
                self._full += 1
                return None
            # A sink that once kept the engine waiting is not waited for again until it has caught up.
            settled = threading.Event() if self._attached.is_awaited and not self._is_behind else None
            self._parcels.append(_Parcel(event, settled))
            self._changed.notify()
            return settled

    def mark_behind(self) -> None:
        """Note that the sink did not deliver while somebody waited."""
        with self._changed:
            self._is_behind = bool(self._parcels or self._in_hand)

    def begin_close(self, deadline: float) -> None:
        """Take no more events; deliver what waits until ``deadline`` (``time.monotonic``), then close the sink."""
        with self._changed:
            self._is_closing = True
            self._deadline = deadline
            self._start()
            self._changed.notify()

    def end_close(self) -> None:
        """Wait for the thread until the deadline, then give up on it and on what it did not deliver."""
        thread = self._thread
        if thread is not None:
            thread.join(max(0.0, self._deadline - time.monotonic()))
        with self._changed:
            self._is_abandoned = True
            self._late += len(self._parcels) + self._in_hand
            self._in_hand = 0
            self._settle_all()

    def report(self) -> SinkReport:
        """Return what became of the events so far."""
        with self._changed:
            return SinkReport(
                self._attached.label,
                self._offered,
                self._delivered,
                self._full,
                self._failed,
                self._late,
                self._last_error,
            )

    def _start(self) -> bool:
        """Start the thread if need be. False when the interpreter is too far into its exit to start one."""
        if self._thread is None:
            thread = threading.Thread(target=self._serve, name=f"hfbench-telemetry-{self._attached.label}", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                return False
            self._thread = thread
        return True

    def _settle_all(self) -> None:
        while self._parcels:
            parcel = self._parcels.popleft()
            if parcel.settled is not None:
                parcel.settled.set()

    def _serve(self) -> None:
        while (parcel := self._next()) is not None:
            error = self._deliver(parcel.event)
            self._book(parcel, error)
        if not self._is_abandoned:
            self._close_sink()

    def _next(self) -> _Parcel | None:
        with self._changed:
            while not self._parcels and not self._is_closing:
                self._changed.wait()
            if self._is_abandoned or not self._parcels:
                return None
            self._in_hand = 1
            return self._parcels.popleft()

    def _deliver(self, event: TelemetryEvent) -> str:
        try:
            self._attached.sink.emit(event)
        except BaseException as error:  # noqa: BLE001  a sink's trouble, SystemExit included, ends here and is counted
            return error.message if isinstance(error, HfbenchError) else type(error).__name__
        return ""

    def _book(self, parcel: _Parcel, error: str) -> None:
        with self._changed:
            if self._in_hand:  # else it was given up on, and counted as late
                self._in_hand = 0
                self._delivered += not error
                self._failed += bool(error)
                self._last_error = error or self._last_error
            self._is_behind = self._is_behind and bool(self._parcels)
        if parcel.settled is not None:
            parcel.settled.set()

    def _close_sink(self) -> None:
        try:
            self._attached.sink.close(max(0.0, self._deadline - time.monotonic()))
        except BaseException as error:  # noqa: BLE001  as above
            with self._changed:
                self._last_error = type(error).__name__
