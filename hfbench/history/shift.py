"""How large a step is: the shift between two groups, with an exact interval that assumes no distribution.

Source: Hodges & Lehmann (1963); Hollander, Wolfe & Chicken, "Nonparametric Statistical Methods" (2014), section 4.2-4.3
(Moses's interval from the ordered differences, by the exact distribution of the Mann-Whitney statistic).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import comb
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

Floats = NDArray[np.float64]

#: The size of a step is taken from this many points on either side: those farther away may hold other changes.
NEAREST: Final = 30
_CONFIDENCE: Final = 0.95


@dataclass(frozen=True, slots=True)
class Shift:
    """A shift in the unit of the values. ``confidence`` is below .95 where too few points allow no more."""

    estimate: float
    low: float
    high: float
    confidence: float


def shift_between(before: Sequence[float], after: Sequence[float], confidence: float = _CONFIDENCE) -> Shift:
    """The shift from ``before`` to ``after`` (in the order of time), by the :data:`NEAREST` points on either side.

    Raises:
        ValueError: a side is empty.
    """
    old, new = np.asarray(before[-NEAREST:], np.float64), np.asarray(after[:NEAREST], np.float64)
    if not old.size or not new.size:
        raise ValueError("a shift needs a value on either side")
    differences = np.sort(np.subtract.outer(new, old).ravel())
    cumulative = _mann_whitney_cdf(old.size, new.size)
    outside = int(np.searchsorted(cumulative, (1 - confidence) / 2, side="right"))
    reached = confidence if outside else max(0.0, 1 - 2 / comb(old.size + new.size, old.size))
    outside = max(outside, 1)
    return Shift(float(np.median(differences)), float(differences[outside - 1]), float(differences[-outside]), reached)


@lru_cache(maxsize=256)
def _mann_whitney_cdf(first: int, second: int) -> Floats:
    """P(U <= u) for u = 0 .. first*second, by Mann and Whitney's recurrence on the number of orderings."""
    row = [np.ones(1)] * (second + 1)
    for size in range(1, first + 1):
        longer = [np.ones(1)]
        for other in range(1, second + 1):
            counts = np.zeros(size * other + 1)
            counts[other : other + row[other].size] += row[other]
            counts[: longer[-1].size] += longer[-1]
            longer.append(counts)
        row = longer
    cumulative: Floats = np.cumsum(row[second]) / comb(first + second, first)
    cumulative.setflags(write=False)  # the cache hands out the same array each time
    return cumulative
