from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hfbench.bench.record import SCHEMA, Load, Sample
from hfbench.bench.record_reader import load_record, record_from_json
from hfbench.errors import RecordError

MakeSamples = Callable[..., tuple[Sample, ...]]


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
        with pytest.raises(RecordError, match="not a regular file"):
            load_record(path)
