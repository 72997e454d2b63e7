"""The gate from end to end, with real child processes as engines."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hfbench.bench.judge.budgets import Budget
from hfbench.bench.judge.comparison import Comparison
from hfbench.bench.judge.gate_rule import GateRule, judge_gate
from hfbench.bench.judge.terms import time_metrics
from hfbench.bench.judge.verdict import CouldNotMeasure, Fail, Pass, Unsure
from hfbench.bench.measure.environments import Project
from hfbench.bench.measure.external import Work
from hfbench.bench.measure.gate import GateOptions, Progress, gate, gate_revisions
from hfbench.bench.measure.revisions import BuildError, OnStage, Revision
from hfbench.bench.protocol.client import EngineProcess, EngineSpec
from hfbench.bench.record import RunRecord
from hfbench.bench.record_reader import load_record
from hfbench.bench.record_writer import RecordWriter
from hfbench.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from hfbench.bench.protocol.messages import RunAnswer, RunRequest

FakeEngine = Callable[..., EngineSpec]
MakeWork = Callable[..., Work]
Run = Callable[..., Comparison]


def one_run(**rule: object) -> GateOptions:
    """A rule, and one run of each side in a pair: the fakes need no medians."""
    return GateOptions(rule=GateRule(**rule), repeats=1)  # type: ignore[arg-type]


ONE_RUN = one_run()


@pytest.fixture
def writer(tmp_path: Path) -> RecordWriter:
    return RecordWriter(tmp_path / "record.json", RunRecord(fixtures={"demo": "f" * 12, "other": "e" * 12}))


@pytest.fixture
def told() -> list[Progress]:
    return []


@pytest.fixture
def run_gate(writer: RecordWriter, told: list[Progress], make_work: MakeWork) -> Run:
    def run(base: EngineSpec, contender: EngineSpec, *scenarios: str, options: GateOptions | None = None) -> Comparison:
        work = make_work(*scenarios)
        return gate(base, contender, work, options or ONE_RUN, writer=writer, on_progress=told.append)

    return run


def test_nothing_changed(run_gate: Run, fake_engine: FakeEngine, writer: RecordWriter, told: list[Progress]) -> None:
    outcome = run_gate(fake_engine("old"), fake_engine("new", seed=1))
    assert isinstance(outcome.verdict, Pass)
    record = load_record(writer.path)
    assert not record.interrupted
    assert Counter(sample.role for sample in record.samples) == {
        "baseline": 15,
        "contender": 15,
        "canary-a": 8,
        "canary-b": 8,
    }
    assert record.engines["old"] == {"engine": "fake", "version": "1.0", "av": "18.1"}
    assert {sample.files for sample in record.samples} == {3}
    assert [sample.order for sample in record.samples] == list(range(46))
    first_of_pair = [sample.role for sample in record.samples if not sample.role.startswith("canary")][::2]
    assert set(first_of_pair) == {"baseline", "contender"}
    assert told[-1].pairs == 15
    assert told[-1].comparison is not None
    assert told[-1].comparison.verdict == outcome.verdict


def test_slower(run_gate: Run, fake_engine: FakeEngine) -> None:
    outcome = run_gate(fake_engine("old"), fake_engine("new", cpu=110.0))
    assert isinstance(outcome.verdict, Fail)
    assert "cpuMs" in outcome.verdict.reasons[0]


def test_more_work_fails_at_the_first_pair(run_gate: Run, fake_engine: FakeEngine, writer: RecordWriter) -> None:
    more = {"framesDecoded": 900, "processesSpawned": 0}
    outcome = run_gate(fake_engine("old"), fake_engine("new", counters=more))
    assert isinstance(outcome.verdict, Fail)
    assert "framesDecoded went from 60 to 900" in outcome.verdict.reasons[0]
    assert sum(sample.role == "contender" for sample in writer.record.samples) == 1


def test_a_budget(run_gate: Run, fake_engine: FakeEngine) -> None:
    options = one_run(budgets=(Budget("demo", "videoExtractMs", below=50),))
    outcome = run_gate(fake_engine("old"), fake_engine("new"), options=options)
    assert isinstance(outcome.verdict, Fail)
    assert "its budget is below 50" in outcome.verdict.reasons[0]


def test_cases_that_come_to_the_same_on_both_engines_are_measured_once(
    fake_engine: FakeEngine, make_work: MakeWork, writer: RecordWriter
) -> None:
    """Kind: an engine with a scope of its own could not be gated at all: the gate asks for two scopes by default."""
    work = make_work()
    (case,) = work.cases
    asked = replace(work, cases=(case, replace(case, scope="source")))
    engines = [fake_engine(name, axes={"scope": "whole", "backend": "program"}) for name in ("old", "new")]
    outcome = gate(*engines, asked, ONE_RUN, writer=writer, on_progress=lambda _: None)
    assert isinstance(outcome.verdict, Pass)
    assert {(sample.backend, sample.scope) for sample in writer.record.samples} == {("program", "whole")}
    assert sum(sample.role == "contender" for sample in writer.record.samples) == 15


def test_a_decided_scenario_is_not_measured_further(
    run_gate: Run, fake_engine: FakeEngine, writer: RecordWriter
) -> None:
    outcome = run_gate(fake_engine("old"), fake_engine("new"), "demo", "other")
    assert isinstance(outcome.verdict, Pass)
    assert Counter(s.scenario for s in writer.record.samples if s.role == "contender") == {"demo": 15, "other": 15}
    turns = [s.scenario for s in sorted(writer.record.samples, key=lambda s: s.order)]
    assert len(list(itertools.groupby(turns))) > 10  # interleaved, not one block after the other


def test_undecided_to_the_last_look(run_gate: Run, fake_engine: FakeEngine, writer: RecordWriter) -> None:
    outcome = run_gate(fake_engine("old", spread=0.35), fake_engine("new", spread=0.35, seed=5, cpu=103.0))
    assert isinstance(outcome.verdict, Unsure)
    assert "would have been seen" in outcome.verdict.reasons[0]
    assert sum(sample.role == "contender" for sample in writer.record.samples) == 60


def test_the_same_seed_gives_the_same_order(fake_engine: FakeEngine, make_work: MakeWork, tmp_path: Path) -> None:
    def order(name: str, seed: int) -> list[str]:
        writer = RecordWriter(tmp_path / name, RunRecord(fixtures={"demo": "f" * 12}))
        specs = fake_engine("old"), fake_engine("new")
        gate(*specs, make_work(), GateOptions(repeats=1, seed=seed), writer=writer, on_progress=lambda _: None)
        return [sample.role for sample in sorted(writer.record.samples, key=lambda sample: sample.order)]

    assert order("a", 1) == order("b", 1) != order("c", 2)


def test_engines_are_started_afresh_and_warmed_up_uncounted(
    writer: RecordWriter, fake_engine: FakeEngine, make_work: MakeWork
) -> None:
    started: list[str] = []

    def start(spec: EngineSpec) -> EngineProcess:
        started.append(spec.name)
        return EngineProcess(spec)

    options = GateOptions(rule=GateRule(canary_share=0), repeats=1, pairs_per_process=5)
    specs = fake_engine("old"), fake_engine("new")
    outcome = gate(*specs, make_work(), options, writer=writer, on_progress=lambda _: None, start=start)
    assert started == ["old", "new"] * 3
    assert outcome.canary is None
    assert len(writer.record.samples) == 30


def test_repeats_alternate_inside_a_pair(writer: RecordWriter, fake_engine: FakeEngine, make_work: MakeWork) -> None:
    asked: list[str] = []

    class Noted(EngineProcess):
        def run(self, request: RunRequest, *, limit_seconds: float = 9) -> RunAnswer:
            asked.append(self.spec.name)
            return super().run(request, limit_seconds=limit_seconds)

    options = GateOptions(rule=GateRule(canary_share=0), repeats=4)
    outcome = gate(
        fake_engine("old"),
        fake_engine("new"),
        make_work(),
        options,
        writer=writer,
        on_progress=lambda _: None,
        start=Noted,
    )
    assert isinstance(outcome.verdict, Pass)
    assert len(writer.record.samples) == 30
    assert {sample.runs for sample in writer.record.samples} == {4}
    first_pair = asked[2:10]
    assert first_pair[:4] in (["old", "new", "new", "old"], ["new", "old", "old", "new"])
    assert first_pair[4:] == first_pair[:4]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"mode": "die", "after": 4}, "disk is on fire"),
        ({"mode": "garbage"}, "not a JSON line"),
        ({"mode": "refuse"}, "no png16 here"),
        ({"protocol": "hfbench-worker/7"}, "hfbench-worker/7"),
    ],
)
def test_an_engine_in_trouble(
    run_gate: Run, fake_engine: FakeEngine, writer: RecordWriter, config: dict[str, object], words: str
) -> None:
    outcome = run_gate(fake_engine("old"), fake_engine("new", **config))
    assert isinstance(outcome.verdict, CouldNotMeasure)
    assert words in "".join(outcome.verdict.reasons)
    record = load_record(writer.path)
    assert words in record.notes[0]
    assert not record.interrupted


def test_a_shown_regression_stays_one_when_an_engine_dies_later(
    run_gate: Run, fake_engine: FakeEngine, writer: RecordWriter
) -> None:
    more = {"framesDecoded": 900, "processesSpawned": 0}
    # Two warm-ups and the first scenario's pair, then death.
    outcome = run_gate(fake_engine("old"), fake_engine("new", counters=more, mode="die", after=3), "demo", "other")
    assert isinstance(outcome.verdict, Fail)
    assert "disk is on fire" in writer.record.notes[0]


def test_an_engine_that_hangs(writer: RecordWriter, make_work: MakeWork, fake_engine: FakeEngine) -> None:
    sides = fake_engine("old"), fake_engine("new", mode="hang", after=1)
    outcome = gate(*sides, make_work(limit_seconds=3), ONE_RUN, writer=writer, on_progress=lambda _: None)
    assert isinstance(outcome.verdict, CouldNotMeasure)
    assert "within 3 s" in outcome.verdict.reasons[-1]


def test_frame_counts_that_differ(run_gate: Run, fake_engine: FakeEngine, writer: RecordWriter) -> None:
    outcome = run_gate(fake_engine("old"), fake_engine("new", frames={"a": 2}))
    assert isinstance(outcome.verdict, CouldNotMeasure)
    assert "frame count" in outcome.verdict.reasons[0]
    assert sum(sample.role == "contender" for sample in writer.record.samples) == 1


def test_a_counter_that_is_another_one_in_each_process_voids_the_verdict(
    writer: RecordWriter, fake_engine: FakeEngine, make_work: MakeWork
) -> None:
    counters = iter(range(10**6))

    def start(spec: EngineSpec) -> EngineProcess:
        # Every process of the same build reports another number: the canary must notice.
        return EngineProcess(fake_engine(spec.name, counters={"filesOpened": next(counters)}))

    specs = fake_engine("old"), fake_engine("new")
    outcome = gate(*specs, make_work(), ONE_RUN, writer=writer, on_progress=lambda _: None, start=start)
    assert isinstance(outcome.verdict, CouldNotMeasure)
    assert "canary: demo [libav segment jpg]: filesOpened of the baseline differs" in outcome.verdict.reasons[0]


def test_an_interrupted_gate_leaves_a_readable_record(
    writer: RecordWriter, fake_engine: FakeEngine, make_work: MakeWork
) -> None:
    engines: list[EngineProcess] = []

    def start(spec: EngineSpec) -> EngineProcess:
        engines.append(EngineProcess(spec))
        return engines[-1]

    def interrupt(progress: Progress) -> None:
        if progress.pairs == 3:
            raise KeyboardInterrupt

    specs, work = (fake_engine("old"), fake_engine("new")), make_work()
    with pytest.raises(KeyboardInterrupt):
        gate(*specs, work, ONE_RUN, writer=writer, on_progress=interrupt, start=start)
    record = load_record(writer.path)
    assert record.interrupted
    assert sum(sample.role == "contender" for sample in record.samples) == 3
    assert isinstance(judge_gate(record).verdict, Unsure)
    assert all(engine._child.poll() is not None for engine in engines)


def test_a_saved_record_gives_the_verdict_again(run_gate: Run, fake_engine: FakeEngine, writer: RecordWriter) -> None:
    outcome = run_gate(fake_engine("old"), fake_engine("new", cpu=110.0))
    assert judge_gate(load_record(writer.path)) == outcome


def test_across_engines_that_fix_their_axes(run_gate: Run, fake_engine: FakeEngine, writer: RecordWriter) -> None:
    options = one_run(across=frozenset({"backend"}))
    other = fake_engine("theirs", axes={"backend": "hyperframes"}, counters={"framesDecoded": 900})
    outcome = run_gate(fake_engine("ours"), other, options=options)
    assert isinstance(outcome.verdict, Pass)
    assert {sample.backend for sample in writer.record.samples} == {"libav", "hyperframes"}


def test_engines_that_fix_their_axes_alike_stop_when_decided(
    run_gate: Run, fake_engine: FakeEngine, writer: RecordWriter
) -> None:
    axes = {"backend": "hyperframes", "scope": "segment"}
    outcome = run_gate(fake_engine("old", axes=axes), fake_engine("new", axes=axes, counters={"framesDecoded": 900}))
    assert isinstance(outcome.verdict, Fail)
    assert sum(sample.role == "contender" for sample in writer.record.samples) == 1


def test_engines_that_differ_without_being_asked_to(run_gate: Run, fake_engine: FakeEngine) -> None:
    outcome = run_gate(fake_engine("ours"), fake_engine("theirs", axes={"backend": "hyperframes"}))
    assert isinstance(outcome.verdict, CouldNotMeasure)
    assert "backend differs" in outcome.verdict.reasons[0]


def test_wall_time_can_block(run_gate: Run, fake_engine: FakeEngine) -> None:
    options = one_run(times=time_metrics({"cpu", "wall"}))
    outcome = run_gate(fake_engine("old"), fake_engine("new", wall=120.0), options=options)
    assert isinstance(outcome.verdict, Fail)
    assert "videoExtractMs" in outcome.verdict.reasons[0]


def test_wrong_use(fake_engine: FakeEngine, make_work: MakeWork, writer: RecordWriter) -> None:
    specs = fake_engine("same"), fake_engine("same")
    with pytest.raises(UsageError, match="two names"):
        gate(*specs, make_work(), ONE_RUN, writer=writer, on_progress=lambda _: None)
    with pytest.raises(UsageError, match="at least one scenario"):
        gate(*specs, Work(cases=(), scenarios={}), ONE_RUN, writer=writer, on_progress=lambda _: None)
    with pytest.raises(UsageError, match="canary share"):
        one_run(canary_share=2)


# --- revisions ---------------------------------------------------------------------------------------------------


def installed_as(source: Path, place: Path, revision: Revision, on_stage: OnStage) -> None:
    """An installer for tests: the revision's own engine.json configures the fake engine; no file = does not build."""
    config = source / "engine.json"
    if not config.exists():
        raise BuildError(f"{revision.label} does not build: engine.json is missing", diagnostic="line one\nline two")
    on_stage(f"{revision.label}: installing for a test")
    (place / "bin").mkdir(parents=True)
    program = place / "bin" / "hfbench"
    program.write_text((source / "program").read_text())
    program.chmod(0o755)


