"""Run records as readings of a history."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from hfbench.history.values import Axes, Reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hfbench.bench.record import RunRecord, Sample

#: The options of a record that change its numbers. The picture size is part of the fixture.
_SETTINGS: Final = ("workers", "quality", "sdr_mapping", "sdr_eotf", "sdr_white")
_CANARY: Final = "canary"


def read_record(record: RunRecord, name: str) -> Iterator[Reading]:
    """One reading per sample and metric.

    The two sides of a gate are separate lines (``role``). Its canary samples measure the machine, not a commit, and
    are left out, and so are samples with wrong frames: their times mean nothing.

    The commit is the ``revision`` that the engine reports; for hfbench's own engine in this process, that of hfbench.
    """
    size = str(record.options.get("size") or "")
    created = datetime.fromisoformat(record.created).timestamp()
    for sample in record.samples:
        if sample.role.startswith(_CANARY) or sample.wrong_frames:
            continue
        reported = record.engines.get(sample.engine, {})
        revision = reported.get("revision", "") if reported else record.versions.get("revision", "")
        for metric, value in sample.metrics.items():
            if value is not None:
                axes = _axes(record, sample, metric, reported)
                yield Reading(axes=axes, revision=revision, label=name, when=created, values=(float(value),), size=size)


def _axes(record: RunRecord, sample: Sample, metric: str, reported: Mapping[str, str]) -> Axes:
    return Axes(
        scenario=sample.scenario,
        metric=metric,
        backend=sample.backend,
        scope=sample.scope,
        format=sample.format,
        cache=sample.cache,
        engine=_engine(sample, reported),
        role=sample.role,
        settings=", ".join(f"{key} {record.options[key]}" for key in _SETTINGS if record.options.get(key) is not None),
        fixture=record.fixtures.get(sample.scenario, ""),
        machine=_machine(record),
    )


def _engine(sample: Sample, reported: Mapping[str, str]) -> str:
    """The engine's own name, and the one that the user gave it; a gate of revisions names engines after commits."""
    own = reported.get("engine", sample.engine)
    return own if sample.role or sample.engine == own else f"{sample.engine} ({own})"


def _machine(record: RunRecord) -> str:
    facts = record.machine
    return f"{facts.get('cpu', 'unknown CPU')}, {facts.get('threads', '?')} threads, {facts.get('memory_gib', '?')} GiB"
