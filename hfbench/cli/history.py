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
from hfbench.cli.lines import say, shown
from hfbench.cli.terminal import out, plain_table, print_json

if TYPE_CHECKING:
    from hfbench.history import History, Step

_SCHEMA: Final = "hfbench-history/1"
_AXES: Final = ("metric", "scenario", "backend", "scope", "format", "cache", "machine")


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryArguments:
    """What the command line of ``history`` says; an axis that names nothing is open."""

    sources: tuple[Path, ...]
    metric: tuple[str, ...]
    scenario: tuple[str, ...]
    backend: tuple[str, ...]
    scope: tuple[str, ...]
    format: tuple[str, ...]
    cache: tuple[str, ...]
    machine: tuple[str, ...]
    repo: Path
    show_table: bool
    as_json: bool

    def filters(self) -> dict[str, tuple[str, ...]]:
        """The axes that are narrowed, with the values that are let through."""
        values: dict[str, tuple[str, ...]] = {axis: getattr(self, axis) for axis in _AXES}
        return {axis: wanted for axis, wanted in values.items() if wanted}


def _axis_options(function: Any) -> Any:
    for axis in reversed(_AXES):
        function = click.option(f"--{axis}", axis, multiple=True, help=f"Only this {axis}; repeatable.")(function)
    return function


@click.command("history")
@click.argument("sources", nargs=-1, type=PLACE)
@_axis_options
@click.option("--repo", type=PLACE, default=Path(), help="For the order of commits.  [default: .]")
@click.option("--table", "show_table", is_flag=True, help="Print every point, too.")
@json_option
@typed(HistoryArguments)
def command(arguments: HistoryArguments) -> None:
    """Find the steps in asv results and run records.

    SOURCES are asv's results, records, or folders of records; by default .asv/results here and the records that
    `hfbench run` keeps. A step is a hint: the command printed beside it confirms or refutes it.
    """
    from hfbench.errors import RecordError
    from hfbench.history import commits_of, find_steps, load_history, usual_sources

    found = load_history(arguments.sources or usual_sources(arguments.repo), commits_of(arguments.repo))
    for problem in found.trouble:
        say(f"left out: {problem}")
    history = found.where(**arguments.filters())
    if found.series and not history.series:
        raise RecordError("nothing in the history fits these options: hfbench history --table shows what there is")
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


def _print_points(history: History) -> None:
    table = plain_table("scenario", "way", "metric", "commit", "median", "least", "most", "n")
    for series in history.series:
        for point in series.points:
            spread = (f"{value:,.6g}" for value in (point.value, min(point.values), max(point.values)))
            table.add_row(
                *map(shown, (series.axes.scenario, _way(series.axes), series.axes.metric, point.label)),
                *spread,
                str(len(point.values)),
            )
    out().print(table)
    out().print()


def _print_steps(history: History, steps: tuple[Step, ...]) -> None:
    from hfbench.history import LEAST_POINTS, gate_command, is_too_short

    console = out()
    for step in steps:
        direction = "worse" if step.is_worse else "better"
        console.print(
            f"{shown(step.axes.metric)}: {_size(step)} ({direction}) in {shown(step.commit_range)}\n"
            f"  {shown(step.axes.scenario)} [{shown(_way(step.axes))}], {step.old:,.6g} -> {step.new:,.6g}",
            soft_wrap=True,
        )
        confirm = gate_command(step)
        console.print(f"  confirm: {shown(confirm or 'no commits are known for it')}\n", soft_wrap=True)
    short = sum(is_too_short(series) for series in history.series)
    console.print(
        f"{len(steps)} steps in {len(history.series)} lines over {len(history.commits)} commits"
        + (f"; {short} lines of times have fewer than {LEAST_POINTS} commits: too few to tell" if short else ""),
        soft_wrap=True,
    )


def _size(step: Step) -> str:
    if step.change is None or step.low is None or step.high is None:
        return f"from {step.old:,.6g} to {step.new:,.6g}"
    if step.is_exact:
        return f"{step.change:+.2%} exactly"
    sure = "" if math.isclose(step.confidence, 0.95) else f" at {step.confidence:.0%}"
    return f"{step.change:+.1%} [{step.low:+.1%}, {step.high:+.1%}]{sure}"


def _way(axes: Any) -> str:
    return " ".join((axes.backend, axes.scope, axes.format, *([f"cache {axes.cache}"] if axes.cache != "off" else [])))


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
                "confirm": gate_command(step),
            }
            for step in steps
        ],
        "trouble": list(history.trouble),
    }
