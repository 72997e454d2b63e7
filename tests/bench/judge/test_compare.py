from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from hfbench.bench.case import Case
from hfbench.bench.judge.budgets import Allowance, Budget
from hfbench.bench.judge.canary import Canary, canary_of
from hfbench.bench.judge.comparability import Side
from hfbench.bench.judge.compare import COUNTERS, compare
from hfbench.bench.judge.comparison import Comparison, Kind, Row
from hfbench.bench.judge.terms import Pairing, Terms, time_metrics
from hfbench.bench.judge.verdict import CouldNotMeasure, Fail, Pass, Unsure
from hfbench.bench.record import Sample
from hfbench.errors import UsageError

MakeSide = Callable[..., Side]
MakeSamples = Callable[..., tuple[Sample, ...]]


def noisy(count: int, centre: float = 100.0, seed: int = 0) -> list[float]:
    return [float(value) for value in centre * np.random.default_rng(seed).uniform(0.99, 1.01, count)]


def row_of(outcome: Comparison, metric: str, kind: Kind = Kind.TIME) -> Row:
    (row,) = [row for row in outcome.rows if row.metric == metric and row.kind is kind]
    return row


def test_nothing_changed(make_side: MakeSide) -> None:
    counters = dict.fromkeys(COUNTERS, 7)
    outcome = compare(make_side("a", noisy(15), **counters), make_side("b", noisy(15, seed=1), **counters), Terms())
    assert isinstance(outcome.verdict, Pass)
    assert [row.metric for row in outcome.rows] == [*COUNTERS, "cpuMs", "videoExtractMs"]
    assert [row.is_blocking for row in outcome.rows] == [True] * len(COUNTERS) + [True, False]


def test_slower(make_side: MakeSide) -> None:
    outcome = compare(make_side("a", noisy(15)), make_side("b", noisy(15, 110)), Terms())
    assert isinstance(outcome.verdict, Fail)
    assert "cpuMs +10.0%" in outcome.verdict.reasons[0]
    assert row_of(outcome, "cpuMs").before == pytest.approx(100, rel=0.01)


def test_too_few_pairs_are_not_a_pass(make_side: MakeSide) -> None:
    outcome = compare(make_side("a", noisy(14)), make_side("b", noisy(14)), Terms())
    assert isinstance(outcome.verdict, Unsure)
    assert row_of(outcome, "cpuMs").judgement is not None
    assert not outcome.is_decided(row_of(outcome, "cpuMs").case)


@pytest.mark.parametrize("name", COUNTERS)
def test_one_more_of_any_counter_fails_at_the_first_pair(make_side: MakeSide, name: str) -> None:
    outcome = compare(make_side("a", [100.0], **{name: 60}), make_side("b", [100.0], **{name: 61}), Terms())
    assert isinstance(outcome.verdict, Fail)
    assert name in outcome.verdict.reasons[0]
    assert outcome.is_decided(row_of(outcome, name, Kind.COUNTER).case)


def test_fewer_of_a_counter_is_no_trouble(make_side: MakeSide) -> None:
    outcome = compare(make_side("a", noisy(15), framesDecoded=60), make_side("b", noisy(15), framesDecoded=30), Terms())
    assert isinstance(outcome.verdict, Pass)


@pytest.mark.parametrize(("after", "kind"), [(105, Pass), (106, Fail)])
def test_a_declared_allowance(make_side: MakeSide, after: int, kind: type) -> None:
    terms = Terms(budgets=(Budget("demo", "framesDecoded", allow=Allowance(count=5)),))
    outcome = compare(
        make_side("a", noisy(15), framesDecoded=100), make_side("b", noisy(15), framesDecoded=after), terms
    )
    assert isinstance(outcome.verdict, kind)


def test_a_counter_that_varies_by_itself_is_not_called_a_regression(make_side: MakeSide) -> None:
    base = make_side("a", noisy(15), tmpPeakBytes=100)
    outcome = compare(base, make_side("b", noisy(15), tmpPeakBytes=[100, 103] * 7 + [100]), Terms())
    assert isinstance(outcome.verdict, Pass)
    assert any(
        "tmpPeakBytes varies from run to run (100 in unchanged code, 100 to 103" in note
        for note in outcome.explanations
    )
    (row,) = [row for row in outcome.rows if row.metric == "tmpPeakBytes"]
    assert row.judgement is not None and row.judgement.bound.pairs == 15


