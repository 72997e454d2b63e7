"""The main result: the cost of each scope of the preflight."""

from __future__ import annotations

from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING, Final

from hfbench.bench.case import DECODE_LIMIT
from hfbench.bench.judge.comparability import case_of
from hfbench.errors import UsageError
from hfbench.model.metrics import METRICS
from hfbench.notebook.described import (
    MARKERS,
    PALETTE,
    DescribedFigure,
    Table,
    logarithmic,
    new_figure,
    number,
    percent,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hfbench.bench.case import Case
    from hfbench.bench.record import RunRecord

_SCOPES: Final = ("source", "segment", "fused")
#: Below this a logarithmic axis would show rounding: the work was not done at all.
_NOTHING_MS: Final = 0.1

Values = dict["Case", list[float]]


def values_by_case(record: RunRecord, metric: str) -> Values:
    """Case -> the samples of a metric; an engine's scopes are next to each other, in the order source, segment, fused.

    Raises:
        UsageError: The record has no sample of the metric.
    """
    found: Values = {}
    for sample in record.samples:
        value = sample.metrics.get(metric)
        if value is None or sample.role.startswith("canary") or sample.engine == DECODE_LIMIT:
            continue
        found.setdefault(replace(case_of(sample), engine=sample.engine), []).append(float(value))
    if not found:
        raise UsageError(f"the record has no sample of {metric}; `hfbench metrics` lists the metrics")
    return {case: found[case] for case in sorted(found, key=_place)}


def scope_figure(record: RunRecord, metric: str) -> DescribedFigure:
    """Every sample of a metric and its median, one row per case, on a logarithmic axis: ratios are distances.

    Raises:
        UsageError: The record has no sample of the metric.
    """
    cases = values_by_case(record, metric)
    unit = METRICS[metric][0]
    has_many = len({case.scenario for case in cases}) > 1
    figure, axis = new_figure(8.5, 0.45 * len(cases) + 1.1)
    rows, labels = [], []
    for place, (case, values) in enumerate(cases.items()):
        kind = _place(case)[2]
        middle, change = median(values), _change(cases, case)
        shown = [max(value, _NOTHING_MS) for value in values]
        axis.scatter(shown, [place] * len(shown), color=PALETTE[kind], marker=MARKERS[kind], s=34, alpha=0.75, zorder=3)
        axis.plot([max(middle, _NOTHING_MS)] * 2, [place - 0.32, place + 0.32], color="black", linewidth=2, zorder=4)
        note = f"{number(middle)} {unit}" + (f"  {percent(change)}" if change is not None else "")
        axis.annotate(
            note, (max(*shown, _NOTHING_MS), place), xytext=(9, 0), textcoords="offset points", va="center", fontsize=9
        )
        labels.append(" ".join((*([case.scenario] if has_many else []), _subject(case), case.scope)))
        spread = (number(middle), number(min(values)), number(max(values)))
        rows.append((case.scenario, _subject(case), case.scope, *spread, percent(change)))
    axis.set_yticks(range(len(labels)), labels)
    axis.invert_yaxis()
    axis.margins(x=0.28)
    has_nothing = any(value < _NOTHING_MS for values in cases.values() for value in values)
    floor = f"; less than {_NOTHING_MS} is drawn at {_NOTHING_MS}" if has_nothing else ""
    axis.set_xlabel(f"{metric} ({unit}), logarithmic{floor}")
    logarithmic(axis, "x")
    spreads = (f"{word} ({unit})" for word in ("median", "least", "most"))
    headings = ("scenario", "engine", "scope", *spreads, "against source")
    return figure.described(_alt(metric, unit, rows), Table(headings, tuple(rows)))


def work_table(record: RunRecord) -> Table:
    """Counted work by scope, and the most bytes that were on disk at once; medians over the rounds."""
    metrics = ("framesDecoded", "framesConverted", "filesOpened", "processesSpawned", "tmpPeakBytes")
    columns = {metric: _known(record, metric) for metric in metrics}
    cases = sorted({case for column in columns.values() for case in column}, key=_place)
    rows = tuple(
        (_subject(case), case.scope, *(_whole(columns[metric].get(case)) for metric in metrics)) for case in cases
    )
    return Table(("engine", "scope", *metrics), rows, caption=", ".join(dict.fromkeys(case.scenario for case in cases)))


def _known(record: RunRecord, metric: str) -> Values:
    try:
        return values_by_case(record, metric)
    except UsageError:  # an engine need not count everything
        return {}


def _place(case: Case) -> tuple[str, str, int, Case]:
    """Sorts cases; a scope that hfbench does not know, of an external engine, comes after the others."""
    scope = _SCOPES.index(case.scope) if case.scope in _SCOPES else len(_SCOPES)
    return (case.scenario, _subject(case), scope, case)


def _subject(case: Case) -> str:
    """``libav``, or an external engine with its backend; format and cache where they are not the usual ones."""
    shown = [case.subject, *([case.backend] if case.subject != case.backend else [])]
    shown += [case.format] if case.format != "jpg" else []
    return " ".join([*shown, *([f"cache {case.cache}"] if case.cache != "off" else [])])


def _whole(values: list[float] | None) -> str:
    return f"{median(values):,.0f}" if values else ""


def _change(cases: Values, case: Case) -> float | None:
    source = cases.get(replace(case, scope="source"))
    if case.scope == "source" or not source or median(source) < _NOTHING_MS:
        return None
    return median(cases[case]) / median(source) - 1


def _alt(metric: str, unit: str, rows: Sequence[tuple[str, ...]]) -> str:
    described = "; ".join(
        f"{engine} {scope} {middle} {unit}" + (f" ({change} against source)" if change else "")
        for _, engine, scope, middle, _, _, change in rows
    )
    return f"{metric} on a logarithmic axis, a dot per run and one row per case, with medians: {described}."
