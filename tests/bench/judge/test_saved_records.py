from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from hfbench.bench.judge.gate_rule import up_to
from hfbench.bench.judge.saved_records import compare_apart, compare_one, compare_values, differing_axes
from hfbench.bench.judge.stats import LOOKS
from hfbench.bench.judge.terms import Terms, time_metrics
from hfbench.bench.judge.verdict import CouldNotMeasure, Fail, Pass, Unsure
from hfbench.bench.measure.revisions import Revision
from hfbench.bench.record import RunRecord, Sample, merged
from hfbench.bench.render.json_format import json_of
from hfbench.bench.render.junit import junit_of
from hfbench.bench.render.markdown import markdown_of
from hfbench.bench.render.wording import verdict_of
from hfbench.errors import MeasurementError, UsageError

MakeSamples = Callable[..., tuple[Sample, ...]]


def noisy(count: int, centre: float = 100.0, seed: int = 0) -> list[float]:
    return [float(value) for value in centre * np.random.default_rng(seed).uniform(0.99, 1.01, count)]


def record(*samples: tuple[Sample, ...], **more: object) -> RunRecord:
    return RunRecord(samples=sum(samples, ()), fixtures={"demo": "f"}, machine={"cpu": "x"}, **more)  # type: ignore[arg-type]


@pytest.fixture
def gated(make_samples: MakeSamples) -> RunRecord:
    """A gate's record: baseline, contender 10% slower, and a canary."""
    roles = {"baseline": 100.0, "contender": 110.0, "canary-a": 100.0, "canary-b": 100.0}
    groups = (
        make_samples(noisy(15, cpu, seed), role=role, engine="new" if role == "contender" else "old")
        for seed, (role, cpu) in enumerate(roles.items())
    )
    return record(*groups)


def test_a_gates_record_gives_its_verdict_again(gated: RunRecord) -> None:
    (outcome,) = compare_one(gated, Terms())
    assert (outcome.base, outcome.contender) == ("old", "new")
    assert isinstance(outcome.verdict, Fail)
    assert outcome.canary is not None
    assert outcome.canary.pairs == 15


def test_a_gates_record_keeps_its_last_look(gated: RunRecord) -> None:
    same = tuple(
        replace(each, metrics={**each.metrics, "cpuMs": 80 + 20 * (each.round % 3)})
        if each.role == "contender"
        else each
        for each in gated.samples
    )
    open_ended = replace(gated, samples=same)
    assert "not decided yet" in compare_one(open_ended)[0].verdict.reasons[0]
    limited = replace(open_ended, options={"most_pairs": 15})
    assert "would have been seen" in compare_one(limited)[0].verdict.reasons[0]


def test_a_line_ups_record_goes_by_the_order_of_its_engines(make_samples: MakeSamples) -> None:
    first, second = make_samples(noisy(10), engine="b"), make_samples(noisy(10, 130), engine="a", backend="peer")
    (outcome,) = compare_one(record(second, first, options={"engines": ["b", "a"]}), Terms())
    assert (outcome.base, outcome.contender) == ("b", "a")
    assert isinstance(outcome.verdict, Fail)


def test_axes_that_engines_have_fixed_differ_by_nature_and_formats_do_not(make_samples: MakeSamples) -> None:
    ours = make_samples([1.0], engine="a", format="jpg") + make_samples([1.0], engine="a", format="png")
    theirs = make_samples([1.0], engine="b", backend="peer", format="png")
    assert differing_axes(record(ours, theirs)) == {"backend"}
    both = make_samples([1.0], engine="b") + make_samples([1.0], engine="b", format="png")
    assert differing_axes(record(ours, both)) == frozenset()


