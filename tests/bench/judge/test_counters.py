"""Counters: exact where unchanged code counts the same every time, else judged like a time."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from hfbench.bench.gate_defaults import REPEATS
from hfbench.bench.judge.budgets import Allowance
from hfbench.bench.judge.counters import CounterJudgement, Runs, judge_counter
from hfbench.bench.judge.stats import CPU_RULE
from hfbench.bench.judge.verdict import Fail, Pass, Unsure
from hfbench.bench.record import Sample, merged
from tests.makers.jitter_replay import JitterGate
from tests.makers.noise_replay import load

Make = Callable[..., CounterJudgement]
NAME = "framesDecoded"
EXACT = Allowance()


def samples(values: Sequence[int | Sequence[int]], warm_up: int | None = None) -> tuple[Sample, ...]:
    """A sample a round; a sequence in place of a number is what the repeats inside the pair counted."""
    found = []
    for number, value in enumerate(values, 1):
        runs = [value] if isinstance(value, int) else value
        plain = {"scenario": "demo", "backend": "b", "scope": "s", "format": "f", "round": number}
        found.append(merged([Sample(**plain, metrics={NAME: each}) for each in runs]))  # type: ignore[arg-type]
    if warm_up is not None:
        object.__setattr__(found[0], "warm_up", {NAME: warm_up})
    return tuple(found)


def judged(
    before: Sequence[int | Sequence[int]],
    after: Sequence[int | Sequence[int]],
    unchanged: Sequence[int | Sequence[int]] = (),
    *,
    allowance: Allowance = EXACT,
    warm: tuple[int | None, int | None] = (None, None),
) -> CounterJudgement:
    runs = Runs(samples(before, warm[0]), samples(after, warm[1]), samples(unchanged))
    found = judge_counter(NAME, runs, allowance, CPU_RULE)
    assert found is not None
    return found


@pytest.mark.parametrize("repeated", [1, 4])
def test_one_more_of_an_exact_counter_fails_at_the_first_pair(repeated: int) -> None:
    found = judged([[154] * repeated], [[155] * repeated], [[154] * repeated] * 2)
    assert found.verdict == Fail((f"{NAME} went from 154 to 155 (allowed: 154)",))
    assert (found.judgement, found.note) == (None, "")


@pytest.mark.parametrize(("new", "verdict"), [(154, Pass), (153, Pass), (156, Fail), (158, Fail)])
def test_an_exact_counter_against_its_allowance(new: int, verdict: type) -> None:
    assert isinstance(judged([154], [new], allowance=Allowance(count=1)).verdict, verdict)
    assert isinstance(judged([154], [155], allowance=Allowance(count=1)).verdict, Pass)


@pytest.mark.parametrize(
    ("before", "after", "unchanged"),
    [
        ([[154, 155, 154, 154]], [[155] * 4], []),  # it varied inside one pair of the baseline
        ([[154] * 4], [[155] * 4], [[154] * 4, [155] * 4]),  # ... from one to another of its processes
        ([[154] * 4], [[155, 155, 154, 155]], []),  # ... in the contender
    ],
    ids=["baseline", "canary", "contender"],
)
def test_a_counter_that_varies_is_not_exact_and_the_verdict_says_so(
    before: list[int], after: list[int], unchanged: list[int]
) -> None:
    found = judged(before, after, unchanged)
    assert isinstance(found.verdict, Unsure)
    assert "not decided yet" in found.verdict.reasons[0]
    assert "varies from run to run" in found.note and "declare an allowance" in found.note
    decided = judged(before * 15, after * 15, unchanged)
    assert isinstance(decided.verdict, Pass)  # less than one in a hundred


def test_a_counter_that_varies_fails_for_what_is_more_than_its_variation() -> None:
    noise = [[154, 155, 154, 154], [154] * 4, [155, 154, 155, 154]] * 5
    assert isinstance(judged(noise, [[each + 9 for each in runs] for runs in noise]).verdict, Fail)


def test_a_declared_allowance_makes_a_varying_counter_exact() -> None:
    allowance = Allowance(count=1)
    assert judged([[154, 155]], [[155, 155]], allowance=allowance).verdict == Pass()
    found = judged([[154, 155]], [[157, 157]], allowance=allowance)
    assert isinstance(found.verdict, Fail) and "(allowed: 156)" in found.verdict.reasons[0]


def test_a_first_run_that_does_more_is_no_variation() -> None:
    """An engine may open a file more in its first run: warm-ups are held against warm-ups."""
    assert isinstance(judged([154], [155], warm=(160, 161)).verdict, Fail)
    assert isinstance(judged([154], [154], warm=(160, 160)).verdict, Pass)
    assert isinstance(judged([154], [155], warm=(None, 154)).verdict, Unsure)  # 154 and 155: which is it?


def test_a_counter_that_is_zero() -> None:
    assert isinstance(judged([0], [1]).verdict, Fail)
    assert isinstance(judged([[0, 1]] * 15, [[1, 0]] * 15).verdict, Pass)


@pytest.mark.parametrize(("share", "counters"), [*itertools.product((0, 0.01, 0.05, 0.20), (1, 3))])
def test_gates_of_unchanged_code_with_such_counters(share: float, counters: int) -> None:
    """A small piece of the replay of docs/gate.md (``tests.scripts.jitter_report``): no false alarm in any."""
    gate = JitterGate(load("aa_ffmpeg")["cpu"], share, counters)
    assert Counter(gate.run(seed).verdict for seed in range(12)).keys() <= {"PASS"}


@pytest.mark.parametrize("repeats", [1, REPEATS])
def test_a_true_one_more_beside_them_fails_at_the_first_pair(repeats: int) -> None:
    gate = JitterGate(load("aa_ffmpeg")["cpu"], 0, 3, repeats, more=1)
    assert {(each.verdict, each.pairs) for each in map(gate.run, range(5))} == {("FAIL", 1)}


# --- whole numbers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("values", [[10, 90, 20], [10.0, 90.0, 20.0]])
def test_whole_milliseconds_are_times(values: list[float]) -> None:
    """What a metric is says its name, not how its number is written."""
    plain = {"scenario": "demo", "backend": "b", "scope": "s", "format": "f", "round": 1}
    names = ("cpuMs", "videoExtractMs", "hdrPreflightMs", "ownMs")
    one = merged([Sample(**plain, metrics={**dict.fromkeys(names, v), NAME: v}) for v in values])  # type: ignore[arg-type]
    assert [one.metrics[name] for name in names] == [20] * 4
    assert (one.metrics[NAME], one.lowest) == (90, {NAME: 10})
