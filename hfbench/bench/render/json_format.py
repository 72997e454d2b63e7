"""Comparisons as JSON."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from hfbench.bench.judge.verdict import exit_code, name_of
from hfbench.bench.render.wording import verdict_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hfbench.bench.judge.comparison import Comparison, Row

#: Version of the JSON of one comparison.
SCHEMA: Final = "hfbench-comparison/1"
#: Version of the JSON of several; each of them is of :data:`SCHEMA`.
SEVERAL_SCHEMA: Final = "hfbench-comparisons/1"


def json_of(outcomes: Sequence[Comparison], *, reproduce: str = "", allow_unsure: bool = False) -> dict[str, Any]:
    """``{"schema", "verdict", "exit_code", "comparisons"}``, JSON-able."""
    verdict = verdict_of(outcomes)
    return {
        "schema": SEVERAL_SCHEMA,
        "verdict": name_of(verdict),
        "exit_code": exit_code(verdict, allow_unsure=allow_unsure),
        "comparisons": [to_json(each, reproduce=reproduce, allow_unsure=allow_unsure) for each in outcomes],
    }


def to_json(outcome: Comparison, *, reproduce: str = "", allow_unsure: bool = False) -> dict[str, Any]:
    """The comparison as a JSON-able dict; what is not known (an infinite bound) is null."""
    canary = outcome.canary
    return {
        "schema": SCHEMA,
        "verdict": name_of(outcome.verdict),
        "exit_code": exit_code(outcome.verdict, allow_unsure=allow_unsure),
        "reasons": list(outcome.verdict.reasons),
        "base": outcome.base,
        "contender": outcome.contender,
        "rows": [_row_json(row) for row in outcome.rows],
        "refused": [
            {
                "fact": unlike.fact,
                "case": str(unlike.case) if unlike.case else None,
                "before": unlike.before,
                "after": unlike.after,
            }
            for unlike in outcome.refused
        ],
        "canary": {"pairs": canary.pairs, "trouble": list(canary.trouble)} if canary else None,
        "words": list(outcome.explanations),
        "reproduce": reproduce,
    }


def _row_json(row: Row) -> dict[str, Any]:
    judged = row.judgement
    return {
        "scenario": row.case.scenario,
        **row.case.axes(),
        "metric": row.metric,
        "kind": row.kind.value,
        "before": row.before,
        "after": row.after,
        "verdict": name_of(row.verdict),
        "reasons": list(row.verdict.reasons),
        "blocking": row.is_blocking,
        "limit": row.limit,
        "state": judged.state.value if judged else None,
        "pairs": judged.bound.pairs if judged else None,
        "change": judged.bound.change if judged else None,
        "change_low": _finite(judged.bound.change_low, judged.bound.lower) if judged else None,
        "change_high": _finite(judged.bound.change_high, judged.bound.upper) if judged else None,
        "smallest_detectable": _finite(judged.smallest_detectable) if judged else None,
    }


def _finite(value: float, of: float = 0.0) -> float | None:
    return value if math.isfinite(value) and math.isfinite(of) else None
