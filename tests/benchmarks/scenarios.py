"""The benchmarks: a class a scenario, a ``track_`` method a metric, over backend x scope x state of the cache."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .measuring import BACKENDS, CACHES, COMPOSITIONS, SCOPES, Samples, measure, picked, recipe_hash

if TYPE_CHECKING:
    from collections.abc import Callable

METRICS = {
    "hdrPreflightMs": "ms",
    "vfrPreflightMs": "ms",
    "extractMs": "ms",
    "videoExtractMs": "ms",
    "cpuMs": "ms",
    "tmpPeakBytes": "bytes",
    "cacheHits": "clips",
    "filesOpened": "files",
    "packetsRead": "packets",
    "framesDecoded": "frames",
    "framesConverted": "frames",
    "framesWritten": "frames",
    "bytesWritten": "bytes",
    "processesSpawned": "processes",
}
_SETUP_SECONDS = 900


def _track(metric: str, unit: str) -> Callable[..., Any]:
    def track(self: _Tracked, samples: Samples, scenario: str, *values: str) -> Any:
        return picked(samples, scenario, dict(zip(self.param_names[1:], values, strict=True)), metric)

    track.__name__ = track.__qualname__ = f"track_{metric}"
    track.unit = unit  # type: ignore[attr-defined]  # where asv looks for it
    return track


class _Tracked:
    """What all scenarios share; asv leaves out a class whose name starts with an underscore."""

    param_names = ("scenario", "backend", "scope", "cache")


for _metric, _unit in METRICS.items():
    setattr(_Tracked, f"track_{_metric}", _track(_metric, _unit))


class HdrSdrMixedScope(_Tracked):
    """The headline: 2 s of a 30 s SDR clip beside HDR10."""

    scenario = "hdr-sdr-mixed-scope"
    params = ([scenario], BACKENDS, SCOPES, ["off"])
    version = recipe_hash(scenario)

    def setup_cache(self) -> Samples:
        """Run it once for all metrics."""
        return measure(self.scenario, SCOPES, ["off"])

    setup_cache.timeout = _SETUP_SECONDS  # type: ignore[attr-defined]  # where asv looks for it


class VfrScreenRecording(_Tracked):
    """4 s of a screen recording at a variable frame rate."""

    scenario = "vfr-screen-recording"
    params = ([scenario], BACKENDS, SCOPES, ["off"])
    version = recipe_hash(scenario)

    def setup_cache(self) -> Samples:
        """Run it once for all metrics."""
        return measure(self.scenario, SCOPES, ["off"])

    setup_cache.timeout = _SETUP_SECONDS  # type: ignore[attr-defined]


class CfrSdrCache(_Tracked):
    """3 s of plain SDR without a cache, into an empty one, and from a full one."""

    scenario = "cfr-sdr-cache"
    params = ([scenario], BACKENDS, ["fused"], CACHES)
    version = recipe_hash(scenario)

    def setup_cache(self) -> Samples:
        """Run it once for all metrics."""
        return measure(self.scenario, ["fused"], CACHES)

    setup_cache.timeout = _SETUP_SECONDS  # type: ignore[attr-defined]


def _all_compositions(self: _Tracked) -> Samples:
    """All of them: asv knows a ``setup_cache`` by its line, and runs this one once for all their classes."""
    del self
    return {case: found for name in COMPOSITIONS for case, found in measure(name, SCOPES, ["off"]).items()}


_all_compositions.timeout = _SETUP_SECONDS  # type: ignore[attr-defined]


def _composition_benchmark(name: str) -> type[_Tracked]:
    """A class as those above, for a composition of one's own."""

    values = {
        "__doc__": f"The composition {name}.",
        "scenario": name,
        "params": ([name], BACKENDS, SCOPES, ["off"]),
        "version": recipe_hash(name),
        "setup_cache": _all_compositions,
    }
    title = "".join(word.capitalize() for word in re.split(r"[^0-9A-Za-z]+", name) if word)
    return type(f"Composition{title}", (_Tracked,), values)


for _name in COMPOSITIONS:
    _made = _composition_benchmark(_name)
    _made.__module__ = __name__
    globals()[_made.__name__] = _made
