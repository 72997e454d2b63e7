"""Never a path, URL, host or user name: hostile values are put everywhere, and every byte that leaves is checked."""

from __future__ import annotations

import getpass
import os
import platform
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from hfbench.model.metrics import METRICS
from hfbench.telemetry import (
    EVENT_FIELDS,
    TelemetryEvent,
    machine_facts,
    open_dispatcher,
    render_complete,
    render_failed,
)
from hfbench.telemetry.base import SinkSpec
from hfbench.telemetry.memory import forget, recorded
from hfbench.telemetry.registry import find_factory
from tests.makers.telemetry_programs import MARK, leaks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.makers.telemetry_servers import FakeServer

HOSTILE = (
    f"/home/{MARK}/secret/clip.mp4",
    f"C:\\Users\\{MARK}\\clip.mp4",
    f"file:///srv/{MARK}/a.mp4",
    f"https://{MARK}:pw@cdn.example/{MARK}.mp4?token={MARK}",
    f"{MARK}.corp.example",
    f"{MARK}@example.org",
    MARK,
    f"7.1+{MARK}",
    f"fused\n{MARK}",
    f"libav {MARK}",
    f"=cmd|'{MARK}'!A1",
)

#: Every variable out of which a client or Python itself is known to take something.
HOSTILE_VARIABLES = {
    "USER": MARK,
    "LOGNAME": MARK,
    "HOSTNAME": f"{MARK}.corp.example",
    "OTEL_SERVICE_NAME": MARK,
    "OTEL_RESOURCE_ATTRIBUTES": f"host.name={MARK},enduser.id={MARK}",
    "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "process,os,host,*",
    "POSTHOG_RELEASE_ID": MARK,
}


@dataclass(frozen=True)
class Far:
    """Where everything goes."""

    folder: Path
    server: FakeServer

    @property
    def specs(self) -> dict[str, str]:
        return {
            "memory": f"memory:{self.folder}",
            "stdout": "stdout:",
            "jsonl": f"jsonl:{self.folder / 'runs.jsonl'}",
            "sqlite": f"sqlite:{self.folder / 'runs.db'}",
            "posthog": f"posthog:{self.server.url}?key=phc_test",
            "otlp": f"otlp:{self.server.url}",
        }

    def bytes_of(self, scheme: str, stdout: str) -> bytes:
        match scheme:
            case "memory":
                return "\n".join(event.to_line() for event in recorded(str(self.folder))).encode()
            case "stdout":
                return stdout.encode()
            case "jsonl" | "sqlite":
                return b"".join(each.read_bytes() for each in self.folder.glob("runs*"))
            case _:
                return self.server.all_bytes


