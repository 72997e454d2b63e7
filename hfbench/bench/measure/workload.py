"""From scenarios to work for engines, and the record that the measurement of it opens with."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hfbench.bench.judge.comparability import Case
from hfbench.bench.machine import load, machine_facts, versions
from hfbench.bench.measure.rig import Work
from hfbench.bench.record import RecordWriter, RunRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from hfbench.bench.scenarios import BuiltScenario


@dataclass(frozen=True, slots=True)
class Axes:
    """The values of each axis; every combination of them is a case."""

    backends: tuple[str, ...] = ("libav",)
    scopes: tuple[str, ...] = ("fused",)
    formats: tuple[str, ...] = ("jpg",)
    caches: tuple[str, ...] = ("off",)

    def cases(self, scenario: str) -> Iterable[Case]:
        """Every combination, for one scenario."""
        for values in itertools.product(self.backends, self.scopes, self.formats, self.caches):
            yield Case(scenario, *values)


def work_of(built: Iterable[BuiltScenario], axes: Axes, options: Mapping[str, Any]) -> tuple[Work, ...]:
    """One piece of work a scenario and combination of axes; ``options`` go to the engine as they are."""
    return tuple(
        Work(case=case, composition=each.composition.to_json(), fixture=each.fixture_hash, options=options)
        for each in built
        for case in axes.cases(each.scenario.name)
    )


def open_record(path: Path, work: Sequence[Work], options: Mapping[str, Any]) -> RecordWriter:
    """A record on disk that knows everything but samples: machine, versions, load, fixtures, how it was asked for.

    Raises:
        OutputError: the file can't be written.
    """
    record = RunRecord(
        machine=machine_facts(),
        versions=versions(),
        options=options,
        fixtures={each.case.scenario: each.fixture for each in work},
        load_before=load(),
    )
    return RecordWriter(path, record)
