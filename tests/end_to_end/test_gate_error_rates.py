"""The gate's error rates, by replaying recorded runs of unchanged work (tests/data/noise) with random labels.

What is replayed is the gate's default design, canary and all; `tests/scripts/noise_report.py` makes the longer table of
docs/gate.md. The naive gates at the end are the negative control: the same test on the same data catches them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from hfbench.bench.judge.comparison import Comparison, Kind
from hfbench.bench.judge.stats import CPU_RULE, LOOKS, WALL_RULE, Rule, State, canary_failed, judge
from hfbench.bench.judge.terms import APART_FAIL_ABOVE
from hfbench.bench.measure.external import Work
from hfbench.bench.measure.gate import GateOptions, gate
from hfbench.bench.protocol.client import EngineSpec
from hfbench.bench.protocol.messages import Hello, RunAnswer, RunRequest
from hfbench.bench.record import RunRecord
from hfbench.bench.record_writer import RecordWriter
from tests.makers.noise_replay import (
    NAIVE,
    RECORDINGS,
    REPEATS,
    Alarms,
    Design,
    Rate,
    Series,
    blocks,
    draw,
    load,
    outcomes,
    replay,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

Recording = dict[str, Series]
#: With none among so many, the exact 95% interval ends below 1%.
REPLAYS = 400


@pytest.fixture(params=RECORDINGS)
def recorded(request: pytest.FixtureRequest) -> Recording:
    return load(request.param)


def assert_at_most_one_percent(alarms: int, replays: int) -> None:
    rate = Rate(alarms, replays)
    assert rate.interval[1] <= 0.01, f"false alarms: {rate}"


def assert_at_least(share: float, rate: Rate) -> None:
    assert rate.count / rate.of >= share, rate


class TestTheReplayIsTheGate:
    """The gate itself, on engines that give recorded values, sees what a replay gives: run for run, pair for pair."""

    class Player:
        """An engine whose runs cost what the next ones of the recording did, but for its first: that is a warm-up."""

        def __init__(self, spec: EngineSpec, runs: Iterator[float], factor: float) -> None:
            self.name, self.runs, self.factor = spec.name, runs, factor
            self.is_warm = False

        def hello(self) -> Hello:
            return Hello(name=self.name, version="1")

        def run(self, request: RunRequest, *, limit_seconds: float) -> RunAnswer:
            del request, limit_seconds
            cost = next(self.runs) * self.factor if self.is_warm else 1.0
            self.is_warm = True
            return RunAnswer(metrics={"cpuMs": cost, "videoExtractMs": cost}, frames={"a": 1})

        def close(self) -> None:
            pass

    @pytest.fixture
    def gated(self, tmp_path: Path, make_work: Callable[..., Work]) -> Callable[..., Comparison]:
        def run(runs: Series, seed: int, effect: float, repeats: int) -> Comparison:
            left = iter(runs)
            slower = {"old": 1.0, "new": 1 + effect}
            return gate(
                EngineSpec("old", ("x",)),
                EngineSpec("new", ("x",)),
                make_work(),
                GateOptions(seed=seed, repeats=repeats),
                writer=RecordWriter(tmp_path / "r.json", RunRecord(fixtures={"demo": "f" * 12})),
                on_progress=lambda _: None,
                start=lambda spec: self.Player(spec, left, slower[spec.name]),
            )

        return run

    @pytest.mark.parametrize(("seed", "effect"), [(1, 0.0), (2, 0.03), (3, 0.05)])
    @pytest.mark.parametrize("repeats", [1, REPEATS])
    def test_same_pairs_same_canary_same_verdict(
        self, recorded: Recording, gated: Callable[..., Comparison], seed: int, effect: float, repeats: int
    ) -> None:
        start, design = 37 * seed, Design(repeats=repeats)
        expected = replay(recorded["cpu"], start, seed, effect, design)
        outcome = gated(np.roll(np.tile(recorded["cpu"], 3), -start), seed, effect, repeats)
        (row,) = [row for row in outcome.rows if row.kind is Kind.TIME and row.is_blocking]
        judged = judge(expected.pairs, CPU_RULE)
        assert row.judgement is not None
        assert row.judgement.state is judged.state
        found = row.judgement.bound
        assert (found.pairs, found.estimate) == (judged.bound.pairs, pytest.approx(judged.bound.estimate, abs=1e-12))
        assert (found.lower, found.upper) == pytest.approx((judged.bound.lower, judged.bound.upper), abs=1e-12)
        canary = expected.canary_after(judged.bound.pairs)
        assert outcome.canary is not None
        assert outcome.canary.bound is not None
        assert outcome.canary.pairs == len(canary)
        walsh = [(one + other) / 2 for n, one in enumerate(canary) for other in canary[n:]]
        assert outcome.canary.bound.estimate == pytest.approx(np.median(walsh), abs=1e-12)


@pytest.mark.parametrize("cases", [1, 10])
def test_nothing_changed(recorded: Recording, cases: int) -> None:
    """False alarms of any case, what is left open, the pairs that it takes, and canaries that void a good gate."""
    rng = np.random.default_rng(1)
    found = outcomes(CPU_RULE.for_family(cases), partial(draw, rng, recorded["cpu"]), cases, REPLAYS)
    assert_at_most_one_percent(found.any(State.FAIL).count, REPLAYS)
    assert_at_most_one_percent(found.any(State.UNSURE).count, REPLAYS)
    assert_at_most_one_percent(found.void.count, REPLAYS)
    assert np.median(list(found.pairs.elements())) == LOOKS[0]


@pytest.mark.parametrize("family", [1, 10])
@pytest.mark.parametrize(("effect", "power"), [(0.05, 0.95), (0.10, 0.99)])
def test_power(recorded: Recording, family: int, effect: float, power: float) -> None:
    rng = np.random.default_rng(2)
    found = outcomes(CPU_RULE.for_family(family), partial(draw, rng, recorded["cpu"], effect), 1, REPLAYS)
    assert_at_least(power, found.any(State.FAIL))
    assert found.any(State.PASS).count <= 0.05 * REPLAYS


@pytest.mark.parametrize("effect", [0.0, 0.05])
def test_one_run_a_pair_keeps_its_word_too(recorded: Recording, effect: float) -> None:
    """``--repeat 1`` is noisier: it needs more pairs, and no more false alarms come of it."""
    rng, design = np.random.default_rng(3), Design(repeats=1)
    found = outcomes(CPU_RULE, partial(draw, rng, recorded["cpu"], effect, design), 1, REPLAYS)
    if effect:
        assert_at_least(0.9, found.any(State.FAIL))
    else:
        assert_at_most_one_percent(found.any(State.FAIL).count, REPLAYS)


def test_false_alarms_on_wall_time(recorded: Recording) -> None:
    rng = np.random.default_rng(4)
    found = outcomes(WALL_RULE, partial(draw, rng, recorded["wall"]), 1, REPLAYS)
    assert_at_most_one_percent(found.any(State.FAIL).count, REPLAYS)


def test_smallest_detectable_change_keeps_its_word(recorded: Recording) -> None:
    """A true change of the size that one measurement names is seen in at least four of five fresh ones."""
    rng, rule, design = np.random.default_rng(7), CPU_RULE.for_fixed(30), Design(pairs=30)
    seen = 0
    for _ in range(REPLAYS):
        named = judge(draw(rng, recorded["cpu"], 0.0, design).pairs, rule).smallest_detectable
        seen += judge(draw(rng, recorded["cpu"], named, design).pairs, rule).state is State.FAIL
    assert seen / REPLAYS >= 0.8


@pytest.mark.parametrize("pairs", [8, 20, 40])
def test_canary_of_an_honest_baseline_stays_quiet(recorded: Recording, pairs: int) -> None:
    rng, design = np.random.default_rng(8), Design(pairs=pairs)
    failed = sum(canary_failed(draw(rng, recorded["cpu"], 0.0, design).pairs, CPU_RULE) for _ in range(REPLAYS))
    assert_at_most_one_percent(failed, REPLAYS)


@pytest.mark.parametrize("size", [15, 30])
def test_two_records_measured_apart_seldom_raise_a_false_alarm(recorded: Recording, size: int) -> None:
    rng, rule = np.random.default_rng(9), Rule(fail_above=APART_FAIL_ABOVE).for_fixed(size)
    one, other = blocks(rng, recorded["cpu"], size, REPLAYS)
    failed = sum(judge(logs, rule).state is State.FAIL for logs in np.log(other / one))
    assert_at_most_one_percent(failed, REPLAYS)


class TestNegativeControl:
    """What the replays must find wrong: naive gates on the same recordings, held to the same test."""

    @staticmethod
    def assert_found_wrong(alarms: int) -> None:
        assert alarms / REPLAYS > 0.05
        with pytest.raises(AssertionError, match="false alarms"):
            assert_at_most_one_percent(alarms, REPLAYS)

    @pytest.mark.parametrize(("naive", "metric"), NAIVE)
    @pytest.mark.parametrize("size", [LOOKS[0], LOOKS[0] * REPEATS], ids=["as many pairs", "as many runs"])
    def test_one_side_after_the_other(
        self, recorded: Recording, naive: Callable[[Series, Series], Alarms], metric: str, size: int
    ) -> None:
        """A block of runs of each side, as many as the gate takes pairs, or runs, when nothing has changed."""
        rng = np.random.default_rng(10)
        self.assert_found_wrong(int(naive(*blocks(rng, recorded[metric], size, REPLAYS)).sum()))

    def test_the_gates_own_pairs_looked_at_without_spending(self, recorded: Recording) -> None:
        """The same runs in the same order: it is the rule that keeps false alarms away, and not the pairs alone."""
        rng = np.random.default_rng(11)
        pairs = np.array([draw(rng, recorded["cpu"]).pairs for _ in range(REPLAYS)])
        looks = [stats.ttest_1samp(pairs[:, :look], 0, axis=1, alternative="greater").pvalue < 0.05 for look in LOOKS]
        self.assert_found_wrong(int(np.any(looks, axis=0).sum()))

    def test_the_gate_with_a_rule_that_promises_nothing(self, recorded: Recording) -> None:
        rng, lax = np.random.default_rng(12), Rule(fail_above=0.0, alpha_fail=0.5)
        found = outcomes(lax, partial(draw, rng, recorded["cpu"]), 1, REPLAYS)
        self.assert_found_wrong(found.any(State.FAIL).count)


def test_a_rate_has_the_exact_interval() -> None:
    """Of 0 in 400 the upper end solves (1 - p)**400 = .025."""
    assert Rate(0, 400).interval == (0.0, pytest.approx(-math.expm1(math.log(0.025) / 400)))
