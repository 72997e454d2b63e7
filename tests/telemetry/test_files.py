"""The sinks that write files: whole lines whatever happens to the writer."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from hfbench.errors import HfbenchError, OutputError
from hfbench.telemetry.base import SinkSpec, TelemetryEvent
from hfbench.telemetry.files import path_in
from hfbench.telemetry.jsonl import JsonlSink, read_events
from hfbench.telemetry.sqlite import SqliteSink
from hfbench.telemetry.stdout import StdoutSink

if TYPE_CHECKING:
    from pathlib import Path

EVENT = TelemetryEvent("render_complete", {"scope": "fused", "cores": 2}, 1_700_000_000_123_456_000)


def test_jsonl_reads_back_what_was_written(tmp_path: Path) -> None:
    JsonlSink(tmp_path / "runs.jsonl").emit(EVENT)
    contents = read_events(tmp_path / "runs.jsonl")
    assert (contents.events, contents.damaged) == ((EVENT,), 0)


@pytest.mark.parametrize("torn", [b'{"schema":1,"eve', b"\x00\x00", b"{}", b'{"schema":99}'])
def test_unfinished_line_spoils_nothing_but_itself(torn: bytes, tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    sink = JsonlSink(path)
    sink.emit(EVENT)
    with path.open("ab") as file:
        file.write(torn)
    assert read_events(path).damaged == 1
    sink.emit(EVENT)
    contents = read_events(path)
    assert (contents.events, contents.damaged) == ((EVENT, EVENT), 1)


def test_path_is_fixed_when_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert path_in(SinkSpec("jsonl", "runs.jsonl")) == tmp_path / "runs.jsonl"
    assert path_in(SinkSpec("jsonl", "~/runs.jsonl")) == tmp_path / "runs.jsonl"
    assert path_in(SinkSpec("jsonl", "~nobody-of-that-name")) == tmp_path / "~nobody-of-that-name"


def test_path_that_can_not_be_looked_at_gets_one_line(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OutputError, match=r"^sink jsonl:.*/loop: "):
        path_in(SinkSpec("jsonl", str(tmp_path / "loop")))


def test_interleaved_writers_would_be_noticed(tmp_path: Path) -> None:
    """Negative control for the test with eight processes: two writers that write lines in two halves."""
    line = EVENT.to_line().encode() + b"\n"
    path = tmp_path / "runs.jsonl"
    path.write_bytes(line + line[:20] + line[:20] + line[20:] + line[20:])
    contents = read_events(path)
    assert (len(contents.events), contents.damaged) == (1, 2)


def test_disk_that_fills_up_leaves_no_half_line(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    script = f"""
import resource, sys
from pathlib import Path
from hfbench.telemetry.base import TelemetryEvent
from hfbench.telemetry.jsonl import JsonlSink
sink = JsonlSink(Path({str(path)!r}))
event = TelemetryEvent("render_complete", {{"scope": "fused"}})
sink.emit(event)
size = Path({str(path)!r}).stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 30, size + 30))
try:
    sink.emit(event)
except OSError as error:
    print(error)
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.startswith("only 30 of ")
    contents = read_events(path)
    assert (len(contents.events), contents.damaged) == (1, 0)
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY  # the limit was the child's alone


def test_lock_that_is_never_let_go_is_given_up_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hfbench.telemetry.jsonl.LOCK_SECONDS", 0.05)
    path = tmp_path / "runs.jsonl"
    sink = JsonlSink(path)
    with path.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(OutputError, match="holds the file's lock"):
            sink.emit(EVENT)
    sink.emit(EVENT)
    assert len(read_events(path).events) == 1


def test_file_system_without_locks_still_gets_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(95, "not supported")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    JsonlSink(tmp_path / "runs.jsonl").emit(EVENT)
    assert len(read_events(tmp_path / "runs.jsonl").events) == 1


@pytest.mark.parametrize("kind", [JsonlSink, SqliteSink])
def test_file_that_is_removed_meanwhile_is_made_anew(kind: type[JsonlSink | SqliteSink], tmp_path: Path) -> None:
    path = tmp_path / "runs"
    sink = kind(path)
    sink.emit(EVENT)
    for each in tmp_path.iterdir():
        each.unlink()
    sink.emit(EVENT)
    sink.close()
    assert path.stat().st_size > 0


@pytest.mark.parametrize("kind", [JsonlSink, SqliteSink])
def test_pipe_that_takes_the_files_place_is_not_waited_on(kind: type[JsonlSink | SqliteSink], tmp_path: Path) -> None:
    path = tmp_path / "runs"
    sink = kind(path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(OutputError, match="not a regular file"):
        sink.emit(EVENT)
    sink.close()


@pytest.mark.parametrize("kind", [JsonlSink, SqliteSink])
def test_unwritable_file_is_noticed_when_it_is_opened(kind: type[JsonlSink | SqliteSink], tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match=r"^sink "):
        kind(tmp_path / "folder")


def test_file_that_is_no_database_is_noticed_when_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    path.write_text("not a database, and longer than the header of one would be\n" * 20)
    with pytest.raises(OutputError, match=r"^sink sqlite:runs\.db: file is not a database$"):
        SqliteSink(path)
    assert path.read_text().startswith("not a database")


def test_sqlite_leaves_other_tables_alone_and_keeps_old_rows(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    with closing(sqlite3.connect(path)) as mine:
        mine.execute("CREATE TABLE mine (x)")
    for _ in range(2):
        sink = SqliteSink(path)
        sink.emit(EVENT)
        sink.close()
    with closing(sqlite3.connect(path)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")}
        rows = connection.execute("SELECT event, time_unix_ns, properties FROM hfbench_events").fetchall()
        scope = connection.execute("SELECT json_extract(properties, '$.scope') FROM hfbench_events").fetchone()
    assert tables == {"mine", "hfbench_events"}
    assert rows == [(EVENT.name, EVENT.time_unix_ns, EVENT.to_properties_json())] * 2
    assert scope == ("fused",)


def test_sqlite_waits_for_another_writer(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    sink = SqliteSink(path)
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.2, lambda: other.execute("COMMIT"))
    timer.start()
    sink.emit(EVENT)
    timer.join()
    other.close()
    sink.close()


def test_sqlite_lock_that_is_never_let_go_is_given_up_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hfbench.telemetry.sqlite.BUSY_SECONDS", 0.05)
    path = tmp_path / "runs.db"
    sink = SqliteSink(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            sink.emit(EVENT)
    sink.close()


class Pipe:
    """A standard output that somebody reads, or not."""

    def __init__(self) -> None:
        self.reader, writer = os.pipe()
        self.stream = os.fdopen(writer, "w")

    def close(self) -> None:
        os.close(self.reader)
        self.stream.close()


def test_stdout_that_nobody_reads_does_not_block(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = Pipe()
    monkeypatch.setattr(sys, "stdout", pipe.stream)
    sink, written = StdoutSink(), []

    def fill() -> None:
        for number in range(10_000):
            sink.emit(EVENT)
            written.append(number)

    with pytest.raises(OutputError, match="takes nothing now"):
        fill()
    monkeypatch.undo()
    lines = os.read(pipe.reader, 1 << 20).decode().splitlines()
    assert 10 < len(lines) == len(written)
    assert all(json.loads(line)["event"] == EVENT.name for line in lines)
    pipe.close()


def test_stdout_that_is_gone_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(HfbenchError):
        StdoutSink().emit(EVENT)
