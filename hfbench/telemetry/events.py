"""The events, as an allow-list: a key that is not in :data:`EVENT_FIELDS` can't leave, nor can a value of another kind.

Keys are flat; those that ``render_complete`` shares with the field keep the field's names. A fact that is unknown is
absent: nothing is ever sent as null or as a made-up zero.
"""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from hfbench._version import __version__
from hfbench.model.metrics import METRICS, Phase
from hfbench.model.options import BACKENDS, available_cores
from hfbench.model.plan import ImageFormat, Scope
from hfbench.model.result import FailureKind
from hfbench.telemetry.base import Scalar, TelemetryEvent
from hfbench.telemetry.fields import Count, FieldKind, Flag, Milliseconds, Version, Word
from hfbench.telemetry.policy import is_ci

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

RENDER_COMPLETE: Final = "render_complete"
RENDER_FAILED: Final = "render_failed"

#: Failure kinds that are not in :class:`hfbench.model.result.FailureKind` (another engine's) are counted here.
OTHER_FAILURES: Final = "failures_other"


@dataclass(frozen=True, slots=True)
class EventField:
    """One key that may leave.

    Attributes:
        name: The key.
        kind: What its values may be, with the unit.
        meaning: One line for the documentation.
        events: Names of the events that may hold it.
        metric: The metric that it comes from, as ``hfbench metrics`` names it; empty for facts about the run.
        is_measurement: Whether sinks that tell metrics from attributes treat it as a metric.
    """

    name: str
    kind: FieldKind
    meaning: str
    events: tuple[str, ...]
    metric: str = ""
    is_measurement: bool = False


#: Metric name -> key. ``extract_phase3_ms`` is only the parallel extraction, so that it is not mistaken for the stage.
METRIC_KEYS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "tmpPeakBytes": "tmp_peak_bytes",
        "tmpFinalBytes": "tmp_final_bytes",
        "videoExtractMs": "stage_video_extract_ms",
        "resolveMs": "extract_resolve_ms",
        "hdrProbeMs": "extract_hdr_probe_ms",
        "hdrPreflightMs": "extract_hdr_preflight_ms",
        "hdrPreflightCount": "extract_hdr_preflight_count",
        "vfrProbeMs": "extract_vfr_probe_ms",
        "vfrPreflightMs": "extract_vfr_preflight_ms",
        "vfrPreflightCount": "extract_vfr_preflight_count",
        "extractMs": "extract_phase3_ms",
        "cacheHits": "extract_cache_hits",
        "cacheMisses": "extract_cache_misses",
        "cpuMs": "cpu_ms",
        "filesOpened": "files_opened",
        "packetsRead": "packets_read",
        "framesDecoded": "frames_decoded",
        "framesConverted": "frames_converted",
        "framesWritten": "frames_written",
        "bytesWritten": "bytes_written",
        "processesSpawned": "processes_spawned",
    }
)

#: Keys of the phases, in the order in which they run; they add up to the stage, except for the time between them.
PHASE_KEYS: Final[tuple[str, ...]] = tuple(METRIC_KEYS[phase.value] for phase in Phase)

_BOTH: Final = (RENDER_COMPLETE, RENDER_FAILED)

_FACTS: Final = (
    EventField("engine", Word(("hfbench", "hyperframes")), "the engine that extracted", _BOTH),
    EventField("engine_version", Version(), "its version", _BOTH),
    EventField("scope", Word(tuple(scope.value for scope in Scope)), "scope of the preflight", _BOTH),
    EventField("backend", Word(BACKENDS), "what decoded and encoded", _BOTH),
    EventField("image_format", Word(tuple(each.value for each in ImageFormat)), "format of the frames", _BOTH),
    EventField("clip_count", Count("clips"), "clips in the composition", _BOTH),
    EventField("hfbench_version", Version(), "version of hfbench", _BOTH),
    EventField("python_version", Version(), "version of Python", _BOTH),
    EventField("av_version", Version(), "version of PyAV", _BOTH),
    EventField("ffmpeg_version", Version(), "version of FFmpeg's libraries in this process", _BOTH),
    EventField("os", Word(("linux", "macos", "windows", "freebsd"), (("darwin", "macos"),)), "operating system", _BOTH),
    EventField("arch", Word(("x86_64", "arm64"), (("amd64", "x86_64"), ("aarch64", "arm64"))), "processor", _BOTH),
    EventField("cores", Count("cores"), "cores that the process may run on", _BOTH),
    EventField("ci", Flag(), "whether a CI service runs it", _BOTH),
)


def _measured() -> Iterable[EventField]:
    for metric, key in METRIC_KEYS.items():
        unit, meaning = METRICS[metric]
        kind = Milliseconds() if unit == "ms" else Count(unit)
        yield EventField(key, kind, meaning, (RENDER_COMPLETE,), metric, is_measurement=True)


