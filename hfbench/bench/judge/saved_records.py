"""Saved records, judged: two runs, two ways within one, a gate's pairs once more, a line-up's engines once more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hfbench.bench.judge.comparability import AXES, Side, case_of, side_of
from hfbench.bench.judge.compare import Comparison, Pairing, Terms, compare
from hfbench.bench.measure.gate import BASELINE, CONTENDER, GateOptions, judge_record, up_to
from hfbench.bench.measure.lineup import compare_lineup
from hfbench.errors import MeasurementError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hfbench.bench.record import RunRecord, Sample

#: The order in which the values of an axis are compared: the first of them that was measured is the baseline.
_ORDER: Final[Mapping[str, tuple[str, ...]]] = {
    "backend": ("libav", "ffmpeg"),
    "scope": ("source", "segment", "fused"),
    "format": ("jpg", "png", "png16"),
    "cache": ("off", "cold", "warm"),
}


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


def compare_ways(record: RunRecord, axis: str, terms: Terms) -> tuple[Comparison, ...]:
    """Two or more values of one axis in one record, each against the first.

    Raises:
        UsageError: no such axis, or the record holds fewer than two values of it.
    """
    found = {getattr(sample, axis) for sample in record.samples} if axis in AXES else set()
    known = [value for value in _ORDER.get(axis, ()) if value in found]
    values = [*known, *sorted(found - set(known))]
    if len(values) < 2:
        held = ", ".join(values) or "none"
        raise UsageError(f"the record holds fewer than two values of {axis!r} ({held}); axes are {', '.join(AXES)}")
    first, *others = (side_of(record, value, **{axis: value}) for value in values)
    fixed = _with(terms, Pairing.FIXED, terms.across | {axis})
    return tuple(compare(first, other, fixed) for other in others)


def compare_one(record: RunRecord, terms: Terms) -> tuple[Comparison, ...]:
    """What a gate's or a line-up's record says by itself; the same samples give the same verdict as they did live.

    Raises:
        UsageError: the record is of one engine, measured in one way.
        MeasurementError: it holds no sample.
    """
    if not record.samples:
        raise MeasurementError(f"nothing was measured: {'; '.join(record.notes) or 'the record holds no sample'}")
    if any(sample.role == CONTENDER for sample in record.samples):
        return (_gated(record, terms),)
    engines = list(dict.fromkeys([*record.options.get("engines", ()), *(each.engine for each in record.samples)]))
    if len(engines) > 1:
        return compare_lineup(record, engines, _with(terms, Pairing.FIXED, terms.across | differing_axes(record)))
    raise UsageError("one record of one engine: give a second record, or say --across backend or --across scope")


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
    roles = {role: tuple(each for each in record.samples if each.role == role) for role in (BASELINE, CONTENDER)}
    options = GateOptions(
        times=up_to(terms.times, record.options.get("most_pairs")),
        budgets=terms.budgets,
        across=terms.across | frozenset(record.options.get("across", ())),
        canary_share=record.options.get("canary_share", GateOptions().canary_share),
    )
    if not roles[BASELINE]:
        raise MeasurementError("the record of a gate holds no sample of the baseline: it ended before the first pair")
    names = tuple(roles[role][0].engine for role in (BASELINE, CONTENDER))
    cases = {case_of(sample, options.across) for sample in roles[BASELINE]}
    return judge_record(record, (names[0], names[1]), len(cases), options)


def _of_interest(record: RunRecord, name: str) -> tuple[Sample, ...]:
    samples = tuple(sample for sample in record.samples if sample.role in {"", CONTENDER})
    if not samples:
        raise UsageError(f"{name} holds no sample that could be compared")
    return samples


def _with(terms: Terms, pairing: Pairing, across: frozenset[str]) -> Terms:
    return Terms(times=terms.times, budgets=terms.budgets, pairing=pairing, across=across)
