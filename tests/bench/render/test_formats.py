from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from hfbench.bench.judge.budgets import Budget
from hfbench.bench.judge.canary import Canary
from hfbench.bench.judge.comparability import Side
from hfbench.bench.judge.compare import compare
from hfbench.bench.judge.comparison import Comparison
from hfbench.bench.judge.stats import Bound
from hfbench.bench.judge.terms import Terms
from hfbench.bench.judge.verdict import CouldNotMeasure
from hfbench.bench.record import Load, RunRecord
from hfbench.bench.render import annotations, json_format, junit, markdown

if TYPE_CHECKING:
    pass

MakeSide = Callable[..., Side]
CALM = [100.0, 100.5, 99.5] * 5
RECORD = RunRecord(
    machine={"cpu": "Test | CPU", "cores": 2},
    versions={"version": "0.1.0", "av": "18.1.0"},
    engines={"old": {"version": "1"}},
    fixtures={"demo": "abc"},
    load_before=Load(0.1, 0.2, 0.3),
    notes=("watch out",),
)


@pytest.fixture
def outcomes(make_side: MakeSide) -> dict[str, Comparison]:
    old = make_side("old", CALM, framesDecoded=60, hdrPreflightMs=100.0)
    budgets = (Budget("demo", "hdrPreflightMs", below=300),)

    def against(cpu: list[float], *, frames: int = 3, **metrics: float) -> Comparison:
        new = make_side("new", cpu, frames=frames, **{"framesDecoded": 60, "hdrPreflightMs": 100.0, **metrics})
        return compare(old, new, Terms(budgets=budgets), Canary(8, Bound(0.001, -0.01, 0.01, 8), ()))

    return {
        "PASS": against(CALM),
        "FAIL": against([value * 1.2 for value in CALM], framesDecoded=61, hdrPreflightMs=301.0),
        "UNSURE": against(CALM[:10]),
        "COULD_NOT_MEASURE": against(CALM, frames=2),
    }


ALL = ["PASS", "FAIL", "UNSURE", "COULD_NOT_MEASURE"]


def table(markdown: str, head: str) -> list[dict[str, str]]:
    """The rows of the Markdown table whose first heads are these."""
    lines = markdown.splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith(head))
    heads = [cell.strip() for cell in lines[start].strip("|").split("|")]
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        assert len(cells) == len(heads)
        rows.append(dict(zip(heads, cells, strict=True)))
    return rows


def test_markdown_of_a_regression(outcomes: dict[str, Comparison]) -> None:
    text = markdown.to_markdown(outcomes["FAIL"], RECORD, reproduce="hfbench gate --base main", report="r.html")
    assert text.startswith("## hfbench: FAIL: a regression, old -> new\n")
    rows = {row["metric"]: row for row in table(text, "| scenario | metric")}
    assert rows["framesDecoded"]["verdict"] == "FAIL"
    assert (rows["framesDecoded"]["before"], rows["framesDecoded"]["after"]) == ("60", "61")
    assert rows["cpuMs"]["change"].startswith("+20.0%")
    assert rows["cpuMs"]["pairs"] == "15"
    assert rows["videoExtractMs"]["verdict"] == "FAIL (advisory)"
    (budget,) = table(text, "| scenario | budget")
    assert (budget["budget"], budget["after"], budget["verdict"]) == ("hdrPreflightMs &lt; 300", "301", "FAIL")
    for words in ("`hfbench gate --base main`", "[Report](r.html)", "Test \\| CPU", "0 of 1 equal", "watch out", "abc"):
        assert words in text


@pytest.mark.parametrize("name", ALL)
def test_every_verdict_has_its_line(outcomes: dict[str, Comparison], name: str) -> None:
    text = markdown.to_markdown(outcomes[name], replace(RECORD, interrupted=name == "UNSURE"))
    assert text.splitlines()[0].split(": ")[1] == name.replace("_", r"\_")
    assert ("interrupted" in text) is (name == "UNSURE")
    assert "Reproduce" not in text


def test_markdown_holds_no_markup_of_others(make_side: MakeSide) -> None:
    evil = "x</details><img src=x> | @all `rm` [a](b)\n## head"
    outcome = compare(make_side(evil, CALM, scenario=evil), make_side("new", CALM, scenario=evil), Terms())
    text = markdown.to_markdown(outcome, RECORD)
    assert "<img" not in text
    assert "\n## head" not in text
    assert len(table(text, "| scenario | metric")) == 2


@pytest.mark.parametrize("name", ALL)
def test_annotations(outcomes: dict[str, Comparison], name: str) -> None:
    lines = annotations.to_annotations(outcomes[name])
    level = "error" if name in {"FAIL", "COULD_NOT_MEASURE"} else "notice"
    assert lines
    assert all(line.startswith(f"::{level} title=hfbench {name}::") for line in lines)


def test_annotations_are_escaped(outcomes: dict[str, Comparison]) -> None:
    outcome = replace(outcomes["PASS"], verdict=CouldNotMeasure(("50%\nof, it: gone",)))
    assert annotations.to_annotations(outcome)[0].endswith("::50%25%0Aof, it: gone")


@pytest.mark.parametrize(("name", "code"), list(zip(ALL, [0, 1, 4, 3], strict=True)))
def test_json(outcomes: dict[str, Comparison], name: str, code: int) -> None:
    document = json.loads(json.dumps(json_format.to_json(outcomes[name], reproduce="it"), allow_nan=False))
    assert (document["schema"], document["verdict"], document["exit_code"]) == ("hfbench-comparison/1", name, code)
    assert len(document["rows"]) == len(outcomes[name].rows)
    assert bool(document["refused"]) is (name == "COULD_NOT_MEASURE")


def test_json_says_null_where_there_is_no_bound(make_side: MakeSide) -> None:
    outcome = compare(make_side("a", [1.0, 2.0]), make_side("b", [1.0, 2.0]), Terms())
    row = json_format.to_json(outcome)["rows"][0]
    assert (row["change_low"], row["change_high"], row["smallest_detectable"]) == (None, None, None)
    assert (row["change"], row["pairs"], row["state"]) == (0.0, 2, "continue")
    text = markdown.to_markdown(outcome, RECORD)
    assert table(text, "| scenario | metric")[0]["change"] == r"+0.0% \[?, ?\]"


@pytest.mark.parametrize(
    ("name", "counts"),
    [("PASS", (0, 0, 0)), ("FAIL", (4, 0, 0)), ("UNSURE", (0, 0, 2)), ("COULD_NOT_MEASURE", (0, 2, 0))],
)
def test_junit(outcomes: dict[str, Comparison], name: str, counts: tuple[int, int, int]) -> None:
    suite = ET.fromstring(junit.to_junit(outcomes[name]))
    assert tuple(int(suite.attrib[key]) for key in ("failures", "errors", "skipped")) == counts
    assert int(suite.attrib["tests"]) == len(suite.findall("testcase"))
    (verdict,) = suite.findall("testcase[@classname='gate']")
    assert bool(len(verdict)) is (name != "PASS")


def test_junit_of_a_void_canary_is_red(outcomes: dict[str, Comparison]) -> None:
    outcome = replace(outcomes["PASS"], verdict=CouldNotMeasure(("canary: \x00 \x1b it sings",)))
    suite = ET.fromstring(junit.to_junit(outcome))
    assert suite.attrib["errors"] == "1"
    error = suite.find("testcase/error")
    assert error is not None
    assert error.attrib["message"] == "canary: \ufffd \ufffd it sings"
