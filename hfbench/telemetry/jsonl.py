"""``jsonl:FILE``: one JSON line per event, appended whole; any number of processes may share the file.

A line is one ``write`` at the end of the file (``O_APPEND``), under an advisory lock. When the call returns, the
bytes are the kernel's: they outlive the process, not a power cut. A line that an earlier writer left unfinished (it
was killed, the disk was full) is ended first, so that it can spoil nothing but itself.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from hfbench.errors import HfbenchError, OutputError
from hfbench.telemetry.base import CLOSE_SECONDS, EPOCH, RECORD_SCHEMA, SinkFactory, SinkSpec, TelemetryEvent
from hfbench.telemetry.files import check_regular, path_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

#: Longest wait for other writers. Each holds the lock for well under a millisecond.
LOCK_SECONDS: Final = 2.0
_LOCK_POLL_SECONDS: Final = 0.001

_FLAGS: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK


class JsonlSink:
    """Appends to one file. The file is opened for each event, so that rotating or removing it loses nothing.

    Args:
        path: The file; it is made when it is missing.

    Raises:
        OutputError: The file can't be opened for appending.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_closed = False
        try:
            os.close(os.open(path, _FLAGS, 0o666))
        except OSError as error:
            raise OutputError(
                f"sink jsonl:{path.name}: {error.strerror or type(error).__name__}", diagnostic=str(error)
            ) from error

    def emit(self, event: TelemetryEvent) -> None:
        """Append ``event`` as one whole line.

        Raises:
            HfbenchError: The sink is closed, another process holds the lock, or something replaced the file.
            OSError: The line could not be written completely; none of it is left.
        """
        if self._is_closed:
            raise HfbenchError("the sink is closed")
        check_regular(self._path, "jsonl")
        descriptor = os.open(self._path, _FLAGS, 0o666)
        try:
            with _locked(descriptor):
                _append(descriptor, event.to_line().encode("ascii") + b"\n")
        finally:
            os.close(descriptor)

    def close(self, timeout_seconds: float = CLOSE_SECONDS) -> None:
        """Take no more events."""
        del timeout_seconds  # nothing is open between events
        self._is_closed = True


@contextlib.contextmanager
def _locked(descriptor: int) -> Iterator[None]:
    """Hold the file's advisory lock; it is released when the descriptor is closed or the process ends."""
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise OutputError("another process holds the file's lock") from None
            time.sleep(_LOCK_POLL_SECONDS)
        except OSError:
            break  # a file system without locks: O_APPEND alone still keeps lines apart
    yield


def _append(descriptor: int, line: bytes) -> None:
    size = os.fstat(descriptor).st_size
    is_torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
    whole = b"\n" + line if is_torn else line
    written = os.write(descriptor, whole)
    if written != len(whole):
        os.ftruncate(descriptor, size)  # safe under the lock: nothing was appended after this
        raise OSError(f"only {written} of {len(whole)} bytes fit")


@dataclass(frozen=True, slots=True)
class JsonlContents:
    """What a file holds.

    Attributes:
        events: Every whole event, oldest first.
        damaged: Lines that are not a whole event, an unfinished last one included.
    """

    events: tuple[TelemetryEvent, ...]
    damaged: int


def read_events(path: Path) -> JsonlContents:
    """Read a file that ``jsonl:`` wrote, while others may be appending to it.

    Raises:
        OSError: The file can't be read.
    """
    *lines, rest = path.read_bytes().split(b"\n")
    events = tuple(event for line in lines if (event := _event_in(line)) is not None)
    return JsonlContents(events, len(lines) - len(events) + bool(rest))


def _event_in(line: bytes) -> TelemetryEvent | None:
    try:
        record = json.loads(line)
        if record["schema"] != RECORD_SCHEMA:
            return None
        moment = datetime.fromisoformat(record["timestamp"])
        return TelemetryEvent(
            record["event"], record["properties"], (moment - EPOCH) // timedelta(microseconds=1) * 1000
        )
    except (ValueError, TypeError, KeyError, AttributeError, HfbenchError):
        return None


def _open(spec: SinkSpec, environ: Mapping[str, str]) -> JsonlSink:
    del environ
    return JsonlSink(path_in(spec))


FACTORY: Final = SinkFactory(_open, network=False)
