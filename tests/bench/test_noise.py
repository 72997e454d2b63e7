"""The gate's error rates, by replaying recorded runs of unchanged work (tests/data/noise) with random labels.

The naive gates at the end are the negative control: the same data makes them raise false alarms.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from hfbench.bench.compare import APART_FAIL_ABOVE
from hfbench.bench.stats import CPU_RULE, LOOKS, WALL_RULE, Rule, State, canary_failed, judge

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Series = NDArray[np.float64]
REPLAYS = 400
PAIRS = LOOKS[-1]


@pytest.fixture(params=["aa_ffmpeg", "aa_subprocess"])
def recorded(request: pytest.FixtureRequest, data: Path) -> dict[str, Series]:
    lines = (data / "noise" / f"{request.param}.jsonl").read_text().splitlines()
    runs = [json.loads(line) for line in lines]
    return {
        "cpu": np.array([run["user_ms"] + run["sys_ms"] for run in runs]),
        "wall": np.array([run["wall_ms"] for run in runs]),
    }


def replay(rng: np.random.Generator, series: Series, effect: float = 0.0, pairs: int = PAIRS) -> Series:
    """Log ratios of pairs of neighbouring runs, labelled at random, the contender made slower by ``effect``."""
    start = rng.integers(0, series.size - 2 * pairs + 1)
    logs = np.log(series[start : start + 2 * pairs]).reshape(pairs, 2)
    labels = rng.choice([-1, 1], size=pairs)
    labelled: Series = (logs[:, 1] - logs[:, 0]) * labels + math.log1p(effect)
    return labelled


def rate(state: State, rule: Rule, draw: Callable[[], Series], family: int = 1, replays: int = REPLAYS) -> float:
    """How often any of ``family`` metrics, each with its own stretch of the recording, ends in ``state``."""
    spent = rule.for_family(family)
    return sum(any(judge(draw(), spent).state is state for _ in range(family)) for _ in range(replays)) / replays


def test_false_alarms_on_cpu_time(recorded: dict[str, Series]) -> None:
    rng = np.random.default_rng(1)
    assert rate(State.FAIL, CPU_RULE, lambda: replay(rng, recorded["cpu"])) <= 0.01


@pytest.mark.parametrize("family", [4, 10])
def test_family_wise_false_alarms_on_cpu_time(recorded: dict[str, Series], family: int) -> None:
    rng = np.random.default_rng(2)
    assert rate(State.FAIL, CPU_RULE, lambda: replay(rng, recorded["cpu"]), family) <= 0.01


def test_false_alarms_on_wall_time(recorded: dict[str, Series]) -> None:
    rng = np.random.default_rng(3)
    assert rate(State.FAIL, WALL_RULE, lambda: replay(rng, recorded["wall"])) <= 0.01


@pytest.mark.parametrize("family", [1, 10])
def test_power_at_ten_percent_more_cpu_time(recorded: dict[str, Series], family: int) -> None:
    rng, rule = np.random.default_rng(4), CPU_RULE.for_family(family)
    assert rate(State.FAIL, rule, lambda: replay(rng, recorded["cpu"], 0.10)) >= 0.95


def test_unchanged_work_passes(recorded: dict[str, Series]) -> None:
    rng = np.random.default_rng(5)
    assert rate(State.PASS, CPU_RULE, lambda: replay(rng, recorded["cpu"])) >= 0.95


def test_five_percent_more_cpu_time_seldom_passes(recorded: dict[str, Series]) -> None:
    rng = np.random.default_rng(6)
    assert rate(State.PASS, CPU_RULE, lambda: replay(rng, recorded["cpu"], 0.05)) <= 0.05


def test_smallest_detectable_change_keeps_its_word(recorded: dict[str, Series]) -> None:
    """A true change of the size that one measurement names is seen in at least four of five fresh ones."""
    rng, rule = np.random.default_rng(7), CPU_RULE.for_fixed(30)
    seen = 0
    for _ in range(REPLAYS):
        named = judge(replay(rng, recorded["cpu"], pairs=30), rule).smallest_detectable
        seen += judge(replay(rng, recorded["cpu"], named, pairs=30), rule).state is State.FAIL
    assert seen / REPLAYS >= 0.8


@pytest.mark.parametrize("pairs", [8, 20, 40])
def test_canary_of_an_honest_baseline_stays_quiet(recorded: dict[str, Series], pairs: int) -> None:
    rng = np.random.default_rng(8)
    failed = sum(canary_failed(replay(rng, recorded["cpu"], pairs=pairs), CPU_RULE) for _ in range(REPLAYS))
    assert failed / REPLAYS <= 0.01


def blocks(rng: np.random.Generator, series: Series, size: int) -> tuple[Series, Series]:
    """First all runs of one side, then all of the other: how a naive gate measures."""
    start = rng.integers(0, series.size - 2 * size + 1)
    return series[start : start + size], series[start + size : start + 2 * size]


@pytest.mark.parametrize("size", [15, 30])
def test_two_records_measured_apart_seldom_raise_a_false_alarm(recorded: dict[str, Series], size: int) -> None:
    rng, rule = np.random.default_rng(9), Rule(fail_above=APART_FAIL_ABOVE).for_fixed(size)
    failed = 0
    for _ in range(REPLAYS):
        one, other = blocks(rng, recorded["cpu"], size)
        failed += judge(np.log(other / one), rule).state is State.FAIL
    assert failed / REPLAYS <= 0.01


def naive_t_test(one: Series, other: Series) -> bool:
    return bool(other.mean() > 1.15 * one.mean() and stats.ttest_ind(other, one, equal_var=False).pvalue < 0.05)


def naive_minimum(one: Series, other: Series) -> bool:
    return bool(other.min() > 1.05 * one.min())


@pytest.mark.parametrize("naive", [naive_t_test, naive_minimum])
def test_negative_control_naive_gates_raise_false_alarms(
    recorded: dict[str, Series], naive: Callable[[Series, Series], bool]
) -> None:
    rng = np.random.default_rng(10)
    alarms = sum(naive(*blocks(rng, recorded["wall"], 15)) for _ in range(REPLAYS))
    assert alarms / REPLAYS > 0.05
