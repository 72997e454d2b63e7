"""One document over any number of comparisons of one record: Markdown, JSON, JUnit XML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree as ET

from hfbench.bench.judge.verdict import Verdict, combine, exit_code, name_of
from hfbench.bench.render.rendering import to_json, to_junit, to_markdown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hfbench.bench.judge.compare import Comparison
    from hfbench.bench.record import RunRecord

#: Version of the JSON of several comparisons; each of them is an ``hfbench-comparison/1``.
SCHEMA: Final = "hfbench-comparisons/1"


def verdict_of(outcomes: Sequence[Comparison]) -> Verdict:
    """The verdict over all of them."""
    return combine(outcome.verdict for outcome in outcomes)


def markdown_of(outcomes: Sequence[Comparison], record: RunRecord, *, reproduce: str = "", link: str = "") -> str:
    """One section a comparison."""
    return "\n".join(to_markdown(outcome, record, reproduce=reproduce, report=link) for outcome in outcomes)


def json_of(outcomes: Sequence[Comparison], *, reproduce: str = "", allow_unsure: bool = False) -> dict[str, Any]:
    """``{"schema", "verdict", "exit_code", "comparisons"}``, JSON-able."""
    verdict = verdict_of(outcomes)
    return {
        "schema": SCHEMA,
        "verdict": name_of(verdict),
        "exit_code": exit_code(verdict, allow_unsure=allow_unsure),
        "comparisons": [to_json(each, reproduce=reproduce, allow_unsure=allow_unsure) for each in outcomes],
    }


def junit_of(outcomes: Sequence[Comparison]) -> str:
    """One test suite a comparison, named after its two sides."""
    suites = ET.Element("testsuites", name="hfbench")
    for outcome in outcomes:
        suite = ET.fromstring(to_junit(outcome).encode())  # noqa: S314  written by ourselves a moment ago
        suite.set("name", f"{outcome.base} -> {outcome.contender}")
        suites.append(suite)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"
