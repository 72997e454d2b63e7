"""Rational time: rates, seconds and the one frame-grid rule.

Times are exact :class:`fractions.Fraction` seconds; floats are for display only. The module does no I/O.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Final, SupportsFloat

#: Broadcast rates are written with two or three decimals and mean n*1000/1001 (SMPTE ST 12-1, clause 5.1).
_NTSC_RATES: Final[Mapping[Fraction, Fraction]] = {
    Fraction(spelling): Fraction(nominal * 1000, 1001)
    for nominal, spellings in {
        24: ("23.976", "23.98", "23.9760"),
        30: ("29.97", "29.970"),
        48: ("47.952", "47.95"),
        60: ("59.94", "59.940"),
        120: ("119.88",),
    }.items()
    for spelling in spellings
}

#: Rates above this can only be a mistake (a timescale written where a rate belongs).
MAX_FRAME_RATE: Final = 1000


def to_fraction(value: object) -> Fraction:
    """Read a finite number in any spelling exactly: int, float, Decimal, Fraction, ``"2.05"``, ``"1001/30"``.

    A float is taken at its shortest decimal spelling, so that 2.05 means 41/20 and not the nearest binary number.

    Raises:
        ValueError: not a number, not finite, or a zero denominator.
    """
    if isinstance(value, bool) or value is None:
        raise ValueError(f"{value!r} is not a number")
    if isinstance(value, int | Fraction):
        return Fraction(value)
    try:
        if isinstance(value, str):
            numerator, slash, denominator = value.strip().partition("/")
            if slash:
                return Fraction(Decimal(numerator.strip())) / Fraction(Decimal(denominator.strip()))
            return Fraction(Decimal(numerator))
        if isinstance(value, Decimal):
            return Fraction(value)
        if isinstance(value, SupportsFloat):
            return Fraction(Decimal(repr(float(value))))
    except (ValueError, OverflowError, ZeroDivisionError, InvalidOperation):
        pass
    raise ValueError(f"{value!r} is not a finite number")


def parse_rate(value: object) -> Fraction:
    """Read a frame rate in any usual spelling as frames per second.

    Accepted: ``30``, ``29.97`` and ``"29.97"`` (30000/1001), ``"30000/1001"``, ``{"num": 30000, "den": 1001}``,
    ``[30000, 1001]``, :class:`~fractions.Fraction`.

    Raises:
        ValueError: not a rate, or outside (0, 1000].
    """
    rate = _rate_from_pair(value)
    if rate is None:
        rate = to_fraction(value)
        rate = _NTSC_RATES.get(rate, rate)
    if not 0 < rate <= MAX_FRAME_RATE:
        raise ValueError(f"{value!r} is not a frame rate: it must be above 0 and at most {MAX_FRAME_RATE}")
    return rate


def _rate_from_pair(value: object) -> Fraction | None:
    """The ratio of a ``{num, den}`` mapping or a two-element sequence; None for any other kind of value."""
    if isinstance(value, Mapping):
        if set(value) != {"num", "den"}:
            raise ValueError(
                f"{dict(value)!r} is not a frame rate: a mapping must have exactly the keys 'num' and 'den'"
            )
        pair = (value["num"], value["den"])
    elif isinstance(value, list | tuple) and len(value) == 2:
        pair = (value[0], value[1])
    else:
        return None
    numerator, denominator = (to_fraction(part) for part in pair)
    if denominator == 0:
        raise ValueError(f"{value!r} is not a frame rate: its denominator is 0")
    return numerator / denominator


def round_half_up(value: Fraction) -> int:
    """The nearest integer, halves towards +infinity."""
    return math.floor(value + Fraction(1, 2))


def frame_count(duration: Fraction, rate: Fraction) -> int:
    """How many frames a duration (seconds) has at a rate: max(1, round-half-up(duration * rate))."""
    return max(1, round_half_up(duration * rate))


def seconds_text(value: Fraction | None) -> str:
    """Seconds for people: at most six decimals, without trailing zeros; ``natural end`` for None."""
    if value is None:
        return "natural end"
    text = f"{float(value):.6f}".rstrip("0").rstrip(".")
    return "0" if text in {"", "-0"} else text


def rate_text(rate: Fraction) -> str:
    """A rate as it is written on a command line: ``30`` or ``30000/1001``."""
    return str(rate.numerator) if rate.denominator == 1 else f"{rate.numerator}/{rate.denominator}"


@dataclass(frozen=True, slots=True)
class FrameGrid:
    """The one rule that says which source frame each output frame shows, for CFR and VFR alike.

    Slot k of ``count`` shows the last frame whose pts < start + (k + 1/2) / rate, frames before ``start`` included;
    before the file's first frame, the first frame. That is FFmpeg's ``fps`` filter with ``round=near`` and
    ``start_time`` set, frame for frame.

    Attributes:
        start: media time of slot 0, seconds.
        rate: frames per second.
        count: slots, at least 1.
    """

    start: Fraction
    rate: Fraction
    count: int

    def __post_init__(self) -> None:
        if self.count < 1 or self.rate <= 0:
            raise ValueError(
                f"a frame grid needs at least one slot and a positive rate (got {self.count} at {self.rate})"
            )

    def first_slot(self, pts: Fraction) -> int:
        """The first slot that may show a frame with this pts (seconds): negative before the grid, ``count`` after."""
        return round_half_up((pts - self.start) * self.rate)

    @property
    def end_of_need(self) -> Fraction:
        """Media time from which on no frame is shown: start + (count - 1/2) / rate."""
        return self.start + (self.count - Fraction(1, 2)) / self.rate


class GridSampler:
    """Walks a grid along with a decoder: given each frame's pts in order, it returns the slots of the frame *before*.

    The first frame of a file has no frame before it: it fills the slots ahead of it as well, which ``advance`` leaves
    open until the next call.
    """

    def __init__(self, grid: FrameGrid) -> None:
        self._grid = grid
        self._next_slot = 0
        self._has_frame = False

    @property
    def is_full(self) -> bool:
        """Whether every slot is filled."""
        return self._next_slot >= self._grid.count

    @property
    def filled(self) -> int:
        """Slots filled so far."""
        return self._next_slot

    def advance(self, pts: Fraction) -> range:
        """The slots that the previous frame fills, now that a frame with this pts (seconds) follows it."""
        if not self._has_frame:
            self._has_frame = True
            return range(0)
        return self._fill_up_to(self._grid.first_slot(pts))

    def finish(self, end: Fraction | None = None) -> range:
        """The slots that the last frame fills: all that are left, or those before ``end`` (seconds)."""
        if not self._has_frame:
            return range(0)
        return self._fill_up_to(self._grid.count if end is None else self._grid.first_slot(end))

    def _fill_up_to(self, slot: int) -> range:
        first = self._next_slot
        self._next_slot = max(first, min(slot, self._grid.count))
        return range(first, self._next_slot)
