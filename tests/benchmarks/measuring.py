"""One expensive run, many metrics: the scenario runs a few times, and every benchmark picks its numbers from that.

asv takes this file from the working tree and hfbench from each commit, so what is imported from hfbench here must have
been there for long: the engine's end of the gate's protocol, and the scenarios.
"""

from __future__ import annotations

import math
import os
import tempfile
from pathlib import Path
from typing import Any

#: Kept out of asv's matrix: its values would land in file names. The size is part of the fixture's hash, and so of
#: every benchmark's version.
SIZE = os.environ.get("HFBENCH_ASV_SIZE", "180p")
ROUNDS = int(os.environ.get("HFBENCH_ASV_ROUNDS", "3"))
#: Uncounted runs of each case before the counted ones; a warm cache is filled by them.
WARM_UPS = 1

#: Compositions of one's own, as scenarios: name -> file. ``HFBENCH_ASV_COMPOSITIONS`` names them as PATH names folders.
COMPOSITIONS = {
    Path(name).stem: Path(name) for name in os.environ.get("HFBENCH_ASV_COMPOSITIONS", "").split(os.pathsep) if name
}

BACKENDS = ["libav", "ffmpeg"]
SCOPES = ["source", "segment", "fused"]
CACHES = ["off", "cold", "warm"]

#: Case -> one dict of metrics a round; nothing where this commit's engine can't do it.
Samples = dict[Any, list[dict[str, Any]]]


def recipe_hash(scenario: str) -> str:
    """The hash that the scenario's fixture is stored under: unlike inputs never share a line."""
    if scenario in COMPOSITIONS:
        return _content_hash(scenario)
    try:
        from fixtures_gen import Size
        from hfbench.bench.scenarios import find_scenario, fixture_store

        store = fixture_store()
        return store.folder(find_scenario(scenario).fixture, Size(SIZE)).name.rpartition("-")[2]
    except ImportError:  # asv looks for benchmarks with the commit at hand, which may be older than all this
        return "unknown"


def _content_hash(scenario: str) -> str:
    try:
        return str(_built(scenario).fixture_hash)
    except ImportError:
        return "unknown"


def measure(scenario: str, scopes: list[str], caches: list[str]) -> Samples:
    """Run every case in turn, ``ROUNDS`` times, after the uncounted warm-ups of each."""
    from hfbench.bench.case import every_case

    built = _built(scenario)
    document = _document(built.composition)
    cases = every_case([scenario], backend=BACKENDS, scope=scopes, cache=caches)
    samples: Samples = {}
    with tempfile.TemporaryDirectory(prefix="hfbench-asv-") as folder:
        for number in range(WARM_UPS + ROUNDS):
            for case in cases:
                metrics = _run(case, document, Path(folder))
                if metrics is not None and number >= WARM_UPS:
                    samples.setdefault(case, []).append(metrics)
    return samples


def _built(scenario: str) -> Any:
    if scenario in COMPOSITIONS:
        from hfbench.bench.composition_scenarios import load_scenario

        return load_scenario(COMPOSITIONS[scenario])
    from hfbench.bench.scenarios import build_scenarios, find_scenario

    (built,) = build_scenarios([find_scenario(scenario)], SIZE)
    return built


def _run(case: Any, document: dict[str, Any], folder: Path) -> dict[str, Any] | None:
    """One run; None where the engine refuses it, as an engine without a cache does."""
    from hfbench.bench.protocol.messages import Refusal, RunRequest
    from hfbench.bench.protocol.server import run_extraction

    kept = folder / f"cache-{case.backend}-{case.scope}"
    with tempfile.TemporaryDirectory(dir=folder) as fresh:
        cache_folder = {"off": "", "cold": f"{fresh}/cache", "warm": str(kept)}[case.cache]
        request = RunRequest(
            scenario=case.scenario,
            composition=document,
            options={"backend": case.backend, "scope": case.scope, "format": case.format, "workers": 1},
            cache=case.cache,
            out=f"{fresh}/frames",
            cache_folder=cache_folder,
        )
        answer = run_extraction(request)
    if not isinstance(answer, Refusal):
        return dict(answer.metrics)
    if answer.kind == "unsupported":
        return None
    raise RuntimeError(f"{case}: {answer.message}")


def _document(composition: Any) -> dict[str, Any]:
    from hfbench.composition import json_format

    document: dict[str, Any] = json_format.to_document(composition)
    return document


def picked(samples: Samples, scenario: str, axes: dict[str, str], metric: str) -> Any:
    """What asv takes as a result with samples (and then keeps median, interval and samples); NaN means skipped."""
    from hfbench.bench.case import Case

    values = [metrics.get(metric) for metrics in samples.get(Case.parse(scenario, axes), [])]
    known = [value for value in values if value is not None]
    return {"samples": known, "number": 1} if known else math.nan
