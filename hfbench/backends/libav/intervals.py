"""The period of pictures, and whether it is constant, from the distances between them."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

import numpy as np

from hfbench.model.media import FrameTiming

if TYPE_CHECKING:
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

#: Real constant-rate recordings stray up to one tick; 2 ms covers Matroska's milliseconds and phone clocks.
JITTER_SECONDS: Final = Fraction(2, 1000)
#: Two intervals are needed before any can differ.
FEWEST_FOR_VFR: Final = 3


def described(
    shown: NDArray[np.int64], time_base: Fraction, last_duration: Fraction, stream: VideoStream
) -> FrameTiming:
    """The timing of pictures at these ticks of media time; ``last_duration`` in seconds, 0 where unknown."""
    is_vfr = is_variable(shown, time_base)
    period = period_of(shown, stream, time_base, is_vfr=is_vfr)
    last = int(shown[-1]) * time_base
    longest = int(np.diff(shown).max(initial=0)) * time_base
    return FrameTiming(
        first_pts=int(shown[0]) * time_base,
        last_pts=last,
        end=last + (last_duration or period),
        frames=int(shown.size),
        period=period,
        is_vfr=is_vfr,
        longest_hold=max(period, longest, last_duration),
    )


def is_variable(ticks: NDArray[np.int64], time_base: Fraction) -> bool:
    """Whether ascending timestamps leave the best uniform grid by more than 2 ms or one tick."""
    count = ticks.size
    if count < FEWEST_FOR_VFR:
        return False
    positions = np.arange(count, dtype=np.float64)
    relative = (ticks - ticks[0]).astype(np.float64)
    slope = np.polyfit(positions, relative, 1)[0]
    residual = relative - slope * positions
    tolerance = max(float(JITTER_SECONDS / time_base), 1.0)
    return bool((residual.max() - residual.min()) / 2 > tolerance)


def period_of(ticks: NDArray[np.int64], stream: VideoStream, time_base: Fraction, *, is_vfr: bool) -> Fraction:
    """Seconds per frame: the mean distance at a constant rate, the median at a variable one."""
    if ticks.size > 1:
        mean = Fraction(int(ticks[-1] - ticks[0]), ticks.size - 1)
        distance = Fraction(int(np.median(np.diff(ticks)))) if is_vfr else mean
        if distance > 0:
            return distance * time_base
    rate = stream.average_rate or stream.guessed_rate
    return 1 / Fraction(rate) if rate else Fraction(1, 25)
