"""The record that a measurement opens with: everything but samples."""

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
    """A record on disk that knows machine, versions, load, fixtures, and how it was asked for.

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
