"""docs/results.md against the code: every kind is described, and nothing that does not exist."""

from __future__ import annotations

import re
from pathlib import Path

from hfbench.model.result import FailureKind

ROOT = Path(__file__).parents[2]
#: How kinds are written where warnings are made: in a warning, or in a note of a probe.
_MADE = re.compile(
    r"(?:ClipWarning\(|notes\.append\(\(|return \(\(|Fraction\(1\), \(\(|Final\[Note\] = \(|REPAIRED: Final =)"
    r'\s*"(\w+)"'
)


def rows(heading: str) -> dict[str, list[str]]:
    text = (ROOT / "docs" / "results.md").read_text()
    section = text.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| `")]
    return {cells[0].strip(" `"): [cell.strip() for cell in cells[1:]] for cells in lines}


def test_failures():
    described = rows("Failures")
    assert {kind: cells[0] == "yes" for kind, cells in described.items()} == {
        kind.value: kind.is_retryable for kind in FailureKind
    }


def test_warnings():
    sources = [path.read_text() for path in (ROOT / "hfbench").rglob("*.py")]
    made = {kind for text in sources for kind in _MADE.findall(text)}
    assert len(made) > 8  # negative control: the pattern still finds them
    assert set(rows("Warnings")) == made