@pytest.fixture
def gated(
    project: Path,
    commit: Callable[..., str],
    writer: RecordWriter,
    told: list[Progress],
    make_work: MakeWork,
    tmp_path: Path,
    fake_engine: FakeEngine,
) -> Run:
    def write_engine(**config: object) -> None:
        (project / "engine.json").write_text(json.dumps(config))
        command = fake_engine("x", **config).command
        words = " ".join(f"'{word}'" for word in command)
        (project / "program").write_text(f'#!/bin/sh\n[ "$1" = worker ] && exec {words}\nexit 64\n')

    def run(
        base: dict[str, object],
        head: dict[str, object] | None,
        *,
        uncommitted: bool = False,
        asked: tuple[str, str] | None = None,
    ) -> Comparison:
        write_engine(**base)
        commit("base")
        write_engine(**(head or {}))
        if head is None:
            (project / "engine.json").unlink()
        if not uncommitted:
            commit("head")
        asked = asked or (("HEAD", ".") if uncommitted else ("HEAD~1", "HEAD"))
        return gate_revisions(
            Project(project, tmp_path / "store"),
            *asked,
            make_work(),
            ONE_RUN,
            writer=writer,
            on_progress=told.append,
            install=installed_as,
        )

    return run


def test_a_revision_against_itself(gated: Run, writer: RecordWriter) -> None:
    """What everybody tries first: nothing has changed, and the gate says so."""
    outcome = gated({}, {"seed": 1}, asked=("HEAD", "HEAD"))
    assert isinstance(outcome.verdict, Pass)
    assert outcome.contender == f"{outcome.base}, once more"
    assert len(writer.record.engines) == 2


