"""Engines behind the worker protocol, measured on scenarios by the rig of the gate and of line-ups."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from hfbench.bench.frame_check import FrameCheck, count_frames
from hfbench.bench.measure.rig import Rig, Work
from hfbench.bench.measure.ways import BUILT_IN, EngineWay, Taken
from hfbench.bench.measure.workload import Axes, work_of
from hfbench.bench.protocol.client import RUN_SECONDS, EngineSpec
from hfbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hfbench.bench.record import Sample
    from hfbench.bench.scenarios import BuiltScenario

_NOTHING: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class Engines:
    """Engines to measure, and what to ask them for.

    Attributes:
        axes: what is asked; an axis that an engine has fixed stays fixed, and is run once.
        options: what else goes to them (``quality``, ...).
        limit_seconds: for one run of one scenario.
    """

    specs: tuple[EngineSpec, ...] = ()
    axes: Axes = field(default_factory=Axes)
    options: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    limit_seconds: float = RUN_SECONDS


def parse_engines(texts: Sequence[str], backends: Sequence[str]) -> tuple[EngineSpec, ...]:
    """Read ``NAME=COMMAND`` of every engine that is measured beside these built-in ``backends``.

    Raises:
        UsageError: no name or no command; a name that another engine or a backend of the same run has.
    """
    taken = {BUILT_IN, *backends} if backends else set()
    specs = tuple(EngineSpec.parse(text) for text in texts)
    for spec in specs:
        if spec.name in taken:
            raise UsageError(
                f"two things in this run are called {spec.name!r}; give the engine another name: --engine NAME=COMMAND"
            )
        taken.add(spec.name)
    return specs


@contextmanager
def started(engines: Engines, scenarios: Sequence[BuiltScenario]) -> Iterator[tuple[EngineTurn, ...]]:
    """Start the engines, and end them and whatever they started at the end; the turns are the ways they can run.

    Raises:
        EngineError: one of them does not start, or does not say who it is.
    """
    with Rig({spec.name: spec for spec in engines.specs}, limit_seconds=engines.limit_seconds) as rig:
        rig.restart(())
        yield tuple(turn for spec in engines.specs for turn in _turns(rig, spec.name, engines, scenarios))


@dataclass(frozen=True, slots=True)
class EngineTurn:
    """A :class:`~hfbench.bench.measure.ways.Turn` of an engine; ``work`` is what it is asked for, by scenario."""

    way: EngineWay
    rig: Rig
    work: Mapping[str, Work]

    def warm_up(self, built: BuiltScenario) -> None:
        """Run once, uncounted.

        Raises:
            EngineError: the engine did not answer as it should.
        """
        self.rig.warm_up(self.way.engine, self.work[built.scenario.name])

    def run(self, built: BuiltScenario, number: int) -> Taken:
        """One counted run; frames are counted every time, as the engine tells them and as files.

        Raises:
            EngineError: the engine did not answer as it should.
        """
        sample = self.rig.measure(self.way.engine, self.work[built.scenario.name], number=number)
        return Taken(sample, _counted(built, sample), self.rig.facts())


def _turns(rig: Rig, seat: str, engines: Engines, scenarios: Sequence[BuiltScenario]) -> Iterator[EngineTurn]:
    """One turn a way that the engine really has: work that comes to the same on its fixed axes is asked for once."""
    by_way: dict[EngineWay, dict[str, Work]] = {}
    for work in work_of(scenarios, engines.axes, engines.options):
        case = rig.case(seat, work)
        by_way.setdefault(EngineWay(seat, **case.axes()), {}).setdefault(case.scenario, work)
    for way, by_scenario in by_way.items():
        yield EngineTurn(way, rig, by_scenario)


def _counted(built: BuiltScenario, sample: Sample) -> FrameCheck:
    return count_frames(built, sample.frames, sample.files or 0)
