"""``otlp:[URL]``: metrics and a trace with one span for each phase, through the OpenTelemetry SDK, over HTTP.

Events are collected and exported on the dispatcher's thread, a batch in two requests (spans, metrics): none of the
SDK's own threads, no exit handlers, and a failure is known at once. The resource is made by hand, because the SDK's
detectors add host name, command line and user. Headers (a collector's key), certificates, compression and the
temporality preference come from the standard ``OTEL_EXPORTER_OTLP_*`` variables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hfbench._version import __version__
from hfbench.errors import HfbenchError
from hfbench.telemetry.base import CLOSE_SECONDS, Scalar, SinkFactory, SinkSpec, TelemetryEvent
from hfbench.telemetry.clients import ANONYMOUS_ID, no_credentials, quieten, require
from hfbench.telemetry.endpoint import check_url, parse_endpoint
from hfbench.telemetry.events import EVENT_FIELDS, PHASE_KEYS, RENDER_FAILED
from hfbench.telemetry.fields import Count, Milliseconds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Seconds for one export with all its retries. The exit does not wait for it: see :mod:`hfbench.telemetry.dispatch`.
REQUEST_SECONDS: Final = 10.0

ENDPOINT_VARIABLE: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
TEMPORALITY_VARIABLE: Final = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"
DEFAULT_ENDPOINT: Final = "http://localhost:4318"

#: Key of the whole stage: how long the outer span lasts.
STAGE_KEY: Final = "stage_video_extract_ms"

_MODULES: Final = (
    "opentelemetry.sdk",
    "opentelemetry.sdk.trace",
    "opentelemetry.exporter.otlp.proto.http",
    "requests",
)
_SCOPE: Final = "hfbench"

#: The attributes of metrics and phases; the stage's span has every fact. Each key here is one of every time
#: series of the collector, and the SDK hashes it with every measurement: all the facts were half of an event's CPU.
_DIMENSIONS: Final = ("engine", "scope", "backend", "image_format")

#: Bucket boundaries that fit a stage from a warm cache (1 ms) to a long render (10 min), and files from 100 kB on.
_MS_BOUNDARIES: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 3e4, 6e4, 3e5, 6e5)
_BYTE_BOUNDARIES: Final = (1e5, 1e6, 2e6, 5e6, 1e7, 2e7, 5e7, 1e8, 2e8, 5e8, 1e9, 1e10)


class OtlpSink:
    """Exports to a collector. The SDK is imported when the first event comes.

    Args:
        endpoint: The collector's base URL; ``/v1/traces`` and ``/v1/metrics`` are added.
        wants_delta: Whether metrics are sent as changes since the last export (Datadog) or as totals (Prometheus).

    Raises:
        NotInstalledError: The SDK or its exporter is not installed.
    """

    def __init__(self, endpoint: str, *, wants_delta: bool = False) -> None:
        require("otlp", "otlp", _MODULES)
        self._endpoint = endpoint
        self._wants_delta = wants_delta
        self._pipeline: _Pipeline | None = None
        self._is_closed = False

    def start(self) -> None:
        """Import the SDK."""
        self._started()

    def emit(self, event: TelemetryEvent) -> None:
        """Export ``event`` as spans and metrics and wait for both answers.

        Raises:
            HfbenchError: The sink is closed, or the collector did not take the spans or the metrics.
        """
        self.emit_all((event,))

    def emit_all(self, events: Sequence[TelemetryEvent]) -> None:
        """Export ``events`` in one request of spans and one of metrics, and wait for both answers.

        Raises:
            HfbenchError: The sink is closed, or the collector did not take the spans or the metrics.
        """
        if self._is_closed:
            raise HfbenchError("the sink is closed")
        pipeline = self._started()
        for event in events:
            _trace(pipeline, event)
            _measure(pipeline, event)
        pipeline.export()

    def close(self, timeout_seconds: float = CLOSE_SECONDS) -> None:
        """Take no more events; nothing is buffered."""
        del timeout_seconds  # both exporters only close their connections
        self._is_closed = True
        pipeline, self._pipeline = self._pipeline, None
        if pipeline is not None:
            pipeline.shutdown()

    def _started(self) -> _Pipeline:
        if self._pipeline is None:
            self._pipeline = _make_pipeline(self._endpoint, wants_delta=self._wants_delta)
        return self._pipeline


@dataclass(frozen=True, slots=True)
class _Pipeline:
    """The SDK's parts. Typed as ``Any``: the SDK is optional, also for the type checker."""

    tracer_provider: Any
    tracer: Any
    meter_provider: Any
    finished_spans: Any
    metric_reader: Any
    span_exporter: Any
    metric_exporter: Any
    instruments: dict[str, Any]

    def export(self) -> None:
        """Send what was collected; metrics are sent even when the spans are refused."""
        spans = self.finished_spans.get_finished_spans()
        self.finished_spans.clear()
        refused = []
        if spans and not _is_taken(self.span_exporter, spans):
            refused.append("spans")
        metrics = self.metric_reader.get_metrics_data()
        if metrics is not None and not _is_taken(self.metric_exporter, metrics):
            refused.append("metrics")
        if refused:
            raise HfbenchError(f"the collector did not take the {' and the '.join(refused)}")

    def shutdown(self) -> None:
        """Close both connections."""
        self.tracer_provider.shutdown()
        self.meter_provider.shutdown()
        self.span_exporter.shutdown()
        self.metric_exporter.shutdown()


