"""The smallest step that the search would have found in a line: "no step" means little without it.

The numbers come from a simulation of the detector in :mod:`hfbench.history.steps` itself: Gaussian noise, one step at a
place drawn evenly among those at least 3 commits from either end, found if a change point is within 2 commits of it.
1500 lines (800 above 50 commits) per length and size, sizes by bisection. ``tests/history/test_power.py`` repeats the
simulation at a few lengths. Noise that drifts, or has outliers, makes the search weaker than this.
"""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np

from hfbench.history.steps import LEAST_TIME_MS, is_exact, is_too_short, noise_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hfbench.history.values import Series

#: The share of steps of the smallest size that are found.
POWER: Final = 0.8
#: Commits in a line -> the step, in standard deviations of the noise, that is found with this probability.
_LEAST_STEP: Final[Mapping[int, float]] = MappingProxyType(
    {
        6: 8.34,
        7: 7.59,
        8: 6.91,
        9: 6.54,
        10: 6.24,
        12: 5.71,
        15: 5.18,
        20: 4.66,
        25: 4.21,
        30: 4.13,
        40: 3.68,
        50: 3.23,
        70: 2.93,
        100: 2.63,
        150: 2.33,
        200: 2.10,
        300: 1.95,
    }
)


def smallest_step(series: Series) -> float | None:
    """The relative change (.05 = +5%) that would have been found in this line with a probability of 80% or more.

    0 for a counter that does not vary by itself: any difference is found. None where the line is too short for any step
    to be found. Infinity where the times are so short (below 0.1 ms) that they are not judged.
    """
    if is_too_short(series):
        return None
    if is_exact(series):
        return 0.0
    if series.axes.is_time and float(np.median(series.values)) < LEAST_TIME_MS:
        return math.inf
    lengths = list(_LEAST_STEP)
    in_noise = np.interp(math.log(len(series.points)), np.log(lengths), np.log(list(_LEAST_STEP.values())))
    return math.expm1(float(np.exp(in_noise)) * noise_of(series))