def test_a_counter_that_one_side_cannot_tell_is_left_out(make_side: MakeSide) -> None:
    outcome = compare(make_side("a", noisy(15), packetsRead=None), make_side("b", noisy(15), packetsRead=9), Terms())
    assert isinstance(outcome.verdict, Pass)
    assert [row.metric for row in outcome.rows] == ["cpuMs", "videoExtractMs"]


@pytest.mark.parametrize(("median", "kind"), [(299.9, Pass), (300.0, Fail)])
def test_a_budget_is_checked_on_the_contenders_median(make_side: MakeSide, median: float, kind: type) -> None:
    terms = Terms(budgets=(Budget("demo", "hdrPreflightMs", below=300, where=(("scope", "segment"),)),))
    spiky = [median] * 8 + [900.0] * 7
    base = make_side("a", noisy(15), hdrPreflightMs=1000.0)
    outcome = compare(base, make_side("b", noisy(15), hdrPreflightMs=spiky), terms)
    assert isinstance(outcome.verdict, kind)
    assert row_of(outcome, "hdrPreflightMs", Kind.BUDGET).after == median


def test_a_budget_on_something_unmeasured(make_side: MakeSide) -> None:
    terms = Terms(budgets=(Budget("*", "extractMs", below=300),))
    outcome = compare(make_side("a", noisy(15)), make_side("b", noisy(15)), terms)
    assert isinstance(outcome.verdict, CouldNotMeasure)


@pytest.mark.parametrize("value", [None, 0])
def test_a_time_that_is_missing_or_zero(make_side: MakeSide, value: float | None) -> None:
    outcome = compare(make_side("a", noisy(15)), make_side("b", noisy(15), cpuMs=value), Terms())
    assert isinstance(outcome.verdict, CouldNotMeasure)
    assert "15 of 15 pairs" in outcome.verdict.reasons[0]


def test_wall_time_advises_and_the_disagreement_is_explained(make_side: MakeSide) -> None:
    base, slow = make_side("a", noisy(15)), make_side("b", noisy(15), videoExtractMs=noisy(15, 150))
    outcome = compare(base, slow, Terms())
    assert isinstance(outcome.verdict, Pass)
    assert isinstance(row_of(outcome, "videoExtractMs").verdict, Fail)
    assert "waiting for I/O" in outcome.explanations[0]
    assert "1.00 before, 0.67 after" in outcome.explanations[0]


def test_wall_time_blocks_when_asked(make_side: MakeSide) -> None:
    base, slow = make_side("a", noisy(15)), make_side("b", noisy(15), videoExtractMs=noisy(15, 150))
    assert isinstance(compare(base, slow, Terms(times=time_metrics({"cpu", "wall"}))).verdict, Fail)
    assert isinstance(compare(base, slow, Terms(times=time_metrics({"wall"}))).verdict, Fail)


def test_hidden_cpu_time_is_explained(make_side: MakeSide) -> None:
    base, slow = make_side("a", noisy(15)), make_side("b", noisy(15, 150), videoExtractMs=noisy(15))
    outcome = compare(base, slow, Terms())
    assert isinstance(outcome.verdict, Fail)
    assert "idle cores hide" in outcome.explanations[0]


def test_the_family_is_every_judged_scenario_and_metric(make_samples: MakeSamples) -> None:
    def side(name: str, slower: float) -> Side:
        cases = [make_samples(noisy(15, 100 * slower, seed), scenario=f"s{seed}") for seed in range(5)]
        return Side(name, tuple(sample for case in cases for sample in case))

    base, other = side("a", 1), side("b", 1.03)
    alone = [compare(base, other, Terms(family=1)), compare(base, other, Terms(family=10**6))]
    bounds = [row_of_first.judgement.bound.lower for one in alone if (row_of_first := one.rows[0]).judgement]
    assert bounds[0] > bounds[1]
    assert compare(base, other, Terms()).rows[0] == compare(base, other, Terms(family=5)).rows[0]
    both = Terms(times=time_metrics({"cpu", "wall"}))
    assert compare(base, other, both).rows[0] == compare(base, other, replace(both, family=10)).rows[0]


