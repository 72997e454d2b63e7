"""The gate: two builds on one machine, measured in interleaved pairs until the rule has decided.

docs/gate.md describes the rule and its error rates. The order of the runs inside a pair is random (seeded); engines are
started afresh every few pairs, because what a process gets by chance (its memory layout) would otherwise look like a
change.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from hfbench.bench.judge.comparability import Side
from hfbench.bench.judge.compare import Comparison, Pairing, Terms, TimeMetric, canary_of, compare, time_metrics
from hfbench.bench.judge.verdict import CouldNotMeasure, Verdict, combine
from hfbench.bench.machine import load
from hfbench.bench.measure import revisions
from hfbench.bench.measure.rig import Rig, StartEngine, Work
from hfbench.bench.protocol.client import RUN_SECONDS, STEADY, EngineError, EngineProcess, EngineSpec
from hfbench.bench.record import Sample, merged
from hfbench.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from hfbench.bench.judge.budgets import Budget
    from hfbench.bench.record import RecordWriter, RunRecord

#: Roles of samples in a gate's record; the canary's are ``canary-a`` and ``canary-b``.
BASELINE: Final = "baseline"
CONTENDER: Final = "contender"
CANARY: Final = "canary"

#: A worker must import what is installed in its environment, never a tree that PYTHONPATH points at.
_ISOLATED: Final = MappingProxyType({**STEADY, "PYTHONPATH": ""})


def up_to(times: Iterable[TimeMetric], most_pairs: int | None) -> tuple[TimeMetric, ...]:
    """The same metrics with no look after ``most_pairs`` (None: all looks); the error rates are kept.

    Raises:
        UsageError: not even the first look is left.
    """
    limited = []
    for metric in times:
        looks = tuple(look for look in metric.rule.looks if most_pairs is None or look <= most_pairs)
        if not looks:
            raise UsageError(
                f"{most_pairs} pairs are too few to decide anything: the first look is at {metric.rule.looks[0]}"
            )
        limited.append(replace(metric, rule=replace(metric.rule, looks=looks)))
    return tuple(limited)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateOptions:
    """How a gate measures.

    Attributes:
        times: noisy metrics and their rules; their looks say how many pairs at most.
        budgets: declared limits and allowances.
        across: axes in which the two engines differ on purpose.
        seed: of the order of the runs.
        canary_share: canary pairs for each real one. One half gives 8 at the first look, the least that can fail.
        repeats: runs of each side inside one pair, in alternating order; the pair counts their medians. More runs for
            short scenarios: what the machine does to one run of 100 ms is not what it does to the next.
        pairs_per_process: pairs after which all engines are started afresh and warmed up.
        limit_seconds: for one run of one scenario.
    """

    times: tuple[TimeMetric, ...] = field(default_factory=time_metrics)
    budgets: tuple[Budget, ...] = ()
    across: frozenset[str] = frozenset()
    seed: int = 0
    canary_share: float = 0.5
    repeats: int = 1
    pairs_per_process: int = 5
    limit_seconds: float = RUN_SECONDS

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            UsageError: a share outside 0-1, no run in a pair, or no pair in a process.
        """
        if not 0 <= self.canary_share <= 1 or self.pairs_per_process < 1 or self.repeats < 1:
            raise UsageError(f"canary share must be 0 to 1, repeats and pairs per process 1 or more, not {self}")

    @property
    def most_pairs(self) -> int:
        """Pairs after which every verdict is final."""
        return max(metric.rule.looks[-1] for metric in self.times if metric.is_blocking)


@dataclass(frozen=True, slots=True)
class Progress:
    """What is going on: a stage in words, pairs done and at most, and the comparison so far (None while building)."""

    stage: str
    pairs: int = 0
    most_pairs: int = 0
    comparison: Comparison | None = None


Tell = Callable[[Progress], None]
#: ``measure(seat, role=...)``: one counted run.
Measure = Callable[..., Sample]


def gate_revisions(
    repository: Path,
    base: str,
    head: str,
    work: Sequence[Work],
    options: GateOptions,
    *,
    store: Path,
    writer: RecordWriter,
    tell: Tell,
    program: str = "hfbench",
    install: revisions.Install = revisions.pip_install,
) -> Comparison:
    """Build two revisions, each in its own environment under ``store``, and gate ``head`` (``.`` = as it is now).

    Raises:
        UsageError: no such revision; nothing to measure.
        MachineError: no git program.
    """
    sides = [revisions.resolve(repository, asked) for asked in (base, head)]
    try:
        folders = [
            revisions.environment(repository, revision, store, lambda words: tell(Progress(words)), install)
            for revision in sides
        ]
    except revisions.BuildError as error:
        writer.note(error.message, error.diagnostic)
        writer.finish(load_after=load())
        return _not_measured(sides[0].label, sides[1].label, error.message)
    specs = [
        EngineSpec(revision.label, (str(folder / program), "worker"), _ISOLATED)
        for revision, folder in zip(sides, folders, strict=True)
    ]
    return gate(specs[0], specs[1], work, options, writer=writer, tell=tell)


