"""Measures how cost grows: every point of every axis once per round. A run that was stopped can be continued."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from hfbench.bench.case import Case
from hfbench.bench.machine import load
from hfbench.bench.measure.in_process import InProcess
from hfbench.bench.measure.opening import open_record
from hfbench.bench.measure.run_root import open_run_root
from hfbench.bench.measure.schedule import Group, Participant, Schedule, Step, results
from hfbench.bench.record_reader import load_record
from hfbench.bench.record_writer import RecordWriter
from hfbench.errors import MeasurementError, UsageError
from hfbench.model.options import ExtractOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from hfbench.bench.measure.run_root import RunRoot
    from hfbench.bench.measure.schedule import RunOutcome
    from hfbench.bench.record import RunRecord, Sample
    from hfbench.bench.scale_axes import ScaleAxis
    from hfbench.bench.scenarios import BuiltScenario
    from hfbench.model.cancellation import CancelToken

_SEED: Final = 20260423


@dataclass(frozen=True, slots=True)
class ScaleMeasurement:
    """What to measure.

    Attributes:
        axes: the points of each.
        scenarios: the built scenario of each point, by name.
        rounds: counted runs of each point; an uncounted one goes before.
        backend: ``libav`` or ``ffmpeg``.
        options: everything else about the extractions but the workers, which a point sets.
    """

    axes: tuple[ScaleAxis, ...]
    scenarios: Mapping[str, BuiltScenario]
    rounds: int
    backend: str = "libav"
    options: ExtractOptions = field(default_factory=ExtractOptions)


def measure_scale(
    wanted: ScaleMeasurement,
    record_path: Path,
    *,
    token: CancelToken,
    on_step: Callable[[Step], None] = lambda _: None,
) -> RunRecord:
    """Measure what the record at ``record_path`` does not hold yet; it is whole after every run.

    Raises:
        MeasurementError: a run failed, gave wrong frames, or was cancelled.
        OutputError: the record or the frames can't be written.
        RecordError: ``record_path`` is not a record.
        UsageError: ``record_path`` is a record of something else.
    """
    writer = _writer(wanted, record_path)
    with open_run_root() as root:
        _measure_missing(wanted, writer, _participants(wanted, token, root), on_step)
    return writer.finish(load_after=load())


def _participants(wanted: ScaleMeasurement, token: CancelToken, root: RunRoot) -> list[Participant]:
    """Every point of every axis."""
    return [
        Participant(
            InProcess(wanted.scenarios, replace(wanted.options, workers=point.workers), token, root),
            Case(point.scenario.name, backend=wanted.backend),
        )
        for axis in wanted.axes
        for point in axis.points
    ]


def _measure_missing(
    wanted: ScaleMeasurement,
    writer: RecordWriter,
    participants: Sequence[Participant],
    on_step: Callable[[Step], None],
) -> None:
    """Run what the record does not hold, one round after the other."""
    warm: set[Case] = set()

    def cold(groups: Sequence[Group]) -> tuple[Participant, ...]:
        return tuple(each for group in groups for each in group.participants if each.case not in warm)

    for number in range(1, wanted.rounds + 1):
        measured = {sample.scenario for sample in writer.record.samples if sample.round == number}
        groups = [Group((each,)) for each in participants if each.case.scenario not in measured]
        if groups:
            schedule = Schedule(rounds=1, seed=_SEED + number)
            for (outcome,) in results(groups, schedule, warm_ups=cold, on_step=on_step):
                writer.add(_right(outcome, number))
        warm.update(each.participants[0].case for each in groups)


def _right(outcome: RunOutcome, number: int) -> Sample:
    """The sample of an outcome in its round.

    Raises:
        MeasurementError: its frames were wrong.
    """
    if outcome.check is not None and not outcome.check.is_right:
        raise MeasurementError(f"{outcome.sample.scenario}: wrong frames: {outcome.check.first_wrong}")
    return replace(outcome.sample, round=number)


def _writer(wanted: ScaleMeasurement, path: Path) -> RecordWriter:
    """A new record, or the existing one if it was opened for the same measurement."""
    options = {
        "scale": {axis.name: {point.scenario.name: point.position for point in axis.points} for axis in wanted.axes},
        "backend": wanted.backend,
        "quality": wanted.options.quality,
    }
    fixtures = {name: built.fixture_hash for name, built in wanted.scenarios.items()}
    if not path.exists():
        return open_record(path, wanted.scenarios.values(), options)
    record = load_record(path)
    if dict(record.options) != options or dict(record.fixtures) != fixtures:
        raise UsageError(f"{path} holds another measurement: name a new file with --record, or use the same options")
    return RecordWriter(path, record)
