"""How cost grows: the exponent of a metric along an axis such as source length, fitted on saved samples."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hfbench.bench.record import RunRecord

#: A slope needs two different positions.
_FEWEST_POSITIONS: Final = 2


@dataclass(frozen=True, slots=True)
class Growth:
    """A metric along one axis.

    Attributes:
        axis: name of the axis.
        metric: a name of ``hfbench metrics``.
        medians: position on the axis -> median of the metric over the rounds, ascending.
        exponent: e of cost ~ position^e, least squares on logarithms: the median over the rounds.
        lowest: the smallest exponent of any round.
        highest: the largest exponent of any round.
    """

    axis: str
    metric: str
    medians: Mapping[float, float]
    exponent: float
    lowest: float
    highest: float


def growth(axis: str, metric: str, positions: Mapping[str, float], record: RunRecord) -> Growth | None:
    """The growth of a metric over the scenarios of an axis; None where too little was measured.

    Args:
        axis: name of the axis, for the result.
        metric: a name of ``hfbench metrics``.
        positions: scenario -> position on the axis, above 0.
        record: holds a sample for each scenario and round.
    """
    rounds: dict[int, dict[float, float]] = {}
    for sample in record.samples:
        value = sample.metrics.get(metric)
        if sample.scenario in positions and value:
            rounds.setdefault(sample.round, {})[positions[sample.scenario]] = float(value)
    slopes = [slope for values in rounds.values() if (slope := _slope(values)) is not None]
    if not slopes:
        return None
    reached = sorted({position for values in rounds.values() for position in values})
    medians = {
        position: median(values[position] for values in rounds.values() if position in values) for position in reached
    }
    return Growth(axis, metric, medians, median(slopes), min(slopes), max(slopes))


def _slope(values: Mapping[float, float]) -> float | None:
    """Least squares on logarithms."""
    if len(values) < _FEWEST_POSITIONS:
        return None
    x, y = [math.log(position) for position in values], [math.log(cost) for cost in values.values()]
    center_x, center_y = _mean(x), _mean(y)
    spread = sum((each - center_x) ** 2 for each in x)
    return sum((one - center_x) * (other - center_y) for one, other in zip(x, y, strict=True)) / spread


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
