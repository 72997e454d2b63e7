"""Conformance suite for telemetry sinks: what :class:`hfbench.telemetry.TelemetrySink` promises, as checks.

It needs no test framework. A third party subclasses :class:`SinkConformance`, says how its sink is opened and what
arrived at the other end, and calls :meth:`SinkConformance.run_all`, or each of :attr:`SinkConformance.CHECKS`.
"""

from __future__ import annotations

import getpass
import os
import socket
import sys
import threading
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from hfbench.errors import HfbenchError
from hfbench.telemetry.events import render_complete, render_failed
from hfbench.telemetry.fields import LARGEST_INTEGER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hfbench.telemetry.base import Scalar, TelemetryEvent, TelemetrySink

#: More than one batch of any client, few enough to send one by one.
_EVENT_COUNT: Final = 12

#: What a sink may take beyond the time it was given to close: threads of a busy machine wake late.
_CLOSE_MARGIN_SECONDS: Final = 3.0

#: Names shorter than this occur inside ordinary words, so that finding them proves nothing.
_SHORTEST_NAME: Final = 5


class ConformanceError(HfbenchError):
    """A sink does not keep a promise; the message says which."""


class SinkConformance(ABC):
    """Checks one kind of sink; every check gets a fresh instance of the subclass."""

    #: Names of the checks, in the order of :meth:`run_all`.
    CHECKS: ClassVar[tuple[str, ...]] = (
        "check_delivers_every_event_in_order",
        "check_delivers_batches_as_single_events",
        "check_delivers_numbers_as_they_are",
        "check_absent_stays_absent",
        "check_delivers_from_another_thread",
        "check_adds_nothing_about_the_user",
        "check_keeps_no_process_alive",
        "check_closes_in_time_and_twice",
        "check_takes_nothing_after_closing",
    )

    @abstractmethod
    def open_sink(self) -> TelemetrySink:
        """Return a new sink, set to deliver to where :meth:`received` looks."""

    @abstractmethod
    def received(self) -> Sequence[tuple[str, Mapping[str, Scalar]]]:
        """Return what arrived so far, oldest first: name and properties, without what the transport adds."""

    @abstractmethod
    def received_bytes(self) -> bytes:
        """Return every byte that left so far, as plain as it gets (headers included, compression undone)."""

    def run_all(self) -> None:
        """Run every check, each on a fresh instance; for suites whose instances need arguments, run them one by one.

        Raises:
            ConformanceError: The first promise that is not kept.
        """
        for name in self.CHECKS:
            getattr(type(self)(), name)()

    def check_delivers_every_event_in_order(self) -> None:
        """Every event arrives once, in order, with its name and exactly its properties."""
        sent = list(example_events(_EVENT_COUNT))
        self._send(sent)
        self._expect(sent)

    def check_delivers_batches_as_single_events(self) -> None:
        """A sink that takes several events at once delivers what it would have delivered one by one."""
        sink = self.open_sink()
        sent = list(example_events(_EVENT_COUNT))
        emit_all = getattr(sink, "emit_all", None)
        if emit_all is not None:
            sink.emit(sent[0])
            emit_all(sent[1:5])
            emit_all(sent[5:])
        sink.close()
        self._expect(sent if emit_all is not None else [])

    def check_delivers_numbers_as_they_are(self) -> None:
        """The largest integer, zero and small fractions arrive unrounded; true does not become 1."""
        breakdown = {"bytesWritten": LARGEST_INTEGER, "filesOpened": 0, "cpuMs": 0.001, "resolveMs": 123456789.125}
        sent = [render_complete(breakdown, {"ci": True})]
        self._send(sent)
        self._expect(sent)

    def check_absent_stays_absent(self) -> None:
        """An event without properties is delivered; nothing is filled in for what it does not say."""
        sent = [render_complete({}, {}), render_complete({"resolveMs": None}, {"scope": "fused"})]
        self._send(sent)
        self._expect(sent)

    def check_delivers_from_another_thread(self) -> None:
        """A sink is opened on one thread and used on another, as the dispatcher does."""
        sink = self.open_sink()
        sent = list(example_events(3))

        def use() -> None:
            for event in sent:
                sink.emit(event)
            sink.close()

        thread = threading.Thread(target=use)
        thread.start()
        thread.join()
        self._expect(sent)

    def check_adds_nothing_about_the_user(self) -> None:
        """Neither this machine's name nor the user's nor a path of this process leaves with an event."""
        self._send(example_events(2))
        everything = self.received_bytes().lower()
        for what, name in _private_names():
            if name.lower().encode() in everything:
                raise ConformanceError(f"{what} leaves with an event")

    def check_keeps_no_process_alive(self) -> None:
        """Emitting starts no thread that the interpreter waits for at exit."""
        before = set(threading.enumerate())
        sink = self.open_sink()
        for event in example_events(2):
            sink.emit(event)
        lasting = [thread.name for thread in set(threading.enumerate()) - before if not thread.daemon]
        sink.close()
        if lasting:
            raise ConformanceError(f"threads that hold up the exit: {', '.join(lasting)}")

    def check_closes_in_time_and_twice(self) -> None:
        """Closing takes no longer than it was given; closing again, or unused, does no harm."""
        self.open_sink().close()
        sink = self.open_sink()
        for event in example_events(2):
            sink.emit(event)
        started = time.monotonic()
        sink.close(0.5)
        sink.close(0.5)
        taken = time.monotonic() - started
        if taken > 0.5 + _CLOSE_MARGIN_SECONDS:
            raise ConformanceError(f"closing took {taken:.1f} s of the 0.5 s that it was given")

    def check_takes_nothing_after_closing(self) -> None:
        """An event that comes after closing is refused with an exception: silence would count it as delivered."""
        sink = self.open_sink()
        sink.close()
        try:
            sink.emit(render_complete({}, {}))
        except Exception:  # noqa: BLE001  which one is the sink's business
            return
        raise ConformanceError("an event after closing was accepted silently")

    def _send(self, events: Sequence[TelemetryEvent] | Iterator[TelemetryEvent]) -> None:
        sink = self.open_sink()
        for event in events:
            sink.emit(event)
        sink.close()

    def _expect(self, sent: Sequence[TelemetryEvent]) -> None:
        wanted = [_exact(event.name, event.properties) for event in sent]
        arrived = [_exact(name, properties) for name, properties in self.received()]
        if arrived != wanted:
            raise ConformanceError(
                f"{len(sent)} events were sent, {len(arrived)} arrived, and they differ: {arrived} != {wanted}"
            )


