from __future__ import annotations

import random

import pytest

from hfbench.bench.judge.scaling import growth
from hfbench.bench.record import RunRecord, Sample

POSITIONS = {"scale-1": 1.0, "scale-4": 4.0, "scale-16": 16.0}


def record(cost: object, rounds: int = 3, noise: float = 0.0) -> RunRecord:
    chance = random.Random(1)
    samples = tuple(
        Sample(scenario=name, backend="libav", scope="fused", format="jpg", round=number, metrics={"cpuMs": value})
        for number in range(1, rounds + 1)
        for name, position in POSITIONS.items()
        for value in [cost(position) * (1 + noise * chance.uniform(-1, 1))]  # type: ignore[operator]
    )
    return RunRecord(samples=samples)


@pytest.mark.parametrize("exponent", [-1.0, 0.0, 0.5, 1.0, 2.0])
def test_the_exponent_of_a_power_law_is_exact(exponent: float) -> None:
    found = growth("length", "cpuMs", POSITIONS, record(lambda x: 7 * x**exponent))
    assert found is not None
    assert found.exponent == pytest.approx(exponent, abs=1e-12)
    assert (found.lowest, found.highest) == (pytest.approx(exponent), pytest.approx(exponent))
    assert found.medians == {x: pytest.approx(7 * x**exponent) for x in POSITIONS.values()}


def test_the_spread_is_that_of_the_rounds() -> None:
    found = growth("length", "cpuMs", POSITIONS, record(lambda x: 7 * x, rounds=20, noise=0.1))
    assert found is not None
    assert found.lowest < 1 < found.highest


def test_a_cost_that_grows_is_not_taken_for_a_constant() -> None:
    constant = growth("length", "cpuMs", POSITIONS, record(lambda _: 50))
    growing = growth("length", "cpuMs", POSITIONS, record(lambda x: 50 + 2 * x))
    assert constant is not None
    assert growing is not None
    assert constant.exponent == pytest.approx(0, abs=1e-12)
    assert growing.exponent > 0.1


def test_other_scenarios_and_missing_values_are_left_out() -> None:
    whole = record(lambda x: x)
    other = Sample(scenario="else", backend="libav", scope="fused", format="jpg", round=1, metrics={"cpuMs": 9000})
    unknown = Sample(scenario="scale-4", backend="libav", scope="fused", format="jpg", round=9, metrics={"cpuMs": None})
    found = growth("length", "cpuMs", POSITIONS, RunRecord(samples=(*whole.samples, other, unknown)))
    assert found is not None
    assert found.exponent == pytest.approx(1)


def test_a_single_position_has_no_slope() -> None:
    assert growth("length", "cpuMs", {"scale-4": 4.0}, record(lambda x: x)) is None
