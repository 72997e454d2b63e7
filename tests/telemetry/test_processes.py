"""What only shows in real processes: many writers, sudden death, exits while a server does not answer."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from hfbench.telemetry.jsonl import read_events
from tests.makers.telemetry_servers import FakeServer, refusing_url

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PROCESSES, EVENTS = 8, 500

WRITER = """
import sys
from hfbench.telemetry import open_dispatcher, render_complete
jsonl, database, first, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
with open_dispatcher([f"jsonl:{jsonl}", f"sqlite:{database}"], {}) as telemetry:
    for number in range(first, first + count):
        telemetry.emit(render_complete({"framesDecoded": number}, {"scope": "segment"}))
assert not telemetry.complaints(), telemetry.complaints()
"""


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-c", script, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def rows(database: Path) -> list[int]:
    with closing(sqlite3.connect(database)) as connection:
        found = connection.execute("SELECT properties FROM hfbench_events").fetchall()
    return [json.loads(properties)["frames_decoded"] for (properties,) in found]


def test_eight_processes_share_one_file_and_one_database(tmp_path: Path) -> None:
    jsonl, database = tmp_path / "runs.jsonl", tmp_path / "runs.db"
    writers = [start(WRITER, jsonl, database, index * EVENTS, EVENTS) for index in range(PROCESSES)]
    seen_while_writing = 0
    while any(writer.poll() is None for writer in writers):
        if jsonl.exists():
            contents = read_events(jsonl)
            assert contents.damaged <= 1  # at most the line that is being appended just now
            seen_while_writing += len(contents.events) > 0
        time.sleep(0.02)
    for writer in writers:
        _, stderr = writer.communicate()
        assert (writer.returncode, stderr) == (0, "")
    contents = read_events(jsonl)
    numbers = [event.properties["frames_decoded"] for event in contents.events]
    assert contents.damaged == 0
    assert sorted(numbers) == sorted(rows(database)) == list(range(PROCESSES * EVENTS))
    assert seen_while_writing


def test_event_outlives_a_process_that_is_killed_right_after(tmp_path: Path) -> None:
    jsonl, database = tmp_path / "runs.jsonl", tmp_path / "runs.db"
    script = WRITER.replace("assert not", "pass #").replace(
        '{"scope": "segment"}))', '{"scope": "segment"}))\n        __import__("os").kill(__import__("os").getpid(), 9)'
    )
    for number in range(5):
        killed = start(script, jsonl, database, number, 1)
        _, stderr = killed.communicate(timeout=60)
        assert (killed.returncode, stderr) == (-signal.SIGKILL, "")
    assert [event.properties["frames_decoded"] for event in read_events(jsonl).events] == [0, 1, 2, 3, 4]
    assert rows(database) == [0, 1, 2, 3, 4]


#: Its client waits for minutes, so that it would not end in time if anything waited for the server.
EMITTER = """
import os, sys
from hfbench.telemetry import open_dispatcher, otlp, posthog, render_complete
otlp.REQUEST_SECONDS = posthog.REQUEST_SECONDS = 600.0
spec, how = sys.argv[1], sys.argv[2]
telemetry = open_dispatcher([spec], os.environ)
for number in range(3):
    telemetry.emit(render_complete({"videoExtractMs": 1.0}, {"scope": "fused"}))
sys.stdin.readline()
if how == "close":
    telemetry.close()
    report, = telemetry.report()
    assert report.offered == 3 == report.delivered + report.dropped, report
    print(report.delivered, flush=True)
"""

SPECS = {"posthog": "posthog:{}?key=phc_test", "otlp": "otlp:{}"}


def ended(spec: str, how: str, is_under_way: Callable[[], object]) -> str:
    """What the program printed, once its process has ended: how many events were delivered, if it closed."""
    environ = {**os.environ, "DO_NOT_TRACK": "", "CI": "", "HFBENCH_NO_TELEMETRY": ""}
    command = [sys.executable, "-W", "error", "-c", EMITTER, spec, how]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environ) as process:
        deadline = time.monotonic() + 60
        while not is_under_way() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        try:
            stdout, stderr = process.communicate("go on\n", timeout=120)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    assert (process.returncode, stderr) == (0, "")
    return stdout.strip()


@pytest.mark.parametrize("how", ["close", "just exit"])
@pytest.mark.parametrize("scheme", SPECS)
def test_server_that_never_answers_does_not_hold_up_the_exit(
    scheme: str, how: str, need: Callable[[str], None]
) -> None:
    need(scheme)
    with FakeServer(status=None) as server:
        printed = ended(SPECS[scheme].format(server.url), how, lambda: server.requests)
        assert server.requests, "the server was never asked, so nothing was shown"
    assert printed == ("0" if how == "close" else "")


@pytest.mark.parametrize("status", [200, 400, 429, 500, 503])
@pytest.mark.parametrize("scheme", SPECS)
def test_server_that_answers_anything_does_not_hold_up_the_exit(
    scheme: str, status: int, need: Callable[[str], None]
) -> None:
    need(scheme)
    with FakeServer(status) as server:
        delivered = ended(SPECS[scheme].format(server.url), "close", lambda: server.requests)
    assert delivered == ("3" if status == 200 else "0")


@pytest.mark.parametrize("scheme", SPECS)
def test_refused_connection_does_not_hold_up_the_exit(scheme: str, need: Callable[[str], None]) -> None:
    need(scheme)
    started = time.monotonic()
    url = refusing_url()
    delivered = ended(SPECS[scheme].format(url), "close", lambda: time.monotonic() > started + 1)
    assert delivered == "0"


def test_sink_in_the_programs_own_thread_would_be_noticed() -> None:
    """Negative control: a program that delivers in its own thread does not end while the server is silent."""
    script = EMITTER.replace("telemetry.emit(", "telemetry._lanes[0]._attached.sink.emit(")
    with FakeServer(status=None) as server:
        command = [sys.executable, "-c", script, SPECS["posthog"].format(server.url), "close"]
        environ = {**os.environ, "DO_NOT_TRACK": "", "CI": "", "HFBENCH_NO_TELEMETRY": ""}
        with subprocess.Popen(command, stdin=subprocess.PIPE, text=True, env=environ) as process:
            while not server.requests:
                time.sleep(0.02)
            with pytest.raises(subprocess.TimeoutExpired):
                process.communicate("go on\n", timeout=3)
            process.kill()
