"""Two sides in, rows and one verdict out. Pure: it works on samples, live from a gate or years later from a record."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from enum import Enum
from statistics import median
from typing import TYPE_CHECKING, Final

from hfbench.bench.judge.budgets import Allowance, Budget
from hfbench.bench.judge.comparability import Side, Unlike, case_of, unlike_cases, unlike_machines
from hfbench.bench.judge.stats import CPU_RULE, WALL_RULE, Bound, Judgement, Rule, State, bound, canary_failed, judge
from hfbench.bench.judge.verdict import CouldNotMeasure, Fail, Pass, Unsure, Verdict, combine
from hfbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from hfbench.bench.case import Case
    from hfbench.bench.record import Sample

CPU: Final = "cpuMs"
WALL: Final = "videoExtractMs"

#: Counted work: no noise, so any increase beyond its allowance is a regression, without statistics.
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

#: Times of two separate runs differ by the drift of the machine too: CPU time of unchanged code moved by up to 13%
#: (measured, docs/gate.md). Twice that is the least that is called a regression there; less is UNSURE.
APART_FAIL_ABOVE: Final = 0.25


@dataclass(frozen=True, slots=True)
class TimeMetric:
    """A noisy metric, the rule it is judged by, and whether it decides (else it advises)."""

    metric: str
    rule: Rule
    is_blocking: bool


def time_metrics(block_on: Iterable[str] = ("cpu",)) -> tuple[TimeMetric, ...]:
    """CPU and wall time, blocking as asked: ``cpu``, ``wall`` or both.

    Raises:
        UsageError: something else, or nothing.
    """
    chosen = set(block_on)
    if not chosen or chosen - {"cpu", "wall"}:
        raise UsageError(f"block on cpu, wall or both, not {', '.join(sorted(chosen)) or 'nothing'}")
    return (TimeMetric(CPU, CPU_RULE, "cpu" in chosen), TimeMetric(WALL, WALL_RULE, "wall" in chosen))


class Pairing(Enum):
    """How the two sides' rounds belong together."""

    LIVE = "live"  #: paired and interleaved by a gate, judged at its looks
    FIXED = "fixed"  #: paired and interleaved, a number of rounds fixed beforehand: one look
    APART = "apart"  #: two runs at different times


@dataclass(frozen=True, slots=True)
class Terms:
    """How to compare.

    Attributes:
        times: noisy metrics and their rules.
        budgets: declared limits and allowances.
        across: axes that differ on purpose (``backend``, ``scope``); counters then inform and do not judge.
        family: judged scenario x metric pairs; None = as many as there are in the data. A gate fixes it beforehand.
    """

    times: tuple[TimeMetric, ...] = field(default_factory=time_metrics)
    budgets: tuple[Budget, ...] = ()
    pairing: Pairing = Pairing.LIVE
    across: frozenset[str] = frozenset()
    family: int | None = None


class Kind(Enum):
    """What sort of check a row is."""

    TIME = "time"
    COUNTER = "counter"
    BUDGET = "budget"


@dataclass(frozen=True, slots=True)
class Row:
    """One case x metric: medians before and after, and what follows. ``limit`` is a budget's or an allowance's."""

    case: Case
    metric: str
    kind: Kind
    before: float | None
    after: float | None
    verdict: Verdict
    is_blocking: bool
    judgement: Judgement | None = None
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Canary:
    """Baseline against baseline: how many pairs, the CPU change between them, and what is wrong, if anything."""

    pairs: int
    bound: Bound | None
    trouble: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The whole outcome. ``explanations`` are sentences on what the rows alone don't say."""

    base: str
    contender: str
    rows: tuple[Row, ...]
    refused: tuple[Unlike, ...]
    canary: Canary | None
    explanations: tuple[str, ...]
    verdict: Verdict

    def is_decided(self, case: Case) -> bool:
        """Whether more pairs of this case can't change its verdict: refused, failed exactly, or all times final."""
        case = case.across({"engine"})
        rows = [row for row in self.rows if row.case == case]
        if any(row.kind is Kind.COUNTER and row.is_blocking and isinstance(row.verdict, Fail) for row in rows):
            return True
        times = [row for row in rows if row.kind is Kind.TIME and row.is_blocking]
        open_rows = [row for row in times if row.judgement is not None and not row.judgement.state.is_final]
        is_refused = any(unlike.case in {case, None} for unlike in self.refused)
        return is_refused or (bool(times) and not open_rows)


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
    rows = tuple(row for case in alike for row in _rows(case, before[case], after[case], terms))
    refused = (*machines, *unlike.values())
    explanations = (*_explained(rows), *_only_in(contender.name, set(after) - set(before)), *_apart(terms))
    return Comparison(
        base.name, contender.name, rows, refused, canary, explanations, _verdict(rows, refused, canary, base.samples)
    )


def canary_of(
    one: Sequence[Sample], other: Sequence[Sample], rule: Rule = CPU_RULE, budgets: Sequence[Budget] = ()
) -> Canary:
    """Judge baseline against baseline: times by the two-sided test, counters by equality or their allowance."""
    partners = {(case_of(sample), sample.round): sample for sample in other}
    paired = [(mine, theirs) for mine in one if (theirs := partners.get((case_of(mine), mine.round)))]
    logs = [math.log(theirs / mine) for mine, theirs in _values(paired, CPU)]
    trouble = [
        f"{mine.scenario}: {name} of the baseline is {mine.metrics.get(name)} in one run and "
        f"{theirs.metrics.get(name)} in another"
        for mine, theirs in paired
        for name in COUNTERS
        if _differ(mine.metrics.get(name), theirs.metrics.get(name), _allowed(case_of(mine), budgets).get(name))
    ]
    found = bound(logs, rule.alpha_fail / 2, rule.alpha_fail / 2) if logs else None
    if found and canary_failed(logs, rule):
        trouble.append(
            f"the baseline differs from itself by {found.change:+.1%} CPU over {len(logs)} pairs: "
            "the machine or the order of the runs makes a difference"
        )
    return Canary(len(paired), found, tuple(dict.fromkeys(trouble)))


