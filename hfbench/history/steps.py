"""Steps in a history: where a line changed its level, by how much, and the gate command that confirms it.

Times are noisy: kernel change points (Arlot, Celisse & Harchaoui, "A kernel multiple change-point algorithm via model
selection", 2019; in the library ruptures) on log values. docs/history.md holds the parameters. Counters are exact: any
two neighbours that differ are a step. A counter that keeps returning to its old value varies by itself, and is treated
as noisy.
"""

from __future__ import annotations

import itertools
import math
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from hfbench.bench.case import DECODE_LIMIT, KNOWN_VALUES
from hfbench.errors import NotInstalledError
from hfbench.history.shift import shift_between

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hfbench.history.values import Axes, History, Point, Series

Floats = NDArray[np.float64]

#: The fewest points that make a level, so twice as many before anything can be found in noise.
LEAST_LEVEL: Final = 3
LEAST_POINTS: Final = 2 * LEAST_LEVEL
#: The kernel's width in units of the noise: two values farther apart than this count as different.
_WIDTH: Final = 3.0
#: median |difference of two neighbours| of Gaussian noise with standard deviation 1: sqrt(2) * 0.6745.
_NEIGHBOURS: Final = 0.954
#: Milliseconds below which a time is rounding and scheduling. Counts have a least value for their logarithm.
LEAST_TIME_MS: Final = 0.1
_LEAST_COUNT: Final = 0.5
_LEAST_NOISE: Final = 1e-3
#: This many short excursions that end at the value they began from are not chance: the counter varies by itself.
_EXCURSIONS: Final = 2
_HASH: Final = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Step:
    """A change of level between two neighbouring points of a line.

    Attributes:
        before: the last point of the old level; ``after``: the first of the new one.
        old, new: medians of the two levels (for exact steps the two values), in the metric's unit.
        low, high: the interval of new / old - 1 (.05 = +5%); None where old is 0.
        confidence: of the interval; 1 for exact steps.
        is_exact: whether the line carries no noise, so that neighbouring values were compared directly.
    """

    axes: Axes
    before: Point
    after: Point
    old: float
    new: float
    change: float | None
    low: float | None
    high: float | None
    confidence: float
    is_exact: bool

    @property
    def is_worse(self) -> bool:
        """Whether the value rose: less is better for every metric but cache hits."""
        return (self.new > self.old) != (self.axes.metric == "cacheHits")

    @property
    def commit_range(self) -> str:
        """``before..after`` as git reads it: one of these commits made the step."""
        return f"{self.before.label}..{self.after.label}"


def is_too_short(series: Series) -> bool:
    """Whether a line of times has too few points for a step to be distinguished from noise; counters never have."""
    return series.axes.is_time and len(series.points) < LEAST_POINTS


def find_steps(history: History) -> tuple[Step, ...]:
    """All steps of all lines, oldest first.

    Raises:
        NotInstalledError: ruptures is not installed, and a noisy line is long enough to need it.
    """
    found = (step for series in history.series for step in steps_of(series))
    return tuple(sorted(found, key=lambda step: (step.after.order, step.axes)))


def steps_of(series: Series) -> tuple[Step, ...]:
    """The steps of one line, oldest first; none where it is too short.

    Raises:
        NotInstalledError: as :func:`find_steps`.
    """
    if is_exact(series):
        neighbours = range(1, len(series.points))
        return tuple(_exact(series, at) for at in neighbours if _is_apart(series.points[at - 1], series.points[at]))
    logs = _logs(np.asarray(series.values, np.float64), series.axes)
    places = change_points(logs, noise_of(series))
    edges = (0, *places, logs.size)
    return tuple(_noisy(series, edges[number : number + 3]) for number in range(len(places)))


def is_exact(series: Series) -> bool:
    """Whether neighbouring values of a line are compared directly: it counts something, and does not vary by itself."""
    if series.axes.is_time:
        return False
    values = np.asarray(series.values, np.float64)
    if values.size < LEAST_POINTS:
        return True
    return _noise(_logs(values, series.axes)) == 0 and _excursions(series.values) < _EXCURSIONS


def noise_of(series: Series) -> float:
    """Standard deviation of a line's noise on a logarithmic scale (.05 = 5%), never less than 0.1%."""
    logs = _logs(np.asarray(series.values, np.float64), series.axes)
    noise = _noise(logs)
    if noise == 0 and not series.axes.is_time:  # a counter: by how much it changes where it does
        changes = np.abs(np.diff(logs))
        changes = changes[changes > 0]
        noise = float(np.median(changes)) / _NEIGHBOURS if changes.size else 0.0
    return max(noise, _LEAST_NOISE)


