"""Why a verdict is what it is: in sentences, from the record alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hfbench.bench.judge.comparison import Comparison, Kind, Row, interval
from hfbench.bench.judge.gate_rule import is_gate, rule_of
from hfbench.bench.judge.saved_records import compare_one, own_terms
from hfbench.bench.judge.verdict import name_of
from hfbench.bench.render.wording import number, verdict_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hfbench.bench.judge.terms import TimeMetric
    from hfbench.bench.record import RunRecord


def explained(record: RunRecord) -> Iterator[str]:
    """Lines of text: the verdict, what it was judged by, and what each case and metric says.

    Raises:
        UsageError: the record is of a single engine: there is nothing to judge.
        MeasurementError: it holds no sample.
        RecordError: the rule in it is damaged.
    """
    for number_of, outcome in enumerate(compare_one(record)):
        if number_of:
            yield ""
        yield verdict_line(outcome)
        yield from (f"  {reason}" for reason in outcome.verdict.reasons)
        if record.interrupted:
            yield "The measurement was interrupted; this is what the record says up to there."
        yield ""
        yield from _rule(record, outcome)
        yield from _cases(outcome)
        yield from _canary(outcome)
        yield from (f"Not compared: {unlike.message}." for unlike in outcome.refused)
        yield from (f"Note: {each}." for each in outcome.explanations)


def _rule(record: RunRecord, outcome: Comparison) -> Iterator[str]:
    yield "What decides:"
    times = rule_of(record).times if is_gate(record) else own_terms(record).times
    for metric in times:
        yield f"  {_metric(metric, is_gate=is_gate(record))}"
    budgets = sum(row.kind is Kind.BUDGET for row in outcome.rows)
    yield "  Work counters: any increase beyond the allowance fails at once; one that varies is judged like a time."
    yield f"  Budgets checked: {budgets}." if budgets else "  No budget applies."
    across = rule_of(record).across if is_gate(record) else own_terms(record).across
    if across:
        yield f"  The sides differ in {', '.join(sorted(across))} on purpose: counters inform and do not decide."


def _metric(metric: TimeMetric, *, is_gate: bool) -> str:
    rule = metric.rule
    role = "decides" if metric.is_blocking else "advises only"
    looks = f"looks after {', '.join(map(str, rule.looks))} pairs" if is_gate else "one look"
    return (
        f"{metric.metric} {role}: FAIL when shown to be above {rule.fail_above:+.0%} (error rate {rule.alpha_fail:.0%} "
        f"over all looks and cases), PASS when shown to be below {rule.pass_below:+.0%} "
        f"(error rate {rule.alpha_pass:.0%}); {looks}."
    )


def _cases(outcome: Comparison) -> Iterator[str]:
    for case in dict.fromkeys(row.case for row in outcome.rows):
        rows = [row for row in outcome.rows if row.case == case]
        yield ""
        yield f"{case}:"
        yield from (f"  {_sentence(row)}" for row in rows if row.kind is not Kind.COUNTER or not _is_same(row))
        same = sum(row.kind is Kind.COUNTER and _is_same(row) for row in rows)
        yield f"  {same} of {sum(row.kind is Kind.COUNTER for row in rows)} work counters are equal to the digit."
    yield ""


def _is_same(row: Row) -> bool:
    return row.before == row.after and row.judgement is None


def _sentence(row: Row) -> str:
    verdict = name_of(row.verdict) if row.is_blocking else f"{name_of(row.verdict)} (advice)"
    values = f"{row.metric} went from {number(row.before) or '?'} to {number(row.after) or '?'}"
    if row.kind is Kind.BUDGET:
        return (
            f"{verdict}: {row.metric} is {number(row.after) or 'not known'}; its budget is below {number(row.limit)}."
        )
    if row.judgement is None:
        return f"{verdict}: {values}" + ("." if row.limit is None else f"; allowed are {number(row.limit)}.")
    found, least = row.judgement.bound, row.judgement.smallest_detectable
    seen = (
        f"a change of {least:+.1%} would have been seen" if math.isfinite(least) else "no change could have been seen"
    )
    return f"{verdict}: {values}, {found.change:+.1%} {interval(found)} over {found.pairs} pairs; {seen}."


def _canary(outcome: Comparison) -> Iterator[str]:
    canary = outcome.canary
    if canary is None:
        yield "There was no canary (baseline against baseline)."
    elif canary.trouble:
        yield f"The canary voids everything above: {'; '.join(canary.trouble)}."
    elif canary.bound is not None:
        change = f"{canary.bound.change:+.1%} CPU over {canary.pairs} pairs"
        yield f"The canary (baseline against baseline) is quiet: {change}."
