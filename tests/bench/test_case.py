from __future__ import annotations

import itertools

import pytest

from hfbench.bench.case import COMPARED, KNOWN_VALUES, OPEN, Case, every_case
from hfbench.errors import UsageError


def test_a_label_leaves_out_what_goes_without_saying() -> None:
    case = Case("mixed", "libav", "segment")
    assert str(case) == "mixed [libav segment jpg]"
    assert str(Case("mixed", "libav", "segment", cache="warm")) == "mixed [libav segment jpg warm]"
    assert str(Case("mixed", "theirs", "own", engine="peer")) == "mixed [peer theirs own jpg]"
    assert str(case.across({"backend"})) == "mixed [segment jpg]"
    assert str(case.across({"cache", "engine"})) == "mixed [libav segment jpg]"
    assert str(case.across({*COMPARED, "engine", "workload"})) == "mixed"


def test_different_cases_have_different_labels() -> None:
    cases = every_case(["a", "b"], **KNOWN_VALUES, engine=("hfbench", "peer"))
    assert len({str(case) for case in cases}) == len(set(cases)) == 2 * 2 * 3 * 3 * 3 * 2


def test_every_combination_of_axes_is_a_case() -> None:
    cases = every_case(["demo"], scope=("segment", "fused", "segment"), format=("jpg", "png"), cache=())
    assert cases == tuple(
        Case("demo", "libav", scope, image) for scope, image in itertools.product(("segment", "fused"), ("jpg", "png"))
    )
    assert every_case([], scope=("fused",)) == ()


def test_a_case_is_read_from_axes() -> None:
    given = {"backend": "theirs", "engine": "peer", "cache": "cold"}
    assert Case.parse("demo", given) == Case("demo", "theirs", cache="cold", engine="peer")
    assert Case.parse("demo", Case("demo", "ffmpeg", "source").axes()) == Case("demo", "ffmpeg", "source")
    with pytest.raises(UsageError, match="there is no axis 'skope'; did you mean scope"):
        Case.parse("demo", {"skope": "fused"})
    with pytest.raises(UsageError, match=r"scope is 3; it must be a text, for example 'source'"):
        Case.parse("demo", {"scope": 3})


def test_what_an_engine_has_fixed() -> None:
    case = Case("demo").on({"backend": "theirs", "colour": "red", "scenario": "other", "engine": "x"})
    assert case == Case("demo", "theirs")
    assert (case.subject, Case("demo", engine="peer").subject) == ("theirs", "peer")


def test_an_open_axis_is_no_value() -> None:
    assert Case("demo").across(["scope"]).axes() == {**Case("demo").axes(), "scope": OPEN}
