"""``sqlite:FILE``: one row per event in the table ``hfbench_events``; any number of processes may share the file.

Write-ahead logging: a committed row is in the log file when the insert returns and outlives the process (a power cut
may take the last ones). Read properties with ``json_extract(properties, '$.stage_video_extract_ms')``.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from typing import TYPE_CHECKING, Final, TypeVar

from hfbench.errors import HfbenchError, OutputError
from hfbench.telemetry.base import CLOSE_SECONDS, SinkFactory, SinkSpec, TelemetryEvent
from hfbench.telemetry.files import check_regular, path_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_T = TypeVar("_T")

#: Longest wait for other writers.
BUSY_SECONDS: Final = 5.0
_RETRY_SECONDS: Final = 0.01

#: Layout 1: event, time (nanoseconds since 1970, UTC), properties (a JSON object).
_LAYOUT: Final = """
CREATE TABLE IF NOT EXISTS hfbench_events (
    id INTEGER PRIMARY KEY,
    event TEXT NOT NULL,
    time_unix_ns INTEGER NOT NULL,
    properties TEXT NOT NULL
)
"""
_INSERT: Final = "INSERT INTO hfbench_events (event, time_unix_ns, properties) VALUES (?, ?, ?)"


class SqliteSink:
    """Inserts into one database.

    Args:
        path: The database; it is made when it is missing, and other tables in it are left alone.

    Raises:
        OutputError: The file can't be written, or is not an SQLite database.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_closed = False
        self._connection: sqlite3.Connection | None = None
        self._file_id: tuple[int, int] | None = None
        try:
            _connect(path).close()
        except (sqlite3.Error, OSError) as error:
            raise OutputError(f"sink sqlite:{path.name}: {error}", diagnostic=repr(error)) from error

    def emit(self, event: TelemetryEvent) -> None:
        """Insert ``event`` and commit.

        Raises:
            HfbenchError: The sink is closed, or something replaced the file.
            sqlite3.Error: The row could not be written, for example because another process holds the lock.
        """
        if self._is_closed:
            raise HfbenchError("the sink is closed")
        properties = event.to_properties_json()
        connection = self._open_connection()
        _retried(lambda: connection.execute(_INSERT, (event.name, event.time_unix_ns, properties)))

    def close(self, timeout_seconds: float = CLOSE_SECONDS) -> None:
        """Close the database; take no more events."""
        del timeout_seconds  # closing writes at most what the log holds
        self._is_closed = True
        self._drop_connection()

    def _open_connection(self) -> sqlite3.Connection:
        """The connection of the thread that emits; a new one when the file was removed or replaced meanwhile."""
        check_regular(self._path, "sqlite")
        if self._connection is not None and self._file_id != _file_id(self._path):
            self._drop_connection()
        if self._connection is None:
            self._connection = _connect(self._path)
            self._file_id = _file_id(self._path)
        return self._connection

    def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _connect(path: Path) -> sqlite3.Connection:
    # The dispatcher emits and closes on one thread, but not necessarily on the thread that opened.
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        # Changing the journal mode does not wait for other processes as inserts do: hence the retries.
        _retried(lambda: connection.execute("PRAGMA journal_mode=WAL").fetchone())
        connection.execute("PRAGMA synchronous=NORMAL")
        _retried(lambda: connection.execute(_LAYOUT))
    except BaseException:
        connection.close()
        raise
    return connection


def _retried(act: Callable[[], _T]) -> _T:
    """Run ``act`` until the database is not locked, for :data:`BUSY_SECONDS` at most."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return act()
        except sqlite3.OperationalError as error:
            is_busy = error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
            if not is_busy or time.monotonic() >= deadline:
                raise
            time.sleep(_RETRY_SECONDS)


def _file_id(path: Path) -> tuple[int, int] | None:
    with contextlib.suppress(OSError):
        facts = path.stat()
        return facts.st_dev, facts.st_ino
    return None


def _open(spec: SinkSpec, environ: Mapping[str, str]) -> SqliteSink:
    del environ
    return SqliteSink(path_in(spec))


FACTORY: Final = SinkFactory(_open, network=False)
