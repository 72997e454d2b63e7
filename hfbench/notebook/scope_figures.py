"""The headline: what each scope of the preflight costs."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Final

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

    from hfbench.bench.record import RunRecord

_SCOPES: Final = ("source", "segment", "fused")
#: Below this a logarithmic axis would show rounding: the work was not done at all.
_NOTHING_MS: Final = 0.1

Ways = dict[tuple[str, str, str], list[float]]


def values_by_way(record: RunRecord, metric: str) -> Ways:
    """(scenario, backend, scope) -> the samples of a metric, scopes in the order source, segment, fused."""
    found: Ways = {}
    measured = [each for each in record.samples if each.scope in _SCOPES]  # the decode limit has no scope
    for sample in sorted(measured, key=lambda each: (each.scenario, each.backend, _SCOPES.index(each.scope))):
        value = sample.metrics.get(metric)
        if value is not None:
            found.setdefault((sample.scenario, sample.backend, sample.scope), []).append(float(value))
    return found


def scope_figure(record: RunRecord, metric: str) -> DescribedFigure:
    """Every sample of a metric and its median, a row a way to run, on a logarithmic axis: ratios are distances."""
    ways = values_by_way(record, metric)
    unit = METRICS[metric][0]
    has_many = len({scenario for scenario, _, _ in ways}) > 1
    figure, axis = new_figure(8.5, 0.45 * len(ways) + 1.1)
    rows, labels = [], []
    for place, ((scenario, backend, scope), values) in enumerate(ways.items()):
        kind = _SCOPES.index(scope)
        middle, change = median(values), _change(ways, (scenario, backend, scope))
        shown = [max(value, _NOTHING_MS) for value in values]
        axis.scatter(shown, [place] * len(shown), color=PALETTE[kind], marker=MARKERS[kind], s=34, alpha=0.75, zorder=3)
        axis.plot([max(middle, _NOTHING_MS)] * 2, [place - 0.32, place + 0.32], color="black", linewidth=2, zorder=4)
        note = f"{number(middle)} {unit}" + (f"  {percent(change)}" if change is not None else "")
        axis.annotate(
            note, (max(*shown, _NOTHING_MS), place), xytext=(9, 0), textcoords="offset points", va="center", fontsize=9
        )
        labels.append(" ".join((*([scenario] if has_many else []), backend, scope)))
        rows.append(
            (scenario, backend, scope, number(middle), number(min(values)), number(max(values)), percent(change))
        )
    axis.set_yticks(range(len(labels)), labels)
    axis.invert_yaxis()
    axis.margins(x=0.28)
    has_nothing = any(value < _NOTHING_MS for values in ways.values() for value in values)
    floor = f"; less than {_NOTHING_MS} is drawn at {_NOTHING_MS}" if has_nothing else ""
    axis.set_xlabel(f"{metric} ({unit}), logarithmic{floor}")
    logarithmic(axis, "x")
    spread = (f"{word} ({unit})" for word in ("median", "least", "most"))
    headings = ("scenario", "backend", "scope", *spread, "against source")
    return figure.described(_alt(metric, unit, rows), Table(headings, tuple(rows)))


def work_table(record: RunRecord) -> Table:
    """Counted work by scope, and the most bytes that lay on disk at once; medians over the rounds."""
    metrics = ("framesDecoded", "framesConverted", "filesOpened", "processesSpawned", "tmpPeakBytes")
    columns = {metric: values_by_way(record, metric) for metric in metrics}
    ways = list(values_by_way(record, metrics[0]))
    rows = tuple((*way[1:], *(_whole(columns[metric].get(way)) for metric in metrics)) for way in ways)
    return Table(("backend", "scope", *metrics), rows, caption=", ".join(dict.fromkeys(way[0] for way in ways)))


def _whole(values: list[float] | None) -> str:
    return f"{median(values):,.0f}" if values else ""


def _change(ways: Ways, way: tuple[str, str, str]) -> float | None:
    source = ways.get((way[0], way[1], "source"))
    if way[2] == "source" or not source or median(source) < _NOTHING_MS:
        return None
    return median(ways[way]) / median(source) - 1


def _alt(metric: str, unit: str, rows: Sequence[tuple[str, ...]]) -> str:
    told = "; ".join(
        f"{backend} {scope} {middle} {unit}" + (f" ({change} against source)" if change else "")
        for _, backend, scope, middle, _, _, change in rows
    )
    return f"Dots of {metric} on a logarithmic axis, one row a way to run, median marked: {told}."