# --- unlike things ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "fact"),
    [
        ({"fixture": "0" * 12}, "fixture hash"),
        ({"frames": 4}, "frame count"),
        ({"frames": 0}, "frame count"),
        ({"scope": "source"}, "scope"),
        ({"format": "png"}, "format"),
        ({"backend": "ffmpeg"}, "backend"),
        ({"cache": "warm"}, "cache"),
        ({"scenario": "other"}, "scenario"),
        ({"machine": {"cpu": "Another CPU"}}, "cpu"),
        ({"machine": {"cores": 4}}, "cores"),
    ],
)
def test_unlike_things_are_refused_by_name(make_side: MakeSide, changed: dict[str, object], fact: str) -> None:
    outcome = compare(make_side("a", noisy(15)), make_side("b", noisy(15), **changed), Terms())
    assert isinstance(outcome.verdict, CouldNotMeasure)
    assert [unlike.fact for unlike in outcome.refused] == [fact]
    assert f"{fact} differs" in outcome.verdict.reasons[0]
    assert outcome.rows == ()


def test_no_frames_on_both_sides_is_no_measurement(make_side: MakeSide) -> None:
    outcome = compare(make_side("a", noisy(15), frames=0), make_side("b", noisy(15), frames=0), Terms())
    assert isinstance(outcome.verdict, CouldNotMeasure)


def test_frames_that_nobody_knows(make_side: MakeSide) -> None:
    sides = [make_side(name, noisy(15)) for name in "ab"]
    blind = [replace(side, samples=tuple(replace(sample, frames={}) for sample in side.samples)) for side in sides]
    assert "unknown against unknown" in compare(blind[0], blind[1], Terms()).refused[0].message


def test_an_engine_that_tells_more_frames_than_there_are_files(make_side: MakeSide) -> None:
    sides = []
    for name, files in (("a", 3), ("b", 2)):
        side = make_side(name, noisy(15))
        sides.append(replace(side, samples=tuple(replace(sample, files=files) for sample in side.samples)))
    assert "a 3, files 3 against a 3, files 2" in compare(sides[0], sides[1], Terms()).refused[0].message


def test_one_unlike_case_leaves_the_others_judged(make_samples: MakeSamples) -> None:
    good, bad = make_samples(noisy(15), scenario="good"), make_samples(noisy(15), scenario="bad")
    shorter = make_samples(noisy(15), scenario="bad", frames=2)
    outcome = compare(Side("a", good + bad), Side("b", good + shorter), Terms())
    assert isinstance(outcome.verdict, CouldNotMeasure)
    assert {row.case.scenario for row in outcome.rows} == {"good"}
    assert outcome.is_decided(Case("bad", "libav", "segment", "jpg"))


def test_a_new_scenario_is_named_and_compared_with_nothing(make_samples: MakeSamples) -> None:
    old, new = make_samples(noisy(15)), make_samples(noisy(15), scenario="new")
    outcome = compare(Side("a", old), Side("b", old + new), Terms())
    assert isinstance(outcome.verdict, Pass)
    assert "new [libav segment jpg]: only in b" in outcome.explanations[0]


def test_across_backends_on_purpose(make_side: MakeSide) -> None:
    base = make_side("libav", noisy(15), processesSpawned=0)
    other = make_side("ffmpeg", noisy(15), backend="ffmpeg", processesSpawned=4)
    outcome = compare(base, other, Terms(across=frozenset({"backend"})))
    assert isinstance(outcome.verdict, Pass)
    counter = row_of(outcome, "processesSpawned", Kind.COUNTER)
    assert (counter.is_blocking, counter.before, counter.after) == (False, 0, 4)
    assert str(counter.case) == "demo [segment jpg]"


def test_across_asks_for_one_case_a_side(make_samples: MakeSamples) -> None:
    mixed = Side("a", make_samples([1.0], backend="libav") + make_samples([1.0], backend="ffmpeg"))
    with pytest.raises(UsageError, match="choose one of them to compare across backend"):
        compare(mixed, mixed, Terms(across=frozenset({"backend"})))


