"""The values and interfaces of telemetry: events, sinks, and how a sink is named on a command line.

An event is a flat map from key to scalar: what it may hold is decided in :mod:`hfbench.telemetry.events`, where it
goes is decided in :mod:`hfbench.telemetry.policy`. Nothing here does I/O.
"""

from __future__ import annotations

import json
import math
import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Protocol, Self, runtime_checkable

from hfbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

#: What a property may be. There is no null: what is unknown is absent.
Scalar = str | int | float | bool

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

#: Seconds that :meth:`TelemetrySink.close` may take by default. The process is to be gone 2 s after its own work is
#: done, whatever the servers do: the rest is for the interpreter's exit.
CLOSE_SECONDS: Final = 1.5

#: Entry point group in which third parties offer a :class:`SinkFactory`, named after its scheme.
ENTRY_POINT_GROUP: Final = "hfbench.sinks"

#: Version of the JSON record of one event, as ``jsonl:`` and ``stdout:`` write it.
#: 1: ``schema``, ``event``, ``timestamp`` (ISO 8601, UTC), ``properties``.
RECORD_SCHEMA: Final = 1


@dataclass(frozen=True, slots=True)
class TelemetryEvent:
    """One event, as flat facts.

    Attributes:
        name: The event's name, for example ``render_complete``.
        properties: Key to scalar, copied and read-only. Units are in the keys (``_ms``, ``_bytes``, ``_count``).
        time_unix_ns: When it happened: nanoseconds since 1970 in UTC.

    Raises:
        UsageError: A property is not a finite scalar.
    """

    name: str
    properties: Mapping[str, Scalar] = field(hash=False)
    time_unix_ns: int = field(default_factory=time.time_ns)

    def __post_init__(self) -> None:
        for key, value in self.properties.items():
            if not isinstance(value, (str, int, float)) or (isinstance(value, float) and not math.isfinite(value)):
                kind = type(value).__name__
                raise UsageError(f"telemetry property {key!r} must be a finite str, int, float or bool, not {kind}")
        object.__setattr__(self, "properties", MappingProxyType(dict(self.properties)))

    @property
    def moment(self) -> datetime:
        """:attr:`time_unix_ns` in UTC, to the microsecond (in integers: a float would lose some of them)."""
        return EPOCH + timedelta(microseconds=self.time_unix_ns // 1000)

    @property
    def timestamp(self) -> str:
        """:attr:`time_unix_ns` as ISO 8601 in UTC, to the microsecond."""
        return self.moment.isoformat(timespec="microseconds")

    def to_properties_json(self) -> str:
        """Return :attr:`properties` as a JSON object on one line, ASCII."""
        return json.dumps(dict(self.properties), separators=(",", ":"), allow_nan=False)

    def to_line(self) -> str:
        """Return the event as one line of JSON (:data:`RECORD_SCHEMA`), ASCII, without the line end."""
        record = {
            "schema": RECORD_SCHEMA,
            "event": self.name,
            "timestamp": self.timestamp,
            "properties": dict(self.properties),
        }
        return json.dumps(record, separators=(",", ":"), allow_nan=False)


class TelemetrySink(Protocol):
    """Where events go. The dispatcher calls a sink from one thread at a time and never from the engine's.

    A sink may therefore block and may raise: both are counted, and neither affects the engine. It must not start
    threads that keep the process alive, and it must add nothing to an event that tells who or where the user is.
    """

    def emit(self, event: TelemetryEvent) -> None:
        """Deliver ``event``. Return when it is delivered; raise anything when it can't be."""

    def close(self, timeout_seconds: float = CLOSE_SECONDS) -> None:
        """Release files and connections within ``timeout_seconds``. A second call does nothing."""


@runtime_checkable
class BatchSink(TelemetrySink, Protocol):
    """A sink that takes several events at once."""

    def emit_all(self, events: Sequence[TelemetryEvent]) -> None:
        """Deliver all of ``events``, in order. Return when they are delivered; raise anything when one can't be."""


@runtime_checkable
class SlowStartingSink(TelemetrySink, Protocol):
    """A sink with a client library to import. Closing a dispatcher does not count the import as the sink's time."""

    def start(self) -> None:
        """Import what delivering needs. Called on the dispatcher's thread, once, before the first event."""


@dataclass(frozen=True, slots=True)
class SinkSpec:
    """A sink as it is named on a command line: ``scheme:target``.

    Attributes:
        scheme: What kind of sink, in lower case.
        target: Everything after the first colon, verbatim; it may hold a key, so it stays out of ``repr``.
    """

    scheme: str
    target: str = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``scheme:target``.

        Raises:
            UsageError: There is no scheme in front of a colon.
        """
        match = re.fullmatch(r"\s*([A-Za-z][A-Za-z0-9_.-]*):(.*)", text, flags=re.DOTALL)
        if match is None:
            raise UsageError(
                f"sink {text!r} has no scheme: write jsonl:FILE, sqlite:FILE, posthog:[URL], otlp:[URL], "
                "stdout: or memory:"
            )
        return cls(match[1].lower(), match[2].strip())

    @property
    def label(self) -> str:
        """The spec without its options: what people see. It never leaves the machine."""
        return f"{self.scheme}:{self.target.partition('?')[0]}"


@dataclass(frozen=True, slots=True)
class SinkFactory:
    """How sinks of one scheme are made; what an ``hfbench.sinks`` entry point must resolve to.

    Attributes:
        open: Makes the sink from its spec and the environment. It checks what can be checked at once (a folder
            that is missing, a client library that is not installed) and raises an ``HfbenchError`` of one line;
            whatever is slow (importing a client, connecting) waits for the first event.
        network: Whether events leave the machine: such sinks obey ``DO_NOT_TRACK``, ``HFBENCH_NO_TELEMETRY`` and CI,
            and are never waited for. A sink that stays on the machine has an event safe when the emitter goes on.
    """

    open: Callable[[SinkSpec, Mapping[str, str]], TelemetrySink]
    network: bool = True
