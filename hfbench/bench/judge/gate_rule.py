"""The gate's rule: what a gate's record says, finished or not. Pure: the same samples give the same verdict.

Paired runs judged on CPU time, counters exactly, budgets on the median, and a canary that voids the verdict:
docs/gate.md is the specification.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from hfbench.bench.gate_defaults import CANARY_SHARE
from hfbench.bench.judge.comparability import Side
from hfbench.bench.judge.compare import Comparison, Pairing, Terms, TimeMetric, canary_of, compare, time_metrics
from hfbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hfbench.bench.judge.budgets import Budget
    from hfbench.bench.record import RunRecord, Sample

#: Roles of samples in a gate's record; the canary's are ``canary-a`` and ``canary-b``.
BASELINE: Final = "baseline"
CONTENDER: Final = "contender"
CANARY: Final = "canary"


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRule:
    """How a gate's record is judged.

    Attributes:
        times: noisy metrics and their rules; their looks say how many pairs at most.
        budgets: declared limits and allowances.
        across: axes in which the two engines differ on purpose.
        canary_share: canary pairs for each real one. One half gives 8 at the first look, the least that can fail.
    """

    times: tuple[TimeMetric, ...] = field(default_factory=time_metrics)
    budgets: tuple[Budget, ...] = ()
    across: frozenset[str] = frozenset()
    canary_share: float = CANARY_SHARE

    @property
    def most_pairs(self) -> int:
        """Pairs after which every verdict is final."""
        return max(metric.rule.looks[-1] for metric in self.times if metric.is_blocking)


def up_to(times: Iterable[TimeMetric], most_pairs: int | None) -> tuple[TimeMetric, ...]:
    """The same metrics with no look after ``most_pairs`` (None: all looks); the error rates are kept.

    Raises:
        UsageError: not even the first look is left.
    """
    limited = []
    for metric in times:
        looks = tuple(look for look in metric.rule.looks if most_pairs is None or look <= most_pairs)
        if not looks:
            raise UsageError(
                f"{most_pairs} pairs are too few to decide anything: the first look is at {metric.rule.looks[0]}"
            )
        limited.append(replace(metric, rule=replace(metric.rule, looks=looks)))
    return tuple(limited)


def judge_record(record: RunRecord, names: tuple[str, str], cases: int, rule: GateRule) -> Comparison:
    """What the rule says of a gate's record, finished or not: the same samples give the same verdict.

    ``cases`` is how many there were to measure: they share the rule's error rate.
    """
    base, contender = (
        Side(name, with_role(record, role), record.fixtures, record.machine)
        for name, role in zip(names, (BASELINE, CONTENDER), strict=True)
    )
    terms = Terms(
        times=rule.times,
        budgets=rule.budgets,
        pairing=Pairing.LIVE,
        across=rule.across,
        family=cases * sum(metric.is_blocking for metric in rule.times),
    )
    canary = canary_of(with_role(record, f"{CANARY}-a"), with_role(record, f"{CANARY}-b"))
    return compare(base, contender, terms, canary if rule.canary_share else None)


def with_role(record: RunRecord, role: str) -> tuple[Sample, ...]:
    """The samples of one role, in the order in which they were measured."""
    return tuple(sample for sample in record.samples if sample.role == role)
