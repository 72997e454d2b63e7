"""The shipped conformance suite over every built-in sink; the network ones with the real clients over HTTP."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hfbench.telemetry.base import SinkSpec
from hfbench.telemetry.jsonl import read_events
from hfbench.telemetry.memory import forget, recorded
from hfbench.telemetry.registry import BUILT_IN, find_factory
from hfbench.testing.sinks import ConformanceError, SinkConformance, example_events
from tests.makers.telemetry_servers import FakeServer, otlp_spans, plain, posthog_events

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from hfbench.telemetry.base import Scalar, TelemetryEvent, TelemetrySink

    Arrived = Sequence[tuple[str, Mapping[str, Scalar]]]


def opened(spec: str) -> TelemetrySink:
    parsed = SinkSpec.parse(spec)
    return find_factory(parsed.scheme).open(parsed, {})


class Memory(SinkConformance):
    def __init__(self, folder: Path, server: FakeServer, capture: pytest.CaptureFixture[str]) -> None:
        self.folder, self.server, self.capture = folder, server, capture

    def open_sink(self) -> TelemetrySink:
        return opened(f"memory:{self.folder}")

    def received(self) -> Arrived:
        return [(event.name, event.properties) for event in recorded(str(self.folder))]

    def received_bytes(self) -> bytes:
        return "\n".join(event.to_line() for event in recorded(str(self.folder))).encode()


class Jsonl(Memory):
    def open_sink(self) -> TelemetrySink:
        return opened(f"jsonl:{self.folder / 'runs.jsonl'}")

    def received(self) -> Arrived:
        return [(event.name, event.properties) for event in read_events(self.folder / "runs.jsonl").events]

    def received_bytes(self) -> bytes:
        return (self.folder / "runs.jsonl").read_bytes()


class Sqlite(Memory):
    def open_sink(self) -> TelemetrySink:
        return opened(f"sqlite:{self.folder / 'runs.db'}")

    def received(self) -> Arrived:
        with closing(sqlite3.connect(self.folder / "runs.db")) as connection:
            rows = connection.execute("SELECT event, properties FROM hfbench_events ORDER BY id").fetchall()
        return [(name, json.loads(properties)) for name, properties in rows]

    def received_bytes(self) -> bytes:
        return b"".join(path.read_bytes() for path in self.folder.iterdir())


class Stdout(Memory):
    text = ""

    def open_sink(self) -> TelemetrySink:
        return opened("stdout:")

    def received(self) -> Arrived:
        self.text += self.capture.readouterr().out
        return [(record["event"], record["properties"]) for record in map(json.loads, self.text.splitlines())]

    def received_bytes(self) -> bytes:
        self.text += self.capture.readouterr().out
        return self.text.encode()


class Posthog(Memory):
    def open_sink(self) -> TelemetrySink:
        return opened(f"posthog:{self.server.url}?key=phc_test")

    def received(self) -> Arrived:
        return [
            (event["event"], {key: value for key, value in event["properties"].items() if not key.startswith("$")})
            for event in posthog_events(self.server)
        ]

    def received_bytes(self) -> bytes:
        return self.server.all_bytes


class Otlp(Posthog):
    def open_sink(self) -> TelemetrySink:
        return opened(f"otlp:{self.server.url}")

    def received(self) -> Arrived:
        return [(span.name, plain(span.attributes)) for span in otlp_spans(self.server) if not span.parent_span_id]


SUITES = {"memory": Memory, "jsonl": Jsonl, "sqlite": Sqlite, "stdout": Stdout, "posthog": Posthog, "otlp": Otlp}


@pytest.fixture(autouse=True)
def _no_memory(tmp_path: Path) -> Iterator[None]:
    yield
    forget(str(tmp_path))


def test_every_built_in_sink_has_a_suite() -> None:
    assert SUITES.keys() == BUILT_IN.keys()


@pytest.mark.parametrize("check", SinkConformance.CHECKS)
@pytest.mark.parametrize("scheme", SUITES)
def test_sink_keeps_promise(
    scheme: str,
    check: str,
    need: Callable[[str], None],
    tmp_path: Path,
    server: FakeServer,
    capsys: pytest.CaptureFixture[str],
) -> None:
    need(scheme)
    getattr(SUITES[scheme](tmp_path, server, capsys), check)()


class Broken(SinkConformance):
    """Negative control: a sink that breaks every promise."""

    def __init__(self) -> None:
        self.sent: list[TelemetryEvent] = []
        self.text = b""

    def open_sink(self) -> TelemetrySink:
        return BrokenSink(self)

    def received(self) -> Arrived:
        return [(event.name, dict(event.properties) | {"filled_in": 0}) for event in self.sent]

    def received_bytes(self) -> bytes:
        return str(Path.cwd()).encode()


class BrokenSink:
    def __init__(self, suite: Broken) -> None:
        self.suite = suite

    def emit(self, event: TelemetryEvent) -> None:
        import threading

        self.suite.sent.append(event)
        threading.Thread(target=threading.Event().wait, args=(0.2,), name="lingers").start()

    def emit_all(self, events: Sequence[TelemetryEvent]) -> None:
        self.suite.sent.extend(events[:-1])

    def close(self, timeout_seconds: float = 2.0) -> None:
        import time

        time.sleep(timeout_seconds if timeout_seconds < 1 else 0)


@pytest.mark.parametrize("check", SinkConformance.CHECKS)
def test_broken_sink_is_caught_by_each_check(check: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hfbench.testing.sinks._CLOSE_MARGIN_SECONDS", 0.25)
    with pytest.raises(ConformanceError):
        getattr(Broken(), check)()


def test_run_all_runs_every_check() -> None:
    class Counting(Broken):
        ran: list[str] = []  # noqa: RUF012  shared between the fresh instances on purpose

        def open_sink(self) -> TelemetrySink:
            self.ran.append("opened")
            return super().open_sink()

    with pytest.raises(ConformanceError):
        Counting.run_all(Counting())
    assert Counting.ran == ["opened"]  # it stops at the first broken promise


def test_example_events_differ() -> None:
    lines = [(event.name, tuple(event.properties.items())) for event in example_events(30)]
    assert len(set(lines)) == 30
