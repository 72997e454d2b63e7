"""Judges counted work: exactly where unchanged code always counts the same, else like a time.

Whether a counter is exact is observed, not assumed, for each case: in all runs of the baseline, including the canary's,
every repeated run inside a pair, and the warm-up before it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING, Final

from hfbench.bench.judge.statistical_verdict import statistical_verdict
from hfbench.bench.judge.stats import Judgement, Rule, judge
from hfbench.bench.judge.verdict import Fail, Pass, Unsure, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hfbench.bench.judge.budgets import Allowance
    from hfbench.bench.record import Sample

#: Counted work that is judged: any increase beyond its allowance is a regression, without statistics.
COUNTERS: Final = (
    "filesOpened",
    "packetsRead",
    "framesDecoded",
    "framesConverted",
    "framesWritten",
    "bytesWritten",
    "processesSpawned",
    "tmpPeakBytes",
    "tmpFinalBytes",
)


@dataclass(frozen=True, slots=True)
class Counts:
    """One side's values of a counter: lowest and highest of all counted runs, and of the warm-ups before them."""

    low: float
    high: float
    warm_low: float
    warm_high: float
    middle: float

    @classmethod
    def of(cls, samples: Iterable[Sample], name: str) -> Counts | None:
        """The values of a counter; None where no run reports it."""
        known = [(each, value) for each in samples if (value := each.metrics.get(name)) is not None]
        if not known:
            return None
        warm = [each.warm_up.get(name, value) for each, value in known]
        return cls(
            low=min(each.lowest.get(name, value) for each, value in known),
            high=max(value for _, value in known),
            warm_low=min(warm),
            warm_high=max(warm),
            middle=median(value for _, value in known),
        )


@dataclass(frozen=True, slots=True)
class CounterJudgement:
    """The judgement of one counter of one case; ``note`` says why it was not judged exactly, and what to do."""

    before: float
    after: float
    limit: float
    verdict: Verdict
    judgement: Judgement | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Runs:
    """Samples of one case: of the baseline, of the contender, and more of the baseline's code (the canary's)."""

    before: Sequence[Sample]
    after: Sequence[Sample]
    unchanged: Sequence[Sample] = ()


def judge_counter(name: str, runs: Runs, allowance: Allowance, rule: Rule) -> CounterJudgement | None:
    """Judge one counter of one case; None where one side does not report it.

    Args:
        name: the counter.
        runs: what was measured.
        allowance: how much it may grow.
        rule: for a counter that is not exact; its pairs are the rounds that both sides have.
    """
    base, own, new = (Counts.of(each, name) for each in ([*runs.before, *runs.unchanged], runs.before, runs.after))
    if base is None or own is None or new is None:
        return None
    limit = allowance.limit(base.high)
    found = CounterJudgement(own.middle, new.middle, limit, Pass())
    if base.high <= allowance.limit(base.low):
        if new.high <= limit:
            return found
        if new.low > limit and new.warm_low > allowance.limit(base.warm_high):
            reason = f"{name} went from {base.high:,.0f} to {new.low:,.0f} (allowed: {limit:,.0f})"
            return CounterJudgement(own.middle, new.middle, limit, Fail((reason,)))
    elif new.high <= allowance.limit(base.low):
        return found
    varies = (
        f"{name} varies from run to run ({_range(base)} in unchanged code, {_range(new)} in the contender), "
        "so it is judged like a time"
    )
    note = f"{varies}; declare an allowance to have it judged exactly (docs/gate.md)"
    logs = counter_logs(name, runs.before, runs.after)
    if not logs:
        return replace(found, verdict=Unsure((varies,)), note=note)
    judgement = judge(logs, rule)
    return replace(found, verdict=_verdict(name, judgement, rule), judgement=judgement, note=note)


def _verdict(name: str, judgement: Judgement, rule: Rule) -> Verdict:
    change = f"{name}, which varies from run to run, {judgement.bound.change:+.1%} over {judgement.bound.pairs} pairs"
    return statistical_verdict(change, judgement, rule)


def counter_logs(name: str, before: Iterable[Sample], after: Iterable[Sample]) -> list[float]:
    """Log ratios by round. Where a count can be 0, one is added to all of them: a ratio needs values above 0."""
    partners = {sample.round: sample.metrics.get(name) for sample in after}
    both = [(sample.metrics.get(name), partners.get(sample.round)) for sample in before]
    known = [(old, new) for old, new in both if old is not None and new is not None]
    lift = 0 if all(old > 0 < new for old, new in known) else 1
    return [math.log((new + lift) / (old + lift)) for old, new in known]


def _range(counts: Counts) -> str:
    return f"{counts.low:,.0f}" if counts.low == counts.high else f"{counts.low:,.0f} to {counts.high:,.0f}"
