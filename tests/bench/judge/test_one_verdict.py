"""One record, one verdict: the gate, `compare RECORD`, the report and `gate --explain` agree to the number."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hfbench.notebook as nb
from hfbench.bench.judge.budgets import Allowance, Budget
from hfbench.bench.judge.comparison import Comparison
from hfbench.bench.judge.gate_rule import GateRule, judge_gate, up_to
from hfbench.bench.judge.saved_records import compare_one
from hfbench.bench.judge.terms import time_metrics
from hfbench.bench.judge.verdict import CouldNotMeasure, Fail, name_of
from hfbench.bench.record import RunRecord, Sample
from hfbench.bench.record_reader import load_record
from hfbench.bench.record_writer import RecordWriter
from hfbench.bench.render.explanation import explained
from hfbench.bench.render.json_format import to_json
from hfbench.errors import RecordError

SCENARIOS = ("one", "two")
ROLES = ("baseline", "contender", "canary-a", "canary-b")

budgets = st.builds(
    Budget,
    scenario=st.sampled_from([*SCENARIOS, "*"]),
    metric=st.sampled_from(["cpuMs", "framesDecoded", "hdrPreflightMs"]),
    below=st.none() | st.sampled_from([50.0, 120.5, 900.0]),
    allow=st.none() | st.builds(Allowance, count=st.sampled_from([0.0, 1.0]), share=st.sampled_from([0.0, 0.02])),
    where=st.sampled_from([(), (("scope", "fused"),), (("scope", "source"),)]),
)


@st.composite
def gates(draw: st.DrawFn) -> tuple[RunRecord, GateRule]:
    """A record as a gate leaves it, and the rule that it was judged by."""
    across = draw(st.sampled_from([frozenset(), frozenset({"backend"})]))
    most_pairs = draw(st.sampled_from([15, 20, 60]))
    rule = GateRule(
        times=up_to(time_metrics(draw(st.sampled_from([("cpu",), ("wall",), ("cpu", "wall")]))), most_pairs),
        budgets=tuple(draw(st.lists(budgets, max_size=2))),
        across=across,
        canary_share=draw(st.sampled_from([0.5, 0.0])),
        cases=draw(st.sampled_from([1, 2, 7])),
        names=("main (1a2b)", "work"),
    )
    chance = random.Random(draw(st.integers(0, 10**6)))
    effect = draw(st.sampled_from([1.0, 1.01, 1.04, 1.3]))
    uneasy = draw(st.sampled_from([1.0, 1.0, 1.2]))
    pairs = draw(st.sampled_from([0, 3, 15, 20]))
    samples = [
        Sample(
            scenario=scenario,
            backend="peer" if across and role == "contender" else "libav",
            scope="fused",
            format="jpg",
            round=number,
            engine=role,
            role=role,
            frames={"a": 3},
            wrong_frames="a frame 1 shows 7" if (role, number) == ("contender", 3) and effect == 1.01 else "",
            metrics={
                "cpuMs": 100 * chance.gauss(1, 0.02) * {"contender": effect, "canary-b": uneasy}.get(role, 1.0),
                "videoExtractMs": 80 * chance.gauss(1, 0.1) * (effect if role == "contender" else 1.0),
                "hdrPreflightMs": chance.randrange(100, 140),
                "framesDecoded": 60 + (chance.random() < draw_share(effect)),
            },
        )
        for number in range(1, pairs + 1)
        for scenario in SCENARIOS[: min(rule.cases or 1, 2)]
        for role in (ROLES if number % 2 and rule.canary_share else ROLES[:2])
    ]
    record = RunRecord(
        samples=tuple(samples),
        fixtures=dict.fromkeys(SCENARIOS, "f"),
        options={"rule": rule.to_json()},
        trouble=draw(st.sampled_from([(), (), ("engine 'work' ended with exit code 7",)])),
        interrupted=draw(st.booleans()),
    )
    return record, rule


def draw_share(effect: float) -> float:
    return {1.0: 0.0, 1.04: 0.2}.get(effect, 0.02)


def numbers(outcome: Comparison) -> str:
    return json.dumps(to_json(outcome), sort_keys=True)


@settings(max_examples=60)
@given(gates())
def test_gate_compare_report_and_explanation_agree_to_the_number(
    tmp_path_factory: pytest.TempPathFactory, given_gate: tuple[RunRecord, GateRule]
) -> None:
    record, rule = given_gate
    live = judge_gate(record, rule)  # what the gate itself asks after every pair and at its end
    writer = RecordWriter(tmp_path_factory.mktemp("r") / "r.json", record)
    if not record.interrupted:
        writer.finish()
    saved = load_record(writer.path)
    (compared,) = compare_one(saved)
    assert numbers(compared) == numbers(live)
    assert numbers(nb.comparison_of(nb.comparison_sides(saved))) == numbers(live)
    lines = list(explained(saved))
    assert lines[0].startswith(f"{name_of(live.verdict)}: ")
    assert [line.strip() for line in lines[1 : 1 + len(live.verdict.reasons)]] == list(live.verdict.reasons)
    for row in live.rows:
        if row.judgement is not None:
            assert any(f"{row.judgement.bound.change:+.1%} [" in line and row.metric in line for line in lines)


def gate_record(**metrics: Any) -> RunRecord:
    """15 pairs: everything is equal but what is given for the contender."""
    plain = {"cpuMs": 100.0, "videoExtractMs": 80.0, "framesDecoded": 60}
    return RunRecord(
        fixtures={"demo": "f"},
        samples=tuple(
            Sample(
                scenario="demo",
                backend="libav",
                scope="fused",
                format="jpg",
                round=number,
                role=role,
                engine=role,
                frames={"a": 3},
                metrics={**plain, **(metrics if role == "contender" else {})},
            )
            for number in range(1, 16)
            for role in ROLES[:2]
        ),
    )


@pytest.mark.parametrize(
    ("rule", "slower", "reason"),
    [
        (GateRule(times=time_metrics({"cpu", "wall"}), canary_share=0), {"videoExtractMs": 100.0}, "videoExtractMs"),
        (GateRule(budgets=(Budget("demo", "cpuMs", below=99),), canary_share=0), {}, "its budget is below 99"),
    ],
    ids=["block on wall", "a budget"],
)
def test_what_made_the_gate_fail_is_in_the_record(rule: GateRule, slower: dict[str, float], reason: str) -> None:
    record = replace(gate_record(**slower), options={"rule": rule.to_json()})
    for outcome in (judge_gate(record, rule), *compare_one(record), nb.comparison_of(nb.comparison_sides(record))):
        assert isinstance(outcome.verdict, Fail)
        assert reason in outcome.verdict.reasons[0]
    assert not isinstance(judge_gate(gate_record(**slower)).verdict, Fail)  # without the rule it would have passed


def test_a_canary_that_failed_is_in_the_record() -> None:
    record = gate_record()
    twins = tuple(
        replace(each, role=role, engine="baseline", metrics={**each.metrics, "cpuMs": cpu})
        for each in record.samples
        if each.role == "baseline"
        for role, cpu in (("canary-a", 100.0), ("canary-b", 130.0))
    )
    record = replace(record, samples=record.samples + twins, options={"rule": GateRule().to_json()})
    for outcome in (judge_gate(record), *compare_one(record), nb.comparison_of(nb.comparison_sides(record))):
        assert isinstance(outcome.verdict, CouldNotMeasure)
    assert any("The canary voids everything above" in line for line in explained(record))


@settings(max_examples=30)
@given(gates())
def test_a_rule_survives_the_record(given_gate: tuple[RunRecord, GateRule]) -> None:
    rule = given_gate[1]
    assert GateRule.from_json(json.loads(json.dumps(rule.to_json()))) == rule


@pytest.mark.parametrize("damage", [{"times": 3}, {"budgets": [{}]}, {"names": []}, {"across": None}])
def test_a_damaged_rule_is_a_damaged_record(damage: dict[str, Any], tmp_path: Path) -> None:
    record = replace(gate_record(), options={"rule": GateRule().to_json() | damage})
    writer = RecordWriter(tmp_path / "r.json", record)
    with pytest.raises(RecordError, match="the record's rule is damaged"):
        compare_one(load_record(writer.path))
