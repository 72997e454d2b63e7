"""A comparison as Markdown, for reviewers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from hfbench.bench.judge.comparison import Comparison, Kind, Row
from hfbench.bench.judge.verdict import name_of
from hfbench.bench.render.wording import cells, number, verdict_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from hfbench.bench.record import RunRecord

_HEADS: Final = ("scenario", "metric", "before", "after", "change", "pairs", "verdict", "smallest detectable")


def markdown_of(outcomes: Sequence[Comparison], record: RunRecord, *, reproduce: str = "", link: str = "") -> str:
    """One section per comparison."""
    return "\n".join(to_markdown(outcome, record, reproduce=reproduce, report=link) for outcome in outcomes)


def to_markdown(outcome: Comparison, record: RunRecord, *, reproduce: str = "", report: str = "") -> str:
    """The comment for reviewers; ``reproduce`` is a command, ``report`` a link."""
    parts = [
        f"## hfbench: {_cell(verdict_line(outcome))}",
        *(f"* {_cell(reason)}" for reason in outcome.verdict.reasons),
        "",
        *_table(outcome.rows),
        *_counters_line(outcome.rows),
        *_budgets(outcome.rows),
        *(f"* not compared: {_cell(unlike.message)}" for unlike in outcome.refused),
        *(f"* {_cell(each)}" for each in outcome.explanations),
        *_canary_line(outcome),
        "",
        *_circumstances(record),
        *([f"Reproduce: `{reproduce}`", ""] if reproduce else []),
        *([f"[Report]({report})", ""] if report else []),
    ]
    return "\n".join(parts).rstrip() + "\n"


def _table(rows: Iterable[Row]) -> Iterator[str]:
    shown = [row for row in rows if row.kind is Kind.TIME or (row.kind is Kind.COUNTER and row.before != row.after)]
    if shown:
        yield f"| {' | '.join(_HEADS)} |"
        yield f"|{'---|' * len(_HEADS)}"
        yield from (f"| {' | '.join(_cell(cell) for cell in cells(row))} |" for row in shown)
        yield ""


def _counters_line(rows: Iterable[Row]) -> Iterator[str]:
    counters = [row for row in rows if row.kind is Kind.COUNTER]
    same = sum(1 for row in counters if row.before == row.after)
    if counters:
        yield f"Work counters: {same} of {len(counters)} equal to the digit."
        yield ""


def _budgets(rows: Iterable[Row]) -> Iterator[str]:
    budgets = [row for row in rows if row.kind is Kind.BUDGET]
    if budgets:
        yield "| scenario | budget | before | after | verdict |"
        yield "|---|---|---|---|---|"
    for row in budgets:
        limit = f"{row.metric} < {number(row.limit)}"
        cells = (str(row.case), limit, number(row.before), number(row.after), name_of(row.verdict))
        yield f"| {' | '.join(_cell(cell) for cell in cells)} |"
    if budgets:
        yield ""


def _canary_line(outcome: Comparison) -> Iterator[str]:
    canary = outcome.canary
    if canary and canary.bound:
        state = "unstable" if canary.trouble else "quiet"
        yield f"* canary (baseline against baseline): {canary.bound.change:+.1%} CPU over {canary.pairs} pairs, {state}"


def _circumstances(record: RunRecord) -> Iterator[str]:
    yield "<details><summary>Machine, versions, fixtures</summary>"
    yield ""
    yield f"* machine: {_cell(_spelled(record.machine))}"
    for name, load in (("before", record.load_before), ("after", record.load_after)):
        if load:
            yield f"* load {name}: {load.one_minute} {load.five_minutes} {load.fifteen_minutes}"
    yield f"* harness: {_cell(_spelled(record.versions))}"
    yield from (f"* {_cell(name)}: {_cell(_spelled(facts))}" for name, facts in record.engines.items())
    yield f"* fixtures: {_cell(_spelled(record.fixtures))}"
    yield from (f"* note: {_cell(note)}" for note in record.notes)
    if record.interrupted:
        yield "* the run was interrupted"
    yield ""
    yield "</details>"
    yield ""


def _spelled(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items()) or "unknown"


def _cell(text: str) -> str:
    """Text that can't break a table, open HTML, or mention anybody: names of clips and branches can be anything."""
    plain = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\|`*_\[\]@#])", r"\\\1", plain)
