"""What a comment or a page names can be opened: every document and file that is named is in the repository."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("hfbench", "fixtures_gen", "tests", "notebooks", "docs", ".github", ".ci")
TEXT = {".py", ".md", ".toml", ".yml", ".ipynb", ".mjs", ".json", ""}

#: A document in capitals, as those at the root of a repository are.
_CAPITALS = re.compile(r"\b[A-Z][A-Z0-9_]+\.md\b")
#: A file of one of our folders, by its path from the root.
_PATH = re.compile(rf"(?<![\w/.~-])(?:{'|'.join(map(re.escape, FOLDERS))})/[\w./-]*\w\.(?:py|md|ipynb|mjs|yml)\b")


def texts() -> list[Path]:
    inside = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in TEXT)
    beside = (path for path in ROOT.iterdir() if path.suffix in TEXT)
    files = (path for path in (*inside, *beside) if path.is_file() and "__pycache__" not in path.parts)
    return [path for path in files if (ROOT / "tests" / "data") not in path.parents]


def missing(text: str) -> list[str]:
    """What ``text`` names and the repository does not hold."""
    return [name for name in (*_CAPITALS.findall(text), *_PATH.findall(text)) if not (ROOT / name).exists()]


def test_what_is_named_is_there() -> None:
    found = {str(path.relative_to(ROOT)): missing(path.read_text(encoding="utf-8")) for path in texts()}
    assert {path: names for path, names in found.items() if names} == {}
    assert len(found) > 300


@pytest.mark.parametrize("name", ["NOWHERE" + ".md", "docs/" + "nowhere.md", "hfbench/bench/" + "nowhere.py"])
def test_control_a_reference_to_nothing_is_found(name: str) -> None:
    assert missing(f"see {name}, and README.md") == [name]