def test_two_engines_in_one_side(make_samples: MakeSamples) -> None:
    mixed = Side("a", make_samples([1.0], engine="x") + make_samples([1.0], engine="y"))
    with pytest.raises(UsageError, match="engines: x, y"):
        compare(mixed, mixed, Terms())


# --- rounds that were fixed beforehand, and records of two times -------------------------------------------------


def test_fixed_rounds_are_judged_with_one_look(make_side: MakeSide) -> None:
    terms = Terms(pairing=Pairing.FIXED)
    assert isinstance(compare(make_side("a", noisy(8)), make_side("b", noisy(8)), terms).verdict, Pass)
    assert isinstance(compare(make_side("a", noisy(8)), make_side("b", noisy(8, 120)), terms).verdict, Fail)
    few = compare(make_side("a", noisy(6)), make_side("b", noisy(6, 200)), terms)
    assert isinstance(few.verdict, Unsure)


@pytest.mark.parametrize(("slower", "kind"), [(1.0, Pass), (1.15, Unsure), (1.6, Fail)])
def test_two_times(make_side: MakeSide, slower: float, kind: type) -> None:
    outcome = compare(make_side("a", noisy(12)), make_side("b", noisy(12, 100 * slower)), Terms(pairing=Pairing.APART))
    assert isinstance(outcome.verdict, kind)
    assert "measured at different times" in outcome.explanations[-1]


# --- the canary --------------------------------------------------------------------------------------------------


def test_a_failing_canary_voids_the_verdict(make_side: MakeSide) -> None:
    base, slow = make_side("a", noisy(15)), make_side("b", noisy(15, 130))
    outcome = compare(base, slow, Terms(), Canary(8, None, ("it sings",)))
    assert outcome.verdict == CouldNotMeasure(("canary: it sings",))


def test_canary_on_times(make_samples: MakeSamples) -> None:
    quiet = canary_of(make_samples(noisy(8)), make_samples(noisy(8, seed=1)))
    assert (quiet.pairs, quiet.trouble) == (8, ())
    assert "differs from itself by +20" in canary_of(make_samples(noisy(8)), make_samples(noisy(8, 120))).trouble[0]
    assert canary_of(make_samples(noisy(8)), make_samples(noisy(8, 80))).trouble


def test_canary_on_counters(make_samples: MakeSamples) -> None:
    def both(*others: float) -> Canary:
        return canary_of(
            make_samples([100.0] * 8, framesDecoded=60), make_samples([100.0] * 8, framesDecoded=list(others))
        )

    assert both(*[60, 61] * 4).trouble == ()  # it varies, and is judged so
    assert "framesDecoded of the baseline differs from itself in 8 pairs" in both(*[70] * 8).trouble[0]
    assert both(*[70] * 8).trouble[0].startswith("demo [libav segment jpg]: ")


def test_canary_pairs_belong_to_their_own_case(make_samples: MakeSamples) -> None:
    def both(first: float, second: float) -> tuple[Sample, ...]:
        return make_samples([first] * 8, scenario="small") + make_samples([second] * 8, scenario="large")

    assert canary_of(both(10, 1000), both(10, 1000)).trouble == ()
    assert canary_of(both(10, 1000), both(10, 1000)).pairs == 16


def test_no_canary_pairs_at_all() -> None:
    assert canary_of((), ()) == Canary(0, None, ())


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        (Budget("other", "cpuMs", below=300), "no case that was measured has this budget: cpuMs < 300 of other"),
        (Budget("*", "cpuMs", below=300, where=(("scope", "source"),)), "cpuMs < 300 of * [source]"),
        (Budget("demo", "packetsRead", allow=Allowance(1)), "no engine reports the metric of this budget: packetsRead"),
    ],
)
def test_a_budget_that_matches_nothing_is_reported(make_side: MakeSide, budget: Budget, words: str) -> None:
    used = Budget("demo", "framesDecoded", allow=Allowance(1))
    sides = make_side("a", noisy(15), framesDecoded=1), make_side("b", noisy(15), framesDecoded=1)
    notes = compare(*sides, Terms(budgets=(budget, used))).explanations
    assert sum("budget" in note for note in notes) == 1
    assert any(words in note for note in notes)
