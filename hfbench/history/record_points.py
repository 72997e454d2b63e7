"""Run records as points of a history."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from hfbench.history.values import Axes, Point

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hfbench.bench.record import RunRecord, Sample
    from hfbench.history.commits import Commits


def read_record(record: RunRecord, name: str, commits: Commits) -> Iterator[tuple[Axes, Point]]:
    """One point for every sample and metric; points of one commit and line are joined later.

    The commit is the one that the engine under test told (a gate measures two), else that of the harness, else none:
    then the record's ``name`` stands in its place.
    """
    created = datetime.fromisoformat(record.created).timestamp()
    machine = _machine(record)
    for sample in record.samples:
        told = record.engines.get(sample.engine, {})
        commit = told.get("revision") or (record.versions.get("revision") if not told else None) or name
        when = commits.when(commit)
        for metric, value in sample.metrics.items():
            if value is not None:
                axes = _axes(sample, metric, told.get("name", "hfbench"), record.fixtures.get(sample.scenario, ""))
                point = Point(commit, created if when is None else when, (float(value),))
                yield Axes(**axes, machine=machine), point


def _axes(sample: Sample, metric: str, engine: str, fixture: str) -> dict[str, str]:
    return {
        "scenario": sample.scenario,
        "metric": metric,
        "backend": sample.backend,
        "scope": sample.scope,
        "format": sample.format,
        "cache": sample.cache,
        "engine": engine,
        "fixture": fixture,
    }


def _machine(record: RunRecord) -> str:
    facts = record.machine
    return f"{facts.get('cpu', 'unknown CPU')}, {facts.get('threads', '?')} threads, {facts.get('memory_gib', '?')} GiB"