def _differ(one: float | None, other: float | None, allowance: Allowance | None) -> bool:
    if one is None or other is None or allowance is None:
        return one != other
    return max(one, other) > allowance.limit(min(one, other))


def _allowed(case: Case, budgets: Iterable[Budget]) -> dict[str, Allowance]:
    return {
        budget.metric: budget.allow
        for budget in budgets
        if budget.allow is not None and budget.applies(case.scenario, case.axes())
    }


def _rows(case: Case, before: Sequence[Sample], after: Sequence[Sample], terms: Terms) -> Iterator[Row]:
    budgets = [budget for budget in terms.budgets if budget.applies(case.scenario, case.axes())]
    allowed = _allowed(case, budgets)
    for name in (*COUNTERS, *(extra for extra in allowed if extra not in COUNTERS)):
        row = _counter_row(case, name, before, after, allowed.get(name, Allowance()))
        if row is not None:
            yield replace(row, is_blocking=not terms.across)
    for metric in terms.times:
        yield _time_row(case, metric, list(_by_round(before, after)), terms)
    for budget in budgets:
        if budget.below is not None:
            yield _budget_row(case, budget.metric, budget.below, before, after)


def _counter_row(
    case: Case, name: str, before: Sequence[Sample], after: Sequence[Sample], allowance: Allowance
) -> Row | None:
    old, new = _known(before, name), _known(after, name)
    if not old or not new:
        return None
    limit = allowance.limit(max(old))
    verdict: Verdict = Pass()
    if min(new) > limit:
        verdict = Fail((f"{case}: {name} went from {max(old):,.0f} to {min(new):,.0f} (allowed: {limit:,.0f})",))
    elif max(new) > limit:
        spread = f"{min(new):,.0f} to {max(new):,.0f}"
        verdict = Unsure((f"{case}: {name} is {spread} from run to run, and sometimes above {limit:,.0f}",))
    return Row(case, name, Kind.COUNTER, median(old), median(new), verdict, is_blocking=True, limit=limit)


def _time_row(case: Case, metric: TimeMetric, paired: Sequence[tuple[Sample, Sample]], terms: Terms) -> Row:
    values = _values(paired, metric.metric)
    blank = Row(case, metric.metric, Kind.TIME, None, None, Pass(), metric.is_blocking)
    if not values or len(values) < len(paired):
        lost = f"{case}: {metric.metric} is missing or zero in {len(paired) - len(values)} of {len(paired)} pairs"
        return replace(blank, verdict=CouldNotMeasure((lost,)))
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
    match judgement.state:
        case State.PASS:
            return Pass()
        case State.FAIL:
            return Fail((change,))
        case State.CONTINUE:
            return Unsure((f"{change}: not decided yet",))
        case State.UNSURE:
            least = judgement.smallest_detectable
            seen = (
                f"a change of {least:+.1%} would have been seen"
                if math.isfinite(least)
                else f"too few pairs: fewer than {rule.least_pairs} can't show a regression here"
            )
            where = " (measured apart)" if pairing is Pairing.APART else ""
            return Unsure((f"{change}{where}: {seen}",))


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
    """A sentence for every case in which CPU and wall time tell different stories."""
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


def _only_in(name: str, cases: set[Case]) -> Iterator[str]:
    for case in sorted(cases):
        yield f"{case}: only in {name}, compared with nothing"


def _apart(terms: Terms) -> Iterator[str]:
    if terms.pairing is Pairing.APART:
        yield (
            "the two records were measured at different times, so the machine's drift can't be told from a change: "
            f"times fail only above {APART_FAIL_ABOVE:+.0%}; measure both in one run (hfbench gate, "
            "hfbench compare with two engines) for known error rates"
        )


def interval(found: Bound) -> str:
    """``[-1.2%, +3.4%]``, with ``?`` where there is no bound yet."""
    low = f"{found.change_low:+.1%}" if math.isfinite(found.lower) else "?"
    high = f"{found.change_high:+.1%}" if math.isfinite(found.upper) else "?"
    return f"[{low}, {high}]"


def _by_round(before: Iterable[Sample], after: Iterable[Sample]) -> Iterator[tuple[Sample, Sample]]:
    partners: Mapping[int, Sample] = {sample.round: sample for sample in after}
    for sample in before:
        if sample.round in partners:
            yield sample, partners[sample.round]


def _values(paired: Iterable[tuple[Sample, Sample]], name: str) -> list[tuple[float, float]]:
    """Both values of each pair that has two above zero: a ratio needs them."""
    both = ((before.metrics.get(name), after.metrics.get(name)) for before, after in paired)
    return [(old, new) for old, new in both if old is not None and new is not None and old > 0 < new]


def _known(samples: Iterable[Sample], name: str) -> list[float]:
    values = (sample.metrics.get(name) for sample in samples)
    return [value for value in values if value is not None]
