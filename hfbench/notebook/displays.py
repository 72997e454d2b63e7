"""Results, comparisons, verdicts and steps as a notebook shows them: a sentence, then tables."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

from hfbench.bench.judge.compare import interval
from hfbench.bench.judge.verdict import name_of
from hfbench.bench.render.wording import verdict_line
from hfbench.history import LEAST_POINTS, gate_command, is_too_short
from hfbench.notebook.described import BLUE, GREEN, ORANGE, YELLOW, Table, number, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hfbench.bench.judge.compare import Comparison, Row
    from hfbench.bench.record import RunRecord
    from hfbench.history import History, Step
    from hfbench.model.result import ExtractionResult

#: Verdict -> (sign, colour): the sign and the word say it, the colour only helps.
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
    """What became of every clip; warnings in the words of the engine."""
    rows = [
        (clip.clip_id, "extracted", str(clip.frames), "x".join(map(str, clip.size)), clip.pattern)
        for clip in result.clips
    ]
    rows += [(failure.clip_id, failure.kind.value, "0", "", "") for failure in result.failures]
    told = [f"{clip.clip_id}: {warning.message}" for clip in result.clips for warning in clip.warnings]
    told += [f"{failure.clip_id}: {failure.message}" for failure in result.failures]
    frames, breakdown = sum(clip.frames for clip in result.clips), result.breakdown
    headline = (
        f"{frames} frames of {len(result.clips)} clips in {breakdown.video_extract_ms:,.0f} ms "
        f"({breakdown.cpu_ms:,.0f} ms of CPU time); {len(result.failures)} clips failed"
    )
    table = Table(("clip", "outcome", "frames", "picture", "files"), tuple(rows))
    return Display(headline, (*told, *(note.message for note in result.notes)), (table,), _color(ok=result.success))


def show_record(record: RunRecord) -> Display:
    """What a reader must know to believe a record; machine and software are folded away under it."""
    rounds = max((sample.round for sample in record.samples), default=0)
    loads = [f"{load.one_minute}" for load in (record.load_before, record.load_after) if load]
    sentences = (
        f"load average over a minute, before and after: {', '.join(loads) or 'unknown'}",
        *record.notes,
        *(["the run was interrupted"] if record.interrupted else []),
    )
    names = ", ".join(sorted({sample.scenario for sample in record.samples})) or "nothing"
    when = record.created[:16].replace("T", " ")
    headline = f"{len(record.samples)} samples of {names}: {rounds} rounds, measured {when} UTC"
    facts = {**record.machine, **{f"version of {name}": value for name, value in record.versions.items()}}
    rows = tuple((name, str(value)) for name, value in facts.items())
    table = Table(("fact", "value"), rows, folded="Machine and software")
    return Display(headline, sentences, (table,), _color(ok=not record.interrupted))


def show_history(history: History) -> Display:
    """How much there is, and which machines it comes from."""
    commits = len(history.commits)
    machines = tuple(dict.fromkeys(series.axes.machine for series in history.series))
    headline = f"{len(history.series)} lines over {commits} commits"
    said = (*(f"measured on: {machine}" for machine in machines), *history.trouble)
    return Display(headline, said, color=_color(ok=not history.trouble))


def show_comparison(outcome: Comparison) -> Display:
    """The verdict, its reasons, and a row for everything that was judged and is not equal to the digit."""
    name = name_of(outcome.verdict)
    sign, color = _SIGNS[name]
    same = [row for row in outcome.rows if row.judgement is None and row.before == row.after]
    shown = [row for row in outcome.rows if row not in same]
    words = [f"{len(same)} counters are equal to the digit"] if same else []
    refused = [unlike.message for unlike in outcome.refused]
    sentences = (*outcome.verdict.reasons, *refused, *outcome.explanations, *words)
    headings = ("case", "metric", "before", "after", "change", "interval", "pairs", "verdict")
    table = Table(headings, tuple(_row(row) for row in shown))
    return Display(f"{sign} {verdict_line(outcome)}", tuple(dict.fromkeys(sentences)), (table,), color)


def show_steps(steps: Sequence[Step], looked_at: History | None = None) -> Display:
    """Steps of a history: metric, scenario, commits, size, and the command that confirms each.

    Args:
        steps: from :func:`hfbench.history.find_steps`.
        looked_at: the history that they were looked for in; "no step" means little without it.
    """
    rows = tuple(step_row(step) for step in steps)
    worse = sum(step.is_worse for step in steps)
    headline = f"{len(steps)} steps: {worse} for the worse, {len(steps) - worse} for the better"
    hint = "A step is a hint. The gate command measures both sides in pairs on one machine, and decides."
    said = (*_looked_at(looked_at), *([hint] if steps else []))
    return Display(headline, said, (Table(STEP_HEADINGS, rows),), _color(ok=not worse))


def _looked_at(history: History | None) -> list[str]:
    if history is None:
        return []
    metrics = ", ".join(dict.fromkeys(series.axes.metric for series in history.series)) or "nothing"
    said = [f"Looked for in {len(history.series)} lines: {metrics}."]
    short = sum(is_too_short(series) for series in history.series)
    few = f"{short} lines of times have fewer than {LEAST_POINTS} commits: too few to tell a step from noise."
    return [*said, few] if short else said


STEP_HEADINGS: Final = ("metric", "scenario", "way", "commits", "before", "after", "change", "interval", "confirm with")


def step_row(step: Step) -> tuple[str, ...]:
    """One step under :data:`STEP_HEADINGS`."""
    axes = step.axes
    way = " ".join((axes.backend, axes.scope, axes.format, *([f"cache {axes.cache}"] if axes.cache != "off" else [])))
    size = (number(step.old), number(step.new), percent(step.change), step_interval(step))
    return (axes.metric, axes.scenario, way, step.commit_range, *size, gate_command(step) or "no commits are known")


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