def example_events(count: int) -> Iterator[TelemetryEvent]:
    """Yield ``count`` events that differ from each other and hold every kind of value; every third is a failure."""
    facts = {"engine": "hfbench", "scope": "segment", "backend": "libav", "hfbench_version": "1.2.3", "ci": False}
    for index in range(count):
        if index % 3 == 2:
            yield render_failed({"invalid_media": index, "timeout": 1}, facts)
        else:
            breakdown = {"hdrPreflightMs": 148.25 + index, "tmpPeakBytes": 4_500_000 + index, "videoExtractMs": 231.5}
            yield render_complete(breakdown, facts | {"clip_count": index})


def _exact(name: str, properties: Mapping[str, Scalar]) -> tuple[str, dict[str, tuple[str, Scalar]]]:
    """With the type of each value: in Python 1 == 1.0 == True."""
    return name, {key: (type(value).__name__, value) for key, value in sorted(properties.items())}


def _private_names() -> Iterator[tuple[str, str]]:
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a user without a name
        user = ""
    names = (
        ("the host name", socket.gethostname()),
        ("the user name", user),
        ("the home folder", str(Path.home())),
        ("the working folder", str(Path.cwd())),
        ("the interpreter's path", sys.executable),
        ("the command line", sys.argv[0]),
        ("the process id in a field of its own", f'"pid":{os.getpid()}'),
    )
    return ((what, name) for what, name in names if len(name) >= _SHORTEST_NAME)
