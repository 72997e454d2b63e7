"""Single values of a composition: their spellings, what is allowed, and the messages for what is not.

The readers raise :class:`ValueError` with the end of a sentence; the caller puts the clip and the key before it.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final, TypeAlias

from hfbench import timebase

#: Every spelling of a number that :func:`hfbench.timebase.to_fraction` reads.
Number: TypeAlias = int | float | str | Decimal | Fraction

#: Every spelling of a frame rate that :func:`hfbench.timebase.parse_rate` reads.
Rate: TypeAlias = Number | Mapping[str, Number] | Sequence[Number]

#: Seconds. JavaScript's ``Number.MAX_SAFE_INTEGER``, which some tools write for "to the end", still fits.
MAX_SECONDS: Final = 10**16

#: The rates that HyperFrames plays a clip at (a factor; 1 is natural speed).
MIN_PLAYBACK_RATE: Final = Fraction(1, 10)
MAX_PLAYBACK_RATE: Final = Fraction(5)

#: Bytes of UTF-8. A file name may have 255; the rest is for the suffix of a folder that is still being written.
MAX_ID_BYTES: Final = 200

# A number with more digits than this is an attack or a mistake; exact arithmetic on it would take for ever.
_MAX_DIGITS: Final = 50
_MAX_NUMBER_CHARACTERS: Final = 2 * _MAX_DIGITS + 2
_MAX_SHOWN_CHARACTERS: Final = 60
_LONG_EXPONENT: Final = re.compile(r"[eE][+-]?\d{3}")
_UNPRINTABLE_CATEGORIES: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
_SECONDS_ALLOWED: Final = 'allowed: seconds such as 2, 1.5, "1.5" or "3/2"'
_RATES_ALLOWED: Final = 'allowed: 30, 29.97, "30000/1001" or {"num": 30000, "den": 1001}'


def shown(value: object) -> str:
    """A value as messages show it: on one line, cut to its length."""
    if isinstance(value, str):
        value = value[: _MAX_SHOWN_CHARACTERS + 1]
    try:
        text = str(value) if isinstance(value, Fraction | Decimal) else repr(value)
    except (ValueError, RecursionError):
        # Python refuses to print integers of more than 4300 digits.
        text = f"a {type(value).__name__} too large to show"
    return text if len(text) <= _MAX_SHOWN_CHARACTERS else f"{text[:_MAX_SHOWN_CHARACTERS]}…"


def read_seconds(value: object) -> Fraction:
    """Read a time in seconds, exactly.

    Raises:
        ValueError: not a finite number, or one too large or too long to be a time.
    """
    try:
        seconds = _read_number(value)
    except (ValueError, OverflowError):
        raise ValueError(f"{shown(value)} is not a finite number; {_SECONDS_ALLOWED}") from None
    if abs(seconds) > MAX_SECONDS:
        raise ValueError(f"{shown(value)} is too large; allowed: up to {MAX_SECONDS} seconds")
    return seconds


def read_end(value: object, start: Fraction) -> Fraction | None:
    """Read where a clip ends on the timeline, seconds; None (the natural end) for None and for +infinity.

    Raises:
        ValueError: not after ``start``, not a number, or NaN.
    """
    special = _not_finite(value)
    if value is None or special == math.inf:
        return None
    if special is not None:
        raise ValueError(f"duration must be positive (got {'NaN' if math.isnan(special) else '-Infinity'})")
    end = read_seconds(value)
    if end <= start:
        got, first, last = (timebase.seconds_text(each) for each in (end - start, start, end))
        raise ValueError(f"duration must be positive (got {got}): the end {last} must be after the start {first}")
    return end


def read_media_start(value: object) -> Fraction:
    """Read where a clip begins in its source, seconds, at least 0.

    Raises:
        ValueError: negative, or not a finite number.
    """
    seconds = read_seconds(value)
    if seconds < 0:
        raise ValueError(f"{shown(value)} is before the source begins; allowed: 0 or more seconds")
    return seconds


def read_playback_rate(value: object) -> Fraction:
    """Read a playback rate (a factor of natural speed) within 0.1 and 5.

    Raises:
        ValueError: outside that range, or not a finite number.
    """
    try:
        rate = _read_number(value)
    except (ValueError, OverflowError):
        rate = Fraction(0)
    if not MIN_PLAYBACK_RATE <= rate <= MAX_PLAYBACK_RATE:
        raise ValueError(
            f"{shown(value)} is not a playback rate; allowed: {float(MIN_PLAYBACK_RATE)} to {int(MAX_PLAYBACK_RATE)}"
        )
    return rate


def read_rate(value: object) -> Fraction:
    """Read a frame rate (frames per second) in every spelling of :func:`hfbench.timebase.parse_rate`.

    Raises:
        ValueError: not a rate above 0.
    """
    try:
        for part in _parts_of_rate(value):
            _check_size(part)
        return timebase.parse_rate(value)
    except (ValueError, TypeError, OverflowError):
        raise ValueError(
            f"{shown(value)} is not a frame rate above 0 and at most {timebase.MAX_FRAME_RATE}; {_RATES_ALLOWED}"
        ) from None


def check_id(value: object) -> str:
    """Check a clip id, which becomes the name of the folder that holds the clip's frames.

    Raises:
        ValueError: not a name that every file system takes as one plain, visible folder.
    """
    problem = _id_problem(value)
    if problem is not None:
        raise ValueError(f"{shown(value)} {problem}; allowed: a plain folder name of 1 to {MAX_ID_BYTES} bytes")
    return str(value)


def check_src(value: object) -> str:
    """Check a source address: any text that is not empty. Whether it exists is checked when it is resolved.

    Raises:
        ValueError: not text, empty, or with a NUL, which no path and no URL can hold.
    """
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise ValueError(
            f"{shown(value)} is not a source; allowed: a path inside the project, a file:// URL or an https:// URL"
        )
    return value


def check_flag(value: object) -> bool:
    """Check a truth value; numbers and text that merely look like one are refused.

    Raises:
        ValueError: neither true nor false.
    """
    if not isinstance(value, bool):
        raise ValueError(f"{shown(value)} is neither true nor false")  # noqa: TRY004  one kind of error for every field
    return value


def _id_problem(value: object) -> str | None:
    """Why a value is not a clip id, as the end of a sentence that begins with the value; None for a valid id."""
    if not isinstance(value, str):
        return "is not text"
    # "." and ".." leave the output folder; other dotted names are hidden, and hfbench's own while it works.
    problems = {
        "is empty": not value.strip(),
        "holds control characters or broken Unicode": any(
            unicodedata.category(character) in _UNPRINTABLE_CATEGORIES for character in value
        ),
        "holds a path separator": "/" in value or "\\" in value,
        "begins with a dot": value.startswith("."),
        "is too long": len(value.encode(errors="replace")) > MAX_ID_BYTES,
    }
    return next((problem for problem, applies in problems.items() if applies), None)


def _read_number(value: object) -> Fraction:
    _check_size(value)
    return timebase.to_fraction(value)


def _check_size(value: object) -> None:
    """Refuse numbers that are too long for exact arithmetic: ``1e999999999`` would fill the memory."""
    if isinstance(value, str):
        too_long = len(value) > _MAX_NUMBER_CHARACTERS or _LONG_EXPONENT.search(value) is not None
    elif isinstance(value, Fraction):
        too_long = max(abs(value.numerator), value.denominator) >= 10**_MAX_DIGITS
    elif isinstance(value, Decimal):
        too_long = value.is_finite() and (
            abs(value.adjusted()) > _MAX_DIGITS or len(value.as_tuple().digits) > _MAX_DIGITS
        )
    else:
        too_long = isinstance(value, int | float) and (
            abs(value) >= 10**_MAX_DIGITS or 0 < abs(value) < 10**-_MAX_DIGITS
        )
    if too_long:
        raise ValueError("more digits than a time has")


def _parts_of_rate(value: object) -> tuple[object, ...]:
    if isinstance(value, Mapping):
        return tuple(value.values())
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _not_finite(value: object) -> float | None:
    """The value as a float where it says NaN or an infinity, in whatever spelling; None for everything else."""
    if isinstance(value, bool) or not isinstance(value, float | str | Decimal):
        return None
    if isinstance(value, str) and value.strip().lstrip("+-").casefold() not in {"nan", "inf", "infinity"}:
        return None
    number = float(value)
    return None if math.isfinite(number) else number
