"""Comparisons as JUnit XML."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from hfbench.bench.judge.verdict import CouldNotMeasure, Fail, Pass, Unsure, Verdict, name_of
from hfbench.bench.render.wording import cells

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hfbench.bench.judge.comparison import Comparison

#: Characters that XML 1.0 can't hold in any spelling (section 2.2).
_NOT_XML: Final = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")


def junit_of(outcomes: Sequence[Comparison]) -> str:
    """One test suite per comparison, named after its two sides."""
    suites = ET.Element("testsuites", name="hfbench")
    for outcome in outcomes:
        suites.append(_suite(outcome, f"{outcome.base} -> {outcome.contender}"))
    return _document(suites)


def to_junit(outcome: Comparison) -> str:
    """JUnit XML: a test case per row; FAIL is a failure, UNSURE skipped, COULD_NOT_MEASURE an error; advice passes."""
    return _document(_suite(outcome, "hfbench"))


def _suite(outcome: Comparison, name: str) -> ET.Element:
    suite = ET.Element("testsuite", name=_xml(name))
    for row in outcome.rows:
        place = _testcase(suite, str(row.case), f"{row.metric} ({row.kind.value})")
        _mark(place, row.verdict if row.is_blocking else Pass())
        if row.judgement or not row.is_blocking:
            advice = "" if row.is_blocking else f" (advisory: {name_of(row.verdict)})"
            ET.SubElement(place, "system-out").text = _xml(f"{' | '.join(cells(row))}{advice}")
    for unlike in outcome.refused:
        _mark(_testcase(suite, str(unlike.case or "machine"), unlike.fact), CouldNotMeasure((unlike.message,)))
    # The whole verdict is a case of its own: a void canary must be red even where every row is green.
    _mark(_testcase(suite, "gate", "verdict"), outcome.verdict)
    suite.set("tests", str(len(suite)))
    for tag, key in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        suite.set(key, str(len(suite.findall(f"testcase/{tag}"))))
    return suite


def _document(root: ET.Element) -> str:
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _testcase(suite: ET.Element, classname: str, name: str) -> ET.Element:
    return ET.SubElement(suite, "testcase", classname=_xml(classname), name=_xml(name))


def _mark(place: ET.Element, verdict: Verdict) -> None:
    tag = {Fail: "failure", Unsure: "skipped", CouldNotMeasure: "error"}.get(type(verdict))
    if tag:
        text = _xml("; ".join(verdict.reasons) or name_of(verdict))
        ET.SubElement(place, tag, message=text)


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
