from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures_gen import CATALOGUE, FixtureError, Size
from fixtures_gen.sums import Sums, key_of, read, write

if TYPE_CHECKING:
    from pathlib import Path

SHA = "ab" * 32


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    sums = Sums("n9.0.2", {"b-180p/b.mp4": SHA, "a-180p/a.mp4": "cd" * 32})
    write(sums, tmp_path / "SHA256SUMS")
    assert read(tmp_path / "SHA256SUMS") == sums
    lines = (tmp_path / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not line.startswith("#")] == sorted(lines[3:], key=lambda line: line[66:])


def test_a_missing_file_lists_nothing(tmp_path: Path) -> None:
    assert read(tmp_path / "absent").judge("x", SHA, "n9") == "not listed"


def test_a_line_that_is_no_checksum_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sums").write_text("<<<<<<< HEAD\n", encoding="utf-8")
    with pytest.raises(FixtureError, match="not a checksum"):
        read(tmp_path / "sums")


def test_verdicts() -> None:
    sums = Sums("n9", {"a": SHA})
    assert sums.judge("a", SHA, "n9") == "match"
    assert sums.judge("a", "0" * 64, "n9") == "differs"
    assert sums.judge("b", SHA, "n9") == "not listed"
    assert sums.judge("a", SHA, "n8") == "other ffmpeg version"


def test_the_committed_file_lists_the_whole_catalogue_at_default_sizes() -> None:
    listed = set(read().hashes)
    wanted = {
        key_of(name, recipe.default_size, entry.name)
        for name, recipe in CATALOGUE.items()
        for entry in recipe.truth(recipe.default_size).files
    }
    assert listed == wanted
    assert key_of("untagged", Size.P180, "untagged.mp4") in listed