def gate(
    base: EngineSpec,
    contender: EngineSpec,
    work: Sequence[Work],
    options: GateOptions,
    *,
    writer: RecordWriter,
    tell: Tell,
    start: StartEngine = EngineProcess,
) -> Comparison:
    """Measure two engines in pairs until every case is decided; every sample is on disk as soon as it is taken.

    Trouble with an engine ends the gate as COULD_NOT_MEASURE (a regression already shown stays FAIL). An interruption
    passes through; the record then stays marked as interrupted, with all that was measured.

    Raises:
        UsageError: nothing to measure, or both engines have one name.
    """
    _check(base, contender, work)
    seats = {BASELINE: base, CONTENDER: contender} | ({CANARY: base} if options.canary_share else {})
    names = (base.name, contender.name)
    trouble: tuple[str, ...] = ()
    with Rig(seats, start=start, limit_seconds=options.limit_seconds) as rig:
        try:
            for samples in _turns(rig, work, options, lambda: judge_record(writer.record, names, len(work), options)):
                writer.add(*samples, engines=rig.facts())
                tell(_progress(writer.record, names, work, options))
        except EngineError as error:
            trouble = (error.message,)
            writer.note(*trouble, error.diagnostic)
    record = writer.finish(load_after=load())
    outcome = judge_record(record, names, len(work), options)
    return replace(outcome, verdict=_with_trouble(outcome.verdict, trouble)) if trouble else outcome


def judge_record(record: RunRecord, names: tuple[str, str], cases: int, options: GateOptions) -> Comparison:
    """What the gate's rule says of a gate's record, finished or not: the same samples give the same verdict.

    ``cases`` is how many there were to measure: they share the rule's error rate.
    """
    base, contender = (
        Side(name, _with_role(record, role), record.fixtures, record.machine)
        for name, role in zip(names, (BASELINE, CONTENDER), strict=True)
    )
    terms = Terms(
        times=options.times,
        budgets=options.budgets,
        pairing=Pairing.LIVE,
        across=options.across,
        family=cases * sum(metric.is_blocking for metric in options.times),
    )
    canary = canary_of(_with_role(record, f"{CANARY}-a"), _with_role(record, f"{CANARY}-b"), budgets=options.budgets)
    return compare(base, contender, terms, canary if options.canary_share else None)


def _turns(
    rig: Rig, work: Sequence[Work], options: GateOptions, outcome: Callable[[], Comparison]
) -> Iterable[tuple[Sample, Sample]]:
    """Pairs, one after the other, each over two samples next to each other in time, until all is decided."""
    order = random.Random(options.seed)  # noqa: S311  an order of runs, no secret
    waiting = list(work)
    for pair in range(1, options.most_pairs + 1):
        if (pair - 1) % options.pairs_per_process == 0:
            rig.restart(waiting)
        order.shuffle(waiting)
        for each in waiting:
            measure = partial(rig.measure, work=each, number=pair)
            if _is_canary_turn(pair, options.canary_share):
                yield _pair(measure, {BASELINE: f"{CANARY}-a", CANARY: f"{CANARY}-b"}, order, options.repeats)
            yield _pair(measure, {BASELINE: BASELINE, CONTENDER: CONTENDER}, order, options.repeats)
        so_far = outcome()
        waiting = [each for each in waiting if not so_far.is_decided(rig.case(BASELINE, each).across(options.across))]
        if not waiting:
            return


def _pair(measure: Measure, roles: dict[str, str], order: random.Random, repeats: int) -> tuple[Sample, Sample]:
    """Both sides' samples; the order turns round with every repeat, so that a drift inside the pair cancels out."""
    seats = order.sample(list(roles), len(roles))
    taken: dict[str, list[Sample]] = {seat: [] for seat in seats}
    for number in range(repeats):
        for seat in seats[:: -1 if number % 2 else 1]:
            taken[seat].append(measure(seat, role=roles[seat]))
    first, second = (merged(runs) for runs in taken.values())
    return first, second


def _is_canary_turn(pair: int, share: float) -> bool:
    """Spread evenly, and one in the first pair: counters that vary by themselves must show before they are judged."""
    return math.ceil(share * pair) > math.ceil(share * (pair - 1))


def _progress(record: RunRecord, names: tuple[str, str], work: Sequence[Work], options: GateOptions) -> Progress:
    pairs = sum(1 for sample in record.samples if sample.role == CONTENDER)
    outcome = judge_record(record, names, len(work), options)
    return Progress("measuring", pairs, options.most_pairs * len(work), outcome)


def _with_role(record: RunRecord, role: str) -> tuple[Sample, ...]:
    return tuple(sample for sample in record.samples if sample.role == role)


def _with_trouble(verdict: Verdict, trouble: tuple[str, ...]) -> Verdict:
    return combine((verdict, CouldNotMeasure(trouble)))


def _not_measured(base: str, contender: str, reason: str) -> Comparison:
    return Comparison(base, contender, (), (), None, (), CouldNotMeasure((reason,)))


def _check(base: EngineSpec, contender: EngineSpec, work: Sequence[Work]) -> None:
    if not work:
        raise UsageError("nothing to measure: name at least one scenario")
    if base.name == contender.name:
        raise UsageError(f"both engines are called {base.name!r}; give them two names")
