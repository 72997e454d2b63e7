"""Every benchmark of asv also runs once as an ordinary test."""

from __future__ import annotations

import math
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from hfbench.metrics import METRICS

EXACT = ("framesDecoded", "framesConverted", "framesWritten", "filesOpened", "processesSpawned")


@pytest.fixture
def scenarios(home: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("HFBENCH_HOME", str(home))
    monkeypatch.syspath_prepend(Path(__file__).parents[1])  # asv, too, imports the folder as a package
    monkeypatch.setattr(import_module("benchmarks.measuring"), "ROUNDS", 1)
    return import_module("benchmarks.scenarios")


@pytest.mark.parametrize("name", ["HdrSdrMixedScope", "VfrScreenRecording", "CfrSdrCache"])
def test_every_benchmark_gives_a_number_or_says_that_it_is_skipped(scenarios: Any, name: str) -> None:
    benchmark = getattr(scenarios, name)()
    samples = benchmark.setup_cache()
    for metric, way in product(scenarios.METRICS, product(*benchmark.params)):
        outcome = getattr(benchmark, f"track_{metric}")(samples, *way)
        if isinstance(outcome, dict):
            assert outcome["number"] == 1
            assert all(value >= 0 for value in outcome["samples"])
        else:
            assert math.isnan(outcome)
            assert metric == "packetsRead" or way[-1] != "off", f"{metric} of {way} is missing"
    way = (benchmark.params[0][0], "libav", "fused", "off")
    assert all(isinstance(getattr(benchmark, f"track_{metric}")(samples, *way), dict) for metric in EXACT)


def test_versions_are_hashes_of_recipes_and_units_those_of_the_metrics(scenarios: Any) -> None:
    versions = {scenarios.HdrSdrMixedScope.version, scenarios.VfrScreenRecording.version, scenarios.CfrSdrCache.version}
    assert len(versions) == 3
    assert all(len(version) == 16 for version in versions)
    assert {name: METRICS[name][0] for name in scenarios.METRICS} == scenarios.METRICS
