"""Two sides in, rows and one verdict out. Pure: it works on samples, live from a gate or years later from a record."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING, Final

from hfbench.bench.judge.budgets import Allowance, Budget
from hfbench.bench.judge.canary import CPU, Canary, above_zero
from hfbench.bench.judge.comparability import Side, Unlike, case_of, unlike_cases, unlike_machines
from hfbench.bench.judge.comparison import Comparison, Kind, Row, interval
from hfbench.bench.judge.counters import COUNTERS, CounterJudgement, Runs, judge_counter
from hfbench.bench.judge.statistical_verdict import statistical_verdict
from hfbench.bench.judge.stats import Judgement, Rule, State, judge
from hfbench.bench.judge.terms import APART_FAIL_ABOVE, WALL, Pairing, Terms, TimeMetric
from hfbench.bench.judge.verdict import CouldNotMeasure, Fail, Pass, Verdict, combine, of_case

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from hfbench.bench.case import Case
    from hfbench.bench.record import Sample

#: What to do about a time of zero.
_ADVICE: Final = (
    "the kernel counts an engine's CPU time in steps of 10 ms: measure a longer scenario, a larger --size or more runs "
    "per pair (--repeat), or have the engine report the metric itself"
)


def compare(base: Side, contender: Side, terms: Terms, canary: Canary | None = None) -> Comparison:
    """Judge ``contender`` against ``base``: comparability first, then counters, times and budgets, then explanations.

    Raises:
        UsageError: a side is ambiguous under ``terms.across``.
    """
    machines = unlike_machines(base, contender)
    unlike = unlike_cases(base, contender, terms.across)
    before, after = base.cases(terms.across), contender.cases(terms.across)
    alike = [] if machines else [case for case in before if case in after and case not in unlike]
    terms = replace(terms, family=terms.family or len(alike) * sum(each.is_blocking for each in terms.times))
    unchanged = _by_case(canary.samples if canary else (), terms.across)
    counted = terms.counter_rule(len(alike))
    rows = tuple(
        row
        for case in alike
        for row in _rows(case, Runs(before[case], after[case], unchanged.get(case, ())), terms, counted)
    )
    refused = (*machines, *unlike.values())
    explanations = (
        *(row.note for row in rows if row.note),
        *_unused(terms.budgets, {**before, **after}),
        *_explained(rows),
        *_only_in(contender.name, set(after) - set(before)),
        *_apart(terms),
    )
    return Comparison(
        base.name, contender.name, rows, refused, canary, explanations, _verdict(rows, refused, canary, base.samples)
    )


def _by_case(samples: Iterable[Sample], across: frozenset[str]) -> dict[Case, list[Sample]]:
    found: dict[Case, list[Sample]] = {}
    for sample in samples:
        found.setdefault(case_of(sample, across), []).append(sample)
    return found


def _allowed(case: Case, budgets: Iterable[Budget]) -> dict[str, Allowance]:
    return {
        budget.metric: budget.allow
        for budget in budgets
        if budget.allow is not None and budget.applies(case.scenario, case.axes())
    }


def _rows(case: Case, runs: Runs, terms: Terms, counter_rule: Rule) -> Iterator[Row]:
    before, after = runs.before, runs.after
    paired = list(_by_round(before, after))
    counted = counter_rule if terms.pairing is Pairing.LIVE else counter_rule.for_fixed(len(paired))
    budgets = [budget for budget in terms.budgets if budget.applies(case.scenario, case.axes())]
    allowed = _allowed(case, budgets)
    for name in (*COUNTERS, *(extra for extra in allowed if extra not in COUNTERS)):
        found = judge_counter(name, runs, allowed.get(name, Allowance()), counted)
        if found is not None:
            yield _counter_row(case, name, found, is_blocking=not terms.across)
    for metric in terms.times:
        yield _time_row(case, metric, paired, terms)
    for budget in budgets:
        if budget.below is not None:
            yield _budget_row(case, budget.metric, budget.below, before, after)


def _counter_row(case: Case, name: str, found: CounterJudgement, *, is_blocking: bool) -> Row:
    return Row(
        case,
        name,
        Kind.COUNTER,
        found.before,
        found.after,
        of_case(case, found.verdict),
        is_blocking,
        judgement=found.judgement,
        limit=found.limit,
        note=f"{case}: {found.note}" if found.note else "",
    )


def _time_row(case: Case, metric: TimeMetric, paired: Sequence[tuple[Sample, Sample]], terms: Terms) -> Row:
    values = above_zero(paired, metric.metric)
    blank = Row(case, metric.metric, Kind.TIME, None, None, Pass(), metric.is_blocking)
    if not values or len(values) < len(paired):
        lost = f"{case}: {metric.metric} is missing or zero in {len(paired) - len(values)} of {len(paired)} pairs"
        return replace(blank, verdict=CouldNotMeasure((f"{lost}; {_ADVICE}",)))
    rule = _rule(metric, terms, len(values))
    judgement = judge([math.log(after / before) for before, after in values], rule)
    return replace(
        blank,
        before=median(before for before, _ in values),
        after=median(after for _, after in values),
        judgement=judgement,
        verdict=_verdict_of_time(case, metric.metric, judgement, rule, terms.pairing),
    )


def _rule(metric: TimeMetric, terms: Terms, pairs: int) -> Rule:
    rule = metric.rule.for_family(terms.family or 1)
    match terms.pairing:
        case Pairing.LIVE:
            return rule
        case Pairing.FIXED:
            return rule.for_fixed(pairs)
        case Pairing.APART:
            return replace(rule.for_fixed(pairs), fail_above=max(rule.fail_above, APART_FAIL_ABOVE))


def _verdict_of_time(case: Case, name: str, judgement: Judgement, rule: Rule, pairing: Pairing) -> Verdict:
    found = judgement.bound
    change = f"{case}: {name} {found.change:+.1%} {interval(found)} over {found.pairs} pairs"
    return statistical_verdict(change, judgement, rule, " (measured apart)" if pairing is Pairing.APART else "")


def _budget_row(case: Case, name: str, below: float, before: Sequence[Sample], after: Sequence[Sample]) -> Row:
    old, new = _known(before, name), _known(after, name)
    was, now = (median(values) if values else None for values in (old, new))
    verdict: Verdict = Pass()
    if now is None:
        verdict = CouldNotMeasure((f"{case}: {name} has a budget, and was not measured",))
    elif not now < below:
        verdict = Fail((f"{case}: {name} is {now:,.1f}; its budget is below {below:,.1f}",))
    return Row(case, name, Kind.BUDGET, was, now, verdict, is_blocking=True, limit=below)


def _verdict(
    rows: Sequence[Row], refused: Sequence[Unlike], canary: Canary | None, samples: Sequence[Sample]
) -> Verdict:
    if canary is not None and canary.trouble:
        return CouldNotMeasure(tuple(f"canary: {trouble}" for trouble in canary.trouble))
    if not samples:
        return CouldNotMeasure(("nothing was measured",))
    blocking = [row.verdict for row in rows if row.is_blocking]
    return combine([*blocking, *(CouldNotMeasure((unlike.message,)) for unlike in refused)])


def _explained(rows: Sequence[Row]) -> Iterator[str]:
    """A sentence for every case in which CPU and wall time disagree."""
    for case in dict.fromkeys(row.case for row in rows):
        times = {row.metric: row for row in rows if row.case == case and row.kind is Kind.TIME}
        cpu, wall = times.get(CPU), times.get(WALL)
        if cpu and wall and cpu.judgement and wall.judgement:
            yield from _disagreement(case, cpu, wall)


def _disagreement(case: Case, cpu: Row, wall: Row) -> Iterator[str]:
    if not (cpu.judgement and wall.judgement and cpu.before and cpu.after and wall.before and wall.after):
        return
    busy = f"cores kept busy (cpu/wall): {cpu.before / wall.before:.2f} before, {cpu.after / wall.after:.2f} after"
    states = cpu.judgement.state, wall.judgement.state
    if states[1] is State.FAIL and states[0] is not State.FAIL:
        yield (
            f"{case}: wall time rose by {wall.judgement.bound.change:+.1%} and CPU time did not: "
            f"time spent sleeping, waiting for I/O or a lock, or lost parallelism; {busy}"
        )
    if states[0] is State.FAIL and states[1] is not State.FAIL:
        yield (
            f"{case}: CPU time rose by {cpu.judgement.bound.change:+.1%} and wall time did not show it: "
            f"idle cores hide the added work here, and a busy machine will not; {busy}"
        )


def _unused(budgets: Sequence[Budget], measured: Mapping[Case, Sequence[Sample]]) -> Iterator[str]:
    """A budget that applies to nothing decides nothing, and that must be reported."""
    for budget in budgets:
        cases = [case for case in measured if budget.applies(case.scenario, case.axes())]
        if not cases:
            yield f"no case that was measured has this budget: {budget}"
        elif budget.below is None and not any(_known(measured[case], budget.metric) for case in cases):
            yield f"no engine reports the metric of this budget: {budget}"


def _only_in(name: str, cases: set[Case]) -> Iterator[str]:
    for case in sorted(cases):
        yield f"{case}: only in {name}, compared with nothing"


def _apart(terms: Terms) -> Iterator[str]:
    if terms.pairing is Pairing.APART:
        yield (
            "the two records were measured at different times, so drift of the machine looks like a change: "
            f"times fail only above {APART_FAIL_ABOVE:+.0%}; measure both in one run (hfbench gate, "
            "hfbench compare with two engines) for known error rates"
        )


def _by_round(before: Iterable[Sample], after: Iterable[Sample]) -> Iterator[tuple[Sample, Sample]]:
    partners: Mapping[int, Sample] = {sample.round: sample for sample in after}
    for sample in before:
        if sample.round in partners:
            yield sample, partners[sample.round]


def _known(samples: Iterable[Sample], name: str) -> list[float]:
    values = (sample.metrics.get(name) for sample in samples)
    return [value for value in values if value is not None]
