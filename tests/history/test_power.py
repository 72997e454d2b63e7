"""Kind: a search that could hardly find a step says nothing about it."""

from __future__ import annotations

import math
import random

import pytest

from hfbench.history import POWER, smallest_step, steps_of
from hfbench.history.steps import LEAST_LEVEL
from tests.makers.history_maker import line

NOISE = 0.05
LINES = 400


def _found(commits: int, change: float, seed: int) -> float:
    """The share of steps of this relative size that is found: whole lines, through the public search."""
    chance = random.Random(seed)
    hits = 0
    for _ in range(LINES):
        place = chance.randint(LEAST_LEVEL, commits - LEAST_LEVEL)
        levels = [1.0] * place + [1 + change] * (commits - place)
        series = line([100 * level * math.exp(chance.gauss(0, NOISE)) for level in levels])
        places = [series.points.index(step.after) for step in steps_of(series)]
        hits += any(abs(found - place) <= 2 for found in places)
    return hits / LINES


def _smallest(commits: int, seed: int) -> float:
    """What is printed for lines of this length and noise without any step: the median over lines."""
    chance = random.Random(seed)
    printed = []
    for _ in range(99):
        found = smallest_step(line([100 * math.exp(chance.gauss(0, NOISE)) for _ in range(commits)]))
        assert found is not None
        printed.append(found)
    return sorted(printed)[49]


@pytest.mark.parametrize("commits", [6, 12, 17, 40, 120])
def test_a_step_of_the_printed_size_is_found_as_often_as_is_said(commits: int) -> None:
    smallest = _smallest(commits, seed=1)
    assert POWER - 0.1 < _found(commits, smallest, seed=2) < 0.95
    assert _found(commits, smallest / 2, seed=3) < 0.6  # the negative control: half the size is not


def test_the_case_of_the_report_is_printed_as_hardly_visible() -> None:
    """12 commits at 5% noise: a step of +22% is found in less than half of all lines."""
    assert _found(12, 0.22, seed=4) < 0.5
    assert _smallest(12, seed=5) > 0.25


def test_lines_that_are_too_short_or_too_fast_find_nothing_and_counters_any_difference() -> None:
    assert smallest_step(line([100.0] * 5)) is None
    assert smallest_step(line([0.01] * 50)) == math.inf
    assert smallest_step(line([900.0] * 12, metric="framesDecoded")) == 0
    flipping = line([154.0, 154.0, 155.0, 154.0, 154.0, 155.0, 154.0, 154.0, 155.0], metric="framesDecoded")
    smallest = smallest_step(flipping)
    assert smallest is not None
    assert smallest > 0.01


def test_more_commits_and_less_noise_show_smaller_steps() -> None:
    printed = [_smallest(commits, seed=6) for commits in (6, 12, 30, 100, 300)]
    assert printed == sorted(printed, reverse=True)
