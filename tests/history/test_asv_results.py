from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from hfbench.cli import main
from hfbench.history import Commits, History, load_history
from hfbench.history.commits import Commit

if TYPE_CHECKING:
    from pathlib import Path

SHA = "a" * 40
COMMITS = Commits({SHA: Commit(SHA, 10.0, 0, "main")}, "repository", "main", problem="")


def _asv(folder: Path, files: dict[str, Any], names: Any = ("scenario",)) -> Path:
    """asv's results: ``files`` are name -> what is different from a whole result, or the text of the file."""
    (folder / "m").mkdir(parents=True)
    benchmarks = {f"{suite}.track_cpuMs": {"type": "track", "param_names": list(names)} for suite in ("suite", "other")}
    (folder / "benchmarks.json").write_text(json.dumps(benchmarks))
    whole = {
        "version": 2,
        "params": {"machine": "m"},
        "commit_hash": SHA,
        "date": 1,
        "python": "3.12",
        "result_columns": ["result", "params"],
        "results": {"suite.track_cpuMs": [[1.0], [["'s'"]]]},
    }
    for name, change in files.items():
        text = change if isinstance(change, str) else json.dumps(whole | change)
        (folder / "m" / name).write_text(text)
    return folder


def _values(history: History) -> list[tuple[float, ...]]:
    return [series.values for series in history.series]


@pytest.mark.parametrize(
    "damage",
    [
        "",
        "{",
        "[]",
        '{"version": 2',
        '{"version": 9}',
        {"results": {"suite.track_cpuMs": [[1.0], 5]}},
        {"results": {"suite.track_cpuMs": [[10**400], [["'s'"]]]}},
        {"results": {"suite.track_cpuMs": 5}},
        {"results": 5},
        {"params": None},
    ],
    ids=str,
)
def test_one_damaged_file_hides_no_other(tmp_path: Path, damage: Any, capsys: pytest.CaptureFixture[str]) -> None:
    folder = _asv(tmp_path, {"a.json": damage, "b.json": {}})
    history = load_history([folder], COMMITS)
    assert _values(history) == [(1.0,)]
    (reason,) = history.trouble
    assert "a.json" in reason
    with pytest.raises(SystemExit):
        main(["history", str(folder), "--repo", str(tmp_path)])
    assert "a.json" in capsys.readouterr().err


def test_damaged_names_of_benchmarks_hide_no_other_source(tmp_path: Path) -> None:
    damaged, whole = _asv(tmp_path / "damaged", {"a.json": {}}), _asv(tmp_path / "whole", {"a.json": {}})
    (damaged / "benchmarks.json").write_text("{")
    history = load_history([damaged, whole], COMMITS)
    assert _values(history) == [(1.0,)]
    assert "benchmarks.json" in history.trouble[0]


def test_whole_results_are_no_trouble(tmp_path: Path) -> None:
    history = load_history([_asv(tmp_path, {"a.json": {}, "b.json": {"results": {}}})], COMMITS)
    assert (_values(history), history.trouble) == ([(1.0,)], ())


@pytest.mark.parametrize(
    "change",
    [
        {"python": "3.13"},
        {"requirements": {"numpy": "1.26"}},
        {"env_vars": {"THREADS": "4"}},
        {"params": {"machine": "n"}},
        {"results": {"other.track_cpuMs": [[9.0], [["'s'"]]]}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_environments_machines_and_suites_of_asv_never_share_a_line(tmp_path: Path, change: dict[str, Any]) -> None:
    assert len(load_history([_asv(tmp_path / "one", {"a.json": {}, "b.json": {}})], COMMITS).series) == 1
    assert len(load_history([_asv(tmp_path / "two", {"a.json": {}, "b.json": change})], COMMITS).series) == 2


def test_a_parameter_of_the_benchmark_that_hfbench_does_not_know_makes_another_line(tmp_path: Path) -> None:
    results = {"suite.track_cpuMs": [[1.0, 9.0], [["'s'"], ["1", "4"]]]}
    history = load_history([_asv(tmp_path, {"a.json": {"results": results}}, ("scenario", "threads"))], COMMITS)
    assert sorted(_values(history)) == [(1.0,), (9.0,)]
