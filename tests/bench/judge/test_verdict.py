from __future__ import annotations

import pytest

from hfbench.bench.judge.verdict import CouldNotMeasure, Fail, Pass, Unsure, Verdict, combine, exit_code, name_of

ALL = (Pass(), Fail(), CouldNotMeasure(), Unsure())


def test_exit_codes_are_those_of_the_specification() -> None:
    assert [exit_code(verdict) for verdict in ALL] == [0, 1, 3, 4]
    assert [exit_code(verdict, allow_unsure=True) for verdict in ALL] == [0, 1, 3, 0]


def test_names() -> None:
    assert [name_of(verdict) for verdict in ALL] == ["PASS", "FAIL", "COULD_NOT_MEASURE", "UNSURE"]


def test_nothing_measured_is_never_a_pass() -> None:
    assert isinstance(combine([]), CouldNotMeasure)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([Pass(), Pass()], Pass),
        ([Pass(), Unsure()], Unsure),
        ([Unsure(), CouldNotMeasure(), Pass()], CouldNotMeasure),
        ([CouldNotMeasure(), Fail(), Unsure()], Fail),
    ],
)
def test_the_worst_wins(given: list[Verdict], expected: type[Verdict]) -> None:
    assert isinstance(combine(given), expected)


def test_reasons_of_the_winning_kind_are_kept_once() -> None:
    assert combine([Fail(("a", "b")), Unsure(("c",)), Fail(("b",))]) == Fail(("a", "b"))
