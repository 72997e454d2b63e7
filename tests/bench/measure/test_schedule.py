from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from hfbench.bench.case import Case
from hfbench.bench.frame_check import FrameCheck
from hfbench.bench.measure.schedule import Group, Participant, RunOutcome, Schedule, Step, results
from hfbench.bench.record import Sample
from hfbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Noted:
    """A subject that keeps what it was asked; ``right`` says whether the frames of its n-th run are."""

    name: str
    log: list[str]
    right: Sequence[bool] = ()
    runs: list[bool] = field(default_factory=list, compare=False)

    def __hash__(self) -> int:
        return hash(self.name)

    def warm_up(self, case: Case) -> Sample:
        self.log.append(f"warm {self.name} {case.scenario}")
        return Sample(scenario=case.scenario, **case.axes(), round=0, metrics={"framesDecoded": 7, "cpuMs": 1})

    def run(self, case: Case, *, is_checked: bool) -> RunOutcome:
        self.log.append(f"{self.name} {case.scenario}{' checked' if is_checked else ''}")
        is_right = self.right[len(self.runs)] if self.right else True
        self.runs.append(is_right)
        check = (
            None if not (is_checked or self.right) else FrameCheck(1, 1, "" if is_right else f"run {len(self.runs)}")
        )
        return RunOutcome(
            Sample(scenario=case.scenario, **case.axes(), round=0, metrics={"framesDecoded": 6}, engine=self.name),
            check,
        )


@pytest.fixture
def log() -> list[str]:
    return []


def pair(log: list[str], scenario: str = "demo", *, is_canary: bool = False) -> Group:
    old, new, twin = (Noted(name, log) for name in ("old", "new", "twin"))
    canary = (Participant(old, Case(scenario), "a"), Participant(twin, Case(scenario), "b")) if is_canary else ()
    return Group((Participant(old, Case(scenario), "base"), Participant(new, Case(scenario), "head")), canary)


def test_every_round_has_everyone_in_a_seeded_order(log: list[str]) -> None:
    def order(seed: int) -> list[tuple[int, str, int]]:
        found = results([pair(log, "x"), pair(log, "y")], Schedule(rounds=6, seed=seed))
        samples = [each.sample for outcomes in found for each in outcomes]
        assert Counter((each.round, each.scenario) for each in samples) == {
            (number, name): 2 for number in range(1, 7) for name in "xy"
        }
        assert [each.order for each in samples] == list(range(24))
        return [(each.round, each.scenario, each.role == "base") for each in samples]

    assert order(1) == order(1) != order(2)


def test_frames_are_looked_at_in_the_first_run_of_the_first_round(log: list[str]) -> None:
    list(results([pair(log)], Schedule(rounds=3, repeats=2)))
    assert log[:2] == ["warm old demo", "warm new demo"]
    checked = [place for place, line in enumerate(log[2:]) if line.endswith("checked")]
    assert checked == [0, 1]


def test_the_order_turns_round_with_every_repeat(log: list[str]) -> None:
    (outcomes, *_) = results([pair(log)], Schedule(rounds=1, repeats=4))
    names = [line.split()[0] for line in log[2:]]
    assert names in (["old", "new", "new", "old"] * 2, ["new", "old", "old", "new"] * 2)
    assert {each.sample.runs for each in outcomes} == {4}


def test_a_canary_goes_before_its_pair_and_in_the_first_round(log: list[str]) -> None:
    found = list(results([pair(log, is_canary=True)], Schedule(rounds=4, canary_share=0.5)))
    roles = ["".join(sorted(each.sample.role for each in outcomes)) for outcomes in found]
    assert roles == ["ab", "basehead", "basehead", "ab", "basehead", "basehead"]
    assert log[:3] == ["warm old demo", "warm new demo", "warm twin demo"]


def test_what_is_decided_is_run_no_more_and_the_rest_starts_afresh(log: list[str]) -> None:
    groups = [pair(log, "x"), pair(log, "y")]
    started: list[int] = []
    samples: list[Sample] = []

    def is_decided(group: Group) -> bool:
        name = group.participants[0].case.scenario
        return sum(each.scenario == name for each in samples) // 2 >= {"x": 2, "y": 5}[name]

    schedule = Schedule(rounds=9, rounds_per_start=2)
    for outcomes in results(groups, schedule, start=lambda: started.append(1), is_decided=is_decided):
        samples += [each.sample for each in outcomes]
    assert Counter(each.scenario for each in samples) == {"x": 4, "y": 10}
    assert len(started) == 3
    assert Counter(line for line in log if line.startswith("warm old")) == {"warm old x": 1, "warm old y": 3}


def test_progress_counts_every_run(log: list[str]) -> None:
    steps: list[Step] = []
    list(results([pair(log)], Schedule(rounds=2), on_step=steps.append))
    assert [(each.done, each.total) for each in steps] == [(done, 6) for done in range(7)]
    assert steps[0].what == "demo [libav fused jpg]: warm-up"
    assert steps[-1].what == "done"


@pytest.mark.parametrize("right", [(True, True, False, True), (False, True, True, True)])
def test_frames_that_are_wrong_in_one_run_are_wrong(log: list[str], right: Sequence[bool]) -> None:
    subject = Noted("it", log, right)
    group = Group((Participant(subject, Case("demo")),))
    found = [each for outcomes in results([group], Schedule(rounds=2, repeats=2)) for each in outcomes]
    wrong = right.index(False)
    assert [each.sample.wrong_frames for each in found] == [
        f"run {wrong + 1}" if wrong // 2 == number else "" for number in range(2)
    ]


@pytest.mark.parametrize("odd", [{"rounds": 0}, {"repeats": 0}, {"canary_share": 1.1}, {"rounds_per_start": 0}])
def test_impossible_numbers(odd: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="canary share"):
        Schedule(**{"rounds": 1, **odd})  # type: ignore[arg-type]


def test_a_warm_up_that_counted_otherwise_stands_beside_the_first_run_after_it(log: list[str]) -> None:
    found = results([pair(log)], Schedule(rounds=4, rounds_per_start=2))
    seen = {(each.sample.round, tuple(each.sample.warm_up.items())) for outcomes in found for each in outcomes}
    assert seen == {(1, (("framesDecoded", 7),)), (2, ()), (3, (("framesDecoded", 7),)), (4, ())}