@pytest.fixture
def far(tmp_path: Path, server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> Far:
    """A machine whose every name is hostile: user, host, home, folders, command line, ``~/.netrc``."""
    home = tmp_path / MARK
    home.mkdir()
    (home / ".netrc").write_text(f"default login {MARK} password {MARK}\n")
    (home / ".netrc").chmod(0o600)
    for variable, value in {**HOSTILE_VARIABLES, "HOME": str(home), "NETRC": str(home / ".netrc")}.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr(socket, "gethostname", lambda: MARK)
    monkeypatch.setattr(platform, "node", lambda: MARK)
    monkeypatch.setattr(getpass, "getuser", lambda: MARK)
    monkeypatch.setattr("sys.argv", [f"/home/{MARK}/run", MARK])
    monkeypatch.setattr("sys.orig_argv", [f"/home/{MARK}/python", MARK])
    monkeypatch.chdir(home)
    out = tmp_path / "out"
    out.mkdir()
    return Far(out, server)


def hostile_events() -> list[TelemetryEvent]:
    """Hostile values under every key, hostile keys over every kind of value, through all three ways in."""
    events = []
    for value in HOSTILE:
        facts: dict[str, object] = dict.fromkeys((*EVENT_FIELDS, value, "path"), value)
        facts |= {f"cores{value}": 2}
        breakdown: dict[str, Any] = dict.fromkeys((*METRICS, value), value)
        by_hand = {key: str(fact) for key, fact in facts.items()}
        events += [
            render_complete(breakdown, facts),
            render_failed({value: 1, "timeout": 2}, facts),
            TelemetryEvent("render_complete", by_hand),
            TelemetryEvent("render_failed", by_hand),
            TelemetryEvent(f"render_{value}", {"scope": "fused"}),
        ]
    return [*events, render_complete({"videoExtractMs": 1.5}, machine_facts(os.environ) | {"scope": "fused"})]


SCHEMES = ("memory", "stdout", "jsonl", "sqlite", "posthog", "otlp")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_nothing_hostile_leaves(
    scheme: str, far: Far, need: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    need(scheme)
    with open_dispatcher([far.specs[scheme]], {}) as dispatcher:
        for event in hostile_events():
            dispatcher.emit(event)
        dispatcher.close(60)
    (report,) = dispatcher.report()
    assert (report.delivered, report.dropped) == (4 * len(HOSTILE) + 1, 0), report
    everything = far.bytes_of(scheme, capsys.readouterr().out)
    assert b"render_complete" in everything
    assert b"render_failed" in everything
    assert b"fused" in everything
    assert not leaks(everything)
    forget(str(far.folder))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_same_would_be_noticed_without_the_screen(
    scheme: str, far: Far, need: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Negative control: a sink that is handed an event past the dispatcher."""
    need(scheme)
    spec = SinkSpec.parse(far.specs[scheme])
    sink = find_factory(scheme).open(spec, {})
    sink.emit(TelemetryEvent("render_complete", {"scope": HOSTILE[0]}))
    sink.close()
    assert leaks(far.bytes_of(scheme, capsys.readouterr().out))
    forget(str(far.folder))


def emit_one(far: Far, scheme: str) -> bytes:
    with open_dispatcher([far.specs[scheme]], {}) as dispatcher:
        dispatcher.emit(render_complete({}, {"scope": "fused"}))
        dispatcher.close(60)
    return far.server.all_bytes


def test_what_posthogs_client_adds_would_be_noticed(
    far: Far, need: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: without the filter, the tags of a program that uses PostHog itself leave."""
    need("posthog")
    assert not leaks(emit_in_tagged_context(far))
    monkeypatch.setattr("hfbench.telemetry.posthog.PosthogSink._only_allowed", lambda _, message: message)
    assert leaks(emit_in_tagged_context(far))


def emit_in_tagged_context(far: Far) -> bytes:
    import posthog

    sink = find_factory("posthog").open(SinkSpec.parse(far.specs["posthog"]), {})
    with posthog.new_context():
        posthog.identify_context(MARK)
        posthog.tag("scope", MARK)
        posthog.tag("more", MARK)
        sink.emit(render_complete({}, {"scope": "fused"}))
    sink.close()
    assert b"render_complete" in far.server.all_bytes
    return far.server.all_bytes


def test_what_the_sdks_detectors_add_would_be_noticed(
    far: Far, need: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: the resource as the SDK makes it by itself names the host and the command line."""
    need("otlp")
    assert not leaks(emit_one(far, "otlp"))

    def detected() -> Any:
        from opentelemetry.sdk.resources import Resource

        return Resource.create({})

    monkeypatch.setattr("hfbench.telemetry.otlp._resource", detected)
    assert leaks(emit_one(far, "otlp"))


@pytest.mark.parametrize("scheme", ["posthog", "otlp"])
def test_netrc_would_be_noticed(
    scheme: str, far: Far, need: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: with ``requests`` left to itself, the default entry of ``~/.netrc`` leaves."""
    need(scheme)
    monkeypatch.setattr(f"hfbench.telemetry.{scheme}.no_credentials", None)
    assert leaks(emit_one(far, scheme))


def attributes_sent(server: FakeServer) -> Mapping[str, Any]:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    from tests.makers.telemetry_servers import plain

    request = next(each for each in server.requests if each.path == "/v1/traces")
    return plain(ExportTraceServiceRequest.FromString(request.body).resource_spans[0].resource.attributes)


def test_resource_says_what_sends_and_nothing_else(far: Far, need: Callable[[str], None]) -> None:
    need("otlp")
    emit_one(far, "otlp")
    assert attributes_sent(far.server).keys() == {
        "service.name",
        "service.version",
        "service.instance.id",
        "telemetry.sdk.language",
        "telemetry.sdk.name",
    }
