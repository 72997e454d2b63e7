"""Saved records, judged: two runs, two values of an axis in one, a gate's pairs once more, engines side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hfbench.bench.case import COMPARED, KNOWN_VALUES
from hfbench.bench.judge.comparability import Side, case_of, side_of
from hfbench.bench.judge.compare import Comparison, Pairing, Terms, compare
from hfbench.bench.judge.gate_rule import BASELINE, CONTENDER, GateRule, judge_record, up_to, with_role
from hfbench.errors import MeasurementError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hfbench.bench.record import RunRecord, Sample


def compare_apart(before: RunRecord, after: RunRecord, names: tuple[str, str], terms: Terms) -> Comparison:
    """Two records of two times. Of a gate's record the contender counts.

    Raises:
        UsageError: a record is empty, or holds one case twice (two engines).
    """
    sides = [
        Side(name, _of_interest(record, name), record.fixtures, record.machine)
        for name, record in zip(names, (before, after), strict=True)
    ]
    return compare(sides[0], sides[1], _with(terms, Pairing.APART, terms.across))


def compare_values(record: RunRecord, axis: str, terms: Terms) -> tuple[Comparison, ...]:
    """Two or more values of one axis in one record, each against the first.

    Raises:
        UsageError: no such axis, or the record holds fewer than two values of it.
    """
    found = {getattr(sample, axis) for sample in record.samples} if axis in COMPARED else set()
    known = [value for value in KNOWN_VALUES.get(axis, ()) if value in found]
    values = [*known, *sorted(found - set(known))]
    if len(values) < 2:
        held = ", ".join(values) or "none"
        raise UsageError(f"the record holds fewer than two values of {axis!r} ({held}); axes are {', '.join(COMPARED)}")
    first, *others = (side_of(record, value, **{axis: value}) for value in values)
    fixed = _with(terms, Pairing.FIXED, terms.across | {axis})
    return tuple(compare(first, other, fixed) for other in others)


def compare_one(record: RunRecord, terms: Terms) -> tuple[Comparison, ...]:
    """What the record of a gate, or of engines side by side, says by itself: the verdict that they were given live.

    Raises:
        UsageError: the record is of one engine.
        MeasurementError: it holds no sample.
    """
    if not record.samples:
        raise MeasurementError(f"nothing was measured: {'; '.join(record.notes) or 'the record holds no sample'}")
    if any(sample.role == CONTENDER for sample in record.samples):
        return (_gated(record, terms),)
    engines = list(dict.fromkeys([*record.options.get("engines", ()), *(each.engine for each in record.samples)]))
    if len(engines) > 1:
        return compare_engines(record, engines, _with(terms, Pairing.FIXED, terms.across | differing_axes(record)))
    raise UsageError("one record of one engine: give a second record, or say --across backend or --across scope")


def compare_engines(record: RunRecord, names: Sequence[str], terms: Terms) -> tuple[Comparison, ...]:
    """Each engine against the first of ``names``, judged with one look: the number of rounds was fixed beforehand.

    ``terms.across`` says in what they differ on purpose.

    Raises:
        UsageError: a name is not in the record.
    """
    fixed = _with(terms, Pairing.FIXED, terms.across)
    first, *others = (side_of(record, name, engine=name) for name in names)
    return tuple(compare(first, other, fixed) for other in others)


def differing_axes(record: RunRecord) -> frozenset[str]:
    """``backend`` and ``scope`` where engines have them fixed to different values: a difference by nature.

    Formats and cache states are never among them: frames of two formats are unlike things.
    """
    by_engine: dict[str, list[Sample]] = {}
    for sample in record.samples:
        by_engine.setdefault(sample.engine, []).append(sample)
    return frozenset(
        axis
        for axis in ("backend", "scope")
        if len({frozenset(getattr(sample, axis) for sample in samples) for samples in by_engine.values()}) > 1
    )


def _gated(record: RunRecord, terms: Terms) -> Comparison:
    """Raises MeasurementError where one side is missing."""
    sides = [with_role(record, role) for role in (BASELINE, CONTENDER)]
    rule = GateRule(
        times=up_to(terms.times, record.options.get("most_pairs")),
        budgets=terms.budgets,
        across=terms.across | frozenset(record.options.get("across", ())),
        canary_share=record.options.get("canary_share", GateRule().canary_share),
    )
    if not sides[0]:
        raise MeasurementError("the record of a gate holds no sample of the baseline: it ended before the first pair")
    cases = {case_of(sample, rule.across) for sample in sides[0]}
    return judge_record(record, (sides[0][0].engine, sides[1][0].engine), len(cases), rule)


def _of_interest(record: RunRecord, name: str) -> tuple[Sample, ...]:
    samples = tuple(sample for sample in record.samples if sample.role in {"", CONTENDER})
    if not samples:
        raise UsageError(f"{name} holds no sample that could be compared")
    return samples


def _with(terms: Terms, pairing: Pairing, across: frozenset[str]) -> Terms:
    return Terms(times=terms.times, budgets=terms.budgets, pairing=pairing, across=across)
