"""Kind: a history joins what is not comparable. Each pair here is two lines, or two points, and never one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from hfbench.history import History, find_steps, gate_command, load_history
from hfbench.history.commits import Commit, Commits
from tests.makers.repositories import record, save

if TYPE_CHECKING:
    from pathlib import Path

    from hfbench.bench.record import RunRecord

ONE, OTHER = "a" * 40, "b" * 40
COMMITS = Commits(
    {sha: Commit(sha, 10.0, place, "main") for place, sha in enumerate((ONE, OTHER))}, "repository", "main", problem=""
)


def _joined(*records: RunRecord) -> RunRecord:
    """The samples and engines of all in one record."""
    engines = {name: facts for each in records for name, facts in each.engines.items()}
    return replace(records[0], samples=tuple(s for each in records for s in each.samples), engines=engines)


def _points(history: History) -> dict[tuple[str, str], list[tuple[str, float]]]:
    return {
        (each.axes.engine, each.axes.role): [(point.commit, point.value) for point in each.points]
        for each in history.series
    }


def _engine(name: str, value: float, *, own: str, role: str = "", **facts: str) -> RunRecord:
    return record("", value, metric="cpuMs", engine=name, role=role, reported={"engine": own, "version": "1"} | facts)


def test_two_engines_of_one_record_are_two_lines(tmp_path: Path) -> None:
    both = _joined(_engine("fast", 100.0, own="fast"), _engine("slow", 300.0, own="slow"))
    save(both, tmp_path / "run.json")
    assert _points(load_history([tmp_path])) == {
        ("fast", ""): [("run", 100.0)],
        ("slow", ""): [("run", 300.0)],
    }


def test_two_commands_of_one_program_are_two_lines(tmp_path: Path) -> None:
    for name, value in (("plain", 100.0), ("eager", 300.0)):
        save(_engine(name, value, own="mine", revision=ONE), tmp_path / f"{name}.json")
    assert _points(load_history([tmp_path], COMMITS)) == {
        ("eager (mine)", ""): [(ONE, 300.0)],
        ("plain (mine)", ""): [(ONE, 100.0)],
    }


@pytest.mark.parametrize("revisions", [(ONE, OTHER), (ONE, ONE), ("", "")])
def test_the_sides_of_a_gate_are_two_lines_and_its_canary_is_none(tmp_path: Path, revisions: tuple[str, str]) -> None:
    sides = [
        _engine(f"label of {role}", value, own="mine", role=role, **({"revision": sha} if sha else {}))
        for role, value, sha in zip(("baseline", "contender"), (100.0, 150.0), revisions, strict=True)
    ]
    canaries = [_engine("label of baseline", 999.0, own="mine", role=f"canary-{side}") for side in "ab"]
    save(_joined(*canaries, *sides), tmp_path / "gate.json")
    base, head = (sha or "gate" for sha in revisions)
    assert _points(load_history([tmp_path], COMMITS)) == {
        ("mine", "baseline"): [(base, 100.0)],
        ("mine", "contender"): [(head, 150.0)],
    }


def test_gates_of_one_engine_share_a_line_though_they_name_it_after_commits(tmp_path: Path) -> None:
    for label, sha in (("main (aaaaaaaa)", ONE), ("bbbbbbbb", OTHER)):
        save(_engine(label, 1.0, own="mine", role="baseline", revision=sha), tmp_path / f"{label}.json")
    assert _points(load_history([tmp_path], COMMITS)) == {("mine", "baseline"): [(ONE, 1.0), (OTHER, 1.0)]}


@pytest.mark.parametrize(
    "change",
    [
        {"options": {"workers": 4}},
        {"options": {"workers": 1, "sdr_mapping": "gamut"}},
        {"fixtures": {}},
        {"machine": {"cpu": "Y"}},
        {"versions": {}},  # no commit is known: a line of its own, in the order of time
    ],
    ids=lambda change: next(iter(change)),
)
def test_other_settings_inputs_and_machines_are_other_lines(tmp_path: Path, change: dict[str, Any]) -> None:
    first = record(ONE, options={"workers": 1, "sdr_mapping": "bt2408"})
    save(first, tmp_path / "1.json")
    save(first, tmp_path / "2.json")
    assert len(load_history([tmp_path], COMMITS).series) == 1  # the negative control
    save(replace(first, **change), tmp_path / "2.json")
    history = load_history([tmp_path], COMMITS)
    assert len(history.series) == 2
    assert len({history.case_of(series.axes) for series in history.series}) == 2  # and they are told apart


def test_samples_with_wrong_frames_are_left_out_by_name(tmp_path: Path) -> None:
    right = record(ONE)
    wrong = replace(right, samples=(*right.samples, replace(right.samples[0], wrong_frames="a frame 1 shows 7")))
    save(wrong, tmp_path / "run.json")
    history = load_history([tmp_path], COMMITS)
    assert [len(point.values) for series in history.series for point in series.points] == [1]
    assert "run.json: 1 samples with wrong frames" in history.trouble[0]


def test_the_gate_command_measures_the_picture_size_that_the_history_was_measured_at(tmp_path: Path) -> None:
    for name, sha, value in (("1", ONE, 100.0), ("2", OTHER, 150.0)):
        save(record(sha, value, options={"size": "180p"}), tmp_path / f"{name}.json")
    history = load_history([tmp_path], COMMITS)
    (step,) = find_steps(history)
    assert "--size 180p" in str(gate_command(step, history.where(metric="framesDecoded")))


def test_a_short_revision_of_a_worker_is_the_full_one(tmp_path: Path) -> None:
    for name, revision in (("full", ONE), ("short", ONE[:8])):
        save(_engine("mine", 1.0, own="mine", revision=revision), tmp_path / f"{name}.json")
    (series,) = load_history([tmp_path], COMMITS).series
    assert [(point.commit, len(point.values)) for point in series.points] == [(ONE, 2)]
