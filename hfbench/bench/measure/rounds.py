"""Measuring scenarios: warm up, then rounds in which every way to run takes its turn."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from hfbench.bench.machine import load, machine_facts, versions
from hfbench.bench.measure.in_process import InProcessTurn
from hfbench.bench.measure.over_protocol import Engines, started
from hfbench.bench.measure.ways import BUILT_IN, AnyWay, Turn, Way
from hfbench.bench.record import RecordWriter, RunRecord
from hfbench.model.options import ExtractOptions
from hfbench.model.plan import Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from hfbench.bench.frame_check import FrameCheck
    from hfbench.bench.scenarios import BuiltScenario
    from hfbench.model.cancellation import CancelToken
    from hfbench.model.result import ExtractionResult

__all__ = ["Measured", "Measurement", "Step", "Way", "measure"]

#: Any fixed number: the order inside a round is random, so that no way always goes first, and the same each time.
_SEED: Final = 20260423
_BY_COST: Final = (Scope.FUSED.value, Scope.SEGMENT.value, Scope.SOURCE.value)


@dataclass(frozen=True, slots=True)
class Measurement:
    """What to measure.

    Attributes:
        ways: of the built-in backends; there may be none beside ``engines``.
        rounds: counted runs of each way; an uncounted warm-up of each backend and engine goes before.
        options: everything that is not an axis (quality, mapping, workers).
        engines: others, behind the worker protocol.
    """

    scenarios: tuple[BuiltScenario, ...]
    ways: tuple[Way, ...]
    rounds: int
    options: ExtractOptions = field(default_factory=ExtractOptions)
    engines: Engines = field(default_factory=Engines)


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
    checks: Mapping[tuple[str, AnyWay], FrameCheck]


def measure(
    wanted: Measurement,
    record_path: Path,
    *,
    token: CancelToken,
    on_step: Callable[[Step], None] = lambda _: None,
    on_extracted: Callable[[ExtractionResult, ExtractOptions], None] = lambda *_: None,
) -> Measured:
    """Run everything that is wanted; the record on disk is whole after every run.

    The frames of each way are held against the truth: those of built-in backends are read back in the first round,
    after the clock has stopped; those of other engines are counted every time. ``on_extracted`` is told of each counted
    extraction of a built-in backend, one that failed too, after its clock has stopped.

    Raises:
        MeasurementError: a run failed, an engine did not answer as it should, or it was cancelled.
        OutputError: the record or the frames can't be written.
    """
    writer = RecordWriter(record_path, _opening(wanted))
    own = tuple(InProcessTurn(way, wanted.options, token, on_extracted) for way in wanted.ways)
    with started(wanted.engines, wanted.scenarios) as others:
        turns: tuple[Turn, ...] = (*own, *others)
        checks: dict[tuple[str, AnyWay], FrameCheck] = {}
        for order, (built, turn, number) in enumerate(_counted_runs(wanted, turns, on_step)):
            taken = turn.run(built, number)
            writer.add(replace(taken.sample, order=order), engines=taken.engines)
            _keep_worst(checks, (built.scenario.name, turn.way), taken.check)
    names = [built.scenario.name for built in wanted.scenarios]
    in_order = {(name, turn.way): checks[name, turn.way] for name in names for turn in turns}
    return Measured(writer.finish(load_after=load()), in_order)


def _counted_runs(
    wanted: Measurement, turns: Sequence[Turn], on_step: Callable[[Step], None]
) -> Iterator[tuple[BuiltScenario, Turn, int]]:
    """What runs next, warm-ups done; every round in an order of its own."""
    warm_ups = _warm_up_turns(turns)
    total = len(wanted.scenarios) * (len(warm_ups) + len(turns) * wanted.rounds)
    steps = itertools.count()
    chance = random.Random(_SEED)  # noqa: S311  a shuffle, no secret
    for built in wanted.scenarios:
        for turn in warm_ups:
            on_step(Step(next(steps), total, f"{built.scenario.name}: warm-up, {turn.way}"))
            turn.warm_up(built)
        for number in range(1, wanted.rounds + 1):
            for turn in chance.sample(list(turns), len(turns)):
                on_step(Step(next(steps), total, f"{built.scenario.name}: round {number}, {turn.way}"))
                yield built, turn, number
    on_step(Step(total, total, "done"))


def _warm_up_turns(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """One a backend or engine, the cheapest: what is cold is a process's imports, its colour map and the page cache."""
    cheapest: dict[str, Turn] = {}
    for turn in sorted(turns, key=lambda turn: _cost(turn.way)):
        cheapest.setdefault(turn.way.label, turn)
    return tuple(cheapest.values())


def _cost(way: AnyWay) -> int:
    scope = way.case("").scope
    return _BY_COST.index(scope) if scope in _BY_COST else len(_BY_COST)


def _keep_worst(
    checks: dict[tuple[str, AnyWay], FrameCheck], key: tuple[str, AnyWay], found: FrameCheck | None
) -> None:
    """Frames that were wrong in one round stay wrong."""
    if found is not None and (key not in checks or checks[key].is_right):
        checks[key] = found


def _opening(wanted: Measurement) -> RunRecord:
    options: dict[str, Any] = {
        "rounds": wanted.rounds,
        "sdr_mapping": wanted.options.sdr_mapping.value,
        "quality": wanted.options.quality,
        "workers": wanted.options.worker_count,
    }
    if wanted.engines.specs:
        own = [BUILT_IN] if wanted.ways else []
        options["engines"] = [*own, *(spec.name for spec in wanted.engines.specs)]
    return RunRecord(
        machine=machine_facts(),
        versions=versions(),
        options=options,
        fixtures={built.scenario.name: built.fixture_hash for built in wanted.scenarios},
        load_before=load(),
    )
