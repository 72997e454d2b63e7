"""PostHog's own client against a server on 127.0.0.1."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from hfbench.errors import HfbenchError, UsageError
from hfbench.telemetry import posthog as module
from hfbench.telemetry import render_complete
from hfbench.telemetry.base import SinkSpec
from hfbench.telemetry.posthog import DEFAULT_HOST, FACTORY, PosthogSink
from tests.makers.telemetry_servers import FakeServer, posthog_events, refusing_url

if TYPE_CHECKING:
    from collections.abc import Callable

EVENT = render_complete({"videoExtractMs": 231, "tmpPeakBytes": 4_500_000}, {"scope": "segment", "backend": "libav"})


@pytest.fixture(autouse=True)
def _client(need: Callable[[str], None]) -> None:
    need("posthog")


def opened(target: str, **environ: str) -> PosthogSink:
    sink = FACTORY.open(SinkSpec("posthog", target), environ)
    assert isinstance(sink, PosthogSink)
    return sink


def test_event_arrives_flat_and_without_a_person(server: FakeServer) -> None:
    sink = opened(f"{server.url}?key=phc_test")
    sink.emit(EVENT)
    sink.emit(EVENT)
    sink.close()
    first, second = posthog_events(server)
    assert first["event"] == "render_complete"
    assert first["timestamp"] == EVENT.timestamp
    assert first["properties"] == {
        **EVENT.properties,
        "$process_person_profile": False,
        "$geoip_disable": True,
        "$ip": "0.0.0.0",
        "$lib": "posthog-python",
        "$lib_version": first["properties"]["$lib_version"],
    }
    assert first.keys() == {"event", "properties", "timestamp", "distinct_id", "uuid"}
    assert UUID(first["distinct_id"]).version == 4
    assert first["distinct_id"] == second["distinct_id"]
    assert first["uuid"] != second["uuid"]
    assert '"api_key": "phc_test"' in server.requests[0].body.decode()


@pytest.mark.parametrize(
    ("target", "environ", "host", "key"),
    [
        ("", {"POSTHOG_API_KEY": "k"}, DEFAULT_HOST, "k"),
        ("", {"POSTHOG_API_KEY": "k", "POSTHOG_HOST": "https://h/"}, "https://h", "k"),
        (
            "",
            {
                "POSTHOG_API_KEY": "k",
                "HFBENCH_POSTHOG_API_KEY": "mine",
                "POSTHOG_HOST": "https://h",
                "HFBENCH_POSTHOG_HOST": "https://m",
            },
            "https://m",
            "mine",
        ),
        (
            "https://s?key=spec",
            {"HFBENCH_POSTHOG_API_KEY": "k", "HFBENCH_POSTHOG_HOST": "https://m"},
            "https://s",
            "spec",
        ),
        ("https://s", {"POSTHOG_API_KEY": " k "}, "https://s", "k"),
        ("?key=spec", {"POSTHOG_HOST": "https://h"}, "https://h", "spec"),
    ],
)
def test_key_and_host_come_from_the_spec_or_the_environment(
    target: str, environ: dict[str, str], host: str, key: str
) -> None:
    sink = opened(target, **environ)
    assert (sink._host, sink._key) == (host, key)


def test_missing_key_gets_one_line() -> None:
    with pytest.raises(UsageError, match="needs the project's key: set POSTHOG_API_KEY"):
        opened("https://h")


def test_bad_host_variable_is_named() -> None:
    with pytest.raises(UsageError, match=r"^sink posthog \(POSTHOG_HOST\): its URL must look like"):
        opened("?key=k", POSTHOG_HOST="eu.posthog.com")


@pytest.mark.parametrize("status", [401, 429, 500, 503])
def test_refusal_raises_and_stays_off_stderr(
    status: int, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    with FakeServer(status) as server:
        sink = opened(f"{server.url}?key=k")
        with pytest.raises(Exception, match="PostHog"):
            sink.emit(EVENT)
        sink.close()
    assert capfd.readouterr() == ("", "")


def test_refused_connection_raises() -> None:
    sink = opened(f"{refusing_url()}?key=k")
    with pytest.raises(OSError, match="refused"):
        sink.emit(EVENT)


def test_silent_server_is_given_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REQUEST_SECONDS", 0.2)
    with FakeServer(status=None) as server:
        sink = opened(f"{server.url}?key=k")
        with pytest.raises(OSError, match="timed out"):
            sink.emit(EVENT)


def test_next_event_gets_through_after_a_failure(server: FakeServer) -> None:
    sink = opened(f"{server.url}?key=k")
    server.status = 500
    with pytest.raises(Exception, match="PostHog"):
        sink.emit(EVENT)
    server.status = 200
    sink.emit(EVENT)
    sink.close()


def test_event_that_the_client_swallows_is_not_taken_for_delivered(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("posthog.Posthog.capture", lambda *_, **__: None)
    with pytest.raises(HfbenchError, match="did not send"):
        opened(f"{server.url}?key=k").emit(EVENT)