def _excursions(values: Sequence[float]) -> int:
    """How often a counter leaves a value for less than a level's length and comes back to it."""
    runs = [(value, len(tuple(group))) for value, group in itertools.groupby(values)]
    return sum(
        before[0] == after[0] and length < LEAST_LEVEL
        for before, (_, length), after in zip(runs, runs[1:], runs[2:], strict=False)
    )


def change_points(logs: Floats, noise: float) -> tuple[int, ...]:
    """Places (the first index of each new level) by a Gaussian kernel of width 3 x noise, penalty log(n).

    Raises:
        NotInstalledError: ruptures is not installed.
    """
    if logs.size < LEAST_POINTS or not np.ptp(logs):
        return ()
    try:
        import ruptures
    except ImportError as error:
        raise NotInstalledError('steps in noisy lines need ruptures: pip install "hfbench[notebooks]"') from error
    gamma = 1 / (2 * (_WIDTH * noise) ** 2)
    search = ruptures.KernelCPD(kernel="rbf", min_size=LEAST_LEVEL, params={"gamma": gamma})
    ends = search.fit(logs.reshape(-1, 1)).predict(pen=math.log(logs.size))
    return tuple(int(end) for end in ends[:-1])


def _logs(values: Floats, axes: Axes) -> Floats:
    logs: Floats = np.log(np.maximum(values, LEAST_TIME_MS if axes.is_time else _LEAST_COUNT))
    return logs


def _noise(logs: Floats) -> float:
    """Standard deviation of the noise, from differences of neighbours: a step changes only one of them."""
    return float(np.median(np.abs(np.diff(logs)))) / _NEIGHBOURS if logs.size > 1 else 0.0


def _is_apart(before: Point, after: Point) -> bool:
    """Whether no sample of one is within the range of the other's: a counter that varies by itself has no step."""
    return max(before.values) < min(after.values) or max(after.values) < min(before.values)


def _exact(series: Series, place: int) -> Step:
    before, after = series.points[place - 1], series.points[place]
    old, new = before.value, after.value
    change = new / old - 1 if old else None
    return Step(series.axes, before, after, old, new, change, change, change, confidence=1.0, is_exact=True)


def _noisy(series: Series, edges: Sequence[int]) -> Step:
    start, place, end = edges
    values = np.asarray(series.values, np.float64)
    logs = _logs(values, series.axes)
    shift = shift_between(logs[start:place].tolist(), logs[place:end].tolist())
    return Step(
        series.axes,
        series.points[place - 1],
        series.points[place],
        float(np.median(values[start:place])),
        float(np.median(values[place:end])),
        math.expm1(shift.estimate),
        math.expm1(shift.low),
        math.expm1(shift.high),
        confidence=shift.confidence,
        is_exact=False,
    )


def gate_command(step: Step, history: History | None = None) -> str | None:
    """The command that measures both sides of a step in pairs on one machine; None where there is none.

    CPU time and counters always decide in a gate; a step in elapsed time asks for the wall clock to decide too. A
    project whose engine is not hfbench declares it (``[tool.hfbench] engine`` in pyproject.toml).

    Args:
        step: from :func:`find_steps`.
        history: the history that it was found in: it may know the picture size that was measured.
    """
    base, contender = (point.commit.removesuffix("-dirty") for point in (step.before, step.after))
    axes = step.axes
    is_known = _HASH.fullmatch(base) and _HASH.fullmatch(contender) and base != contender
    if not is_known or axes.engine == DECODE_LIMIT:  # the latter is FFmpeg alone, and no engine that a gate could start
        return None
    before, after = (point.label.removesuffix("-dirty") for point in (step.before, step.after))
    words = ["hfbench", "gate", "--base", before, "--head", after, "--scenario", axes.scenario]
    # An engine that has fixed an axis has a value of its own there, which can't be asked for.
    chosen = (("backend", axes.backend), ("scope", axes.scope), ("format", axes.format))
    words += [word for axis, value in chosen if value in KNOWN_VALUES[axis] for word in (f"--{axis}", value)]
    words += ["--cache", axes.cache] if axes.cache != "off" else []
    size = history.sizes.get(axes.fixture) if history else None
    words += ["--size", size] if size else []
    if axes.is_time and axes.metric != "cpuMs":
        words += ["--block-on", "cpu", "--block-on", "wall"]
    return shlex.join(words)
