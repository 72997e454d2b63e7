"""What telemetry costs: CPU of one event, as a share of the CPU of a small extraction. Times of day play no part.

A stream of extractions with an event after each is run in this process. The CPU of the thread that extracts and that of
each sink's background thread are read from their own clocks, so that the noise of the extraction (ten times the cost
of an event) does not hide what is measured. What a process pays once (importing the sink and its client, opening,
connecting) is measured in processes of its own.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .measuring import ROUNDS, SIZE, recipe_hash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Kind of extraction -> scenario and seconds of each of its clips, 60 frames in all: SDR beside HDR, which is what the
#: suite is about, and plain SDR, where there is nothing to normalise, so that hardly anything is cheaper.
EXTRACTIONS: Final = {"sdr beside hdr": ("hdr-sdr-mixed-scope", 1), "plain sdr": ("cfr-sdr-cache", 2)}
FRAMES: Final = 60

#: Sink -> what must be installed for it.
SINKS: Final = {"jsonl": "json", "sqlite": "sqlite3", "posthog": "posthog", "otlp": "opentelemetry.sdk"}

#: Extractions (and so events) of one sample.
EVENTS: Final = int(os.environ.get("HFBENCH_ASV_EVENTS", "20"))

METRICS: Final = {
    "sharePercent": "%",
    "engineMs": "ms",
    "backgroundMs": "ms",
    "closeMs": "ms",
    "extractionCpuMs": "ms",
    "onceMs": "ms",
    "importMs": "ms",
}

#: (sink, kind of extraction) -> one dict of metrics a round; nothing where the sink's client is not installed.
Samples = dict[tuple[str, str], list[dict[str, float]]]


def measure() -> Samples:
    """Every sink in turn, ``ROUNDS`` times, after one uncounted round."""
    sinks = [sink for sink, module in SINKS.items() if find_spec(module.partition(".")[0]) and find_spec(module)]
    samples: Samples = {}
    with tempfile.TemporaryDirectory(prefix="hfbench-asv-") as folder, _server() as url:
        extractions = {kind: _extraction(kind, Path(folder)) for kind in EXTRACTIONS}
        for number in range(ROUNDS + 1):
            for sink in sinks:
                spec = _spec(sink, folder, url)
                once = _once(spec, folder)
                for kind, extract in extractions.items():
                    found = _stream(spec, extract) | once
                    if number:
                        samples.setdefault((sink, kind), []).append(found)
    return samples


def _spec(sink: str, folder: str, url: str) -> str:
    return {
        "jsonl": f"jsonl:{folder}/runs.jsonl",
        "sqlite": f"sqlite:{folder}/runs.db",
        "posthog": f"posthog:{url}?key=phc_benchmark",
        "otlp": f"otlp:{url}",
    }[sink]


@contextmanager
def _server() -> Iterator[str]:
    command = [sys.executable, str(Path(__file__).with_name("loopback.py"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.stdin.close()


def _extraction(kind: str, folder: Path) -> Callable[[], Any]:
    """What extracts 60 frames once."""
    from hfbench import Clip, Composition, ExtractOptions, extract
    from hfbench.bench.scenarios import build_scenarios, find_scenario

    scenario, seconds = EXTRACTIONS[kind]
    (built,) = build_scenarios([find_scenario(scenario)], SIZE)
    clips = (Clip(each.id, each.src, each.start, each.start + seconds) for each in built.composition.clips)
    composition = Composition(clips, fps=built.composition.fps)

    def once() -> Any:
        result = extract(composition, folder / "frames", ExtractOptions(workers=1))
        assert result.breakdown.work.frames_written == FRAMES, result
        return result

    return once


def _stream(spec: str, extract: Callable[[], Any]) -> dict[str, float]:
    """CPU milliseconds an event, by thread: everything that a process goes on paying, extraction after extraction."""
    from hfbench.telemetry import machine_facts, open_dispatcher, render_complete

    dispatcher = open_dispatcher([spec], {})
    dispatcher.emit(render_complete({}, {}))  # the client's import, its connection: once a process, measured apart
    _wait_for(dispatcher, 1)
    engine = 0.0
    extractions: list[float] = []
    events = []
    lane = next(thread for thread in threading.enumerate() if thread.name.startswith("hfbench-telemetry-"))
    assert lane.ident is not None
    clock = time.pthread_getcpuclockid(lane.ident)
    background_before = time.clock_gettime(clock)
    for _ in range(EVENTS):
        background, started = time.clock_gettime(clock), _cpu_seconds()
        result = extract()
        extractions.append(_cpu_seconds() - started - (time.clock_gettime(clock) - background))
        own = time.thread_time()
        events.append(render_complete(result.breakdown.to_json(), _facts(machine_facts)))
        engine += time.thread_time() - own
    own = time.thread_time()
    for event in events:  # as the commands do: not before everything is measured
        dispatcher.emit(event)
    engine += time.thread_time() - own
    _wait_for(dispatcher, 1 + EVENTS)
    background = time.clock_gettime(clock) - background_before
    started = time.process_time()
    dispatcher.close(60)
    close = time.process_time() - started
    (report,) = dispatcher.report()
    assert report.delivered == EVENTS + 1, report
    extraction = statistics.median(extractions)
    return {
        "sharePercent": 100 * (engine + background + close) / EVENTS / extraction,
        "engineMs": 1000 * engine / EVENTS,
        "backgroundMs": 1000 * background / EVENTS,
        "closeMs": 1000 * close / EVENTS,
        "extractionCpuMs": 1000 * extraction,
    }


def _facts(machine_facts: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """As ``hfbench extract`` gives them."""
    run = {"engine": "hfbench", "scope": "fused", "backend": "libav", "image_format": "jpg", "clip_count": 1}
    return {**machine_facts(os.environ), **run}


def _wait_for(dispatcher: Any, delivered: int) -> None:
    deadline = time.monotonic() + 60
    while dispatcher.report()[0].delivered < delivered:
        assert time.monotonic() < deadline, dispatcher.report()
        time.sleep(0.01)


def _cpu_seconds() -> float:
    """User + system CPU seconds of this process and its ended children."""
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


#: What a process pays once. The engine is loaded before, and the warm costs of one event are in the sample too.
_ONCE: Final = """
import json, os, sys, time
import av, hfbench.engine.extract
started = time.process_time()
from hfbench.telemetry import machine_facts, open_dispatcher, render_complete
dispatcher = open_dispatcher([sys.argv[1]], {})
before = time.process_time()
{client}
imported = time.process_time() - before
dispatcher.emit(render_complete({"framesWritten": 60}, machine_facts(os.environ)))
dispatcher.close(60)
assert dispatcher.report()[0].delivered == 1, dispatcher.report()
print(json.dumps({"onceMs": 1000 * (time.process_time() - started), "importMs": 1000 * imported}))
"""

#: Sink -> import of what its client library imports anyway with the first event.
_CLIENTS: Final = {
    "posthog": "import posthog",
    "otlp": "\n".join(
        f"import {module}"
        for module in (
            "requests",
            "opentelemetry.sdk.metrics.export",
            "opentelemetry.sdk.trace.export.in_memory_span_exporter",
            "opentelemetry.exporter.otlp.proto.http.metric_exporter",
            "opentelemetry.exporter.otlp.proto.http.trace_exporter",
        )
    ),
}


def _once(spec: str, folder: str) -> dict[str, float]:
    """CPU milliseconds that one process pays once, and how much of that is the client library's import."""
    script = _ONCE.replace("{client}", _CLIENTS.get(spec.partition(":")[0], "pass"))
    # Compiled modules are kept: an installed hfbench has them too.
    environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": f"{folder}/compiled"}
    command = [sys.executable, "-c", script, spec]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environ).stdout
    found: dict[str, float] = json.loads(answer)
    return found


