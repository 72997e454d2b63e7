from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hfbench.bench.record import RunRecord, Sample
from hfbench.bench.record_writer import write_atomically
from hfbench.cli import main
from hfbench.errors import RecordError, UsageError
from hfbench.history import Commits, load_history, to_table, usual_sources
from hfbench.history.commits import Commit

if TYPE_CHECKING:
    from pathlib import Path

SHAS = ("a" * 40, "b" * 40)
#: A repository of these two commits, the second on top of the first.
COMMITS = Commits(
    {sha: Commit(sha, 10.0, place, "main") for place, sha in enumerate(SHAS)}, "repository", "main", problem=""
)


def _record(sha: str, values: tuple[float, ...], decoded: float = 214.0) -> RunRecord:
    samples = tuple(
        Sample(
            scenario="hdr-sdr-mixed-scope",
            backend="libav",
            scope="segment",
            format="jpg",
            round=number,
            metrics={"cpuMs": value, "framesDecoded": decoded, "packetsRead": None},
        )
        for number, value in enumerate(values, 1)
    )
    return RunRecord(
        created="2026-01-01T00:00:00+00:00",
        samples=samples,
        versions={"revision": sha},
        machine={"cpu": "X", "threads": 2, "memory_gib": 8},
        fixtures={"hdr-sdr-mixed-scope": "f1"},
    )


def _save(record: RunRecord, path: Path) -> Path:
    write_atomically(path, json.dumps(record.to_json()))
    return path


def test_records_of_one_commit_are_one_point_and_commits_stand_in_their_order(tmp_path: Path) -> None:
    _save(_record(SHAS[1], (3.0,)), tmp_path / "1.json")
    _save(_record(SHAS[0], (1.0, 2.0)), tmp_path / "2.json")
    _save(_record(SHAS[0], (6.0,)), tmp_path / "3.json")
    history = load_history([tmp_path], COMMITS)
    (series,) = history.where(metric="cpuMs").series
    assert [(point.commit, point.values) for point in series.points] == [(SHAS[0], (1.0, 2.0, 6.0)), (SHAS[1], (3.0,))]
    assert not history.where(metric="packetsRead").series


def test_unlike_fixtures_and_machines_never_share_a_line(tmp_path: Path) -> None:
    record = _record(SHAS[0], (1.0,))
    _save(record, tmp_path / "1.json")
    _save(replace(record, fixtures={"hdr-sdr-mixed-scope": "f2"}), tmp_path / "2.json")
    _save(replace(record, machine={"cpu": "Y"}), tmp_path / "3.json")
    assert len(load_history([tmp_path], COMMITS).where(metric="cpuMs").series) == 3


def test_a_record_without_a_revision_is_named_after_its_file(tmp_path: Path) -> None:
    _save(replace(_record("", (1.0,)), versions={}), tmp_path / "monday.json")
    assert load_history([tmp_path]).commits == ("monday",)


def test_a_damaged_record_in_a_folder_is_left_out_and_named_and_one_that_was_named_is_an_error(tmp_path: Path) -> None:
    _save(_record(SHAS[0], (1.0,)), tmp_path / "1.json")
    (tmp_path / "2.json").write_text("{}")
    history = load_history([tmp_path], COMMITS)
    assert "2.json" in history.trouble[0]
    with pytest.raises(RecordError):
        load_history([tmp_path / "2.json"])
    with pytest.raises(UsageError, match="no such file"):
        load_history([tmp_path / "absent"])


def test_two_records_of_one_name_are_two_points(tmp_path: Path) -> None:
    for folder, value in (("one", 1.0), ("two", 3.0)):
        _save(replace(_record("", (value,)), versions={}), tmp_path / folder / "run.json")
    (series,) = load_history([tmp_path / "one", tmp_path / "two"]).where(metric="cpuMs").series
    assert [(point.commit, point.values) for point in series.points] == [("run", (1.0,)), ("two/run", (3.0,))]
    (once,) = load_history([tmp_path / "one", tmp_path / "one" / "run.json"]).where(metric="framesDecoded").series
    assert [len(point.values) for point in once.points] == [1]


