"""Judges saved records: two runs, two values of an axis in one run, a gate's pairs again, or engines side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hfbench.bench.case import COMPARED, KNOWN_VALUES
from hfbench.bench.judge.comparability import Side, side_of
from hfbench.bench.judge.compare import compare
from hfbench.bench.judge.comparison import Comparison
from hfbench.bench.judge.gate_rule import CONTENDER, GateRule, is_gate, judge_gate, rule_of
from hfbench.bench.judge.terms import Pairing, Terms
from hfbench.bench.judge.verdict import CouldNotMeasure, combine
from hfbench.errors import MeasurementError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hfbench.bench.record import RunRecord, Sample


def compare_apart(
    before: RunRecord,
    after: RunRecord,
    names: tuple[str, str],
    terms: Terms,
    engines: tuple[str | None, str | None] = (None, None),
) -> Comparison:
    """Compare two separate records; ``engines`` chooses where they hold several. A gate's record gives its contender.

    Raises:
        UsageError: a record is empty, has no such engine, or holds one case twice (two engines).
    """
    sides = [
        Side(name, _of_interest(record, name, engine), record.fixtures, record.machine)
        for name, record, engine in zip(names, (before, after), engines, strict=True)
    ]
    return compare(sides[0], sides[1], _with(terms, Pairing.APART, terms.across))


def compare_values(record: RunRecord, axis: str, terms: Terms, engine: str | None = None) -> tuple[Comparison, ...]:
    """Compare the values of one axis in one record, each with the first; ``engine`` chooses one where it holds several.

    Raises:
        UsageError: no such axis, or the record holds fewer than two values of it.
    """
    if engine is not None:
        record = replace(record, samples=_of_interest(record, "the record", engine))
    found = {getattr(sample, axis) for sample in record.samples} if axis in COMPARED else set()
    known = [value for value in KNOWN_VALUES.get(axis, ()) if value in found]
    values = [*known, *sorted(found - set(known))]
    if len(values) < 2:
        held = ", ".join(values) or "none"
        raise UsageError(f"the record holds fewer than two values of {axis!r} ({held}); axes are {', '.join(COMPARED)}")
    first, *others = (side_of(record, value, **{axis: value}) for value in values)
    fixed = _with(terms, Pairing.FIXED, terms.across | {axis})
    return tuple(compare(first, other, fixed) for other in others)


def own_terms(record: RunRecord) -> Terms:
    """What a record was judged by when it was measured; the default terms where it does not say.

    Raises:
        RecordError: the terms in it are damaged.
    """
    if is_gate(record):
        rule = rule_of(record)
    elif "terms" in record.options:
        rule = GateRule.from_json(record.options["terms"])
    else:
        return Terms()
    return Terms(times=rule.times, budgets=rule.budgets, across=rule.across)


def compare_one(record: RunRecord, terms: Terms | None = None) -> tuple[Comparison, ...]:
    """Judge the record of a gate, or of engines side by side: the same verdict as when it was measured.

    Args:
        record: of one measurement.
        terms: in place of those that the record holds.

    Raises:
        UsageError: the record is of a single engine.
        MeasurementError: it holds no sample.
        RecordError: what it was judged by is damaged.
    """
    chosen = terms or own_terms(record)
    if is_gate(record):
        rule = replace(rule_of(record), times=chosen.times, budgets=chosen.budgets, across=chosen.across)
        return (judge_gate(record, rule),)
    if not record.samples:
        raise MeasurementError(f"nothing was measured: {'; '.join(record.notes) or 'the record holds no sample'}")
    engines = engines_of(record)
    if len(engines) > 1:
        return compare_engines(record, engines, _with(chosen, Pairing.FIXED, chosen.across | differing_axes(record)))
    raise UsageError("one record of one engine: give a second record, or say --across backend or --across scope")


def engines_of(record: RunRecord) -> tuple[str, ...]:
    """The engines of a record, in the order in which they were named; the first is what others are compared with."""
    return tuple(dict.fromkeys([*record.options.get("engines", ()), *(each.engine for each in record.samples)]))


def compare_two_values(record: RunRecord, axis: str, values: tuple[str, str], terms: Terms) -> Comparison:
    """Compare two chosen values of an axis in one record; the first is the baseline.

    Raises:
        UsageError: the record does not hold one of them.
    """
    first, second = (side_of(record, value, **{axis: value}) for value in values)
    return compare(first, second, _with(terms, Pairing.FIXED, terms.across | {axis}))


def compare_engines(record: RunRecord, names: Sequence[str], terms: Terms) -> tuple[Comparison, ...]:
    """Compare each engine with the first of ``names``, with one look: the number of rounds was fixed beforehand.

    ``terms.across`` holds the axes in which they differ on purpose.

    Raises:
        UsageError: a name is not in the record.
    """
    fixed = _with(terms, Pairing.FIXED, terms.across)
    measured = {sample.engine for sample in record.samples}
    if not record.trouble:
        first, *others = (side_of(record, name, engine=name) for name in names)
        return tuple(compare(first, other, fixed) for other in others)
    trouble = CouldNotMeasure(record.trouble)
    found = []
    for name in names[1:]:
        if {names[0], name} <= measured:
            first, other = (side_of(record, each, engine=each) for each in (names[0], name))
            outcome = compare(first, other, fixed)
            found.append(replace(outcome, verdict=combine((outcome.verdict, trouble))))
        else:
            found.append(Comparison(names[0], name, (), (), None, (), trouble))
    return tuple(found)


def differing_axes(record: RunRecord) -> frozenset[str]:
    """``backend`` and ``scope`` where engines have them fixed to different values: a difference by nature.

    Formats and cache states are never among them: frames of two formats can't be compared.
    """
    by_engine: dict[str, list[Sample]] = {}
    for sample in record.samples:
        by_engine.setdefault(sample.engine, []).append(sample)
    return frozenset(
        axis
        for axis in ("backend", "scope")
        if len({frozenset(getattr(sample, axis) for sample in samples) for samples in by_engine.values()}) > 1
    )


def _of_interest(record: RunRecord, name: str, engine: str | None = None) -> tuple[Sample, ...]:
    samples = tuple(sample for sample in record.samples if sample.role in {"", CONTENDER})
    if engine is not None:
        held = ", ".join(dict.fromkeys(sample.engine for sample in samples))
        samples = tuple(sample for sample in samples if sample.engine == engine)
        if not samples:
            raise UsageError(f"{name} holds no engine {engine!r}; it holds {held or 'none'}")
    if not samples:
        raise UsageError(f"{name} holds no sample that could be compared")
    return samples


def _with(terms: Terms, pairing: Pairing, across: frozenset[str]) -> Terms:
    return Terms(times=terms.times, budgets=terms.budgets, pairing=pairing, across=across)
