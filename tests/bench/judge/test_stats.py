from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as oracle

from hfbench.bench.judge.stats import (
    CPU_RULE,
    LOOKS,
    WALL_RULE,
    Rule,
    State,
    bound,
    canary_failed,
    judge,
    least_pairs,
    signed_rank_cdf,
    walsh_averages,
)

differences = st.lists(st.floats(-1, 1, allow_subnormal=False), min_size=1, max_size=30)


@pytest.mark.parametrize("pairs", [1, 2, 5, 13, 25])
def test_distribution_equals_scipys_exact_test(pairs: int) -> None:
    # A sample whose positive ranks are the first k has statistic 1 + ... + k; scipy gives P(T <= that).
    for positive in range(pairs + 1):
        sample = [rank if rank <= positive else -rank for rank in range(1, pairs + 1)]
        expected = oracle.wilcoxon(sample, alternative="less", method="exact").pvalue
        assert signed_rank_cdf(pairs)[sum(range(1, positive + 1))] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("pairs", [7, 15, 20, 60])
@pytest.mark.parametrize("alpha", [0.05, 0.01, 0.002, 0.0002])
def test_bounds_are_where_scipys_test_begins_to_reject(pairs: int, alpha: float) -> None:
    values = np.random.default_rng(pairs).normal(0.05, 0.03, pairs)
    found = bound(values, alpha, alpha)

    def p_value(centre: float, alternative: str) -> float:
        return float(oracle.wilcoxon(values - centre, alternative=alternative, method="exact").pvalue)

    if math.isinf(found.lower):
        assert p_value(min(values) - 1, "greater") > alpha
    else:
        assert p_value(found.lower - 1e-9, "greater") <= alpha < p_value(found.lower + 1e-9, "greater")
        assert p_value(found.upper + 1e-9, "less") <= alpha < p_value(found.upper - 1e-9, "less")


def test_estimate_is_the_median_of_walsh_averages() -> None:
    assert walsh_averages([0.0, 1.0, 5.0]).tolist() == [0.0, 0.5, 1.0, 2.5, 3.0, 5.0]
    assert bound([0.0, 1.0, 5.0], 0.1, 0.1).estimate == 1.75


@given(differences)
def test_swapping_the_sides_negates_the_estimate(values: list[float]) -> None:
    one, other = bound(values, 0.05, 0.05), bound([-value for value in values], 0.05, 0.05)
    assert other.estimate == pytest.approx(-one.estimate, abs=1e-12)
    assert other.lower == pytest.approx(-one.upper)
    assert other.upper == pytest.approx(-one.lower)


@given(differences, st.floats(-0.5, 0.5))
def test_a_shift_moves_everything_by_itself(values: list[float], shift: float) -> None:
    one, other = bound(values, 0.05, 0.05), bound([value + shift for value in values], 0.05, 0.05)
    assert other.estimate == pytest.approx(one.estimate + shift, abs=1e-9)
    assert other.lower <= other.estimate <= other.upper


@given(st.lists(st.floats(0.5, 5), min_size=1, max_size=6))
def test_fewer_than_seven_pairs_never_fail(values: list[float]) -> None:
    for rule in (CPU_RULE.for_fixed(len(values)), WALL_RULE.for_fixed(len(values))):
        assert judge(values, rule).state is not State.FAIL


def test_seven_pairs_can_fail_when_nothing_is_spent_on_looks() -> None:
    assert judge([0.5] * 7, CPU_RULE.for_fixed(7)).state is State.FAIL  # the control: six is a limit, not a habit


@pytest.mark.parametrize(
    ("value", "state"), [(0.0, State.PASS), (-0.5, State.PASS), (0.015, State.PASS), (0.03, State.FAIL)]
)
def test_constant_series(value: float, state: State) -> None:
    judgement = judge([value] * 60, CPU_RULE)
    assert judgement.state is state
    assert judgement.bound.lower == judgement.bound.estimate == judgement.bound.upper == value
    assert judgement.smallest_detectable == pytest.approx(0.02)


def test_first_final_look_stands() -> None:
    calm, wild = [0.0] * 15, [3.0] * 45
    assert judge(calm + wild, CPU_RULE).state is State.PASS
    assert judge(calm + wild, CPU_RULE).bound.pairs == 15


def test_between_looks_nothing_is_decided() -> None:
    assert judge([3.0] * 14, CPU_RULE).state is State.CONTINUE
    assert judge([3.0] * 15, CPU_RULE).state is State.FAIL
    straddling = np.random.default_rng(3).permutation(np.linspace(-0.3, 0.37, 60))
    assert judge(straddling[:35], CPU_RULE).state is State.CONTINUE
    assert judge(straddling, CPU_RULE).state is State.UNSURE


def test_a_larger_family_needs_more_evidence() -> None:
    values = np.random.default_rng(4).normal(0.06, 0.05, 60)
    bounds = [judge(values, CPU_RULE.for_fixed(60).for_family(size)).bound.lower for size in (1, 4, 10)]
    assert bounds == sorted(bounds, reverse=True)
    assert bounds[0] > bounds[2]


def test_what_may_be_spent() -> None:
    rule = CPU_RULE.for_family(4)
    assert rule.looks == LOOKS == (15, 20, 30, 40, 60)
    assert rule.alpha_low == pytest.approx(0.01 / 5 / 4)
    assert rule.alpha_high == pytest.approx(0.05 / 5)


@pytest.mark.parametrize("looks", [(), (20, 15), (15, 15), (0, 3)])
def test_a_rule_that_makes_no_sense_is_refused(looks: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="looks must ascend"):
        Rule(looks=looks)


@pytest.mark.parametrize("values", [[], [math.nan], [0.1, math.inf]])
def test_a_bound_needs_finite_differences(values: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        bound(values, 0.05, 0.05)


@pytest.mark.parametrize(("values", "failed"), [([], False), ([0.3] * 7, False), ([0.3] * 8, True), ([-0.3] * 8, True)])
def test_canary_fails_in_both_directions_and_needs_eight_pairs(values: list[float], failed: bool) -> None:
    assert canary_failed(values, CPU_RULE) is failed


@pytest.mark.parametrize(("family", "least"), [(1, 7), (2, 8), (8, 10)])
def test_fewer_pairs_than_the_least_can_never_fail(family: int, least: int) -> None:
    """The numbers of docs/gate.md, and what the rule does with pairs that all go one way."""
    assert CPU_RULE.for_fixed(least).for_family(family).least_pairs == least
    for pairs in range(1, 13):
        rule = CPU_RULE.for_fixed(pairs).for_family(family)
        assert (judge([1.0] * pairs, rule).state is State.FAIL) == (pairs >= least)
    page = (Path(__file__).parents[3] / "docs" / "gate.md").read_text(encoding="utf-8")
    cases = {1: "one case", 2: "one of two", 8: "one of eight"}[family]
    assert re.search(f"ewer than {least} (rounds cannot show a regression of|not) {cases}", " ".join(page.split()))


def test_the_canary_needs_eight_pairs() -> None:
    assert least_pairs(CPU_RULE.alpha_fail / 2) == 8
    assert not canary_failed([1.0] * 7, CPU_RULE)
    assert canary_failed([1.0] * 8, CPU_RULE)
