"""Gates of unchanged code whose counters vary by one in some runs: the real schedule and rule, without processes.

Times are the recorded ones of :mod:`tests.makers.noise_replay`. A counter is 154, and in a share of the runs 155: an
honest engine that reads ahead counts so. Nothing else of a process is imitated.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hfbench.bench.case import Case
from hfbench.bench.gate_defaults import REPEATS
from hfbench.bench.judge.gate_rule import BASELINE, CANARY, CONTENDER, GateRule, judge_gate
from hfbench.bench.judge.verdict import name_of
from hfbench.bench.measure.gate import GateOptions
from hfbench.bench.measure.schedule import Group, Participant, RunOutcome, results
from hfbench.bench.record import RunRecord, Sample

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hfbench.bench.judge.comparison import Comparison
    from tests.makers.noise_replay import Series

CASE = Case("demo")
USUAL = 154
COUNTERS = ("framesDecoded", "packetsRead", "filesOpened")


@dataclass(frozen=True)
class Jittering:
    """An engine that takes its times from a recording; ``more`` is what it really counts in addition."""

    name: str
    times: Iterator[float]
    chance: random.Random
    share: float
    counters: tuple[str, ...]
    more: int = 0

    def __hash__(self) -> int:
        return hash(self.name)

    def warm_up(self, case: Case) -> Sample:
        return self.run(case, is_checked=False).sample

    def run(self, case: Case, *, is_checked: bool) -> RunOutcome:
        del is_checked
        time = next(self.times)
        counts = {name: USUAL + self.more + (self.chance.random() < self.share) for name in self.counters}
        metrics = {"cpuMs": time, "videoExtractMs": time, **counts}
        return RunOutcome(
            Sample(scenario=case.scenario, **case.axes(), round=0, metrics=metrics, engine=self.name, frames={"a": 1})
        )


@dataclass
class Gated:
    """What one gate ended with."""

    outcome: Comparison
    pairs: int

    @property
    def verdict(self) -> str:
        return name_of(self.outcome.verdict)


@dataclass(frozen=True)
class JitterGate:
    """A gate of one case; ``more`` is a true increase of the first counter."""

    recording: Series
    share: float
    counters: int = 1
    repeats: int = REPEATS
    more: int = 0
    rule: GateRule = field(default_factory=GateRule)

    def run(self, seed: int) -> Gated:
        chance = random.Random(seed)
        times = self._times(chance.randrange(self.recording.size))
        names = COUNTERS[: self.counters]
        old, new, twin = (
            Jittering(role, times, chance, self.share, names, self.more if role == CONTENDER else 0)
            for role in (BASELINE, CONTENDER, CANARY)
        )
        group = Group(
            (Participant(old, CASE, BASELINE), Participant(new, CASE, CONTENDER)),
            (Participant(old, CASE, f"{CANARY}-a"), Participant(twin, CASE, f"{CANARY}-b")),
        )
        samples: list[Sample] = []

        def judged() -> Comparison:
            record = RunRecord(samples=tuple(samples), fixtures={"demo": "f" * 12})
            return judge_gate(record, self.rule)

        schedule = GateOptions(rule=self.rule, seed=seed, repeats=self.repeats).schedule()
        for outcomes in results([group], schedule, is_decided=lambda _: judged().is_decided(CASE)):
            samples += [each.sample for each in outcomes]
        return Gated(judged(), sum(each.role == CONTENDER for each in samples))

    def _times(self, start: int) -> Iterator[float]:
        place = start
        while True:
            yield float(self.recording[place % self.recording.size])
            place += 1
