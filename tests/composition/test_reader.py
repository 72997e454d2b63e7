"""Composition files: what kind, from where, how large."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from hfbench.composition import Composition, reader
from hfbench.errors import CompositionError

if TYPE_CHECKING:
    from pathlib import Path

JSON = '{"clips": [{"id": "a", "src": "a.mp4"}], "fps": 25}'
HTML = '<!doctype html><video id="a" src="a.mp4"></video>'


def refusal(path: Path, **options: Path) -> str:
    with pytest.raises(CompositionError) as caught:
        Composition.load(path, **options)
    assert "\n" not in caught.value.message
    return caught.value.message


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c.json", JSON),
        ("c.JSON", "\ufeff" + JSON),
        ("c", "\n " + JSON),
        ("c.html", HTML),
        ("c.htm", HTML),
        ("c.txt", HTML),
    ],
)
def test_suffix_or_content_says_what_it_is(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    composition = Composition.load(tmp_path / name)
    assert composition.root == tmp_path
    assert composition.fps == (25 if "fps" in text else 30)
    assert composition.absolute_sources == ("fps" in text)
    assert Composition.load(str(tmp_path / name), fps="29.97").fps.denominator == 1001


def test_root_is_the_folder_or_the_one_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "c.json").write_text(JSON)
    monkeypatch.chdir(tmp_path)
    assert Composition.load("sub/c.json").root == tmp_path / "sub"
    assert Composition.load("sub/c.json", root=".").root == tmp_path
    assert refusal(tmp_path / "sub" / "c.json", root=tmp_path / "none").endswith("none is not a folder")


def test_saved_and_loaded_again(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text(JSON)
    composition = Composition.load(tmp_path / "c.json")
    (tmp_path / "again.json").write_text(json.dumps(composition.to_json()))
    assert Composition.load(tmp_path / "again.json") == composition


def test_messages_begin_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text('{"clips": [{"id": "a", "src": "a.mp4", "start": 3, "end": 2}]}')
    assert refusal(path).startswith(f"{path}: clip 'a': end: duration must be positive (got -1)")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\xff\xfe{}", "is not UTF-8 text: byte 0 is 0xff"),
        (b"", "is neither a JSON object nor HTML"),
        (b"\0\0\0\x20ftypisom", "is neither a JSON object nor HTML"),
    ],
)
def test_other_content(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "c.mp4"
    path.write_bytes(content)
    assert expected in refusal(path)


@pytest.mark.parametrize(("name", "limit"), [("c.json", "MAX_JSON_BYTES"), ("c.html", "MAX_HTML_BYTES")])
def test_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, limit: str) -> None:
    path = tmp_path / name
    path.write_text(JSON if name.endswith("json") else HTML)
    Composition.load(path)
    monkeypatch.setattr(reader, limit, 10)
    assert "is too large for a composition" in refusal(path)


def test_what_is_no_file(tmp_path: Path) -> None:
    assert "can't be read: No such file" in refusal(tmp_path / "none.json")
    assert "is a folder" in refusal(tmp_path)
    os.mkfifo(tmp_path / "fifo.json")
    assert "is not a regular file" in refusal(tmp_path / "fifo.json")
    assert "can't be read" in refusal(tmp_path / "a\0.json")
    assert refusal(tmp_path / "a\nb.json").startswith("'")


def test_a_device_is_refused_unread() -> None:
    with pytest.raises(CompositionError, match="is not a regular file"):
        Composition.load("/dev/zero")
