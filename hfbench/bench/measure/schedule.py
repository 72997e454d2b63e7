"""One schedule for everything that measures: what runs next, in which order, and for how long.

Runs that are compared with each other form a group, and are made one right after the other. In every round
the groups, and inside each group its participants, come in a random (seeded) order, so that neither a drift of the
machine nor the order itself favours one of them. ``run`` and ``compare`` run a number of rounds that was fixed
beforehand; ``gate`` has pairs, and checks after each round which cases need no more of them.
"""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Protocol

from hfbench.bench.record import Sample, merged
from hfbench.errors import UsageError
from hfbench.model.metrics import is_counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from hfbench.bench.case import Case
    from hfbench.bench.frame_check import FrameCheck

_NO_FACTS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """What one counted run gave.

    Attributes:
        sample: what was measured; the schedule fills in round, order and role.
        check: whether its frames are right; None where they were not checked, or it is not known what they should be.
        engines: engine name -> what it reported about itself.
    """

    sample: Sample
    check: FrameCheck | None = None
    engines: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: _NO_FACTS)


class Subject(Protocol):
    """Anything that can run a case: a backend in this process, an engine behind the worker protocol."""

    def warm_up(self, case: Case) -> Sample:
        """Run once, uncounted; what was measured is only compared with the run after it.

        Raises:
            MeasurementError: the run failed, or was cancelled.
        """

    def run(self, case: Case, *, is_checked: bool) -> RunOutcome:
        """One counted run; with ``is_checked`` its frames are compared with the truth after the clock has stopped.

        Raises:
            MeasurementError: the run failed, or was cancelled.
        """


