"""What ``hfbench run`` measures: scenarios on built-in backends and engines, side by side, in rounds."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from hfbench.bench.case import BUILT_IN, Case
from hfbench.bench.machine import load
from hfbench.bench.measure.decode_limit import DecodeLimit, decode_limit_cases
from hfbench.bench.measure.external import Engines, Work
from hfbench.bench.measure.in_process import InProcess, OnExtracted
from hfbench.bench.measure.opening import open_record
from hfbench.bench.measure.run_root import open_run_root
from hfbench.bench.measure.schedule import Group, Participant, Schedule, Step, results
from hfbench.model.options import ExtractOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from hfbench.bench.frame_check import FrameCheck
    from hfbench.bench.measure.run_root import RunRoot
    from hfbench.bench.protocol.client import EngineSpec
    from hfbench.bench.record import RunRecord, Sample
    from hfbench.bench.scenarios import BuiltScenario
    from hfbench.model.cancellation import CancelToken

#: Any fixed number. The order inside a round is random, so that no case always goes first, and reproducible.
_SEED: Final = 20260423
_BY_COST: Final = ("fused", "segment", "source")


@dataclass(frozen=True, slots=True)
class Measurement:
    """What to measure.

    Attributes:
        cases: on built-in backends; there may be none where engines are given.
        rounds: counted runs of each case; an uncounted warm-up of each backend and engine goes before.
        options: everything that is not an axis (quality, mapping, workers).
        engines: further engines, behind the worker protocol.
        work: what these are asked for; where they have fixed axes, equivalent cases are run once.
        has_decode_limit: whether decoding alone is measured too, for the ratio to it.
        size: picture size that the fixtures were asked for in; None for each fixture's own.
    """

    scenarios: tuple[BuiltScenario, ...]
    cases: tuple[Case, ...]
    rounds: int
    options: ExtractOptions = field(default_factory=ExtractOptions)
    engines: tuple[EngineSpec, ...] = ()
    work: Work = field(default_factory=lambda: Work(cases=(), scenarios={}))
    has_decode_limit: bool = False
    size: str | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """A finished measurement.

    Attributes:
        cases: all that were run, scenario by scenario, in the order in which they were asked for.
        checks: whether the frames of a case were right; a case whose truth is not known is left out.
    """

    record: RunRecord
    cases: tuple[Case, ...]
    checks: Mapping[Case, FrameCheck]


def measure(
    wanted: Measurement,
    record_path: Path,
    *,
    token: CancelToken,
    on_step: Callable[[Step], None] = lambda _: None,
    on_extracted: OnExtracted = lambda *_: None,
) -> Measured:
    """Run everything that is wanted; the record on disk is whole after every run.

    The frames of each case are compared with the truth: all of them are read back in the first round, after the clock
    has stopped; those of engines are counted every time. ``on_extracted`` is called after each counted extraction
    of a built-in backend, including failed ones, when its clock has stopped.

    Raises:
        MeasurementError: a run failed, an engine did not answer as it should, or it was cancelled.
        OutputError: the record or the frames can't be written.
    """
    writer = open_record(record_path, wanted.scenarios, _options(wanted))
    scenarios = {built.scenario.name: built for built in wanted.scenarios}
    limit = DecodeLimit(scenarios, wanted.options.worker_count)
    bounds = decode_limit_cases(scenarios) if wanted.has_decode_limit else ()
    with open_run_root() as root, _started(wanted, root) as external:
        own = InProcess(scenarios, wanted.options, token, root, on_extracted)
        built_in = [Participant(own, case) for case in wanted.cases]
        participants = (*built_in, *external, *(Participant(limit, case) for case in bounds))
        groups = [Group(tuple(each for each in participants if each.case.scenario == name)) for name in scenarios]
        checks: dict[Case, FrameCheck] = {}
        schedule = Schedule(rounds=wanted.rounds, seed=_SEED)
        for outcomes in results(groups, schedule, warm_ups=cheapest_of_each, on_step=on_step):
            for each in outcomes:
                writer.add(each.sample, engines=each.engines)
                _keep_worst(checks, _case_of(each.sample), each.check)
    cases = tuple(each.case for group in groups for each in group.participants)
    in_order = {case: checks[case] for case in cases if case in checks}
    return Measured(writer.finish(load_after=load()), cases, in_order)


@contextmanager
def _started(wanted: Measurement, root: RunRoot) -> Iterator[tuple[Participant, ...]]:
    """Start the engines, and end them and whatever they started at the end; the cases are those they really run.

    Raises:
        EngineError: one of them does not start, or does not say who it is.
    """
    with Engines({spec.name: spec for spec in wanted.engines}, wanted.work, root) as engines:
        engines.restart()
        yield tuple(Participant(engines.subject(name), case) for name in engines.specs for case in engines.cases(name))


def cheapest_of_each(groups: Sequence[Group]) -> tuple[Participant, ...]:
    """Warm-ups: one for each scenario and backend or engine, in the cheapest scope.

    They load what is cold: imports, the colour map and the page cache.
    """
    found: dict[tuple[str, str], Participant] = {}
    for each in sorted((each for group in groups for each in group.participants), key=lambda each: _cost(each.case)):
        found.setdefault((each.case.scenario, each.case.subject), each)
    return tuple(found.values())


def _cost(case: Case) -> int:
    return _BY_COST.index(case.scope) if case.scope in _BY_COST else len(_BY_COST)


def _keep_worst(checks: dict[Case, FrameCheck], case: Case, found: FrameCheck | None) -> None:
    """Frames that were wrong in one round stay wrong."""
    if found is not None and (case not in checks or checks[case].is_right):
        checks[case] = found


def _case_of(sample: Sample) -> Case:
    return Case(sample.scenario, sample.backend, sample.scope, sample.format, sample.cache, engine=sample.engine)


def _options(wanted: Measurement) -> dict[str, Any]:
    options: dict[str, Any] = {
        "rounds": wanted.rounds,
        "sdr_mapping": wanted.options.sdr_mapping.value,
        "quality": wanted.options.quality,
        "workers": wanted.options.worker_count,
        "size": wanted.size,
    }
    if wanted.engines:
        own = [BUILT_IN] if wanted.cases else []
        options["engines"] = [*own, *(spec.name for spec in wanted.engines)]
    return options
