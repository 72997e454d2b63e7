"""What ``hfbench gate`` measures: two builds on one machine, in interleaved pairs until the rule has decided.

docs/gate.md describes the rule and its error rates. The order of the runs inside a pair is random (seeded); engines are
restarted every few pairs, because what a process gets by chance (its memory layout) would otherwise look like a
change.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from hfbench.bench.gate_defaults import PAIRS_PER_PROCESS, REPEATS
from hfbench.bench.judge.gate_rule import BASELINE, CANARY, CONTENDER, GateRule, judge_gate
from hfbench.bench.machine import load
from hfbench.bench.measure import revisions
from hfbench.bench.measure.environments import (
    PROGRAM,
    Environment,
    Project,
    build_both,
    differences,
    engine_arguments,
    engine_command,
    no_engine,
)
from hfbench.bench.measure.external import Engines, StartEngine, Work
from hfbench.bench.measure.run_root import open_run_root
from hfbench.bench.measure.schedule import Group, Participant, Schedule, results
from hfbench.bench.protocol.client import STEADY, EngineError, EngineProcess, EngineSpec
from hfbench.errors import UsageError

if TYPE_CHECKING:
    from hfbench.bench.case import Case
    from hfbench.bench.judge.comparison import Comparison
    from hfbench.bench.measure.installing import Install
    from hfbench.bench.record import RunRecord
    from hfbench.bench.record_writer import RecordWriter

#: A worker must import what is installed in its environment, never a tree that PYTHONPATH points at.
_ISOLATED: Final = {**STEADY, "PYTHONPATH": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class GateOptions:
    """How a gate measures, and the rule it is judged by.

    Attributes:
        rule: what decides, how many pairs there are at most, and how many canary pairs.
        seed: of the order of the runs.
        repeats: runs of each side inside one pair, in alternating order; the pair counts their medians. More runs for
            short scenarios: what the machine does to one run of 100 ms is not what it does to the next.
        pairs_per_process: pairs after which all engines are restarted and warmed up.
    """

    rule: GateRule = field(default_factory=GateRule)
    seed: int = 0
    repeats: int = REPEATS
    pairs_per_process: int = PAIRS_PER_PROCESS

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            UsageError: a share outside 0-1, no run in a pair, or no pair in a process.
        """
        self.schedule()

    def schedule(self) -> Schedule:
        """The order of runs that these options mean."""
        return Schedule(
            rounds=self.rule.most_pairs,
            seed=self.seed,
            repeats=self.repeats,
            canary_share=self.rule.canary_share,
            rounds_per_start=self.pairs_per_process,
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of a gate: the stage, pairs done and at most, and the comparison so far (None: still building)."""

    stage: str
    pairs: int = 0
    most_pairs: int = 0
    comparison: Comparison | None = None


OnProgress = Callable[[Progress], None]


def gate_revisions(
    project: Project,
    base: str,
    head: str,
    work: Work,
    options: GateOptions,
    *,
    writer: RecordWriter,
    on_progress: OnProgress,
    install: Install | None = None,
) -> Comparison:
    """Build two revisions, each in its own environment, and gate ``head`` (``.`` = as it is now).

    Both have the same versions of their dependencies; where that can't be, the record says what differs.

    Raises:
        UsageError: no such revision; nothing to measure; the project does not provide the engine.
        MachineError: no git program.
    """
    sides = [revisions.resolve(project.repository, asked) for asked in (base, head)]
    names = _two_names(sides[0].label, sides[1].label)
    try:
        built = build_both(project, sides[0], sides[1], lambda stage: on_progress(Progress(stage)), install)
    except revisions.BuildError as error:
        writer.declare(rule=_rule(options, *names, work).to_json())
        writer.fail(error)
        return judge_gate(writer.finish(load_after=load()))
    differing = differences(*built)
    if differing:
        writer.note(f"dependencies differ between the sides, and may be what is measured: {', '.join(differing)}")
    commands = [engine_command(project, revision) for revision in sides]
    specs = [
        _spec(name, revision, environment, command or next(filter(None, commands), ""))
        for name, revision, environment, command in zip(names, sides, built, commands, strict=True)
    ]
    return gate(specs[0], specs[1], work, options, writer=writer, on_progress=on_progress)


def _spec(name: str, revision: revisions.Revision, built: Environment, command: str) -> EngineSpec:
    """The engine of a revision: the declared one, or hfbench's own.

    Raises:
        UsageError: neither.
    """
    if command:
        path = os.pathsep.join((str(built.programs), os.environ.get("PATH", os.defpath)))
        variables = {**_ISOLATED, "PATH": path}
        return EngineSpec(name, engine_arguments(command, built), variables, revision.reported, str(built.source))
    if not built.provides(PROGRAM):
        raise UsageError(no_engine(revision))
    return EngineSpec(name, (str(built.programs / PROGRAM), "worker"), _ISOLATED, revision.reported)


def gate(
    base: EngineSpec,
    contender: EngineSpec,
    work: Work,
    options: GateOptions,
    *,
    writer: RecordWriter,
    on_progress: OnProgress,
    start: StartEngine = EngineProcess,
) -> Comparison:
    """Measure two engines in pairs until every case is decided; every sample is on disk as soon as it is taken.

    A failing engine ends the gate as COULD_NOT_MEASURE (a regression already shown stays FAIL). An interruption
    passes through; the record then stays marked as interrupted, with all that was measured.

    Raises:
        UsageError: nothing to measure, or both engines have one name.
    """
    _check(base, contender, work)
    specs = {BASELINE: base, CONTENDER: contender} | ({CANARY: base} if options.rule.canary_share else {})
    rule = _rule(options, base.name, contender.name, work)
    writer.declare(rule=rule.to_json())
    with open_run_root() as root, Engines(specs, work, root, start=start) as engines:
        try:
            engines.restart()
            # An engine may have fixed what the cases differ in.
            _measure(engines, replace(work, cases=engines.distinct()), options, writer, on_progress)
        except EngineError as error:
            writer.fail(error)
    return judge_gate(writer.finish(load_after=load()))


def _measure(engines: Engines, work: Work, options: GateOptions, writer: RecordWriter, on_progress: OnProgress) -> None:
    names = (engines.specs[BASELINE].name, engines.specs[CONTENDER].name)
    rule = _rule(options, *names, work)
    writer.declare(rule=rule.to_json())
    turns = results(
        [_group(engines, case) for case in work.cases],
        options.schedule(),
        start=engines.restart,
        is_decided=partial(_is_decided, engines, writer, rule),
    )
    for outcomes in turns:
        writer.add(*(each.sample for each in outcomes), engines=engines.facts())
        on_progress(_progress(writer.record, rule, len(work.cases)))


def _is_decided(engines: Engines, writer: RecordWriter, rule: GateRule, group: Group) -> bool:
    case = engines.really(BASELINE, group.participants[0].case)
    return judge_gate(writer.record, rule).is_decided(case.across(rule.across))


def _two_names(base: str, contender: str) -> tuple[str, str]:
    """Two names for the sides, also where a revision is compared with itself to see what the gate says of no change."""
    return base, f"{contender}, once more" if contender == base else contender


def _rule(options: GateOptions, base: str, contender: str, work: Work) -> GateRule:
    return replace(options.rule, names=(base, contender), cases=len(work.cases))


def _group(engines: Engines, case: Case) -> Group:
    """A pair and, where there is a canary, the baseline paired with a second process of the same build."""
    subjects = {role: engines.subject(role) for role in engines.specs}
    pair = tuple(Participant(subjects[role], case, role) for role in (BASELINE, CONTENDER))
    if CANARY not in subjects:
        return Group(pair)
    canary = (
        Participant(subjects[BASELINE], case, f"{CANARY}-a"),
        Participant(subjects[CANARY], case, f"{CANARY}-b"),
    )
    return Group(pair, canary)


def _progress(record: RunRecord, rule: GateRule, cases: int) -> Progress:
    pairs = sum(1 for sample in record.samples if sample.role == CONTENDER)
    return Progress("measuring", pairs, rule.most_pairs * cases, judge_gate(record, rule))


def _check(base: EngineSpec, contender: EngineSpec, work: Work) -> None:
    if not work.cases:
        raise UsageError("nothing to measure: name at least one scenario")
    if base.name == contender.name:
        raise UsageError(f"both engines are called {base.name!r}; give them two names")