def test_two_revisions(gated: Run, told: list[Progress], writer: RecordWriter, tmp_path: Path) -> None:
    outcome = gated({}, {"seed": 1})
    assert isinstance(outcome.verdict, Pass)
    assert outcome.base.startswith("HEAD~1 (")
    revisions = [facts["revision"] for facts in load_record(writer.path).engines.values()]
    assert [len(set(revisions)), {len(revision) for revision in revisions}] == [2, {40}]  # what a history needs
    assert [progress.stage.split(": ")[1] for progress in told[:2]] == ["installing for a test"] * 2
    assert len([path for path in (tmp_path / "store").iterdir() if path.is_dir()]) == 2


def test_a_slower_revision(gated: Run) -> None:
    assert isinstance(gated({}, {"cpu": 110.0}).verdict, Fail)


def test_uncommitted_changes_are_measured_and_named(gated: Run) -> None:
    outcome = gated({}, {"cpu": 110.0}, uncommitted=True)
    assert isinstance(outcome.verdict, Fail)
    assert outcome.contender.startswith("working tree with 2 uncommitted files (")


def test_a_revision_that_does_not_build(gated: Run, writer: RecordWriter) -> None:
    outcome = gated({}, None)
    assert isinstance(outcome.verdict, CouldNotMeasure)
    assert "does not build: engine.json is missing" in outcome.verdict.reasons[0]
    assert load_record(writer.path).notes[1] == "line one\nline two"
