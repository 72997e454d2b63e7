"""Takes events from the engine without ever affecting it: no waiting for networks, no exceptions.

Each sink has a bounded queue and a daemon thread of its own. For a sink on this machine, emitting returns when the
event is written, or after :data:`AWAIT_SECONDS` at most (the event then stays queued); for any other it returns
immediately. Closing flushes for a second and a half in total and then gives up: daemon threads do not delay the exit.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import time
from typing import TYPE_CHECKING, Final, Self

from hfbench.errors import HfbenchError, MachineError
from hfbench.telemetry.base import CLOSE_SECONDS
from hfbench.telemetry.events import screen
from hfbench.telemetry.lane import AttachedSink, Lane, SinkReport
from hfbench.telemetry.policy import choose_sinks

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from hfbench.telemetry.base import TelemetryEvent
    from hfbench.telemetry.policy import SinkChoice

#: Events that may wait for one sink: an extraction makes one or two, so this is enough for minutes without the server.
QUEUE_CAPACITY: Final = 256

#: Longest wait, at closing, for the import of a client library: half a second on a quiet machine.
IMPORT_SECONDS: Final = 20.0

#: Longest wait for a sink on this machine. Writing takes well under a millisecond; this is for a stuck lock or disk.
AWAIT_SECONDS: Final = 1.0


class TelemetryDispatcher:
    """Hands events to sinks. Itself a :class:`hfbench.telemetry.base.TelemetrySink` whose methods never raise.

    It belongs to the process that made it: in a forked child it does nothing, because neither threads nor
    connections survive a fork.

    Args:
        sinks: Where events go; none makes a dispatcher that does nothing.
        notes: Lines for people about sinks that were asked for and stay off.
        capacity: Events that may wait for each sink.
    """

    def __init__(
        self,
        sinks: Sequence[AttachedSink] = (),
        *,
        notes: Sequence[str] = (),
        capacity: int = QUEUE_CAPACITY,
    ) -> None:
        self._lanes = tuple(Lane(attached, capacity) for attached in sinks)
        self._notes = tuple(notes)
        self._process_id = os.getpid()
        self._is_closed = False
        self._refused = 0
        if self._lanes:
            atexit.register(self.close)

    @property
    def is_live(self) -> bool:
        """Whether events go anywhere; otherwise there is no need to make them."""
        return bool(self._lanes) and not self._is_closed

    @property
    def refused(self) -> int:
        """Events that may not leave at all: their names are not in the table of events."""
        return self._refused

    @property
    def notes(self) -> tuple[str, ...]:
        """Lines for people about requested sinks that stay off."""
        return self._notes

    def emit(self, event: TelemetryEvent) -> None:
        """Hand over the part of ``event`` that may leave. Never raises; waits :data:`AWAIT_SECONDS` at most, in all."""
        if not self._lanes or os.getpid() != self._process_id:
            return
        try:
            allowed = screen(event)
        except Exception:  # noqa: BLE001  whatever was passed in must not reach the engine
            allowed = None
        if allowed is None:
            self._refused += 1
            return
        deadline = time.monotonic() + AWAIT_SECONDS
        waits = [(lane, lane.offer(allowed)) for lane in self._lanes]
        for lane, settled in waits:
            _await(lane, settled, deadline)

    def close(self, timeout_seconds: float = CLOSE_SECONDS) -> None:
        """Flush and close every sink within ``timeout_seconds`` in all; count what is left as dropped. Never raises.

        The time begins when the clients of all sinks are imported: that is this process's own work, and takes longer on
        a busy machine than the servers are given.
        """
        if self._is_closed or os.getpid() != self._process_id:
            return
        self._is_closed = True
        atexit.unregister(self.close)
        for lane in self._lanes:
            lane.begin_close(max(0.0, timeout_seconds))
        imported_by = time.monotonic() + IMPORT_SECONDS
        for lane in self._lanes:
            lane.wait_for_start(imported_by)
        deadline = time.monotonic() + max(0.0, timeout_seconds)
        for lane in self._lanes:
            lane.end_close(deadline)

    def report(self) -> tuple[SinkReport, ...]:
        """Return how many events were delivered and dropped, sink by sink."""
        return tuple(lane.report() for lane in self._lanes)

    def complaints(self) -> tuple[str, ...]:
        """Return one line for people for each sink that dropped events; none when all is well."""
        return tuple(
            f"telemetry: {report.label} dropped {report.dropped} of {report.offered} events"
            + (f" ({report.reason})" if report.reason else "")
            for report in self.report()
            if report.dropped
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_dispatcher(cli_specs: Sequence[str], environ: Mapping[str, str], events: int = 1) -> TelemetryDispatcher:
    """Open the requested sinks that may be live.

    Args:
        cli_specs: Specs from the command line, in order.
        environ: The environment: ``HFBENCH_SINK``, the opt-outs, CI, and the keys of network sinks.
        events: How many may come at once; no sink drops any before it holds so many.

    Returns:
        A dispatcher; one that does nothing when there is no live sink.

    Raises:
        UsageError: A spec can't be read, or lacks something (a key, a file).
        MachineError: A file can't be written, or a client library is missing (``NotInstalledError``).
    """
    choices = choose_sinks(cli_specs, environ)
    notes = [f"telemetry: {choice.spec.label} is off: {choice.off_because}" for choice in choices if not choice.is_live]
    with contextlib.ExitStack() as opened:  # when one can't be opened, those before it are closed
        attached = [_open(choice, environ, opened) for choice in choices if choice.is_live]
        opened.pop_all()
    return TelemetryDispatcher(attached, notes=notes, capacity=max(events, QUEUE_CAPACITY))


def _open(choice: SinkChoice, environ: Mapping[str, str], opened: contextlib.ExitStack) -> AttachedSink:
    label = choice.spec.label
    try:
        sink = choice.factory.open(choice.spec, environ)
    except HfbenchError:
        raise
    except Exception as error:  # a third party's factory may raise anything; people get one line
        raise MachineError(f"sink {label}: can't be opened: {type(error).__name__}", diagnostic=str(error)) from error
    opened.callback(sink.close)
    return AttachedSink(label, sink, is_awaited=not choice.factory.network)


def _await(lane: Lane, settled: threading.Event | None, deadline: float) -> None:
    if settled is not None and not settled.wait(max(0.0, deadline - time.monotonic())):
        lane.mark_behind()
