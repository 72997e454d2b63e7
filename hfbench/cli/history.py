"""``hfbench history``: metrics across commits, the steps in them, and how to confirm each."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from fixtures_gen.options import json_option
from hfbench.cli.arguments import typed
from hfbench.cli.choices import PLACE
from hfbench.cli.escaping import shown
from hfbench.cli.lines import say
from hfbench.cli.terminal import out, plain_table, print_json

if TYPE_CHECKING:
    from hfbench.history import History, Series, Step

_SCHEMA: Final = "hfbench-history/1"
_AXES: Final = ("metric", "scenario", "backend", "scope", "format", "cache", "engine", "role", "branch", "machine")


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryArguments:
    """What the command line of ``history`` says; an axis without values is open."""

    sources: tuple[Path, ...]
    metric: tuple[str, ...]
    scenario: tuple[str, ...]
    backend: tuple[str, ...]
    scope: tuple[str, ...]
    format: tuple[str, ...]
    cache: tuple[str, ...]
    engine: tuple[str, ...]
    role: tuple[str, ...]
    branch: tuple[str, ...]
    machine: tuple[str, ...]
    repo: Path
    all_branches: bool
    show_table: bool
    as_json: bool

    def filters(self) -> dict[str, tuple[str, ...]]:
        """The axes that are filtered, with the values that are kept."""
        values: dict[str, tuple[str, ...]] = {axis: getattr(self, axis) for axis in _AXES}
        return {axis: wanted for axis, wanted in values.items() if wanted}


def _axis_options(function: Any) -> Any:
    for axis in reversed(_AXES):
        function = click.option(f"--{axis}", axis, multiple=True, help=f"Only this {axis}; repeatable.")(function)
    return function


@click.command("history")
@click.argument("sources", nargs=-1, type=PLACE)
@_axis_options
@click.option(
    "--repo", type=PLACE, default=Path(), help="The repository whose commits were measured: their order.  [default: .]"
)
@click.option(
    "--all-branches", is_flag=True, help="Every branch, a line each.  [default: the current one's first-parent line]"
)
@click.option("--table", "show_table", is_flag=True, help="Print every point, too.")
@json_option
@typed(HistoryArguments)
def command(arguments: HistoryArguments) -> None:
    """Find the steps in asv results and run records.

    SOURCES are asv's results, records, or folders of records; by default .asv/results here and the records that
    `hfbench run` keeps. A step is a hint: the command printed with it confirms or refutes it.
    """
    from hfbench.errors import RecordError
    from hfbench.history import commits_of, find_steps, load_history, usual_sources

    sources = arguments.sources or usual_sources(arguments.repo)
    found = load_history(sources, commits_of(arguments.repo), all_branches=arguments.all_branches)
    for reason in (*found.trouble, *found.left_out):
        say(f"left out: {reason}")
    history = found.where(**arguments.filters())
    if found.series and not history.series:
        raise RecordError("nothing in the history fits these options: hfbench history --table shows what there is")
    if not history.series and (found.left_out or found.trouble):
        raise RecordError(f"there is no history to show: {(*found.left_out, *found.trouble)[0]}")
    if not history.series:
        raise RecordError(
            "there is no history yet: run `asv run`, or `hfbench run` at several commits, or name the results"
        )
    steps = find_steps(history)
    if arguments.as_json:
        print_json(_document(history, steps))
        return
    if arguments.show_table:
        _print_points(history)
    _print_steps(history, steps)
    _print_lines(history, len(steps))


def _print_points(history: History) -> None:
    table = plain_table("scenario", "case", "metric", "commit", "median", "least", "most", "samples")
    for series in history.series:
        for point in series.points:
            spread = (f"{value:,.6g}" for value in (point.value, min(point.values), max(point.values)))
            table.add_row(
                *map(shown, (series.axes.scenario, history.case_of(series.axes), series.axes.metric, point.label)),
                *spread,
                str(len(point.values)),
            )
    out().print(table)
    out().print()


def _print_steps(history: History, steps: tuple[Step, ...]) -> None:
    from hfbench.history import gate_command

    console = out()
    for step in steps:
        direction = "worse" if step.is_worse else "better"
        console.print(
            f"{shown(step.axes.metric)}: {_size(step)} ({direction}) in {shown(step.commit_range)}\n"
            f"  {shown(step.axes.scenario)} [{shown(history.case_of(step.axes))}], {step.old:,.6g} -> {step.new:,.6g}",
            soft_wrap=True,
        )
        confirm = gate_command(step, history)
        console.print(
            f"  confirm: {shown(confirm or 'no gate can: its commits are not known, or it is not an engine')}\n",
            soft_wrap=True,
        )


def _print_lines(history: History, steps: int) -> None:
    """Print what the search could have found in each line: "0 steps" alone would be misleading."""
    from hfbench.history import LEAST_POINTS, POWER, is_exact, is_too_short

    console = out()
    exact = [series for series in history.series if is_exact(series)]
    noisy = [series for series in history.series if not is_exact(series)]
    if noisy:
        heading = f"smallest step found with {POWER:.0%} probability"
        table = plain_table("scenario", "case", "metric", "commits", heading)
        for series in noisy:
            table.add_row(
                *map(shown, (series.axes.scenario, history.case_of(series.axes), series.axes.metric)),
                str(len(series.points)),
                _sensitivity(series),
            )
        console.print(table)
    if exact:
        console.print(f"{_counted(len(exact), 'line')} of counters: any difference is a step", soft_wrap=True)
    short = sum(is_too_short(series) for series in history.series)
    console.print(
        f"{_counted(steps, 'step')} in {_counted(len(history.series), 'line')}"
        f" over {_counted(len(history.commits), 'commit')}"
        + (f"; {_counted(short, 'line')} of times with fewer than {LEAST_POINTS} commits: too few" if short else ""),
        soft_wrap=True,
    )


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _sensitivity(series: Series) -> str:
    from hfbench.history import smallest_step

    smallest = smallest_step(series)
    if smallest is None:
        return "none: too few commits"
    return f"{smallest:+.1%}" if math.isfinite(smallest) else "none: below 0.1 ms"


def _size(step: Step) -> str:
    if step.change is None or step.low is None or step.high is None:
        return f"from {step.old:,.6g} to {step.new:,.6g}"
    if step.is_exact:
        return f"{step.change:+.2%} exactly"
    sure = "" if math.isclose(step.confidence, 0.95) else f" at {step.confidence:.0%}"
    return f"{step.change:+.1%} [{step.low:+.1%}, {step.high:+.1%}]{sure}"


def _document(history: History, steps: tuple[Step, ...]) -> dict[str, Any]:
    from hfbench.history import gate_command
    from hfbench.history.values import rows

    return {
        "schema": _SCHEMA,
        "points": list(rows(history)),
        "steps": [
            {
                **asdict(step.axes),
                "before": step.before.commit,
                "after": step.after.commit,
                "commits": step.commit_range,
                "old": step.old,
                "new": step.new,
                "change": step.change,
                "low": step.low,
                "high": step.high,
                "confidence": step.confidence,
                "exact": step.is_exact,
                "worse": step.is_worse,
                "confirm": gate_command(step, history),
            }
            for step in steps
        ],
        "lines": [_line(series) for series in history.series],
        "trouble": list(history.trouble),
        "left_out": list(history.left_out),
    }


def _line(series: Series) -> dict[str, Any]:
    from hfbench.history import smallest_step

    smallest = smallest_step(series)
    is_finite = smallest is not None and math.isfinite(smallest)
    return {
        **asdict(series.axes),
        "commits": len(series.points),
        "smallest_step": smallest if is_finite else None,
    }
