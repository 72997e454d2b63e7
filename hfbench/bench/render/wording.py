"""The wording that all formats share: the verdict on one line, and a row's numbers as cells."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from hfbench.bench.judge.comparison import Comparison, Row, interval
from hfbench.bench.judge.verdict import CouldNotMeasure, Fail, Pass, Unsure, Verdict, combine, name_of

if TYPE_CHECKING:
    from collections.abc import Sequence

_MEANING: Final = {
    Pass: "no regression",
    Fail: "a regression",
    Unsure: "measured, and neither a regression nor its absence is shown",
    CouldNotMeasure: "there is nothing to judge",
}


def verdict_of(outcomes: Sequence[Comparison]) -> Verdict:
    """The verdict over all of them."""
    return combine(outcome.verdict for outcome in outcomes)


def verdict_line(outcome: Comparison) -> str:
    """``PASS: no regression, main (1a2b3c4d) -> HEAD (5e6f7a8b)``."""
    meaning = _MEANING[type(outcome.verdict)]
    return f"{name_of(outcome.verdict)}: {meaning}, {outcome.base} -> {outcome.contender}"


def cells(row: Row) -> tuple[str, ...]:
    """Case, metric, before, after, change, pairs, verdict, smallest change that would have been detected."""
    verdict = name_of(row.verdict) if row.is_blocking else f"{name_of(row.verdict)} (advisory)"
    before, after = number(row.before), number(row.after)
    if row.judgement is None:
        change = f"{row.after / row.before - 1:+.1%}" if row.before and row.after is not None else ""
        return (str(row.case), row.metric, before, after, change, "exact", verdict, "any")
    found, least = row.judgement.bound, row.judgement.smallest_detectable
    change = f"{found.change:+.1%} {interval(found)}"
    seen = f"{least:+.1%}" if math.isfinite(least) else "none"
    return (str(row.case), row.metric, before, after, change, str(found.pairs), verdict, seen)


def number(value: float | None) -> str:
    """``1,234``, ``1,234.5``; empty where it is not known."""
    if value is None:
        return ""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"
