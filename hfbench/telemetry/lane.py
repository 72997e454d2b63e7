"""One sink, its bounded queue, and the thread that serves it.

Sinks that take several events at once (:class:`hfbench.telemetry.base.BatchSink`) get the first event at once and the
next ones together, :data:`GATHER_SECONDS` later: a request costs ten times what is in it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hfbench.errors import HfbenchError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hfbench.telemetry.base import TelemetryEvent, TelemetrySink

#: How long events gather between two batches. PostHog's and OpenTelemetry's own background threads wait as long.
GATHER_SECONDS: Final = 5.0

#: Events in a batch: about 100 kB of JSON, far below what PostHog and collectors take. As many don't wait any longer.
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
        # An awaited sink has its event on disk when the engine goes on: nothing is gathered for it.
        self._emit_all = None if attached.is_awaited else getattr(attached.sink, "emit_all", None)
        self._has_sent = self._is_gathering = False
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
            if not self._is_gathering or self._is_ripe():  # waking the thread for nothing costs as much as queueing
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
        while parcels := self._next():
            error = self._deliver([parcel.event for parcel in parcels])
            self._book(parcels, error)
        if not self._is_abandoned:
            self._close_sink()

    def _next(self) -> list[_Parcel]:
        """Wait for what is to be delivered next; nothing when there will be no more."""
        with self._changed:
            if self._emit_all and self._has_sent:
                self._is_gathering = True
                self._changed.wait_for(self._is_ripe, GATHER_SECONDS)
                self._is_gathering = False
            self._changed.wait_for(lambda: self._parcels or self._is_closing)
            if self._is_abandoned:
                return []
            size = BATCH_EVENTS if self._emit_all else 1
            taken = [self._parcels.popleft() for _ in range(min(size, len(self._parcels)))]
            self._in_hand = len(taken)
            self._has_sent = True
            return taken

    def _is_ripe(self) -> bool:
        return self._is_closing or len(self._parcels) >= min(BATCH_EVENTS, self._capacity)

    def _deliver(self, events: Sequence[TelemetryEvent]) -> str:
        try:
            if self._emit_all:
                self._emit_all(events)
            else:
                self._attached.sink.emit(*events)
        except BaseException as error:  # noqa: BLE001  a sink's trouble, SystemExit included, ends here and is counted
            return error.message if isinstance(error, HfbenchError) else type(error).__name__
        return ""

    def _book(self, parcels: Sequence[_Parcel], error: str) -> None:
        with self._changed:
            if self._in_hand:  # else they were given up on, and counted as late
                self._delivered += 0 if error else self._in_hand
                self._failed += self._in_hand if error else 0
                self._in_hand = 0
                self._last_error = error or self._last_error
            self._is_behind = self._is_behind and bool(self._parcels)
        for parcel in parcels:
            if parcel.settled is not None:
                parcel.settled.set()

    def _close_sink(self) -> None:
        try:
            self._attached.sink.close(max(0.0, self._deadline - time.monotonic()))
        except BaseException as error:  # noqa: BLE001  as above
            with self._changed:
                self._last_error = type(error).__name__
