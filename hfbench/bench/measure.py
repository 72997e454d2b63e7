"""Measuring scenarios in this process: warm up, then rounds in which every way to run takes its turn."""

from __future__ import annotations

import itertools
import random
import shutil
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hfbench.bench.machine import load, machine_facts, versions
from hfbench.bench.record import RecordWriter, RunRecord, Sample
from hfbench.bench.rightness import FrameCheck, check_frames
from hfbench.engine import extract
from hfbench.errors import MeasurementError
from hfbench.options import ExtractOptions
from hfbench.plan import Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hfbench.bench.scenarios import BuiltScenario
    from hfbench.control import CancelToken
    from hfbench.plan import ImageFormat
    from hfbench.result import ExtractionResult

#: Any fixed number: the order inside a round is random, so that no way always goes first, and the same each time.
_SEED: Final = 20260423
_BY_COST: Final = (Scope.FUSED, Scope.SEGMENT, Scope.SOURCE)


@dataclass(frozen=True, slots=True)
class Way:
    """One way to run a scenario."""

    backend: str
    scope: Scope
    format: ImageFormat

    def __str__(self) -> str:
        return f"{self.backend} {self.scope.value} {self.format.value}"


@dataclass(frozen=True, slots=True)
class Measurement:
    """What to measure.

    Attributes:
        rounds: counted runs of each way; an uncounted warm-up of each backend goes before.
        options: everything that is not an axis (quality, mapping, workers).
    """

    scenarios: tuple[BuiltScenario, ...]
    ways: tuple[Way, ...]
    rounds: int
    options: ExtractOptions = field(default_factory=ExtractOptions)


@dataclass(frozen=True, slots=True)
class Step:
    """How far a measurement is: ``done`` of ``total`` runs, and what runs next."""

    done: int
    total: int
    what: str


@dataclass(frozen=True, slots=True)
class Measured:
    """A finished measurement: the record, and for each scenario and way whether the frames were right."""

    record: RunRecord
    checks: Mapping[tuple[str, Way], FrameCheck]


def measure(
    wanted: Measurement,
    record_path: Path,
    *,
    token: CancelToken,
    on_step: Callable[[Step], None] = lambda _: None,
    on_extracted: Callable[[ExtractionResult, ExtractOptions], None] = lambda *_: None,
) -> Measured:
    """Run everything that is wanted; the record on disk is whole after every run.

    The first round of each way also proves its frames: after the clock has stopped they are read back and held against
    the truth. ``on_extracted`` is told of each counted extraction, one that failed too, after its clock has stopped.

    Raises:
        MeasurementError: a run failed, or was cancelled.
        OutputError: the record or the frames can't be written.
    """
    writer = RecordWriter(record_path, _opening(wanted))
    checks: dict[tuple[str, Way], FrameCheck] = {}
    warm_ups = warm_up_ways(wanted.ways)
    total = len(wanted.scenarios) * (len(warm_ups) + len(wanted.ways) * wanted.rounds)
    steps = itertools.count()
    order = itertools.count()
    chance = random.Random(_SEED)  # noqa: S311  a shuffle, no secret
    for built in wanted.scenarios:
        for way in warm_ups:
            on_step(Step(next(steps), total, f"{built.scenario.name}: warm-up, {way}"))
            _run(built, way, wanted.options, token)
        for number in range(1, wanted.rounds + 1):
            for way in _shuffled(wanted.ways, chance):
                on_step(Step(next(steps), total, f"{built.scenario.name}: round {number}, {way}"))
                look = check_frames if number == 1 else None
                result, check = _run(built, way, wanted.options, token, look=look, tell=on_extracted)
                if check is not None:
                    checks[built.scenario.name, way] = check
                writer.add(_sample(built, way, number, next(order), result))
    on_step(Step(total, total, "done"))
    names = [built.scenario.name for built in wanted.scenarios]
    in_order = {(name, way): checks[name, way] for name in names for way in wanted.ways}
    return Measured(writer.finish(load_after=load()), in_order)


def warm_up_ways(ways: Sequence[Way]) -> tuple[Way, ...]:
    """One way a backend, the cheapest: what is cold in a process is its imports, its colour map and the page cache."""
    cheapest: dict[str, Way] = {}
    for way in sorted(ways, key=lambda way: _BY_COST.index(way.scope)):
        cheapest.setdefault(way.backend, way)
    return tuple(cheapest.values())


def _opening(wanted: Measurement) -> RunRecord:
    options: dict[str, Any] = {
        "rounds": wanted.rounds,
        "sdr_mapping": wanted.options.sdr_mapping.value,
        "quality": wanted.options.quality,
        "workers": wanted.options.worker_count,
    }
    return RunRecord(
        machine=machine_facts(),
        versions=versions(),
        options=options,
        fixtures={built.scenario.name: built.fixture_hash for built in wanted.scenarios},
        load_before=load(),
    )


def _shuffled(ways: Sequence[Way], chance: random.Random) -> list[Way]:
    return chance.sample(list(ways), len(ways))


def _run(
    built: BuiltScenario,
    way: Way,
    options: ExtractOptions,
    token: CancelToken,
    *,
    look: Callable[[BuiltScenario, ExtractionResult], FrameCheck] | None = None,
    tell: Callable[[ExtractionResult, ExtractOptions], None] = lambda *_: None,
) -> tuple[ExtractionResult, FrameCheck | None]:
    """One extraction into a folder of its own; ``look`` sees the frames before they are gone."""
    chosen = replace(options, backend=way.backend, scope=way.scope, format=way.format)
    out = Path(tempfile.mkdtemp(prefix="hfbench-run-"))
    try:
        result = extract(built.composition, out, chosen, token=token)
        tell(result, chosen)
        if not result.success:
            failure = result.failures[0]
            where = f"{built.scenario.name}, {way}: clip {failure.clip_id!r}"
            msg = f"{where} failed ({failure.kind.value}): {failure.message}"
            raise MeasurementError(msg, diagnostic=failure.diagnostic)
        return result, look(built, result) if look is not None else None
    finally:
        shutil.rmtree(out, ignore_errors=True)


def _sample(built: BuiltScenario, way: Way, number: int, order: int, result: ExtractionResult) -> Sample:
    frames = {clip.clip_id: clip.frames for clip in result.clips}
    return Sample(
        scenario=built.scenario.name,
        backend=way.backend,
        scope=way.scope.value,
        format=way.format.value,
        round=number,
        metrics=result.breakdown.to_json(),
        frames=frames,
        files=sum(frames.values()),
        order=order,
    )
