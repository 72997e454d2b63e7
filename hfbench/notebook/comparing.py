"""Choosing the two sides of a comparison from records, and comparing them as the gate would."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hfbench.bench.judge.comparability import Side, side_of
from hfbench.bench.judge.compare import Pairing, Terms, compare

if TYPE_CHECKING:
    from hfbench.bench.judge.compare import Comparison
    from hfbench.bench.record import RunRecord


@dataclass(frozen=True, slots=True)
class Sides:
    """Two sides and how their rounds belong together."""

    base: Side
    contender: Side
    terms: Terms


def comparison_sides(
    base: RunRecord, contender: RunRecord | None = None, *, scopes: tuple[str, str] = ("segment", "fused")
) -> Sides:
    """The sides of a comparison.

    Args:
        base: the record of before; with ``contender`` None it holds both sides: the baseline and contender of a gate,
            or two scopes of one run, whose rounds are paired.
        contender: the record of after, measured at another time.
        scopes: before and after where one record holds no gate's two sides.

    Raises:
        UsageError: a side is not in the record.
    """
    if contender is not None:
        return Sides(side_of(base, "base"), side_of(contender, "contender"), Terms(pairing=Pairing.APART))
    if {"baseline", "contender"} <= {sample.role for sample in base.samples}:
        before, after = (side_of(base, role, role=role) for role in ("baseline", "contender"))
        return Sides(before, after, Terms(pairing=Pairing.LIVE))
    before, after = (side_of(base, scope, scope=scope) for scope in scopes)
    return Sides(before, after, Terms(pairing=Pairing.FIXED, across=frozenset({"scope"})))


def comparison_of(sides: Sides) -> Comparison:
    """Judge the contender against the base.

    Raises:
        UsageError: a side is ambiguous.
    """
    return compare(sides.base, sides.contender, sides.terms)
