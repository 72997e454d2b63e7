"""The four verdicts, their exit codes, and how several become one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, assert_never

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Exit codes: each has one meaning. 2 (wrong use) is not a verdict and belongs to the command line.
EXIT_PASS: Final = 0
EXIT_FAIL: Final = 1
EXIT_COULD_NOT_MEASURE: Final = 3
EXIT_UNSURE: Final = 4


@dataclass(frozen=True, slots=True)
class Pass:
    """Shown not to be a regression; ``reasons`` are sentences for people."""

    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fail:
    """Shown to be a regression."""

    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unsure:
    """Measured, but neither of the two was shown."""

    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CouldNotMeasure:
    """Nothing reliable was measured. Never a pass."""

    reasons: tuple[str, ...] = ()


Verdict = Pass | Fail | Unsure | CouldNotMeasure

#: The order of precedence: a regression that was shown remains one even if something else could not be measured.
_WORST_FIRST: Final = (Fail, CouldNotMeasure, Unsure, Pass)


def name_of(verdict: Verdict) -> str:
    """``PASS``, ``FAIL``, ``UNSURE`` or ``COULD_NOT_MEASURE``."""
    match verdict:
        case Pass():
            return "PASS"
        case Fail():
            return "FAIL"
        case Unsure():
            return "UNSURE"
        case CouldNotMeasure():
            return "COULD_NOT_MEASURE"
        case _ as never:
            assert_never(never)


def of_case(case: object, verdict: Verdict) -> Verdict:
    """The verdict with the case's label before each of its reasons."""
    return type(verdict)(tuple(f"{case}: {reason}" for reason in verdict.reasons))


def exit_code(verdict: Verdict, *, allow_unsure: bool = False) -> int:
    """0 (pass), 1 (fail), 3 (not measured) or 4 (unsure), as docs/gate.md lists them; ``allow_unsure`` makes 4 a 0."""
    match verdict:
        case Pass():
            return EXIT_PASS
        case Fail():
            return EXIT_FAIL
        case CouldNotMeasure():
            return EXIT_COULD_NOT_MEASURE
        case Unsure():
            return EXIT_PASS if allow_unsure else EXIT_UNSURE
        case _ as never:
            assert_never(never)


def combine(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict over many: FAIL, else COULD_NOT_MEASURE, else UNSURE, else PASS, with the reasons of that kind.

    Over none it is COULD_NOT_MEASURE.
    """
    given = tuple(verdicts)
    for kind in _WORST_FIRST:
        same = [verdict for verdict in given if isinstance(verdict, kind)]
        if same:
            return kind(tuple(dict.fromkeys(reason for verdict in same for reason in verdict.reasons)))
    return CouldNotMeasure(("nothing was measured",))
