"""Comparisons in the terminal: a verdict, its reasons, and one table per case; engines side by side."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from hfbench.bench.judge.comparability import case_of
from hfbench.bench.judge.comparison import Comparison, Kind, Row, interval
from hfbench.bench.judge.verdict import CouldNotMeasure, Fail, Pass, Unsure, Verdict, name_of
from hfbench.bench.render.wording import verdict_line
from hfbench.cli.escaping import shown
from hfbench.model.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from hfbench.bench.case import Case
    from hfbench.bench.record import RunRecord, Sample

_STYLES: Final = {Pass: "green", Fail: "bold red", Unsure: "yellow", CouldNotMeasure: "bold magenta"}
_BINARY: Final = (("MiB", 2**20), ("KiB", 2**10))
#: Times that explain the two judged ones; shown where any engine reports more than 0.0.
_PHASES: Final = ("hdrPreflightMs", "vfrPreflightMs", "extractMs")
#: Less would be shown as 0.0.
_SHOWN_FROM: Final = 0.05


def print_comparison(console: Console, outcome: Comparison) -> None:
    """One baseline and one contender: verdict, reasons, tables, explanations."""
    print_verdict(console, outcome)
    for case in dict.fromkeys(row.case for row in outcome.rows):
        rows = [row for row in outcome.rows if row.case == case]
        console.print(f"\n{case}")
        console.print(_case_table(rows))
        counters = [row for row in rows if row.kind is Kind.COUNTER]
        same = sum(row.before == row.after for row in counters)
        console.print(f"work counters: {same} of {len(counters)} exactly equal", style="dim")
    _print_explanations(console, outcome)


def print_engines(console: Console, record: RunRecord, names: Sequence[str], outcomes: Sequence[Comparison]) -> None:
    """Engines side by side, then the verdict on each against the first."""
    across = frozenset(axis for outcome in outcomes for row in outcome.rows for axis in _open_axes(row.case))
    cases = dict.fromkeys(case_of(sample, across) for sample in record.samples)
    for case in cases:
        console.print(f"{case}: medians, and the change against {shown(names[0])}")
        console.print(
            _engines_table(
                case, [sample for sample in record.samples if case_of(sample, across) == case], names, outcomes
            )
        )
        console.print()
    for outcome in outcomes:
        print_verdict(console, outcome)
        _print_explanations(console, outcome)


def print_verdict(console: Console, outcome: Comparison) -> None:
    """The verdict line and its reasons."""
    console.print(Text(shown(verdict_line(outcome)), style=style_of(outcome.verdict)))
    for reason in outcome.verdict.reasons:
        console.print(f"  {shown(reason)}")


def style_of(verdict: Verdict) -> str:
    """The colour of a verdict."""
    return _STYLES[type(verdict)]


def amount(metric: str, value: float | None) -> str:
    """A value with its unit: ``412.3 ms``, ``1.8 MiB``, ``60``; a dash where it is not known."""
    if value is None:
        return "-"
    unit = METRICS[metric][0] if metric in METRICS else ""
    if unit == "bytes":
        for name, size in _BINARY:
            if value >= size:
                return f"{value / size:.1f} {name}"
        return f"{value:.0f} B"
    if unit == "ms":
        return f"{value:,.1f} ms"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def _case_table(rows: Iterable[Row]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("metric")
    for name in ("before", "after", "change", "pairs"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict")
    for row in rows:
        if row.kind is not Kind.COUNTER or row.before != row.after:
            table.add_row(*_cells(row), Text(_verdict_cell(row), style=style_of(row.verdict)))
    return table


def _cells(row: Row) -> tuple[str, ...]:
    name = f"{row.metric} < {amount(row.metric, row.limit)}" if row.kind is Kind.BUDGET else row.metric
    before, after = amount(row.metric, row.before), amount(row.metric, row.after)
    if row.judgement is None:
        change = f"{row.after / row.before - 1:+.1%}" if row.before and row.after is not None else ""
        return name, before, after, change, ""
    found = row.judgement.bound
    return name, before, after, f"{found.change:+.1%} {interval(found)}", str(found.pairs)


def _verdict_cell(row: Row) -> str:
    return name_of(row.verdict) if row.is_blocking else f"{name_of(row.verdict)}, advice"


def _engines_table(
    case: Case, samples: Sequence[Sample], names: Sequence[str], outcomes: Sequence[Comparison]
) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("metric")
    by_engine = {name: [sample for sample in samples if sample.engine == name] for name in names}
    for name in names:
        table.add_column(shown(name), justify="right", overflow="fold")
    changes = {
        (outcome.contender, row.metric): f"{row.judgement.bound.change:+.1%} {interval(row.judgement.bound)}"
        for outcome in outcomes
        for row in outcome.rows
        if row.case == case and row.judgement is not None
    }
    for metric in METRICS:
        values = {name: _median(by_engine[name], metric) for name in names}
        judged = any((name, metric) in changes for name in names)
        is_counted = METRICS[metric][0] not in {"ms", "clips"}
        if judged or (
            (metric in _PHASES or is_counted) and any(value and value >= _SHOWN_FROM for value in values.values())
        ):
            cells = [f"{amount(metric, values[name])}\n{changes.get((name, metric), '')}".strip() for name in names]
            table.add_row(metric, *cells)
    table.add_row("frames (files found)", *(_frames(by_engine[name]) for name in names))
    table.add_row("ran as", *(_ran_as(by_engine[name]) for name in names))
    return table


def _median(samples: Iterable[Sample], metric: str) -> float | None:
    values = [value for sample in samples if (value := sample.metrics.get(metric)) is not None]
    return median(values) if values else None


def _frames(samples: Iterable[Sample]) -> str:
    counts = dict.fromkeys(f"{sum(sample.frames.values())} ({sample.files})" for sample in samples)
    return " or ".join(counts) or "-"


def _ran_as(samples: Iterable[Sample]) -> str:
    return ", ".join(dict.fromkeys(f"{sample.backend} {sample.scope}" for sample in samples)) or "-"


def _open_axes(case: Case) -> list[str]:
    return [axis for axis, value in case.axes().items() if value == "*"]


def _print_explanations(console: Console, outcome: Comparison) -> None:
    said = set(outcome.verdict.reasons)
    for unlike in outcome.refused:
        if unlike.message not in said:
            console.print(f"not compared: {shown(unlike.message)}")
    for each in outcome.explanations:
        console.print(shown(each))
    canary = outcome.canary
    if canary and canary.bound:
        state = "unstable" if canary.trouble else "quiet"
        console.print(
            f"canary (baseline against baseline): {canary.bound.change:+.1%} CPU over {canary.pairs} pairs, {state}",
            style="dim",
        )
