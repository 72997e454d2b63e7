"""The key of a cache entry, from the description of the plan that made its frames.

The same description gives the same key in every process, locale, platform and hash seed, and two descriptions that
differ in any field give different keys. To that end the canonical form below is injective, except where two
spellings mean one thing: ``30``, ``30.0`` and ``Fraction(30)`` are one number, a list and a tuple one sequence, and an
infinite end and an absent one (None) both mean "to the natural end".

History of the canonical form (a change makes every older entry unreachable, which is the purpose of the number):
    1: the first.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, TypeAlias

from hfbench.timebase import to_fraction

KEY_SCHEMA: Final = 1

#: What a description may hold; enums that are strings or integers count as these.
KeyValue: TypeAlias = "bool | int | float | Fraction | str | Sequence[KeyValue] | Mapping[str, KeyValue] | None"

_SHORT_DIGITS: Final = 16
_DIGEST_DIGITS: Final = 64


@dataclass(frozen=True, slots=True)
class CacheKey:
    """The key of an entry: ``digest`` is SHA-256 in 64 hexadecimal digits, ``short`` the 16 that name the folder.

    The entry keeps the whole digest, so that two plans whose first 16 digits agree are a miss and not a wrong hit.
    """

    digest: str

    def __post_init__(self) -> None:
        if len(self.digest) != _DIGEST_DIGITS or not set(self.digest) <= set("0123456789abcdef"):
            raise ValueError(f"{self.digest!r} is not a SHA-256 digest in hexadecimal")

    @property
    def short(self) -> str:
        """The first 16 digits."""
        return self.digest[:_SHORT_DIGITS]

    def __str__(self) -> str:
        return self.short


def cache_key(description: Mapping[str, KeyValue]) -> CacheKey:
    """The key of whatever the description describes.

    Raises:
        TypeError: a value that has no canonical form (bytes, a set, a mapping whose keys are not text, an object).
        ValueError: NaN or minus infinity.
    """
    return CacheKey(hashlib.sha256(canonical_json({"schema": KEY_SCHEMA, "plan": description})).hexdigest())


def canonical_json(value: KeyValue) -> bytes:
    """One spelling for each value, as JSON in UTF-8.

    Whole numbers are JSON numbers; other numbers are the text ``=num/den``, exact; text that begins with ``=`` gets a
    second one, so that no text can look like a number. File names that are not UTF-8 keep their escaped bytes.

    Raises:
        TypeError: a value that has no canonical form.
        ValueError: NaN or minus infinity.
    """
    text = json.dumps(_canonical(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    # Not ensure_ascii: it spells a pair of lone surrogates and the character that they would make in the same way.
    return text.encode("utf-8", "surrogatepass")


def _canonical(value: object) -> object:
    """The value in JSON's own types, numbers and text in their one spelling."""
    plain = _PLAIN.get(type(value))
    if plain is not None:
        return plain(value)
    if isinstance(value, str):
        # str.__str__: an enum that is text counts as its text and not as its name.
        return _text(str.__str__(value))
    if isinstance(value, int | float | Fraction):
        return _number(value)
    if isinstance(value, Mapping):
        for name in value:
            if not isinstance(name, str):
                raise TypeError(f"a key can't be made from {value!r}: the name {name!r} is not text")
        return {str.__str__(name): _canonical(part) for name, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return [_canonical(part) for part in value]
    raise TypeError(f"a key can't be made from {value!r}: it must be None, a number, text, a sequence or a mapping")


def _text(value: str) -> str:
    return f"={value}" if value.startswith("=") else value


def _fraction(value: Fraction) -> int | str:
    return value.numerator if value.denominator == 1 else f"={value.numerator}/{value.denominator}"


def _number(value: float | Fraction) -> int | str | None:
    """A number by its value: None for infinity (the open end of a range)."""
    if isinstance(value, float) and value == math.inf:
        return None
    return _fraction(to_fraction(value))


#: The types of nearly all values; the others (enums, subclasses, lists) are recognised by ``isinstance``.
_PLAIN: Final[Mapping[type, Callable[[Any], object]]] = {
    type(None): lambda value: value,
    bool: lambda value: value,
    int: lambda value: value,
    str: _text,
    Fraction: _fraction,
}
