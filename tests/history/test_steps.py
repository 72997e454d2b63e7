from __future__ import annotations

import itertools
import random

import pytest

from hfbench.history import Axes, History, Point, Series, find_steps, gate_command, steps_of
from tests.makers.history_maker import line, noisy

#: A noisy step is placed to within so many commits.
NEAR = 2
HISTORIES = 12


def _missed_and_false(seed: int) -> tuple[int, int]:
    made = noisy(seed, steps=True)
    places = {point.commit: place for place, point in enumerate(made.series.points)}
    found = [places[step.after.commit] for step in steps_of(made.series)]
    missed = sum(all(abs(place - other) > NEAR for other in found) for place in made.steps)
    false = sum(all(abs(place - other) > NEAR for other in made.steps) for place in found)
    return missed, false


def test_three_steps_in_each_of_12_histories_are_found_with_no_more_than_one_false_one() -> None:
    outcomes = [_missed_and_false(seed) for seed in range(HISTORIES)]
    assert sum(missed for missed, _ in outcomes) == 0
    assert sum(false for _, false in outcomes) <= 1


def test_nothing_is_found_where_nothing_changed() -> None:
    assert sum(len(steps_of(noisy(seed, steps=False).series)) for seed in range(100, 100 + HISTORIES)) <= 1


def test_without_a_steady_level_the_search_would_find_far_too_much() -> None:
    """Negative control: the same count on a line that does wander shows that the counts above can be other than 0."""
    assert sum(len(steps_of(noisy(seed, steps=False, drift=0.05).series)) for seed in range(HISTORIES)) > HISTORIES


def test_the_interval_holds_the_true_size() -> None:
    covered = total = 0
    for seed in range(HISTORIES):
        made = noisy(seed, steps=True, drift=0.0)
        for step in steps_of(made.series):
            place = next(n for n, point in enumerate(made.series.points) if point.commit == step.after.commit)
            near = [size for at, size in made.steps.items() if abs(at - place) <= NEAR]
            if near and step.low is not None and step.high is not None:
                total += 1
                covered += step.low <= near[0] <= step.high
                assert step.confidence == 0.95
    assert total == 3 * HISTORIES
    assert covered >= 0.85 * total


def test_a_constant_counter_has_no_step() -> None:
    assert steps_of(line([900.0] * 200, metric="framesDecoded")) == ()
    assert steps_of(line([0.0] * 200, metric="processesSpawned")) == ()
    assert steps_of(line([0.009] * 200, metric="hdrPreflightMs")) == ()


def test_a_counter_that_changes_once_is_found_exactly_and_with_its_commits() -> None:
    series = line([900.0] * 150 + [901.0] * 50, metric="framesDecoded")
    (step,) = steps_of(series)
    assert (step.before, step.after) == (series.points[149], series.points[150])
    assert step.is_exact
    assert step.is_worse
    assert step.change == step.low == step.high == pytest.approx(1 / 900)


def test_a_counter_that_varies_within_a_commit_is_no_step() -> None:
    points = tuple(
        Point(f"{n}", float(n), values) for n, values in enumerate([(10.0, 10.0), (10.0, 12.0), (12.0, 12.0)])
    )
    assert steps_of(Series(Axes(scenario="s", metric="tmpPeakBytes"), points)) == ()


def _flipping(seed: int, share: float, commits: int = 60, level: float = 154.0) -> list[float]:
    chance = random.Random(seed)
    return [level + (chance.random() < share) for _ in range(commits)]


@pytest.mark.parametrize("share", [0.05, 0.1, 0.2, 0.5])
def test_a_counter_that_flips_by_one_makes_no_steps(share: float) -> None:
    """Kind: 10 to 20 "exact" steps in the history of an engine whose count varies by itself."""
    found = [steps_of(line(_flipping(seed, share), metric="framesDecoded")) for seed in range(HISTORIES)]
    # One excursion alone can't be told from a change that was reverted: up and down are two steps, at most.
    assert max(len(steps) for steps in found) <= 2
    assert sum(len(steps) for steps in found) <= 4
    before = sum(a != b for a, b in itertools.pairwise(_flipping(0, share)))
    assert before >= 4  # the negative control: so many neighbours do differ in one history


def test_a_real_step_of_a_flipping_counter_is_found_once() -> None:
    for seed in range(HISTORIES):
        values = [*_flipping(seed, 0.2, 30), *_flipping(seed + 50, 0.2, 30, level=165.0)]
        (step,) = steps_of(line(values, metric="framesDecoded"))
        assert step.after.when == 1_700_000_000.0 + 3600 * 30
        assert not step.is_exact


def test_a_counter_that_is_changed_and_changed_back_several_times_stays_exact() -> None:
    steps = steps_of(line(([900.0] * 5 + [901.0] * 5) * 3, metric="framesDecoded"))
    assert [step.is_exact for step in steps] == [True] * 5


def test_a_counter_that_comes_from_zero_has_no_percentage() -> None:
    (step,) = steps_of(line([0.0, 0.0, 2.0], metric="processesSpawned"))
    assert (step.old, step.new, step.change) == (0.0, 2.0, None)


def test_two_points_are_enough_for_a_counter_and_not_for_a_time() -> None:
    assert len(steps_of(line([900.0, 901.0], metric="framesDecoded"))) == 1
    assert steps_of(line([900.0, 1800.0])) == ()


def test_a_step_of_a_few_points_says_how_sure_its_interval_is() -> None:
    (step,) = steps_of(line([100.0, 101.0, 99.0, 150.0, 151.0, 149.5]))
    assert step.change == pytest.approx(0.5, abs=0.02)
    assert step.confidence == pytest.approx(0.9)


def test_rounding_of_tiny_times_is_no_step() -> None:
    assert steps_of(line([0.003, 0.004] * 10 + [0.009] * 20, metric="vfrPreflightMs")) == ()


def test_fewer_cache_hits_are_worse() -> None:
    (step,) = steps_of(line([2.0, 2.0, 0.0], metric="cacheHits"))
    assert step.is_worse


def test_the_gate_command_names_both_commits_and_the_way() -> None:
    (step,) = steps_of(line([900.0, 901.0], metric="framesDecoded"))
    command = gate_command(step)
    assert command is not None
    for word in ("hfbench gate", "--base 00000000", "--head 00000001", "hdr-sdr-mixed-scope", "--scope segment"):
        assert word in command


def test_the_gate_command_asks_for_no_axis_that_the_engine_has_fixed() -> None:
    (step,) = steps_of(line([900.0, 901.0], metric="framesDecoded", engine="tiny", backend="program", scope="whole"))
    assert gate_command(step) == (
        "hfbench gate --base 00000000 --head 00000001 --scenario hdr-sdr-mixed-scope --format jpg"
    )


def test_no_gate_command_without_commits() -> None:
    points = (Point("run-1", 0.0, (1.0,)), Point("run-2", 1.0, (2.0,)))
    (step,) = steps_of(Series(Axes(scenario="s", metric="framesDecoded"), points))
    assert gate_command(step) is None


def test_steps_of_a_whole_history_stand_in_the_order_of_time() -> None:
    history = History(
        (line([1.0] * 5 + [2.0], metric="filesOpened"), line([1.0, 2.0, 2.0, 2.0, 2.0, 2.0], metric="framesDecoded"))
    )
    assert [step.axes.metric for step in find_steps(history)] == ["framesDecoded", "filesOpened"]
