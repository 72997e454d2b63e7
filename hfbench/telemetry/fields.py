"""The kinds of value that may leave: numbers, flags, one of a few words, version numbers. Nothing else fits.

Each kind maps whatever it is given to a plain scalar or to ``None`` for "absent". None of them can carry a path, a
URL, a host or a user name: words come out of a literal set (the *set's* word is sent, never the caller's), versions
hold digits and dots and at most three numbers (four would be an IP address).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from enum import Enum
from numbers import Integral, Real
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hfbench.telemetry.base import Scalar

#: Integers above this lose digits in JSON readers that use doubles (RFC 8259, section 6).
LARGEST_INTEGER: Final = 2**53 - 1

_VERSION: Final = re.compile(
    r"[nv]?(\d{1,4}\.\d{1,4}(?:\.\d{1,4})?(?:(?:a|b|rc|\.post|\.dev)\d{1,4})?)(?![.\d])",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Count:
    """A whole number ≥ 0 of ``unit``."""

    unit: str

    def clean(self, value: object) -> Scalar | None:
        """Return ``value`` as an ``int``, or ``None`` when it is not a count."""
        number = _number(value)
        if number is None or not number.is_integer():
            return None
        # Integrals keep their own digits: a detour over float would round them.
        return int(value) if isinstance(value, Integral) else int(number)


@dataclass(frozen=True, slots=True)
class Milliseconds:
    """A duration ≥ 0, to the microsecond."""

    unit: str = "ms"

    def clean(self, value: object) -> Scalar | None:
        """Return ``value`` as a ``float`` with three decimals, or ``None`` when it is not a duration."""
        number = _number(value)
        return None if number is None else round(number, 3)


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    unit: str = ""

    def clean(self, value: object) -> Scalar | None:
        """Return ``value`` if it is a ``bool``."""
        return value if isinstance(value, bool) else None


@dataclass(frozen=True, slots=True)
class Word:
    """One of a few literal words; ``aliases`` maps other spellings to them."""

    words: tuple[str, ...]
    aliases: tuple[tuple[str, str], ...] = ()
    unit: str = ""
    _known: Mapping[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_known", {word: word for word in self.words} | dict(self.aliases))

    def clean(self, value: object) -> Scalar | None:
        """Return the word that equals ``value`` (an enum counts as its value), or ``None`` when there is none."""
        plain = value.value if isinstance(value, Enum) else value
        if not isinstance(plain, str):
            return None
        return self._known.get(str.lower(plain))


@dataclass(frozen=True, slots=True)
class Version:
    """Two or three numbers, with a pre-release mark: ``7.1``, ``18.1.0``, ``1.0rc1``; build marks are cut off."""

    unit: str = ""

    def clean(self, value: object) -> Scalar | None:
        """Return the release part of ``value``, or ``None`` when it does not start with one."""
        match = _VERSION.match(value) if isinstance(value, str) else None
        return None if match is None else str(match[1])


FieldKind = Count | Milliseconds | Flag | Word | Version


def _number(value: object) -> float | None:
    """A finite number within 0 … :data:`LARGEST_INTEGER`; a bool is not one."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    try:
        number = float(value)
    except (OverflowError, ValueError):
        return None
    return number if math.isfinite(number) and 0 <= number <= LARGEST_INTEGER else None
