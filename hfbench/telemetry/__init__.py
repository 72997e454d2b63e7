"""Telemetry: one flat event per extraction, to the sinks that were requested, without affecting the extraction.

    with open_dispatcher(["jsonl:runs.jsonl"], os.environ) as telemetry:
        telemetry.emit(render_complete(result.breakdown.to_json(), machine_facts(os.environ) | {"scope": "fused"}))

What may leave is the table in ``docs/telemetry.md``; the code that holds it is :mod:`hfbench.telemetry.events`.
"""

from __future__ import annotations

from hfbench.telemetry.base import SinkFactory, SinkSpec, TelemetryEvent, TelemetrySink
from hfbench.telemetry.dispatch import TelemetryDispatcher, open_dispatcher
from hfbench.telemetry.events import EVENT_FIELDS, machine_facts, render_complete, render_failed
from hfbench.telemetry.lane import AttachedSink, SinkReport

__all__ = [
    "EVENT_FIELDS",
    "AttachedSink",
    "SinkFactory",
    "SinkReport",
    "SinkSpec",
    "TelemetryDispatcher",
    "TelemetryEvent",
    "TelemetrySink",
    "machine_facts",
    "open_dispatcher",
    "render_complete",
    "render_failed",
]
