from __future__ import annotations

from pathlib import Path

import pytest

from hfbench.cache import cache_root_from

VARIABLE = "HFBENCH_EXTRACT_CACHE_DIR"
OFF = ["", "off", "OFF", "none", "None", "false", "0", " off "]


def test_off_unless_asked() -> None:
    assert cache_root_from(None, {}) is None


@pytest.mark.parametrize("word", OFF)
def test_words_for_off(word: str) -> None:
    assert cache_root_from(word, {VARIABLE: "/somewhere"}) is None
    assert cache_root_from(None, {VARIABLE: word}) is None


def test_the_option_comes_before_the_environment() -> None:
    assert cache_root_from("/option", {VARIABLE: "/environment"}) == Path("/option")
    assert cache_root_from(None, {VARIABLE: "/environment"}) == Path("/environment")


def test_a_path_is_made_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/somebody")
    assert cache_root_from("cache", {}) == tmp_path / "cache"
    assert cache_root_from("./off", {}) == tmp_path / "off"
    assert cache_root_from("~/cache", {}) == Path("/home/somebody/cache")
    assert cache_root_from("~nobody-of-that-name/cache", {}) == tmp_path / "~nobody-of-that-name/cache"
