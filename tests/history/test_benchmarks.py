"""Every benchmark of asv also runs once as an ordinary test."""

from __future__ import annotations

import json
import math
import tempfile
import time
from importlib import import_module, reload
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hfbench.model.metrics import METRICS
from hfbench.telemetry import lane

if TYPE_CHECKING:
    from collections.abc import Callable

EXACT = ("framesDecoded", "framesConverted", "framesWritten", "filesOpened", "processesSpawned")


LIGHT = ["segment", "fused"]


@pytest.fixture
def benchmarks(home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """A module of the benchmarks, by name."""
    monkeypatch.setenv("HFBENCH_HOME", str(home))
    monkeypatch.syspath_prepend(Path(__file__).parents[1])  # asv, too, imports the folder as a package
    return lambda name: import_module(f"benchmarks.{name}")


@pytest.fixture
def scenarios(benchmarks: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(benchmarks("measuring"), "ROUNDS", 1)
    return benchmarks("scenarios")


@pytest.mark.parametrize("name", ["HdrSdrMixedScope", "VfrScreenRecording", "CfrSdrCache"])
def test_every_benchmark_gives_a_number_or_says_that_it_is_skipped(
    scenarios: Any, benchmarks: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    if name != "CfrSdrCache":  # the one with a cache to fill
        monkeypatch.setattr(benchmarks("measuring"), "WARM_UPS", 0)
    if name == "HdrSdrMixedScope":  # the recording runs all scopes; here ``source`` alone encodes 900 frames
        monkeypatch.setattr(scenarios, "SCOPES", LIGHT)
        params = scenarios.HdrSdrMixedScope.params
        monkeypatch.setattr(scenarios.HdrSdrMixedScope, "params", (*params[:2], LIGHT, *params[3:]))
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


def test_a_composition_of_ones_own_is_a_benchmark(
    benchmarks: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from hfbench.bench.scenarios import build_scenarios, find_scenario

    (built,) = build_scenarios([find_scenario("cfr-sdr-cache")], "180p")
    page = tmp_path / "my page.json"
    page.write_text(json.dumps(built.composition.to_json()))
    monkeypatch.setenv("HFBENCH_ASV_COMPOSITIONS", str(page))
    measuring = reload(benchmarks("measuring"))
    monkeypatch.setattr(measuring, "ROUNDS", 1)
    monkeypatch.setattr(measuring, "WARM_UPS", 0)
    try:
        benchmark = reload(benchmarks("scenarios")).CompositionMyPage()
        samples = benchmark.setup_cache()
        found = benchmark.track_framesWritten(samples, "my page", "libav", "fused", "off")
        assert found == {"samples": [90], "number": 1}
        assert len(benchmark.version) == 16
    finally:
        monkeypatch.delenv("HFBENCH_ASV_COMPOSITIONS")
        reload(benchmarks("measuring"))
        reload(benchmarks("scenarios"))


def test_versions_are_hashes_of_recipes_and_units_those_of_the_metrics(scenarios: Any) -> None:
    versions = {scenarios.HdrSdrMixedScope.version, scenarios.VfrScreenRecording.version, scenarios.CfrSdrCache.version}
    assert len(versions) == 3
    assert all(len(version) == 16 for version in versions)
    assert {name: METRICS[name][0] for name in scenarios.METRICS} == scenarios.METRICS


def test_the_cost_of_telemetry_is_a_number_for_every_sink(
    benchmarks: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    cost = benchmarks("telemetry_cost")
    monkeypatch.setattr(cost, "ROUNDS", 1)
    monkeypatch.setattr(cost, "EVENTS", 2)
    benchmark = cost.TelemetryCost()
    samples = benchmark.setup_cache()
    installed = [sink for sink, module in cost.SINKS.items() if is_installed(module)]
    assert {"jsonl", "sqlite"} <= set(installed)
    for metric, way in product(cost.METRICS, product(*benchmark.params)):
        outcome = getattr(benchmark, f"track_{metric}")(samples, *way)
        if way[0] in installed:
            (value,) = outcome["samples"]
            assert value > 0 or metric in {"importMs", "backgroundMs", "closeMs"}, f"{metric} of {way}"
        else:
            assert math.isnan(outcome)


def is_installed(module: str) -> bool:
    return all(find_spec(each) for each in (module.partition(".")[0], module))


@pytest.mark.parametrize("sink", ["jsonl", "posthog"])
def test_work_in_either_thread_would_be_counted(
    benchmarks: Callable[[str], Any], sink: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: a sink that computes for 50 ms of CPU an event, in the engine's thread and in its own."""
    cost = benchmarks("telemetry_cost")
    if not is_installed(cost.SINKS[sink]):
        pytest.skip(f"{sink} is not installed: pip install 'hfbench[{sink}]'")
    monkeypatch.setattr(cost, "EVENTS", 2)

    def measured(folder: str) -> Any:
        with cost._server() as url:
            return cost._stream(cost._spec(sink, folder, url), cost._extraction("plain sdr", Path(folder)))

    def compute(*_: object) -> None:
        end = time.thread_time() + 0.05
        while time.thread_time() < end:
            pass

    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setattr(lane.Lane, "_deliver", busy(lane.Lane._deliver, compute))
        found = measured(folder)
        assert found["backgroundMs"] + found["closeMs"] >= (25 if sink == "posthog" else 50)  # one batch of two events
        monkeypatch.setattr(lane.Lane, "offer", busy(lane.Lane.offer, compute))
        assert measured(folder)["engineMs"] >= 50


def busy(method: Callable[..., Any], compute: Callable[[], None]) -> Callable[..., Any]:
    def wrapped(*arguments: Any) -> Any:
        compute()
        return method(*arguments)

    return wrapped