class TelemetryCost:
    """One event after one 60-frame extraction; docs/telemetry.md says what ``sharePercent`` is held to."""

    param_names = ("sink", "extraction")
    params = (list(SINKS), list(EXTRACTIONS))
    version = " ".join(recipe_hash(scenario) for scenario, _ in EXTRACTIONS.values())

    def setup_cache(self) -> Samples:
        """Run it once for all metrics."""
        return measure()

    setup_cache.timeout = 900  # type: ignore[attr-defined]  # where asv looks for it


def _track(metric: str, unit: str) -> Callable[..., Any]:
    def track(self: TelemetryCost, samples: Samples, sink: str, extraction: str) -> Any:
        del self
        found = [metrics[metric] for metrics in samples.get((sink, extraction), [])]
        return {"samples": found, "number": 1} if found else math.nan

    track.__name__ = track.__qualname__ = f"track_{metric}"
    track.unit = unit  # type: ignore[attr-defined]  # where asv looks for it
    return track


for _metric, _unit in METRICS.items():
    setattr(TelemetryCost, f"track_{_metric}", _track(_metric, _unit))


def main() -> None:
    """Print every sample and the median: ``python -m benchmarks.telemetry_cost`` in ``tests``."""
    for way, rounds in measure().items():
        for metric, unit in METRICS.items():
            values = [each[metric] for each in rounds]
            shown = " ".join(f"{value:.2f}" for value in values)
            sys.stdout.write(f"{', '.join(way):24} {metric:16} {statistics.median(values):8.2f} {unit:2} ({shown})\n")


if __name__ == "__main__":
    main()
