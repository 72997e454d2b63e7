"""How two sides are compared: the noisy metrics and their rules, the budgets, and how rounds are paired."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Final

from hfbench.bench.judge.canary import CPU
from hfbench.bench.judge.counters import COUNTERS
from hfbench.bench.judge.stats import CPU_RULE, WALL_RULE, Rule
from hfbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hfbench.bench.judge.budgets import Budget

WALL: Final = "videoExtractMs"

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
    """CPU and wall time; those named in ``block_on`` (``cpu``, ``wall``) decide, the other advises.

    Raises:
        UsageError: another name, or none.
    """
    chosen = set(block_on)
    if not chosen or chosen - {"cpu", "wall"}:
        raise UsageError(f"block on cpu, wall or both, not {', '.join(sorted(chosen)) or 'nothing'}")
    return (TimeMetric(CPU, CPU_RULE, "cpu" in chosen), TimeMetric(WALL, WALL_RULE, "wall" in chosen))


class Pairing(Enum):
    """How the rounds of the two sides are paired."""

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

    def counter_rule(self, cases: int) -> Rule:
        """The rule for counters that vary in unchanged code: CPU time's, with all counters of all cases as a family."""
        looks = next((each.rule.looks for each in self.times if each.is_blocking), CPU_RULE.looks)
        return replace(CPU_RULE, looks=looks, family=max(cases, 1) * len(COUNTERS))
