"""``stdout:``: one JSON line per event on standard output."""

from __future__ import annotations

import select
import sys
from typing import TYPE_CHECKING, Final, TextIO

from hfbench.errors import HfbenchError, OutputError, UsageError
from hfbench.telemetry.base import CLOSE_SECONDS, SinkFactory, SinkSpec, TelemetryEvent

if TYPE_CHECKING:
    from collections.abc import Mapping


class StdoutSink:
    """Writes to whatever ``sys.stdout`` is when an event comes."""

    def __init__(self) -> None:
        self._is_closed = False

    def emit(self, event: TelemetryEvent) -> None:
        """Write ``event`` and flush.

        Raises:
            OutputError: There is no standard output, or its reader is gone or slow.
            HfbenchError: The sink is closed.
        """
        if self._is_closed:
            raise HfbenchError("the sink is closed")
        stream = sys.stdout
        if stream is None or stream.closed or not _takes_bytes_now(stream):
            raise OutputError("standard output takes nothing now")
        stream.write(event.to_line() + "\n")
        stream.flush()

    def close(self, timeout_seconds: float = CLOSE_SECONDS) -> None:
        """Take no more events; standard output stays open."""
        del timeout_seconds  # nothing here takes time
        self._is_closed = True


def _takes_bytes_now(stream: TextIO) -> bool:
    """Whether a line can be written without waiting.

    A thread that waits inside ``sys.stdout.write`` holds the stream's lock, and the interpreter aborts at exit when it
    finds that lock taken. A pipe that polls as writable takes PIPE_BUF bytes (POSIX: at least 512, Linux: 4096).
    """
    try:
        descriptor = stream.fileno()
    except (OSError, AttributeError):  # a buffer in memory has no descriptor and never blocks
        return True
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return any(ready & select.POLLOUT for _, ready in poll.poll(0))


def _open(spec: SinkSpec, environ: Mapping[str, str]) -> StdoutSink:
    del environ
    if spec.target:
        raise UsageError(f"sink {spec.label}: stdout: takes nothing after the colon; for a file write jsonl:FILE")
    return StdoutSink()


FACTORY: Final = SinkFactory(_open, network=False)
