"""The outcome of a comparison: one row per case and metric, what was rejected, and the verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from hfbench.bench.judge.verdict import Fail, Verdict

if TYPE_CHECKING:
    from hfbench.bench.case import Case
    from hfbench.bench.judge.canary import Canary
    from hfbench.bench.judge.comparability import Unlike
    from hfbench.bench.judge.stats import Bound, Judgement


class Kind(Enum):
    """What sort of check a row is."""

    TIME = "time"
    COUNTER = "counter"
    BUDGET = "budget"


@dataclass(frozen=True, slots=True)
class Row:
    """One case x metric: medians before and after, and what follows.

    Attributes:
        judgement: of what is noisy: times, and counters that vary in unchanged code.
        limit: a budget's or an allowance's.
        note: how it was judged, where that is not the usual way.
    """

    case: Case
    metric: str
    kind: Kind
    before: float | None
    after: float | None
    verdict: Verdict
    is_blocking: bool
    judgement: Judgement | None = None
    limit: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The whole outcome. ``explanations`` are sentences about what the rows don't show."""

    base: str
    contender: str
    rows: tuple[Row, ...]
    refused: tuple[Unlike, ...]
    canary: Canary | None
    explanations: tuple[str, ...]
    verdict: Verdict

    def is_decided(self, case: Case) -> bool:
        """Whether this case's verdict is final: it was rejected, a counter failed, or every judgement is final."""
        case = case.across({"engine"})
        rows = [row for row in self.rows if row.case == case]
        if any(row.kind is Kind.COUNTER and row.is_blocking and isinstance(row.verdict, Fail) for row in rows):
            return True
        times = [row for row in rows if row.kind is Kind.TIME and row.is_blocking]
        judged = [row.judgement for row in rows if row.is_blocking and row.judgement is not None]
        open_rows = [each for each in judged if not each.state.is_final]
        is_refused = any(unlike.case in {case, None} for unlike in self.refused)
        return is_refused or (bool(times) and not open_rows)


def interval(found: Bound) -> str:
    """``[-1.2%, +3.4%]``, with ``?`` where there is no bound yet."""
    low = f"{found.change_low:+.1%}" if math.isfinite(found.lower) else "?"
    high = f"{found.change_high:+.1%}" if math.isfinite(found.upper) else "?"
    return f"[{low}, {high}]"