def _is_taken(exporter: Any, batch: Any) -> bool:
    try:
        return bool(exporter.export(batch).name == "SUCCESS")
    except Exception:  # noqa: BLE001  older exporters raise where newer ones return FAILURE
        return False


def _make_pipeline(endpoint: str, *, wants_delta: bool) -> _Pipeline:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk import metrics, trace
    from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    quieten("opentelemetry")
    resource = _resource()
    temporality = AggregationTemporality.DELTA if wants_delta else AggregationTemporality.CUMULATIVE
    reader = InMemoryMetricReader(dict.fromkeys((metrics.Counter, metrics.Histogram), temporality))
    finished = InMemorySpanExporter()
    tracer_provider = trace.TracerProvider(resource=resource, shutdown_on_exit=False)
    tracer_provider.add_span_processor(SimpleSpanProcessor(finished))
    return _Pipeline(
        tracer_provider=tracer_provider,
        tracer=tracer_provider.get_tracer(_SCOPE, __version__),
        meter_provider=metrics.MeterProvider([reader], resource=resource, shutdown_on_exit=False),
        finished_spans=finished,
        metric_reader=reader,
        span_exporter=OTLPSpanExporter(f"{endpoint}/v1/traces", timeout=REQUEST_SECONDS, session=_session()),
        metric_exporter=OTLPMetricExporter(f"{endpoint}/v1/metrics", timeout=REQUEST_SECONDS, session=_session()),
        instruments={},
    )


def _resource() -> Any:
    from opentelemetry.sdk.resources import Resource

    # The constructor, not Resource.create(): that one asks the detectors and OTEL_RESOURCE_ATTRIBUTES.
    return Resource(
        {
            "service.name": "hfbench",
            "service.version": __version__,
            "service.instance.id": ANONYMOUS_ID,
            "telemetry.sdk.language": "python",
            "telemetry.sdk.name": "opentelemetry",
        }
    )


def _session() -> Any:
    import requests

    session = requests.Session()
    session.auth = no_credentials
    return session


def _trace(pipeline: _Pipeline, event: TelemetryEvent) -> None:
    """One span over the stage, one below it for each phase.

    The durations are measured; the starts are derived by laying the phases end to end, which is how they run.
    """
    from opentelemetry import trace
    from opentelemetry.context import Context

    tracer = pipeline.tracer
    phases = [(key, _nanoseconds(event.properties.get(key))) for key in PHASE_KEYS if key in event.properties]
    total = max(_nanoseconds(event.properties.get(STAGE_KEY)), sum(length for _, length in phases))
    start = max(0, event.time_unix_ns - total)
    # An empty context: no parent out of a program that traces itself.
    outer = tracer.start_span(event.name, context=Context(), attributes=dict(event.properties), start_time=start)
    if event.name == RENDER_FAILED:
        outer.set_status(trace.StatusCode.ERROR)
    inside = trace.set_span_in_context(outer, Context())
    dimensions = _dimensions(event)
    for key, length in phases:
        span = tracer.start_span(key.removesuffix("_ms"), context=inside, attributes=dimensions, start_time=start)
        start += length
        span.end(end_time=start)
    outer.end(end_time=max(event.time_unix_ns, start))


def _measure(pipeline: _Pipeline, event: TelemetryEvent) -> None:
    """Durations and bytes go into histograms, other counts into counters, all named ``hfbench.<key>``."""
    dimensions = _dimensions(event)
    for key, value in event.properties.items():
        field = EVENT_FIELDS.get(key)
        if field is None or not field.is_measurement:
            continue
        if key not in pipeline.instruments:
            pipeline.instruments[key] = _make_instrument(pipeline, key)
        instrument = pipeline.instruments[key]
        record = getattr(instrument, "record", None) or instrument.add
        record(value, attributes=dimensions)


def _make_instrument(pipeline: _Pipeline, key: str) -> Any:
    meter = pipeline.meter_provider.get_meter(_SCOPE, __version__)
    field = EVENT_FIELDS[key]
    name, meaning = f"hfbench.{key}", field.meaning
    match field.kind:
        case Milliseconds():
            return meter.create_histogram(
                name, unit="ms", description=meaning, explicit_bucket_boundaries_advisory=_MS_BOUNDARIES
            )
        case Count(unit="bytes"):
            return meter.create_histogram(
                name, unit="By", description=meaning, explicit_bucket_boundaries_advisory=_BYTE_BOUNDARIES
            )
        case kind:
            return meter.create_counter(name, unit=f"{{{kind.unit.removesuffix('s')}}}", description=meaning)


def _dimensions(event: TelemetryEvent) -> dict[str, Scalar]:
    return {key: event.properties[key] for key in _DIMENSIONS if key in event.properties}


def _nanoseconds(milliseconds: Scalar | None) -> int:
    return round(milliseconds * 1e6) if isinstance(milliseconds, (int, float)) else 0


def _open(spec: SinkSpec, environ: Mapping[str, str]) -> OtlpSink:
    url = parse_endpoint(spec).url
    if not url and (from_variable := environ.get(ENDPOINT_VARIABLE, "").strip()):
        url = check_url(from_variable, f"otlp ({ENDPOINT_VARIABLE})")
    wants_delta = environ.get(TEMPORALITY_VARIABLE, "").strip().lower() in {"delta", "lowmemory"}
    return OtlpSink(url or DEFAULT_ENDPOINT, wants_delta=wants_delta)


FACTORY: Final = SinkFactory(_open)
