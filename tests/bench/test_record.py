from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hfbench.bench.record import (
    SCHEMA,
    Load,
    RecordWriter,
    RunRecord,
    Sample,
    load_record,
    load_records,
    record_from_json,
)
from hfbench.errors import NotInstalledError, OutputError, RecordError

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


@pytest.mark.parametrize("value", [math.nan, math.inf, "12", True])
def test_a_metric_is_a_finite_number(make_samples: MakeSamples, value: object) -> None:
    with pytest.raises(RecordError, match="framesDecoded"):
        make_samples([1.0], framesDecoded=value)


@pytest.mark.parametrize("path", sorted((Path(__file__).parents[1] / "data" / "records").glob("v*.json")))
def test_every_version_ever_written_is_readable(path: Path) -> None:
    record = load_record(path)
    assert record.schema == f"hfbench-record/{path.stem.split('-')[0][1:]}"
    assert [(sample.scope, sample.round) for sample in record.samples] == [("source", 1), ("segment", 1)]
    assert record.samples[1].metrics["hdrPreflightMs"] == 148.0
    assert record.samples[0].metrics["packetsRead"] is None
    assert record.fixtures == {"hdr-sdr-mixed-scope": "5f0c2a9e41d7"}
    assert record.load_before == Load(0.4, 0.6, 0.5)


def test_the_version_in_use_has_a_fixture(data: Path) -> None:
    number = SCHEMA.partition("/")[2]
    assert (data / "records" / f"v{number}.json").exists()


def test_the_least_that_a_record_can_be() -> None:
    record = record_from_json(
        {
            "schema": SCHEMA,
            "samples": [
                {
                    "scenario": "s",
                    "backend": "b",
                    "scope": "fused",
                    "format": "png",
                    "round": 1,
                    "metrics": {},
                    "new": 1,
                }
            ],
        }
    )
    assert record.samples[0].cache == "off"
    assert record.load_before is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        ("[]", 'no "schema"'),
        ('{"schema": 1}', 'no "schema"'),
        ('{"schema": "hfbench-record/99", "samples": []}', "upgrade"),
        ('{"schema": "hfbench-record/1"}', "damaged"),
        ('{"schema": "hfbench-record/1", "samples": [{"scenario": "s"}]}', "no metrics"),
        ('{"schema": "hfbench-record/1", "samples": [{"metrics": {}, "round": 1}]}', "damaged"),
        ('{"schema": "hfbench-record/1", "samples": [], "load_before": {"x": 1}}', "damaged"),
        ('{"schema": "hfbench-record/1", "samples": 5}', "damaged"),
        ("[" * 100_000, "not a run record"),
        ("\\xff", "not JSON"),
    ],
)
def test_a_file_that_is_no_record_says_why(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "r.json"
    path.write_text(text)
    with pytest.raises(RecordError, match=r"r\.json") as caught:
        load_record(path)
    assert words in caught.value.message


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="can't read"):
        load_record(tmp_path / "absent.json")


def test_a_table_of_records(tmp_path: Path, make_samples: MakeSamples) -> None:
    for name in ("a", "b"):
        writer = RecordWriter(tmp_path / f"{name}.json", RunRecord(fixtures={"demo": "abc"}, versions={"version": "9"}))
        writer.add(*make_samples([1.0, 2.0], framesDecoded=60))
        writer.finish()
    table = load_records([tmp_path / "a.json", tmp_path / "b.json"])
    assert table.shape[0] == 4
    assert table.groupby("record")["cpuMs"].median().to_dict() == {"a.json": 1.5, "b.json": 1.5}
    first = table.iloc[0]
    assert (first["fixture"], first["version"], first["frames"], first["framesDecoded"]) == ("abc", "9", 3, 60)
    assert load_records(tmp_path / "a.json").shape[0] == 2


def test_a_table_without_pandas_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(NotInstalledError, match=r"pip install .*notebooks"):
        load_records(tmp_path / "r.json")


_SAMPLE = {"scenario": "s", "backend": "libav", "scope": "fused", "format": "jpg", "round": 1, "metrics": {"cpuMs": 1}}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"created": 5}, "created of the record"),
        ({"created": "yesterday"}, "yesterday"),
        ({"machine": [1]}, "machine of the record"),
        ({"machine": {"cpu": []}}, "machine of the record"),
        ({"versions": "1"}, "versions of the record"),
        ({"engines": {"a": 5}}, "engines of the record"),
        ({"fixtures": [1]}, "fixtures of the record"),
        ({"notes": 5}, "notes of the record"),
        ({"interrupted": "yes"}, "interrupted of the record"),
        ({"load_before": 5}, "load_before of the record"),
        ({"options": {"engines": 5}}, "engines of the options"),
        ({"options": {"across": 5}}, "across of the options"),
        ({"options": {"most_pairs": "x"}}, "most_pairs of the options"),
        ({"samples": [5]}, "damaged"),
        ({"samples": [_SAMPLE | {"scenario": ["s"]}]}, "scenario of a sample"),
        ({"samples": [_SAMPLE | {"engine": {"a": 1}}]}, "engine of a sample"),
        ({"samples": [_SAMPLE | {"scope": 5}]}, "scope of a sample"),
        ({"samples": [_SAMPLE | {"round": True}]}, "round of a sample"),
        ({"samples": [_SAMPLE | {"files": "x"}]}, "files of a sample"),
        ({"samples": [_SAMPLE | {"frames": [1]}]}, "frames of a sample"),
        ({"samples": [_SAMPLE | {"frames": {"a": -1}}]}, "frames of a sample"),
        ({"samples": [_SAMPLE | {"metrics": {"cpuMs": 10**400}}]}, "metric cpuMs"),
        ({"samples": [_SAMPLE | {"metrics": {"cpuMs": "1"}}]}, "metric cpuMs"),
    ],
)
def test_a_value_of_another_kind_is_refused_by_name(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    """Not later, in the middle of a comparison; the first line is the negative control."""
    whole = {"schema": "hfbench-record/1", "samples": [_SAMPLE]}
    path = tmp_path / "r.json"
    path.write_text(json.dumps(whole))
    assert load_record(path).samples[0].scenario == "s"
    path.write_text(json.dumps(whole | change))
    with pytest.raises(RecordError, match=r"r\.json is damaged") as caught:
        load_record(path)
    assert words in caught.value.message


def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", tmp_path):
        with pytest.raises(RecordError, match="no regular file"):
            load_record(path)
