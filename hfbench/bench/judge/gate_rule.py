"""The gate's rule: the verdict on a gate's record, finished or not. Pure: the same samples give the same verdict.

Paired runs judged on CPU time, counters exactly, budgets on the median, and a canary that voids the verdict:
docs/gate.md is the specification.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Self

from hfbench.bench.gate_defaults import CANARY_SHARE
from hfbench.bench.judge.budgets import Budget
from hfbench.bench.judge.canary import canary_of
from hfbench.bench.judge.comparability import Side
from hfbench.bench.judge.compare import compare
from hfbench.bench.judge.stats import Rule
from hfbench.bench.judge.terms import Pairing, Terms, TimeMetric, time_metrics
from hfbench.bench.judge.verdict import CouldNotMeasure, combine
from hfbench.errors import RecordError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hfbench.bench.judge.comparison import Comparison
    from hfbench.bench.record import RunRecord, Sample

#: Roles of samples in a gate's record; the canary's are ``canary-a`` and ``canary-b``.
BASELINE: Final = "baseline"
CONTENDER: Final = "contender"
CANARY: Final = "canary"


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRule:
    """How a gate's record is judged: everything that decides. The record holds it, under ``rule`` of its options.

    Attributes:
        times: noisy metrics and their rules; their looks say how many pairs at most.
        budgets: declared limits and allowances.
        across: axes in which the two engines differ on purpose.
        canary_share: canary pairs for each real one. One half gives 8 at the first look, the least that can fail.
        cases: how many there are to measure (they share the rule's error rate); None = as many as the record holds.
        names: the names of baseline and contender; empty: those of their engines.
    """

    times: tuple[TimeMetric, ...] = field(default_factory=time_metrics)
    budgets: tuple[Budget, ...] = ()
    across: frozenset[str] = frozenset()
    canary_share: float = CANARY_SHARE
    cases: int | None = None
    names: tuple[str, str] = ("", "")

    @property
    def most_pairs(self) -> int:
        """Pairs after which every verdict is final."""
        return max(metric.rule.looks[-1] for metric in self.times if metric.is_blocking)

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dict with the fields' own names."""
        return {
            "times": [
                {"metric": each.metric, "is_blocking": each.is_blocking, **asdict(each.rule)} for each in self.times
            ],
            "budgets": [each.to_json() for each in self.budgets],
            "across": sorted(self.across),
            "canary_share": self.canary_share,
            "cases": self.cases,
            "names": list(self.names),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read it back.

        Raises:
            RecordError: it is not what :meth:`to_json` writes.
        """
        try:
            first, second = map(str, document["names"])
            return cls(
                times=tuple(map(_time_from_json, document["times"])),
                budgets=tuple(map(Budget.from_json, document["budgets"])),
                across=frozenset(map(str, document["across"])),
                canary_share=float(document["canary_share"]),
                cases=None if document["cases"] is None else int(document["cases"]),
                names=(first, second),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RecordError(f"the record's rule is damaged: {type(error).__name__}: {error}") from error


def _time_from_json(document: Mapping[str, Any]) -> TimeMetric:
    values = dict(document)
    metric, is_blocking = str(values.pop("metric")), bool(values.pop("is_blocking"))
    return TimeMetric(metric, Rule(**{**values, "looks": tuple(values["looks"])}), is_blocking)


def rule_of(record: RunRecord) -> GateRule:
    """The rule that a gate's record was judged by; where it holds none, the default rule with the record's options.

    Raises:
        RecordError: the rule in it is damaged.
    """
    options = record.options
    if "rule" in options:
        return GateRule.from_json(options["rule"])
    return GateRule(  # records of before the rule was kept
        times=up_to(time_metrics({"cpu", *options.get("block_on", ())}), options.get("most_pairs")),
        across=frozenset(options.get("across", ())),
        canary_share=options.get("canary_share", CANARY_SHARE),
    )


def up_to(times: Iterable[TimeMetric], most_pairs: int | None) -> tuple[TimeMetric, ...]:
    """The same metrics with no look after ``most_pairs`` (None: all looks); the error rates are kept.

    Raises:
        UsageError: no look is left.
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


def judge_gate(record: RunRecord, rule: GateRule | None = None) -> Comparison:
    """Apply the rule to a gate's record, finished or not. This is the only function that judges gates.

    The gate itself calls it after every pair, and every later reader of the record calls it again: the same samples and
    the same rule give exactly the same verdict.

    Args:
        record: of a gate.
        rule: in place of the one that the record holds.

    Raises:
        RecordError: the record's rule is damaged.
    """
    rule = rule or rule_of(record)
    sides = [
        Side(name or _engine_of(record, role), with_role(record, role), record.fixtures, record.machine)
        for name, role in zip(rule.names, (BASELINE, CONTENDER), strict=True)
    ]
    cases = rule.cases or len(sides[0].cases(rule.across))
    terms = Terms(
        times=rule.times,
        budgets=rule.budgets,
        pairing=Pairing.LIVE,
        across=rule.across,
        family=cases * sum(metric.is_blocking for metric in rule.times),
    )
    canary = canary_of(with_role(record, f"{CANARY}-a"), with_role(record, f"{CANARY}-b"))
    outcome = compare(sides[0], sides[1], terms, canary if rule.canary_share else None)
    if not record.trouble:
        return outcome
    # Then there is a reason why nothing was measured: it is the one to show.
    shown = (outcome.verdict,) if record.samples else ()
    return replace(outcome, verdict=combine((*shown, CouldNotMeasure(record.trouble))))


def _engine_of(record: RunRecord, role: str) -> str:
    return next((sample.engine for sample in record.samples if sample.role == role), role)


def with_role(record: RunRecord, role: str) -> tuple[Sample, ...]:
    """The samples of one role, in the order in which they were measured."""
    return tuple(sample for sample in record.samples if sample.role == role)


def is_gate(record: RunRecord) -> bool:
    """Whether the record is a gate's."""
    return "rule" in record.options or any(sample.role in {BASELINE, CONTENDER} for sample in record.samples)
