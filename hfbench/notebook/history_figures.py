"""Figures of a history: one line per case, commit by commit, with the steps in it."""

from __future__ import annotations

import difflib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from matplotlib.ticker import MaxNLocator

from hfbench.errors import UsageError
from hfbench.history import steps_of
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

    from matplotlib.axes import Axes as Panel

    from hfbench.history import History, Series, Step

_LABELS: Final = 12
_MOST_LINES: Final = 6
#: Lines that differ by more than this factor need a logarithmic axis.
_WIDE: Final = 4


def history_figure(history: History, metric: str, scenario: str | None = None) -> DescribedFigure:
    """A metric across commits, one panel per scenario; a step is marked between the two commits that enclose it.

    Args:
        history: from :func:`hfbench.notebook.history`.
        metric: its name.
        scenario: the only one to show; by default all that have the metric.

    Raises:
        UsageError: No metric has that name.
        NotInstalledError: ruptures is not installed.
    """
    if metric not in METRICS:
        near = difflib.get_close_matches(metric, METRICS, 1)
        hint = f"did you mean {near[0]}?" if near else "`hfbench metrics` lists them"
        raise UsageError(f"metric: there is none called {metric!r}; {hint}")
    chosen = history.where(metric=metric, **({"scenario": scenario} if scenario else {}))
    panels: dict[str, list[Series]] = {}
    for series in chosen.series:
        panels.setdefault(series.axes.scenario, []).append(series)
    places = {commit: place for place, commit in enumerate(chosen.commits)}
    figure, axes = new_figure(9.0, 3.3 * max(len(panels), 1), nrows=max(len(panels), 1), sharex=True, squeeze=False)
    steps: list[Step] = []
    for panel, (name, lines) in zip(axes[:, 0], panels.items(), strict=False):
        panel.set_title(name, fontsize=10, loc="left", pad=16)
        panel.set_ylabel(f"{metric} ({METRICS[metric][0]})")
        drawn = _joined(lines)
        for kind, alike in enumerate(drawn[:_MOST_LINES]):
            steps += _draw(panel, [chosen.case_of(each.axes) for each in alike], alike[0], kind, places)
        left_out = f"the {_MOST_LINES} highest of {len(drawn)} lines" if len(drawn) > _MOST_LINES else None
        panel.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1), title=left_out)
        if max(max(series.values) for series in lines) > _WIDE * min(min(series.values) for series in lines) > 0:
            logarithmic(panel, "y")
    _name_commits(axes[-1, 0], chosen)
    return figure.described(_alt(metric, chosen, steps), history_table(chosen))


def history_table(history: History) -> Table:
    """Every point: time, commit, line, and the median and spread of its samples."""
    rows = [
        (
            datetime.fromtimestamp(point.when, UTC).strftime("%Y-%m-%d %H:%M"),
            point.label,
            f"{series.axes.scenario} [{history.case_of(series.axes)}] {series.axes.metric}",
            number(point.value),
            f"{number(min(point.values))} to {number(max(point.values))}",
            str(len(point.values)),
        )
        for series in history.series
        for point in series.points
    ]
    return Table(("when (UTC)", "commit", "line", "median", "spread", "samples"), tuple(rows))


def _joined(lines: Sequence[Series]) -> list[list[Series]]:
    """Lines with the same samples everywhere would cover each other: they are drawn as one. The highest come first."""
    found: dict[tuple[tuple[str, tuple[float, ...]], ...], list[Series]] = {}
    for series in sorted(lines, key=lambda each: -max(each.values)):
        found.setdefault(tuple((point.commit, point.values) for point in series.points), []).append(series)
    return list(found.values())


def _draw(panel: Panel, names: Sequence[str], series: Series, kind: int, places: dict[str, int]) -> Sequence[Step]:
    across = [places[point.commit] for point in series.points]
    color, marker = PALETTE[kind % len(PALETTE)], MARKERS[kind % len(MARKERS)]
    panel.plot(across, series.values, color=color, marker=marker, markersize=4, linewidth=1.2, label="\n".join(names))
    low, high = ([pick(point.values) for point in series.points] for pick in (min, max))
    panel.fill_between(across, low, high, color=color, alpha=0.15, linewidth=0)
    if min(series.values) * _WIDE > max(series.values) > 0 and not series.axes.is_time:
        panel.yaxis.set_major_locator(MaxNLocator(integer=True))
    found = steps_of(series)
    for step in found:
        between = (places[step.before.commit] + places[step.after.commit]) / 2
        panel.axvline(between, color=color, linestyle="--", linewidth=1.2)
        note = percent(step.change) or f"{number(step.old)} to {number(step.new)}"
        place = (between, 1.0)
        panel.annotate(
            f" {note}", place, xycoords=("data", "axes fraction"), color=color, fontweight="bold", fontsize=9
        )
    return found


def _name_commits(panel: Panel, history: History) -> None:
    labels = {point.commit: point.label for series in history.series for point in series.points}
    commits = history.commits
    every = max(1, -(-len(commits) // _LABELS))
    shown = list(range(0, len(commits), every))
    panel.set_xticks(shown, [labels[commits[place]] for place in shown], rotation=40, ha="right", fontsize=8)
    panel.set_xlabel("commit, oldest first")


def _alt(metric: str, history: History, steps: Sequence[Step]) -> str:
    found = [f"{step.axes} {percent(step.change) or 'from 0'} in {step.commit_range}" for step in steps]
    steps_found = "; ".join(found) if found else "no step was found"
    return f"{metric} over {len(history.commits)} commits in {len(history.series)} lines: {steps_found}."