def _failed() -> Iterable[EventField]:
    only = (RENDER_FAILED,)
    yield EventField("failure_count", Count("clips"), "clips that failed", only, is_measurement=True)
    for kind in FailureKind:
        meaning = f"of these, failed as `{kind.value}`; absent when none did"
        yield EventField(f"failures_{kind.value}", Count("clips"), meaning, only, is_measurement=True)
    yield EventField(OTHER_FAILURES, Count("clips"), "of these, failed in a way not listed", only, is_measurement=True)


#: Everything that may leave, by key.
EVENT_FIELDS: Final[Mapping[str, EventField]] = MappingProxyType(
    {field.name: field for field in (*_measured(), *_failed(), *_FACTS)}
)

#: Event name -> what it may hold, in the order of the table.
_FIELDS_OF: Final[Mapping[str, tuple[EventField, ...]]] = MappingProxyType(
    {name: tuple(field for field in EVENT_FIELDS.values() if name in field.events) for name in _BOTH}
)


def render_complete(breakdown: Mapping[str, int | float | None], facts: Mapping[str, object]) -> TelemetryEvent:
    """Return the event of one finished extraction.

    Args:
        breakdown: metrics, as ``hfbench metrics`` names them, in ms, bytes and counts; any may be missing or None.
        facts: Keys of :data:`EVENT_FIELDS` that are not measurements (``scope``, ``backend``, …).

    Returns:
        ``render_complete`` with the keys that are known. Unknown keys and values that do not fit are left out.
    """
    raw = {METRIC_KEYS[metric]: value for metric, value in breakdown.items() if metric in METRIC_KEYS}
    return TelemetryEvent(RENDER_COMPLETE, _allowed(RENDER_COMPLETE, _facts_of(facts) | raw))


def render_failed(failures: Mapping[str, int], facts: Mapping[str, object]) -> TelemetryEvent:
    """Return the event of one extraction in which clips failed.

    Args:
        failures: Failure kind (a value of :class:`hfbench.model.result.FailureKind`) to clips that failed so.
        facts: As for :func:`render_complete`.

    Returns:
        ``render_failed``; a kind that is not listed counts as ``failures_other``, its name does not leave.
    """
    counts: dict[str, int] = {}
    for kind, count in failures.items():
        clips = Count("clips").clean(count)
        if isinstance(clips, int) and clips > 0:
            key = f"failures_{kind}" if f"failures_{kind}" in EVENT_FIELDS else OTHER_FAILURES
            counts[key] = counts.get(key, 0) + clips
    raw = {"failure_count": sum(counts.values()), **counts}
    return TelemetryEvent(RENDER_FAILED, _allowed(RENDER_FAILED, _facts_of(facts) | raw))


def screen(event: TelemetryEvent) -> TelemetryEvent | None:
    """Return ``event`` with only what may leave, or None when events of that name may not leave at all.

    The dispatcher passes every event through here, so that an event made by hand leaks nothing either.
    """
    if event.name not in _BOTH:
        return None
    # The name out of the table and not the caller's: a str subclass could write itself differently.
    name = RENDER_COMPLETE if event.name == RENDER_COMPLETE else RENDER_FAILED
    return TelemetryEvent(name, _allowed(name, event.properties), int(event.time_unix_ns))


def machine_facts(environ: Mapping[str, str]) -> dict[str, Scalar]:
    """Return what is known about this machine and may leave: versions, operating system, processor, cores, CI.

    PyAV's version and FFmpeg's are those of the libraries that the engine has loaded; before it did, they are absent.
    (Asking the installed packages instead takes longer than everything else here: 15 ms of CPU.)

    Args:
        environ: The environment, to tell whether a CI service runs this.
    """
    av = sys.modules.get("av")
    found: dict[str, object] = {
        "hfbench_version": __version__,
        "python_version": platform.python_version(),
        "av_version": getattr(av, "__version__", None),
        "ffmpeg_version": getattr(av, "ffmpeg_version_info", None),
        "os": platform.system(),
        "arch": platform.machine(),
        "cores": available_cores(),
        "ci": is_ci(environ),
    }
    return _allowed(RENDER_COMPLETE, found)


def _facts_of(facts: Mapping[str, object]) -> dict[str, object]:
    """The facts alone: measurements come from the breakdown and the failures only."""
    return {key: value for key, value in facts.items() if key in EVENT_FIELDS and not EVENT_FIELDS[key].is_measurement}


def _allowed(event_name: str, raw: Mapping[str, object]) -> dict[str, Scalar]:
    """The part of ``raw`` that may leave with ``event_name``, in the order of the table, as new keys and values."""
    allowed: dict[str, Scalar] = {}
    for field in _FIELDS_OF[event_name]:
        if field.name in raw:
            value = field.kind.clean(raw[field.name])
            if value is not None:
                allowed[field.name] = value
    return allowed
