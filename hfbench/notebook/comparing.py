"""Choosing the two sides of a comparison from records, and comparing them as the gate would."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hfbench.bench.judge.comparability import Side, side_of
from hfbench.bench.judge.gate_rule import BASELINE, CONTENDER, is_gate, rule_of, with_role
from hfbench.bench.judge.saved_records import compare_apart, compare_one, compare_two_values, differing_axes
from hfbench.bench.judge.terms import Terms

if TYPE_CHECKING:
    from hfbench.bench.judge.comparison import Comparison
    from hfbench.bench.record import RunRecord


@dataclass(frozen=True, slots=True)
class Sides:
    """Two sides, the axes in which they differ on purpose, and what `hfbench compare` says of them."""

    base: Side
    contender: Side
    across: frozenset[str]
    outcome: Comparison


def comparison_sides(
    base: RunRecord, contender: RunRecord | None = None, *, scopes: tuple[str, str] = ("segment", "fused")
) -> Sides:
    """The sides of a comparison.

    Args:
        base: the record of before; with ``contender`` None it holds both sides: the baseline and contender of a gate,
            the first two engines that ran side by side, or two scopes of one run, whose rounds are paired.
        contender: the record of after, measured at another time.
        scopes: before and after where one record holds one engine's run.

    Raises:
        UsageError: a side is not in the record.
    """
    if contender is not None:
        outcome = compare_apart(base, contender, ("base", "contender"), Terms())
        return Sides(_of_interest(base, "base"), _of_interest(contender, "contender"), frozenset(), outcome)
    if is_gate(base):
        (outcome,) = compare_one(base)
        before, after = (
            Side(name, with_role(base, role), base.fixtures, base.machine)
            for name, role in ((outcome.base, BASELINE), (outcome.contender, CONTENDER))
        )
        return Sides(before, after, rule_of(base).across, outcome)
    if len({sample.engine for sample in base.samples}) > 1:
        outcome = compare_one(base)[0]
        before, after = (side_of(base, name, engine=name) for name in (outcome.base, outcome.contender))
        return Sides(before, after, differing_axes(base), outcome)
    before, after = (side_of(base, scope, scope=scope) for scope in scopes)
    return Sides(before, after, frozenset({"scope"}), compare_two_values(base, "scope", scopes, Terms()))


def comparison_of(sides: Sides) -> Comparison:
    """What the command line says of the same records: one function judges for all."""
    return sides.outcome


def _of_interest(record: RunRecord, name: str) -> Side:
    return side_of(record, name, role=CONTENDER) if is_gate(record) else side_of(record, name)
