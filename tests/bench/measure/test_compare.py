from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from hfbench.bench.judge.saved_records import compare_engines
from hfbench.bench.judge.terms import Terms
from hfbench.bench.judge.verdict import CouldNotMeasure, Fail, Pass
from hfbench.bench.measure.compare import measure_engines
from hfbench.bench.measure.external import Work
from hfbench.bench.measure.schedule import Schedule
from hfbench.bench.protocol.client import EngineError, EngineSpec
from hfbench.bench.record import RunRecord
from hfbench.bench.record_reader import load_record
from hfbench.bench.record_writer import RecordWriter
from hfbench.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

FakeEngine = Callable[..., EngineSpec]
MakeWork = Callable[..., Work]


@pytest.fixture
def writer(tmp_path: Path) -> RecordWriter:
    return RecordWriter(tmp_path / "r.json", RunRecord(fixtures={"demo": "f" * 12}))


def test_three_engines_side_by_side(writer: RecordWriter, fake_engine: FakeEngine, make_work: MakeWork) -> None:
    names = ["ours", "theirs", "slow", "short"]
    specs = [
        fake_engine("ours"),
        fake_engine("theirs", seed=1, axes={"backend": "hyperframes"}),
        fake_engine("slow", cpu=150.0),
        fake_engine("short", frames={"a": 2}),
    ]
    record = measure_engines(specs, make_work(), Schedule(rounds=8), writer=writer)
    assert Counter(sample.engine for sample in record.samples) == dict.fromkeys(names, 8)
    assert load_record(writer.path) == record
    outcomes = compare_engines(record, names, Terms(across=frozenset({"backend"})))
    assert [type(outcome.verdict) for outcome in outcomes] == [Pass, Fail, CouldNotMeasure]


def test_what_was_measured_before_a_death_is_kept(
    writer: RecordWriter, fake_engine: FakeEngine, make_work: MakeWork
) -> None:
    specs = [fake_engine("ours"), fake_engine("theirs", mode="die", after=3)]
    with pytest.raises(EngineError, match="disk is on fire"):
        measure_engines(specs, make_work(), Schedule(rounds=8), writer=writer)
    record = load_record(writer.path)
    assert record.interrupted
    assert Counter(sample.engine for sample in record.samples)["theirs"] == 2


def test_wrong_use(writer: RecordWriter, fake_engine: FakeEngine, make_work: MakeWork) -> None:
    for specs in ([fake_engine("a")], [fake_engine("a"), fake_engine("a")]):
        with pytest.raises(UsageError, match="two engines with different names"):
            measure_engines(specs, make_work(), Schedule(rounds=1), writer=writer)
