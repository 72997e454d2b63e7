"""Figures of a comparison: every pair, and every change with its interval."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from hfbench.bench.judge.comparison import Kind, interval
from hfbench.bench.judge.verdict import name_of
from hfbench.notebook.described import (
    BLUE,
    GREEN,
    GREY,
    MARKERS,
    ORANGE,
    PALETTE,
    DescribedFigure,
    Table,
    new_figure,
    number,
    percent,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hfbench.bench.judge.comparison import Comparison, Row
    from hfbench.notebook.comparing import Sides

_WIDEST: Final = 3.0  # log units drawn for an interval that has no end yet


def pairs_figure(sides: Sides, metric: str = "cpuMs") -> DescribedFigure:
    """The change within each pair of rounds, in the order of the rounds; it shows drift and outliers."""
    figure, axis = new_figure(8.5, 3.4)
    rows, described = [], []
    for kind, (case, pairs) in enumerate(_paired(sides, metric)):
        rounds = [place for place, _, _ in pairs]
        changes = [100 * (after / before - 1) for _, before, after in pairs]
        style = {"color": PALETTE[kind % len(PALETTE)], "marker": MARKERS[kind % len(MARKERS)]}
        axis.scatter(rounds, changes, s=36, label=case, zorder=3, **style)
        rows += [(case, str(place), number(old), number(new), f"{new / old - 1:+.1%}") for place, old, new in pairs]
        described.append(f"{case} from {min(changes):+.1f}% to {max(changes):+.1f}%")
    axis.axhline(0, color="black", linewidth=1)
    axis.set_xlabel("round")
    axis.set_ylabel(f"change of {metric} (%)")
    axis.xaxis.get_major_locator().set_params(integer=True)
    if rows:
        axis.legend(frameon=False, fontsize=9, loc="lower left", bbox_to_anchor=(0, 1))
    alt = f"Change of {metric} in each round, {sides.contender.name} against {sides.base.name}, a dot per round: "
    headings = ("case", "round", f"{sides.base.name} (ms)", f"{sides.contender.name} (ms)", "change")
    return figure.described(alt + ("; ".join(described) or "no pairs") + ".", Table(headings, tuple(rows)))


def _paired(sides: Sides, metric: str) -> Iterator[tuple[str, list[tuple[int, float, float]]]]:
    across = sides.across
    after = sides.contender.cases(across)
    for case, samples in sides.base.cases(across).items():
        partners = {sample.round: sample.metrics.get(metric) for sample in after.get(case, ())}
        pairs = [
            (sample.round, float(old), float(new))
            for sample in samples
            if (old := sample.metrics.get(metric)) and (new := partners.get(sample.round))
        ]
        if pairs:
            yield str(case), pairs


def changes_figure(outcome: Comparison) -> DescribedFigure:
    """The change of every noisy metric with its interval; an interval right of the dashed line is a regression."""
    rows = [row for row in outcome.rows if row.kind is Kind.TIME and row.judgement]
    figure, axis = new_figure(8.5, 0.55 * max(len(rows), 1) + 1.2)
    for place, row in enumerate(rows):
        _draw(axis, place, row)
    axis.axvline(0, color="black", linewidth=1)
    axis.axvline(2, color=GREY, linestyle="--", linewidth=1)
    axis.annotate(" +2%: CPU time fails beyond", (2, -0.75), color=GREY, fontsize=8, va="center")
    axis.set_yticks(range(len(rows)), [f"{row.case}\n{row.metric}" for row in rows], fontsize=8)
    axis.set_ylim(max(len(rows), 1) - 0.5, -1)
    axis.set_xlabel("change (%), with its interval")
    described = [f"{row.case} {row.metric} {_spelled(row)}, {name_of(row.verdict)}" for row in rows]
    table = Table(("case", "metric", "change", "interval", "pairs", "verdict"), tuple(_cells(row) for row in rows))
    return figure.described(f"Changes with intervals: {'; '.join(described) or 'nothing was judged'}.", table)


def _draw(axis: object, place: int, row: Row) -> None:
    from matplotlib.axes import Axes

    if row.judgement is None or not isinstance(axis, Axes):
        return
    found = row.judgement.bound
    low = found.lower if math.isfinite(found.lower) else found.estimate - _WIDEST
    high = found.upper if math.isfinite(found.upper) else found.estimate + _WIDEST
    ends = [100 * math.expm1(value) for value in (low, high)]
    color, marker = {"FAIL": (ORANGE, "X"), "PASS": (GREEN, "o")}.get(name_of(row.verdict), (BLUE, "D"))
    axis.plot(ends, [place, place], color=color, linewidth=3, solid_capstyle="butt")
    axis.plot([100 * found.change], [place], color=color, marker=marker, markersize=9)


def _spelled(row: Row) -> str:
    return f"{percent(row.judgement.bound.change)} {interval(row.judgement.bound)}" if row.judgement else ""


def _cells(row: Row) -> tuple[str, ...]:
    if row.judgement is None:
        return (str(row.case), row.metric, "", "", "", name_of(row.verdict))
    found = row.judgement.bound
    change, described = percent(found.change), name_of(row.verdict) + ("" if row.is_blocking else " (advisory)")
    return (str(row.case), row.metric, change, interval(found), str(found.pairs), described)
