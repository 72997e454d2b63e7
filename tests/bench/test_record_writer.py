from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from hfbench.bench.record import SCHEMA, Load, RunRecord, Sample
from hfbench.bench.record_reader import load_record
from hfbench.bench.record_writer import RecordWriter
from hfbench.errors import OutputError

MakeSamples = Callable[..., tuple[Sample, ...]]


def test_the_document_is_the_one_of_the_issue(tmp_path: Path, make_samples: MakeSamples) -> None:
    RecordWriter(tmp_path / "r.json", RunRecord()).add(*make_samples([100.0], framesDecoded=60, packetsRead=None))
    document = json.loads((tmp_path / "r.json").read_text())
    assert document["schema"] == SCHEMA == "hfbench-record/1"
    (sample,) = document["samples"]
    assert {key: sample[key] for key in ("scenario", "backend", "scope", "format", "round")} == {
        "scenario": "demo",
        "backend": "libav",
        "scope": "segment",
        "format": "jpg",
        "round": 1,
    }
    assert sample["metrics"] == {"cpuMs": 100.0, "videoExtractMs": 100.0, "framesDecoded": 60, "packetsRead": None}


def test_a_record_comes_back_as_it_went(tmp_path: Path, make_samples: MakeSamples) -> None:
    record = RunRecord(
        machine={"cpu": "x", "cores": 2},
        versions={"version": "0.1.0"},
        engines={"ours": {"version": "1"}},
        options={"rounds": 3},
        fixtures={"demo": "abc"},
        load_before=Load(0.5, 0.4, 0.3),
        notes=("a note",),
    )
    writer = RecordWriter(tmp_path / "deep" / "r.json", record)
    writer.add(*make_samples([1.0, 2.0]), engines={"theirs": {"version": "2"}})
    writer.note("another", "")
    finished = writer.finish(load_after=Load(1, 1, 1))
    assert load_record(writer.path) == finished
    assert finished.engines == {"ours": {"version": "1"}, "theirs": {"version": "2"}}
    assert finished.notes == ("a note", "another")


def test_an_interrupted_run_keeps_what_it_measured_and_says_so(tmp_path: Path, make_samples: MakeSamples) -> None:
    writer = RecordWriter(tmp_path / "r.json", RunRecord())
    assert load_record(writer.path).interrupted
    for sample in make_samples([1.0, 2.0, 3.0]):
        writer.add(sample)
        assert load_record(writer.path).samples[-1] == sample
    assert load_record(writer.path).interrupted
    writer.finish()
    assert not load_record(writer.path).interrupted
    assert [path.name for path in tmp_path.iterdir()] == ["r.json"]


def test_a_failed_write_leaves_the_old_document(
    tmp_path: Path, make_samples: MakeSamples, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = RecordWriter(tmp_path / "r.json", RunRecord())
    writer.add(*make_samples([1.0]))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OutputError, match="No space left"):
        writer.add(*make_samples([2.0]))
    monkeypatch.undo()
    assert len(load_record(writer.path).samples) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["r.json"]


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="choose another place"):
        RecordWriter(tmp_path / "file" / "r.json", RunRecord())
