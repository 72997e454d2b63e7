"""Documents, messages and public names use the words of the field, not words that only this project knows."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]

#: Not to be used in documents and messages -> what the field says.
IN_TEXTS = {
    r"(no|a) line is torn|path is cut|torn": "wrapped, truncated",
    r"told(?! apart| from)": "reported",
    r"mend(s|ed|ing)?": "fix",
    r"floors?(?!\()": "layer",
    r"doors?": "entry point, command",
    r"rooms?": "package",
    r"seats?": "role",
    r"trouble": "error",
    r"line-?up": "rounds",
    r"rightness": "frame check",
    r"likeness": "comparability",
    r"unlike things": "incomparable runs",
    r"nobody is watching": "discard progress updates",
    r"let go of": "release",
    r"what can become of": "outcomes",
    r"keeps? frames by content": "caches frames, keyed by source file and plan",
    r"refused by name": "rejected, naming the difference",
}
#: Parts of public names -> what the field says.
IN_NAMES = {
    **dict.fromkeys(("taken",), "outcome"),
    **dict.fromkeys(("turn", "turns", "seat", "seats"), "role, schedule"),
    **dict.fromkeys(("rig", "lineup"), "engines, rounds"),
    **dict.fromkeys(("rightness",), "frame_check"),
    **dict.fromkeys(("likeness",), "comparability"),
    **dict.fromkeys(("ways",), "cases"),
    **dict.fromkeys(("told", "words"), "reported, message"),
    **dict.fromkeys(("mend",), "fix"),
    **dict.fromkeys(("floor", "floors", "door", "doors"), "layer, command"),
}
_TEXTS = re.compile(rf"\b(?:{'|'.join(IN_TEXTS)})\b", re.IGNORECASE)
_PARTS = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")


def private_words(text: str) -> list[str]:
    return [found[0] for found in _TEXTS.finditer(text)]


def private_parts(name: str) -> list[str]:
    return [part for part in map(str.lower, _PARTS.findall(name)) if part in IN_NAMES]


def documents() -> Iterator[tuple[str, str]]:
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")):
        yield (
            str(path.relative_to(ROOT)),
            re.sub(r"`[^`\n]+`", "", path.read_text(encoding="utf-8")),
        )  # names stay names
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        yield path.name, "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


def modules() -> Iterator[tuple[str, ast.Module]]:
    for package in ("hfbench", "fixtures_gen"):
        for path in (ROOT / package).rglob("*.py"):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))


def strings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every string that people may read at run time: no docstring, and no single word, which is a key of JSON."""
    bare = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and " " in node.value
            and id(node) not in bare
        ):
            yield node.lineno, node.value


def public_names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            yield node.lineno, node.name


def test_documents() -> None:
    found = {name: private_words(text) for name, text in documents()}
    assert {name: words for name, words in found.items() if words} == {}
    assert len(found) > 12


def test_messages() -> None:
    found = [(f"{name}:{line}", private_words(text)) for name, tree in modules() for line, text in strings(tree)]
    assert [each for each in found if each[1]] == []
    assert len(found) > 1000


def test_public_names() -> None:
    found = [(f"{name}:{line}", private_parts(text)) for name, tree in modules() for line, text in public_names(tree)]
    assert [each for each in found if each[1]] == []
    assert len(found) > 800


@pytest.mark.parametrize("text", ["a path is cut", "This door is shut.", "told nothing", "Nobody is watching."])
def test_control_a_private_word_is_found(text: str) -> None:
    assert private_words(text)
    assert not private_words("Outdoors, a mushroom; the seating, as was foretold.")


@pytest.mark.parametrize("name", ["every_ways", "seat_of", "was_told", "Turn", "the_rig"])
def test_control_a_private_name_is_found(name: str) -> None:
    assert private_parts(name)
    assert not private_parts("always_right_original_return")
