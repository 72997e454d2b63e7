"""A comparison for people and for machines: Markdown, GitHub annotations, JSON, JUnit XML."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree as ET

from hfbench.bench.judge.compare import Comparison, Kind, Row, interval
from hfbench.bench.judge.verdict import CouldNotMeasure, Fail, Pass, Unsure, exit_code, name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from hfbench.bench.record import RunRecord

#: Version of the JSON of a comparison.
SCHEMA: Final = "hfbench-comparison/1"

_HEADS: Final = ("scenario", "metric", "before", "after", "change", "pairs", "verdict", "smallest detectable")
_SAID: Final = {
    Pass: "no regression",
    Fail: "a regression",
    Unsure: "measured, and neither a regression nor its absence is shown",
    CouldNotMeasure: "there is nothing to judge",
}
#: Characters that XML 1.0 can't hold in any spelling (section 2.2).
_NOT_XML: Final = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")


def verdict_line(outcome: Comparison) -> str:
    """``PASS: no regression, main (1a2b3c4d) -> HEAD (5e6f7a8b)``."""
    said = _SAID[type(outcome.verdict)]
    return f"{name_of(outcome.verdict)}: {said}, {outcome.base} -> {outcome.contender}"


def to_markdown(outcome: Comparison, record: RunRecord, *, reproduce: str = "", report: str = "") -> str:
    """What a reviewer sees; ``reproduce`` is a command, ``report`` a link."""
    parts = [
        f"## hfbench: {_cell(verdict_line(outcome))}",
        *(f"* {_cell(reason)}" for reason in outcome.verdict.reasons),
        "",
        *_table(outcome.rows),
        *_counters_line(outcome.rows),
        *_budgets(outcome.rows),
        *(f"* not compared: {_cell(unlike.message)}" for unlike in outcome.refused),
        *(f"* {_cell(words)}" for words in outcome.words),
        *_canary_line(outcome),
        "",
        *_circumstances(record),
        *([f"Reproduce: `{reproduce}`", ""] if reproduce else []),
        *([f"[Report]({report})", ""] if report else []),
    ]
    return "\n".join(parts).rstrip() + "\n"


def add_to_step_summary(markdown: str) -> bool:
    """Append to the file that GitHub Actions shows beside a job; false where there is none."""
    place = os.environ.get("GITHUB_STEP_SUMMARY")
    if not place:
        return False
    with Path(place).open("a", encoding="utf-8") as summary:
        summary.write(markdown + "\n")
    return True


def to_annotations(outcome: Comparison) -> tuple[str, ...]:
    """Workflow commands: an ``::error`` for FAIL and COULD_NOT_MEASURE, else a ``::notice``; one line a reason."""
    level = "error" if isinstance(outcome.verdict, Fail | CouldNotMeasure) else "notice"
    title = f"hfbench {name_of(outcome.verdict)}"
    reasons = outcome.verdict.reasons or (verdict_line(outcome),)
    return tuple(f"::{level} title={_escaped(title, ':,')}::{_escaped(reason)}" for reason in reasons)


def to_json(outcome: Comparison, *, reproduce: str = "", allow_unsure: bool = False) -> dict[str, Any]:
    """The comparison as a JSON-able dict; what is not known (an infinite bound) is null."""
    canary = outcome.canary
    return {
        "schema": SCHEMA,
        "verdict": name_of(outcome.verdict),
        "exit_code": exit_code(outcome.verdict, allow_unsure=allow_unsure),
        "reasons": list(outcome.verdict.reasons),
        "base": outcome.base,
        "contender": outcome.contender,
        "rows": [_row_json(row) for row in outcome.rows],
        "refused": [
            {
                "fact": unlike.fact,
                "case": str(unlike.case) if unlike.case else None,
                "before": unlike.before,
                "after": unlike.after,
            }
            for unlike in outcome.refused
        ],
        "canary": {"pairs": canary.pairs, "trouble": list(canary.trouble)} if canary else None,
        "words": list(outcome.words),
        "reproduce": reproduce,
    }


def to_junit(outcome: Comparison) -> str:
    """JUnit XML: a test case a row; FAIL is a failure, UNSURE skipped, COULD_NOT_MEASURE an error; advice passes."""
    suite = ET.Element("testsuite", name="hfbench")
    for row in outcome.rows:
        place = _testcase(suite, str(row.case), f"{row.metric} ({row.kind.value})")
        _mark(place, row.verdict if row.is_blocking else Pass())
        if row.judgement or not row.is_blocking:
            advice = "" if row.is_blocking else f" (advisory: {name_of(row.verdict)})"
            ET.SubElement(place, "system-out").text = _xml(f"{' | '.join(_cells(row))}{advice}")
    for unlike in outcome.refused:
        _mark(_testcase(suite, str(unlike.case or "machine"), unlike.fact), CouldNotMeasure((unlike.message,)))
    # The whole verdict is a case of its own: a void canary must be red even where every row is green.
    _mark(_testcase(suite, "gate", "verdict"), outcome.verdict)
    suite.set("tests", str(len(suite)))
    for tag, key in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        suite.set(key, str(len(suite.findall(f"testcase/{tag}"))))
    return ET.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _testcase(suite: ET.Element, classname: str, name: str) -> ET.Element:
    return ET.SubElement(suite, "testcase", classname=_xml(classname), name=_xml(name))


def _mark(place: ET.Element, verdict: Pass | Fail | Unsure | CouldNotMeasure) -> None:
    tag = {Fail: "failure", Unsure: "skipped", CouldNotMeasure: "error"}.get(type(verdict))
    if tag:
        text = _xml("; ".join(verdict.reasons) or name_of(verdict))
        ET.SubElement(place, tag, message=text)


def _table(rows: Iterable[Row]) -> Iterator[str]:
    shown = [row for row in rows if row.kind is Kind.TIME or (row.kind is Kind.COUNTER and row.before != row.after)]
    if shown:
        yield f"| {' | '.join(_HEADS)} |"
        yield f"|{'---|' * len(_HEADS)}"
        yield from (f"| {' | '.join(_cell(cell) for cell in _cells(row))} |" for row in shown)
        yield ""


def _cells(row: Row) -> tuple[str, ...]:
    verdict = name_of(row.verdict) if row.is_blocking else f"{name_of(row.verdict)} (advisory)"
    before, after = _number(row.before), _number(row.after)
    if row.judgement is None:
        change = f"{row.after / row.before - 1:+.1%}" if row.before and row.after is not None else ""
        return (str(row.case), row.metric, before, after, change, "exact", verdict, "any")
    found, least = row.judgement.bound, row.judgement.smallest_detectable
    change = f"{found.change:+.1%} {interval(found)}"
    seen = f"{least:+.1%}" if math.isfinite(least) else "none"
    return (str(row.case), row.metric, before, after, change, str(found.pairs), verdict, seen)


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
        limit = f"{row.metric} < {_number(row.limit)}"
        cells = (str(row.case), limit, _number(row.before), _number(row.after), name_of(row.verdict))
        yield f"| {' | '.join(_cell(cell) for cell in cells)} |"
    if budgets:
        yield ""


def _canary_line(outcome: Comparison) -> Iterator[str]:
    canary = outcome.canary
    if canary and canary.bound:
        state = "in trouble" if canary.trouble else "quiet"
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


def _row_json(row: Row) -> dict[str, Any]:
    judged = row.judgement
    return {
        "scenario": row.case.scenario,
        **row.case.axes(),
        "metric": row.metric,
        "kind": row.kind.value,
        "before": row.before,
        "after": row.after,
        "verdict": name_of(row.verdict),
        "reasons": list(row.verdict.reasons),
        "blocking": row.is_blocking,
        "limit": row.limit,
        "state": judged.state.value if judged else None,
        "pairs": judged.bound.pairs if judged else None,
        "change": judged.bound.change if judged else None,
        "change_low": _finite(judged.bound.change_low, judged.bound.lower) if judged else None,
        "change_high": _finite(judged.bound.change_high, judged.bound.upper) if judged else None,
        "smallest_detectable": _finite(judged.smallest_detectable) if judged else None,
    }


def _finite(value: float, of: float = 0.0) -> float | None:
    return value if math.isfinite(value) and math.isfinite(of) else None


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def _spelled(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items()) or "unknown"


def _cell(text: str) -> str:
    """Text that can't break a table, open HTML, or call on anyone: names of clips and branches come from anywhere."""
    plain = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\|`*_\[\]@#])", r"\\\1", plain)


def _escaped(text: str, more: str = "") -> str:
    """GitHub's escapes for workflow commands: ``%``, line ends, and in properties ``:`` and ``,``."""
    return "".join(f"%{ord(char):02X}" if char in f"%\r\n{more}" else char for char in text)


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