@dataclass(frozen=True, slots=True)
class Participant:
    """A subject on a case; ``role`` is what its samples are for."""

    subject: Subject
    case: Case
    role: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """What is compared with each other; ``canary`` is the baseline against itself."""

    participants: tuple[Participant, ...]
    canary: tuple[Participant, ...] = ()

    @property
    def everyone(self) -> tuple[Participant, ...]:
        """Each subject on each case once."""
        found = {(each.subject, each.case): each for each in (*self.participants, *self.canary)}
        return tuple(found.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How often and in which order.

    Attributes:
        rounds: of each group, at most.
        seed: of the order.
        repeats: runs of each participant inside one round, in alternating order; the round counts their medians.
        canary_share: canary pairs for each real one.
        rounds_per_start: rounds after which the subjects are restarted; None = they are started once.
    """

    rounds: int
    seed: int = 0
    repeats: int = 1
    canary_share: float = 0.0
    rounds_per_start: int | None = None

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            UsageError: a share outside 0-1, or less than one round, one run, or one round per start.
        """
        counts = (self.rounds, self.repeats, 1 if self.rounds_per_start is None else self.rounds_per_start)
        if min(counts) < 1 or not 0 <= self.canary_share <= 1:
            raise UsageError(
                f"canary share must be 0 to 1, rounds, repeats and pairs per process 1 or more, not {self}"
            )

    def has_canary(self, number: int) -> bool:
        """Whether this round has a canary pair.

        They are spread evenly, beginning with the first round, because counters that vary by themselves must be known
        before any judgement.
        """
        return math.ceil(self.canary_share * number) > math.ceil(self.canary_share * (number - 1))

    def is_start(self, number: int) -> bool:
        """Whether subjects are started (afresh) before this round."""
        return number == 1 if self.rounds_per_start is None else (number - 1) % self.rounds_per_start == 0


@dataclass(frozen=True, slots=True)
class Step:
    """How far a measurement is: ``done`` of at most ``total`` runs, and what runs next."""

    done: int
    total: int
    what: str


def every_participant(groups: Sequence[Group]) -> tuple[Participant, ...]:
    """Warm-ups: every subject on every case that it has still to run."""
    return tuple(each for group in groups for each in group.everyone)


def results(
    groups: Sequence[Group],
    schedule: Schedule,
    *,
    start: Callable[[], None] = lambda: None,
    warm_ups: Callable[[Sequence[Group]], Sequence[Participant]] = every_participant,
    is_decided: Callable[[Group], bool] = lambda _: False,
    on_step: Callable[[Step], None] = lambda _: None,
) -> Iterator[tuple[RunOutcome, ...]]:
    """The outcomes of each group's turn, one turn after the other, as soon as it is over.

    Args:
        groups: what is measured.
        schedule: how often, in which order.
        start: starts all subjects (again); None where they need no start.
        warm_ups: what runs uncounted after each start.
        is_decided: asked after every round, for each group: True = it needs no more rounds.
        on_step: called with what runs next.
    """
    order = random.Random(schedule.seed)  # noqa: S311  an order of runs, no secret
    waiting = list(groups)
    progress = _Progress(groups, schedule, len(warm_ups(groups)), on_step)
    warm: dict[tuple[Subject, Case], Sample] = {}
    for number in range(1, schedule.rounds + 1):
        if schedule.is_start(number):
            start()
            for each in warm_ups(waiting):
                progress.tell(f"{each.case}: warm-up")
                warm[each.subject, each.case] = each.subject.warm_up(each.case)
        order.shuffle(waiting)
        for group in waiting:
            turns = (group.canary, group.participants) if schedule.has_canary(number) else (group.participants,)
            for participants in filter(None, turns):
                in_order = order.sample(participants, len(participants))
                outcomes = _turn(in_order, number, schedule, progress)
                yield tuple(
                    _beside(outcome, warm.pop((each.subject, each.case), None))
                    for each, outcome in zip(in_order, outcomes, strict=True)
                )
        waiting = [group for group in waiting if not is_decided(group)]
        if not waiting:
            break
    progress.end()


def _turn(
    participants: Sequence[Participant], number: int, schedule: Schedule, progress: _Progress
) -> tuple[RunOutcome, ...]:
    """One outcome per participant; the order is reversed with every repeat, so that a drift inside the turn cancels."""
    found: list[list[RunOutcome]] = [[] for _ in participants]
    indices = range(len(participants))
    for repeat in range(schedule.repeats):
        for index in indices[:: -1 if repeat % 2 else 1]:
            each = participants[index]
            progress.tell(f"{each.case}: round {number}")
            outcome = each.subject.run(each.case, is_checked=number == 1 and repeat == 0)
            sample = replace(outcome.sample, round=number, role=each.role, order=progress.next_place())
            found[index].append(replace(outcome, sample=sample))
    return tuple(_joined(runs) for runs in found)


def _beside(outcome: RunOutcome, warm_up: Sample | None) -> RunOutcome:
    """The outcome with the counters that had another value in the warm-up."""
    if warm_up is None:
        return outcome
    found = outcome.sample.metrics
    other = {
        name: value
        for name, value in warm_up.metrics.items()
        if is_counted(name) and value is not None and value != found.get(name)
    }
    return replace(outcome, sample=replace(outcome.sample, warm_up=other))


def _joined(runs: Sequence[RunOutcome]) -> RunOutcome:
    """One outcome for a few runs; frames that were wrong in one of them are wrong."""
    checks = [each.check for each in runs if each.check is not None]
    check = next((each for each in checks if not each.is_right), checks[0] if checks else None)
    sample = merged([each.sample for each in runs])
    return RunOutcome(replace(sample, wrong_frames=check.first_wrong if check else ""), check, runs[-1].engines)


class _Progress:
    """Counts runs; warm-ups after a later start are not among the total."""

    def __init__(
        self, groups: Sequence[Group], schedule: Schedule, warm_ups: int, on_step: Callable[[Step], None]
    ) -> None:
        runs = sum(len(group.participants) for group in groups) * schedule.rounds * schedule.repeats
        self._total = warm_ups + runs
        self._steps = itertools.count()
        self._places = itertools.count()
        self._on_step = on_step

    def tell(self, what: str) -> None:
        self._on_step(Step(min(next(self._steps), self._total), self._total, what))

    def next_place(self) -> int:
        """Place of a counted run in the whole, from 0."""
        return next(self._places)

    def end(self) -> None:
        self._on_step(Step(self._total, self._total, "done"))