def test_values_are_compared_in_their_own_order(make_samples: MakeSamples) -> None:
    cpu = {"fused": 40.0, "source": 100.0, "segment": 60.0, "another": 100.0}
    groups = (make_samples(noisy(10, each), scope=scope) for scope, each in cpu.items())
    outcomes = compare_values(record(*groups), "scope", Terms())
    assert [(each.base, each.contender) for each in outcomes] == [
        ("source", "segment"),
        ("source", "fused"),
        ("source", "another"),
    ]
    assert isinstance(verdict_of(outcomes), Pass)


@pytest.mark.parametrize("axis", ["backend", "colour"])
def test_one_value_is_no_comparison(make_samples: MakeSamples, axis: str) -> None:
    with pytest.raises(UsageError, match="fewer than two values"):
        compare_values(record(make_samples([1.0])), axis, Terms())


def test_two_records_of_gates_compare_their_contenders(gated: RunRecord) -> None:
    outcome = compare_apart(gated, gated, ("a", "b"), Terms())
    assert isinstance(outcome.verdict, Pass)
    assert outcome.rows[-1].before == outcome.rows[-1].after
    with pytest.raises(UsageError, match="no sample"):
        compare_apart(gated, record(), ("a", "b"), Terms())


def test_one_record_of_one_engine(make_samples: MakeSamples) -> None:
    with pytest.raises(UsageError, match="second record"):
        compare_one(record(make_samples([1.0])), Terms())
    with pytest.raises(MeasurementError, match="it burned down"):
        compare_one(record(notes=("it burned down",)), Terms())


# --- runs inside a pair ------------------------------------------------------------------------------------------


def test_merged_runs(make_samples: MakeSamples) -> None:
    runs = make_samples([10.0, 90.0, 20.0], framesDecoded=[60, 60, 61], packetsRead=[5, None, 5])
    one = merged(runs)
    assert one.metrics == {"cpuMs": 20.0, "videoExtractMs": 20.0, "framesDecoded": 61, "packetsRead": None}
    assert (one.runs, one.order, one.round) == (3, 0, 1)
    lost = merged([runs[0], replace(runs[1], files=2), runs[2]])
    assert lost.files == 2
    assert merged(runs[:1]) == runs[0]


def test_the_last_look_can_be_earlier() -> None:
    assert up_to(time_metrics(), None) == time_metrics()
    assert [metric.rule.looks for metric in up_to(time_metrics(), 30)] == [LOOKS[:3]] * 2
    assert up_to(time_metrics(), 30)[0].rule.alpha_fail == time_metrics()[0].rule.alpha_fail
    with pytest.raises(UsageError, match="first look is at 15"):
        up_to(time_metrics(), 14)


# --- documents over several comparisons --------------------------------------------------------------------------


def test_documents(make_samples: MakeSamples) -> None:
    cpu = {"source": 100.0, "segment": 100.0, "fused": 130.0}
    groups = (make_samples(noisy(10, each), scope=scope) for scope, each in cpu.items())
    held = record(*groups)
    outcomes = compare_values(held, "scope", Terms())
    document = json_of(outcomes, reproduce="it")
    assert (document["schema"], document["verdict"], document["exit_code"]) == ("hfbench-comparisons/1", "FAIL", 1)
    assert [each["reproduce"] for each in document["comparisons"]] == ["it", "it"]
    assert markdown_of(outcomes, held).count("## hfbench: ") == 2
    assert 'name="source -&gt; segment"' in junit_of(outcomes)
    assert isinstance(verdict_of(()), CouldNotMeasure)
    assert json_of([replace(outcomes[0], verdict=Unsure())], allow_unsure=True)["exit_code"] == 0


@pytest.mark.parametrize(("asked", "label"), [("main", "main (12345678)"), ("1234", "12345678"), ("1" * 40, "x")])
def test_a_commit_asked_for_by_its_hash_is_not_named_twice(asked: str, label: str) -> None:
    commit = "1" * 40 if label == "x" else "12345678" + "0" * 32
    assert Revision(asked, commit, "").label == (commit[:8] if label == "x" else label)
