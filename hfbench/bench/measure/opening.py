"""The record at the start of a measurement: everything but samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hfbench.bench.machine import load, machine_facts, versions
from hfbench.bench.record import RunRecord
from hfbench.bench.record_writer import RecordWriter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from hfbench.bench.scenarios import BuiltScenario


def open_record(path: Path, scenarios: Iterable[BuiltScenario], options: Mapping[str, Any]) -> RecordWriter:
    """Write a record with the machine, the versions, the load, the fixtures and the options of the measurement.

    Raises:
        OutputError: the file can't be written.
    """
    record = RunRecord(
        machine=machine_facts(),
        versions=versions(),
        options=options,
        fixtures={built.scenario.name: built.fixture_hash for built in scenarios},
        load_before=load(),
    )
    return RecordWriter(path, record)
