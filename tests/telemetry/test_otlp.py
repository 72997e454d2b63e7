"""The OpenTelemetry SDK against a collector on 127.0.0.1, its payload decoded by opentelemetry-proto."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hfbench.errors import HfbenchError, UsageError
from hfbench.telemetry import TelemetryEvent, render_complete, render_failed
from hfbench.telemetry import otlp as module
from hfbench.telemetry.base import SinkSpec
from hfbench.telemetry.otlp import FACTORY, OtlpSink
from tests.makers.telemetry_servers import FakeServer, otlp_metrics, otlp_spans, plain, refusing_url

if TYPE_CHECKING:
    from collections.abc import Callable

FACTS = {"scope": "segment", "backend": "libav"}
BREAKDOWN = {
    "resolveMs": 1.5,
    "hdrProbeMs": 20,
    "hdrPreflightMs": 148,
    "vfrProbeMs": 0,
    "extractMs": 60,
    "videoExtractMs": 231,
    "tmpPeakBytes": 4_500_000,
    "framesDecoded": 120,
}


@pytest.fixture(autouse=True)
def _client(need: Callable[[str], None]) -> None:
    need("otlp")


def opened(target: str, **environ: str) -> OtlpSink:
    sink = FACTORY.open(SinkSpec("otlp", target), environ)
    assert isinstance(sink, OtlpSink)
    return sink


def send(server: FakeServer, *events: TelemetryEvent, **environ: str) -> None:
    sink = opened(server.url, **environ)
    for event in events:
        sink.emit(event)
    sink.close()


def test_one_span_for_the_stage_and_one_for_each_phase(server: FakeServer) -> None:
    event = render_complete(BREAKDOWN, FACTS)
    send(server, event)
    *phases, stage = otlp_spans(server)
    assert stage.name == "render_complete"
    assert stage.end_time_unix_nano == event.time_unix_ns
    assert stage.end_time_unix_nano - stage.start_time_unix_nano == 231_000_000
    assert plain(stage.attributes) == dict(event.properties)
    assert not stage.parent_span_id
    lengths = [(span.name, span.end_time_unix_nano - span.start_time_unix_nano) for span in phases]
    assert lengths == [
        ("extract_resolve", 1_500_000),
        ("extract_hdr_probe", 20_000_000),
        ("extract_vfr_probe", 0),
        ("extract_hdr_preflight", 148_000_000),
        ("extract_phase3", 60_000_000),
    ]
    assert {span.parent_span_id for span in phases} == {stage.span_id}
    assert {span.trace_id for span in phases} == {stage.trace_id}
    assert all(plain(span.attributes) == FACTS for span in phases)
    edges = [stage.start_time_unix_nano, *(span.end_time_unix_nano for span in phases)]
    assert [span.start_time_unix_nano for span in phases] == edges[:-1]  # end to end
    assert edges[-1] <= stage.end_time_unix_nano


def test_durations_and_bytes_are_histograms_and_counts_are_counters(server: FakeServer) -> None:
    send(server, render_complete(BREAKDOWN, FACTS))
    metrics = otlp_metrics(server)
    assert len(metrics) == len(BREAKDOWN)
    preflight = metrics["hfbench.extract_hdr_preflight_ms"]
    assert (preflight.unit, preflight.histogram.data_points[0].sum) == ("ms", 148.0)
    assert plain(preflight.histogram.data_points[0].attributes) == FACTS
    peak = metrics["hfbench.tmp_peak_bytes"]
    assert (peak.unit, peak.histogram.data_points[0].max) == ("By", 4_500_000)
    decoded = metrics["hfbench.frames_decoded"]
    assert (decoded.unit, decoded.sum.data_points[0].as_int, decoded.sum.is_monotonic) == ("{frame}", 120, True)
    assert decoded.description


def test_failures_are_counters_and_an_error_span(server: FakeServer) -> None:
    send(server, render_failed({"timeout": 2, "invalid_media": 1}, FACTS))
    metrics = otlp_metrics(server)
    assert metrics["hfbench.failures_timeout"].sum.data_points[0].as_int == 2
    assert metrics["hfbench.failure_count"].sum.data_points[0].as_int == 3
    (span,) = otlp_spans(server)
    assert (span.name, span.status.code) == ("render_failed", 2)


@pytest.mark.parametrize(
    ("preference", "expected"), [("", 240), ("cumulative", 240), ("delta", 120), ("LowMemory", 120)]
)
def test_totals_unless_changes_are_preferred(preference: str, expected: int, server: FakeServer) -> None:
    event = render_complete(BREAKDOWN, FACTS)
    send(server, event, event, OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=preference)
    assert otlp_metrics(server)["hfbench.frames_decoded"].sum.data_points[0].as_int == expected


def test_endpoint_comes_from_the_spec_the_environment_or_the_standard() -> None:
    assert opened("http://h:1/base/", OTEL_EXPORTER_OTLP_ENDPOINT="http://e:2")._endpoint == "http://h:1/base"
    assert opened("", OTEL_EXPORTER_OTLP_ENDPOINT="http://e:2/")._endpoint == "http://e:2"
    assert opened("")._endpoint == "http://localhost:4318"
    with pytest.raises(UsageError, match=r"^sink otlp \(OTEL_EXPORTER_OTLP_ENDPOINT\): "):
        opened("", OTEL_EXPORTER_OTLP_ENDPOINT="e:4318")
    with pytest.raises(UsageError, match="option 'key' is unknown; allowed: none"):
        opened("http://h?key=x")


def test_collectors_key_is_sent_as_the_standard_says(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "dd-api-key=abc")
    send(server, render_complete({}, {}))
    assert "dd-api-key: abc" in server.requests[0].headers


def test_event_without_timings_is_a_span_without_length(server: FakeServer) -> None:
    send(server, render_complete({}, {}))
    (span,) = otlp_spans(server)
    assert span.start_time_unix_nano == span.end_time_unix_nano
    assert {request.path for request in server.requests} == {"/v1/traces"}


def test_sdk_that_is_switched_off_sends_nothing(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    send(server, render_complete(BREAKDOWN, FACTS))
    assert server.requests == []


def test_program_that_traces_itself_is_not_joined(server: FakeServer) -> None:
    from opentelemetry.sdk.trace import TracerProvider

    provider = TracerProvider(shutdown_on_exit=False)
    with provider.get_tracer("host").start_as_current_span("host"):
        send(server, render_complete(BREAKDOWN, FACTS))
    provider.shutdown()
    assert not otlp_spans(server)[-1].parent_span_id


@pytest.mark.parametrize("status", [400, 404, 500])
def test_refusal_raises_and_stays_off_stderr(status: int, capfd: pytest.CaptureFixture[str]) -> None:
    with FakeServer(status) as server:
        sink = opened(server.url)
        with pytest.raises(HfbenchError, match="did not take the spans and the metrics"):
            sink.emit(render_complete(BREAKDOWN, FACTS))
        sink.close()
    assert capfd.readouterr() == ("", "")


def test_silent_server_and_refused_connection_are_given_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REQUEST_SECONDS", 0.2)
    with FakeServer(status=None) as server:
        for url in (server.url, refusing_url()):
            sink = opened(url)
            with pytest.raises(HfbenchError, match="did not take"):
                sink.emit(render_complete(BREAKDOWN, FACTS))
            sink.close()


def test_next_event_gets_through_after_a_failure(server: FakeServer) -> None:
    sink = opened(server.url)
    server.status = 500
    with pytest.raises(HfbenchError):
        sink.emit(render_complete(BREAKDOWN, FACTS))
    server.status = 200
    server.requests.clear()
    sink.emit(render_complete(BREAKDOWN, FACTS))
    sink.close()
    assert len([span for span in otlp_spans(server) if not span.parent_span_id]) == 1
    assert otlp_metrics(server)["hfbench.frames_decoded"].sum.data_points[0].as_int == 240