def test_the_table_has_a_row_a_point(tmp_path: Path) -> None:
    _save(_record(SHAS[0], (1.0, 3.0)), tmp_path / "1.json")
    table = to_table(load_history([tmp_path], COMMITS))
    (row,) = table[table["metric"] == "cpuMs"].to_dict("records")
    assert (row["value"], row["low"], row["high"], row["samples"], row["label"]) == (2.0, 1.0, 3.0, 2, "aaaaaaaa")


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command finds :data:`COMMITS` wherever it looks."""
    monkeypatch.setattr("hfbench.history.commits_of", lambda _: COMMITS)


@pytest.mark.usefixtures("repository")
def test_the_command_names_metric_scenario_commits_size_and_the_gate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _save(_record(SHAS[0], (1.0,)), tmp_path / "1.json")
    _save(replace(_record(SHAS[1], (1.0,), 216.0), created="2026-01-02T00:00:00+00:00"), tmp_path / "2.json")
    with pytest.raises(SystemExit) as left:
        main(["history", str(tmp_path)])
    printed = capsys.readouterr().out
    assert left.value.code == 0
    for words in (
        "framesDecoded: +0.93% exactly (worse) in aaaaaaaa..bbbbbbbb",
        "hdr-sdr-mixed-scope [libav segment jpg], 214 -> 216",
        "hfbench gate --base aaaaaaaa --head bbbbbbbb --scenario hdr-sdr-mixed-scope --backend libav --scope segment",
        "1 step in 2 lines over 2 commits",
    ):
        assert words in printed


@pytest.mark.usefixtures("repository")
def test_json_holds_points_and_steps_and_filters_apply(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _save(_record(SHAS[0], (1.0,)), tmp_path / "1.json")
    with pytest.raises(SystemExit):
        main(["history", str(tmp_path), "--metric", "cpuMs", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "hfbench-history/1"
    assert [point["metric"] for point in document["points"]] == ["cpuMs"]


def test_asv_results_are_found_from_inside_the_repository_and_never_above_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """JupyterLab runs a notebook in the folder of the notebooks."""
    monkeypatch.setenv("HFBENCH_HOME", str(tmp_path / "home"))
    outer, repository = tmp_path / "outer", tmp_path / "outer" / "repository"
    for folder in (outer, repository):
        (folder / ".git").mkdir(parents=True)
        (folder / ".asv" / "results").mkdir(parents=True)
    (repository / "notebooks").mkdir()
    assert usual_sources(repository / "notebooks") == [repository / ".asv" / "results"]
    assert usual_sources(repository) == [repository / ".asv" / "results"]
    (tmp_path / "home" / "records").mkdir(parents=True)
    assert usual_sources(tmp_path) == [tmp_path / "home" / "records"]


def test_no_history_is_not_a_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["history", str(tmp_path)])
    assert left.value.code == 3
    assert "no history yet" in capsys.readouterr().err


@pytest.mark.usefixtures("repository")
def test_filters_that_leave_nothing_are_told_apart_from_no_history(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _save(_record(SHAS[0], (1.0,)), tmp_path / "1.json")
    with pytest.raises(SystemExit) as left:
        main(["history", str(tmp_path), "--metric", "cpuMS"])
    assert left.value.code == 3
    assert "nothing in the history fits" in capsys.readouterr().err


def test_a_history_needs_neither_engine_nor_extras_until_it_is_searched() -> None:
    import subprocess

    code = "import hfbench.history, hfbench.report, json, sys; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)
    assert not {"hfbench.engine", "av", "pandas", "ruptures", "papermill", "nbconvert", "fixtures_gen"} & set(loaded)
