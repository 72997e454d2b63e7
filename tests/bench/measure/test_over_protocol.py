from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest

from hfbench.bench.frame_check import count_frames
from hfbench.bench.measure.over_protocol import Engines, parse_engines, started
from hfbench.bench.measure.workload import Axes
from hfbench.bench.protocol.client import EngineSpec
from hfbench.bench.scenarios import BuiltScenario, Part, Scenario
from hfbench.composition import Clip, Composition
from hfbench.errors import UsageError

FakeEngine = Callable[..., EngineSpec]


@pytest.fixture
def built() -> BuiltScenario:
    """Two clips over one file of one second: 3 frames from the start, and 2 in the middle."""
    times = tuple(Fraction(n, 10) for n in range(10))
    file = SimpleNamespace(pts=times, frame_ids=range(10), last_duration=Fraction(1, 10))
    truth: Any = SimpleNamespace(file=lambda _: file)
    parts = (
        Part("a", "x.mp4", Fraction(0), Fraction(3, 10)),
        Part("b", "x.mp4", Fraction(0), Fraction(2, 10), Fraction(1, 2)),
    )
    scenario = Scenario("demo", "", "demo", parts, fps=Fraction(10))
    return BuiltScenario(scenario, Composition([Clip("a", "/x.mp4")]), "f" * 16, truth)


@pytest.mark.parametrize(
    ("told", "files", "first_wrong"),
    [
        ({"a": 3, "b": 2}, 5, ""),
        ({}, 5, ""),  # an engine need not tell; its files are counted
        ({"a": 2, "b": 3}, 5, "a: 2 frames told, should be 3"),
        ({"a": 3}, 5, "b: 0 frames told, should be 2"),
        ({"a": 3, "b": 2, "c": 1}, 5, "c: 1 frames told, should be 0"),
        ({"a": 3, "b": 2}, 4, "4 image files found, should be 5"),
        ({}, 0, "0 image files found, should be 5"),
    ],
)
def test_frames_are_counted_twice(built: BuiltScenario, told: dict[str, int], files: int, first_wrong: str) -> None:
    check = count_frames(built, told, files)
    assert (check.expected, check.right, check.first_wrong) == (5, files, first_wrong)
    assert check.is_right == (not first_wrong)
    assert not check.is_read


def test_ways_are_what_an_engine_can_really_run(built: BuiltScenario, fake_engine: FakeEngine) -> None:
    free = fake_engine("free", frames={"a": 3, "b": 2})
    fixed = fake_engine("fixed", axes={"scope": "own-way", "backend": "peer"}, frames={"a": 3, "b": 1})
    asked = Engines((free, fixed), Axes(scopes=("segment", "fused")), {}, limit_seconds=60)
    with started(asked, [built]) as turns:
        assert [str(turn.way) for turn in turns] == ["free segment jpg", "free fused jpg", "fixed own-way jpg"]
        taken = [turn.run(built, 4) for turn in turns]
    assert [each.sample.engine for each in taken] == ["free", "free", "fixed"]
    assert [each.sample.round for each in taken] == [4, 4, 4]
    assert [each.check.is_right for each in taken if each.check] == [True, True, False]
    assert taken[0].engines.keys() == {"free", "fixed"}


def test_names_are_one_of_a_kind() -> None:
    assert [spec.name for spec in parse_engines(["libav=x", "hfbench=y"], [])] == ["libav", "hfbench"]
    for texts, backends in ((["a=x", "a=y"], []), (["libav=x"], ["libav"]), (["hfbench=x"], ["ffmpeg"])):
        with pytest.raises(UsageError, match="two things in this run are called"):
            parse_engines(texts, backends)
