"""Results, comparisons, verdicts and steps as a notebook shows them: a headline, sentences, tables."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

from hfbench.bench.judge.comparison import interval
from hfbench.bench.judge.verdict import name_of
from hfbench.bench.render.wording import verdict_line
from hfbench.history import LEAST_POINTS, POWER, gate_command, is_exact, is_too_short, smallest_step
from hfbench.notebook.described import BLUE, GREEN, ORANGE, YELLOW, Table, number, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hfbench.bench.judge.comparison import Comparison, Row
    from hfbench.bench.record import RunRecord
    from hfbench.history import History, Series, Step
    from hfbench.model.result import ExtractionResult

#: Verdict -> (sign, colour). Sign and name carry the meaning; the colour only repeats it.
_SIGNS: Final = {
    "PASS": ("✓", GREEN),
    "FAIL": ("✗", ORANGE),
    "UNSURE": ("?", YELLOW),
    "COULD_NOT_MEASURE": ("∅", BLUE),
}


@dataclass(frozen=True, slots=True)
class Display:
    """A headline, sentences and tables that a notebook shows as one."""

    headline: str
    sentences: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    color: str = BLUE

    def _repr_html_(self) -> str:
        said = "".join(f"<li>{escape(sentence)}</li>" for sentence in self.sentences)
        shown = "".join(table._repr_html_() for table in self.tables if table.rows)
        box = f"border-left:6px solid {self.color};padding:.4em .8em;font-weight:600"
        listed = f"<ul>{said}</ul>" if said else ""
        return f'<div style="{box}">{escape(self.headline)}</div>{listed}{shown}'

    def __repr__(self) -> str:
        return "\n".join((self.headline, *self.sentences, *(repr(table) for table in self.tables if table.rows)))


def show_result(result: ExtractionResult) -> Display:
    """The outcome of every clip, with its warnings."""
    rows = [
        (clip.clip_id, "extracted", str(clip.frames), "x".join(map(str, clip.size)), clip.pattern)
        for clip in result.clips
    ]
    rows += [(failure.clip_id, failure.kind.value, "0", "", "") for failure in result.failures]
    messages = [f"{clip.clip_id}: {warning.message}" for clip in result.clips for warning in clip.warnings]
    messages += [f"{failure.clip_id}: {failure.message}" for failure in result.failures]
    frames, breakdown = sum(clip.frames for clip in result.clips), result.breakdown
    headline = (
        f"{frames} frames of {len(result.clips)} clips in {breakdown.video_extract_ms:,.0f} ms "
        f"({breakdown.cpu_ms:,.0f} ms of CPU time); {len(result.failures)} clips failed"
    )
    table = Table(("clip", "outcome", "frames", "picture", "files"), tuple(rows))
    return Display(headline, (*messages, *(note.message for note in result.notes)), (table,), _color(ok=result.success))


def show_record(record: RunRecord) -> Display:
    """The conditions of a record: engines, load, notes; machine and software are folded."""
    rounds = max((sample.round for sample in record.samples), default=0)
    loads = [f"{load.one_minute}" for load in (record.load_before, record.load_after) if load]
    sentences = (
        f"engines: {', '.join(_engines(record)) or 'none'}",
        f"load average over a minute, before and after: {', '.join(loads) or 'unknown'}",
        *record.notes,
        *(["the run was interrupted"] if record.interrupted else []),
    )
    names = ", ".join(sorted({sample.scenario for sample in record.samples})) or "nothing"
    when = record.created[:16].replace("T", " ")
    headline = f"{_counted(len(record.samples), 'sample')} of {names}: {_counted(rounds, 'round')}, measured {when} UTC"
    facts = {**record.machine, **{f"version of {name}": value for name, value in record.versions.items()}}
    rows = tuple((name, str(value)) for name, value in facts.items())
    table = Table(("fact", "value"), rows, folded="Machine and software")
    return Display(headline, sentences, (table,), _color(ok=not record.interrupted))


def _engines(record: RunRecord) -> list[str]:
    """Every engine of a record: the name that the user gave it, and what it reports of itself."""
    found = []
    for name in dict.fromkeys(sample.engine for sample in record.samples):
        reported = record.engines.get(name, {})
        facts = [reported.get("engine", ""), reported.get("version", "")]
        facts += [f"at {reported['revision'][:8]}"] if reported.get("revision") else []
        own = " ".join(fact for fact in facts if fact and fact != name)
        found.append(f"{name} ({own})" if own else name)
    return found


def show_history(history: History) -> Display:
    """The size of a history, the engines and machines it comes from, and what was left out of it."""
    commits = len(history.commits)
    engines = ", ".join(dict.fromkeys(series.axes.engine for series in history.series))
    machines = tuple(dict.fromkeys(series.axes.machine for series in history.series))
    headline = f"{len(history.series)} lines over {commits} commits" + (f", engine: {engines}" if engines else "")
    said = (
        *(f"measured on: {machine}" for machine in machines),
        *(f"left out: {reason}" for reason in (*history.trouble, *history.left_out)),
    )
    return Display(headline, said, color=_color(ok=not history.trouble))


def show_comparison(outcome: Comparison) -> Display:
    """The verdict, its reasons, and a row for every metric that was judged and is not exactly equal."""
    name = name_of(outcome.verdict)
    sign, color = _SIGNS[name]
    same = [row for row in outcome.rows if row.judgement is None and row.before == row.after]
    shown = [row for row in outcome.rows if row not in same]
    equal = [f"{len(same)} counters are exactly equal"] if same else []
    refused = [unlike.message for unlike in outcome.refused]
    sentences = (*outcome.verdict.reasons, *refused, *outcome.explanations, *equal)
    headings = ("case", "metric", "before", "after", "change", "interval", "pairs", "verdict")
    table = Table(headings, tuple(_row(row) for row in shown))
    return Display(f"{sign} {verdict_line(outcome)}", tuple(dict.fromkeys(sentences)), (table,), color)


def show_steps(steps: Sequence[Step], searched: History | None = None) -> Display:
    """Steps of a history: metric, scenario, commits, size, and the command that confirms each.

    Args:
        steps: from :func:`hfbench.history.find_steps`.
        searched: the history that was searched. With it, the smallest step that could have been found in each line is
            shown too: "no step" means little without it.
    """
    rows = tuple(step_row(step, searched) for step in steps)
    worse = sum(step.is_worse for step in steps)
    headline = f"{_counted(len(steps), 'step')}: {worse} for the worse, {len(steps) - worse} for the better"
    hint = "A step is a hint. The gate command measures both sides in pairs on one machine, and decides."
    said = (*_searched(searched), *([hint] if steps else []))
    tables = (Table(STEP_HEADINGS, rows), *([_sensitivity(searched)] if searched else []))
    return Display(headline, said, tables, _color(ok=not worse))


def _searched(history: History | None) -> list[str]:
    if history is None:
        return []
    metrics = ", ".join(dict.fromkeys(series.axes.metric for series in history.series)) or "nothing"
    said = [f"Searched {_counted(len(history.series), 'line')}: {metrics}."]
    short = sum(is_too_short(series) for series in history.series)
    if not short:
        return said
    few = f"{_counted(short, 'line')} of times with fewer than {LEAST_POINTS} commits: too few to find a step."
    return [*said, few]


def _sensitivity(history: History) -> Table:
    rows = (
        (
            series.axes.metric,
            series.axes.scenario,
            history.case_of(series.axes),
            str(len(series.points)),
            _smallest(series),
        )
        for series in history.series
    )
    headings = ("metric", "scenario", "case", "commits", f"smallest step found with {POWER:.0%} probability")
    return Table(headings, tuple(rows), folded="What the search could have found in each line")


def _smallest(series: Series) -> str:
    if is_exact(series):
        return "any difference"
    smallest = smallest_step(series)
    if smallest is None:
        return "none: too few commits"
    return percent(smallest) if math.isfinite(smallest) else "none: below 0.1 ms"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


STEP_HEADINGS: Final = (
    "metric",
    "scenario",
    "case",
    "commits",
    "before",
    "after",
    "change",
    "interval",
    "confirm with",
)


def step_row(step: Step, searched: History | None = None) -> tuple[str, ...]:
    """One step under :data:`STEP_HEADINGS`."""
    axes = step.axes
    case = searched.case_of(axes) if searched else axes.case
    size = (number(step.old), number(step.new), percent(step.change), step_interval(step))
    return (
        axes.metric,
        axes.scenario,
        case,
        step.commit_range,
        *size,
        gate_command(step, searched) or "no gate can",
    )


def step_interval(step: Step) -> str:
    """``[+11.2%, +14.0%]``, with the confidence where it is not 95%; ``exact`` for counters."""
    if step.is_exact:
        return "exact"
    sure = "" if math.isclose(step.confidence, 0.95) else f" ({step.confidence:.0%})"
    return f"[{percent(step.low)}, {percent(step.high)}]{sure}"


def _row(row: Row) -> tuple[str, ...]:
    before, after = ("" if value is None else number(value) for value in (row.before, row.after))
    name = name_of(row.verdict) if row.is_blocking else f"{name_of(row.verdict)} (advisory)"
    if row.judgement is None:
        change = percent(row.after / row.before - 1) if row.before and row.after is not None else ""
        return (str(row.case), row.metric, before, after, change, "exact", "", name)
    found = row.judgement.bound
    return (str(row.case), row.metric, before, after, percent(found.change), interval(found), str(found.pairs), name)


def _color(*, ok: bool) -> str:
    return GREEN if ok else ORANGE
