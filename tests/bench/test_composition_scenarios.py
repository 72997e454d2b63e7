"""Anybody's composition as a scenario, with and without its truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hfbench.bench.composition_scenarios import load_scenario, load_scenarios
from hfbench.bench.frame_check import count_frames, expected_frames
from hfbench.errors import CompositionError, UsageError


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A composition of two clips over two (made-up) files, found from the file's own folder."""
    for name in ("a", "b"):
        (tmp_path / f"{name}.mp4").write_bytes(name.encode())
    clips = [{"id": name, "src": f"{name}.mp4", "start": 0, "end": 1} for name in ("a", "b")]
    path = tmp_path / "page.json"
    path.write_text(json.dumps({"schema": "hfbench-composition/1", "fps": 24, "clips": clips}))
    return path


def tell(page: Path, document: Any) -> None:
    page.with_name("page.truth.json").write_text(json.dumps(document))


def test_a_scenario_is_named_after_its_file_and_its_sources_are_absolute(
    page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(page.parent)
    built = load_scenario(Path("page.json"))
    assert (built.scenario.name, built.scenario.fps) == ("page", 24)
    assert [clip.src for clip in built.composition.clips] == [str(page.with_name(f"{name}.mp4")) for name in "ab"]
    assert expected_frames(built) is None
    assert count_frames(built, {"a": 1}, 7) is None


def test_other_bytes_are_another_scenario_and_another_place_is_not(page: Path, tmp_path: Path) -> None:
    first = load_scenario(page).fixture_hash
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("a.mp4", "b.mp4", "page.json"):
        (elsewhere / name).write_bytes((tmp_path / name).read_bytes())
    assert load_scenario(elsewhere / "page.json").fixture_hash == first
    (elsewhere / "b.mp4").write_bytes(b"c")
    assert load_scenario(elsewhere / "page.json").fixture_hash != first


def test_a_truth_of_counts_and_of_barcodes(page: Path) -> None:
    tell(page, {"schema": "hfbench-truth/1", "frames": {"a": 24, "b": [5, 5, 6]}})
    built = load_scenario(page)
    assert expected_frames(built) == {"a": 24, "b": (5, 5, 6)}
    check = count_frames(built, {"a": 24, "b": 4}, 28)
    assert check is not None and check.first_wrong == "b: 4 frames reported, should be 3"


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "is not a truth file; write"),
        ({"frames": {"a": 1, "b": 1}}, "is not a truth file; write"),
        ({"schema": "hfbench-truth/1", "frames": {"a": 1}}, "is of the clips a; the composition has a, b"),
        ({"schema": "hfbench-truth/1", "frames": {"a": 1, "b": -1}}, "frames of 'b' must be a count"),
        ({"schema": "hfbench-truth/1", "frames": {"a": [1, "2"], "b": 1}}, "frames of 'a' must be a count"),
    ],
)
def test_a_truth_that_does_not_fit(page: Path, document: Any, words: str) -> None:
    tell(page, document)
    with pytest.raises(UsageError, match=words):
        load_scenario(page)


def test_a_damaged_truth_is_not_passed_over(page: Path) -> None:
    page.with_name("page.truth.json").write_text("{")
    with pytest.raises(UsageError, match="can't read the truth"):
        load_scenario(page)


@pytest.mark.parametrize(
    ("src", "words"), [("c.mp4", "clip 'a'.*c.mp4"), ("https://example.org/a.mp4", "save it in a file")]
)
def test_a_source_that_is_no_file(page: Path, src: str, words: str) -> None:
    page.write_text(page.read_text().replace("a.mp4", src))
    with pytest.raises(UsageError, match=words):
        load_scenario(page)


def test_names_are_one_of_a_kind(page: Path, tmp_path: Path) -> None:
    assert [built.scenario.name for built in load_scenarios([page])] == ["page"]
    taken = tmp_path / "cfr-sdr-cache.json"
    taken.write_text(page.read_text())
    for files in ([page, page], [taken]):
        with pytest.raises(UsageError, match="two scenarios are called"):
            load_scenarios(files)
    with pytest.raises(CompositionError):
        load_scenarios([tmp_path / "absent.json"])
