"""Recorded runs of unchanged work (tests/data/noise), replayed through the gate's design as it would have met them.

A recording is a ring: a replay starts anywhere and takes runs in the order in which they ran, eight a pair where the
gate repeats four times, and canary pairs where the gate has its own. Which side is which is drawn as the gate draws it.
"""

from __future__ import annotations

import json
import math
import random
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from hfbench.bench.gate_defaults import CANARY_SHARE, LOOKS, REPEATS
from hfbench.bench.judge.stats import Judgement, Rule, State, canary_failed, judge

if TYPE_CHECKING:
    from collections.abc import Callable

Series = NDArray[np.float64]
Alarms = NDArray[np.bool_]
RECORDINGS = ("aa_ffmpeg", "aa_subprocess")
DATA = Path(__file__).parents[1] / "data" / "noise"


def load(name: str) -> dict[str, Series]:
    """CPU and wall time (ms) of each run of a recording, in the order in which they ran."""
    runs = [json.loads(line) for line in (DATA / f"{name}.jsonl").read_text().splitlines()]
    return {
        "cpu": np.array([run["user_ms"] + run["sys_ms"] for run in runs]),
        "wall": np.array([run["wall_ms"] for run in runs]),
    }


@dataclass(frozen=True)
class Design:
    """How pairs are taken: by default exactly as the gate takes them."""

    repeats: int = REPEATS
    canary_share: float = CANARY_SHARE
    pairs: int = LOOKS[-1]

    @property
    def runs_a_pair(self) -> int:
        return 2 * self.repeats

    def groups(self, recording: Series) -> int:
        """Pairs that share no run with each other."""
        return recording.size // self.runs_a_pair


@cache
def canary_turns(design: Design) -> NDArray[np.bool_]:
    """Whether each turn, in order, is the canary's: it goes before the pair that it belongs to."""
    found: list[bool] = []
    for pair in range(1, design.pairs + 1):
        if math.ceil(design.canary_share * pair) > math.ceil(design.canary_share * (pair - 1)):
            found.append(True)
        found.append(False)
    return np.array(found)


@dataclass(frozen=True)
class Replay:
    """One gate's log ratios: contender against baseline, and baseline against baseline."""

    pairs: Series
    canary: Series

    def canary_after(self, pairs: int) -> Series:
        """The canary pairs taken by the time of so many real ones."""
        return self.canary[: math.ceil(CANARY_SHARE * pairs)]


def replay(recording: Series, start: int, seed: int, effect: float = 0.0, design: Design | None = None) -> Replay:
    """What a gate with this seed would have seen from this run on, its contender slower by ``effect``."""
    design = design or Design()
    turns = canary_turns(design)
    runs = recording[(start + np.arange(turns.size * design.runs_a_pair)) % recording.size]
    first = np.array([number % 4 in {0, 3} for number in range(design.runs_a_pair)])  # the order turns round: ABBA
    groups = runs.reshape(turns.size, design.runs_a_pair)
    logs = np.log(_medians(groups[:, ~first]) / _medians(groups[:, first]))
    order = random.Random(seed)
    logs *= [1 if order.sample((0, 1), 2) == [0, 1] else -1 for _ in turns]
    return Replay(logs[~turns] + math.log1p(effect), logs[turns])


def _medians(groups: Series) -> Series:
    """As ``statistics.median``, a row each; five times as fast as numpy's for rows as short as these."""
    ordered = np.sort(groups, axis=1)
    middles: Series = (ordered[:, (ordered.shape[1] - 1) // 2] + ordered[:, ordered.shape[1] // 2]) / 2
    return middles


def draw(rng: np.random.Generator, recording: Series, effect: float = 0.0, design: Design | None = None) -> Replay:
    """A replay from anywhere, with any seed."""
    return replay(recording, int(rng.integers(recording.size)), int(rng.integers(2**31)), effect, design)


@dataclass(frozen=True)
class Rate:
    """How often something happened, and Clopper and Pearson's 95% interval (Biometrika 26, 1934)."""

    count: int
    of: int

    @property
    def interval(self) -> tuple[float, float]:
        found = stats.binomtest(self.count, self.of).proportion_ci(method="exact")
        return float(found.low), float(found.high)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.count}/{self.of} [{low:.1%}, {high:.1%}]"


@dataclass(frozen=True)
class Outcomes:
    """What many gates ended with, case by case."""

    gates: tuple[tuple[Judgement, ...], ...]
    voided: int

    def any(self, state: State) -> Rate:
        """Gates in which at least one case ended so."""
        return Rate(sum(any(each.state is state for each in gate) for gate in self.gates), len(self.gates))

    @property
    def void(self) -> Rate:
        """Gates whose canary failed, over all cases together."""
        return Rate(self.voided, len(self.gates))

    @property
    def pairs(self) -> Counter[int]:
        """Pairs used -> cases."""
        return Counter(each.bound.pairs for gate in self.gates for each in gate)


def outcomes(rule: Rule, drawn: Callable[[], Replay], cases: int, replays: int) -> Outcomes:
    """Judge ``cases`` cases in each of ``replays`` gates, each case on its own stretch of the recording."""
    gates: list[tuple[Judgement, ...]] = []
    voided = 0
    for _ in range(replays):
        seen = [drawn() for _ in range(cases)]
        gates.append(tuple(judge(each.pairs, rule) for each in seen))
        used = zip(seen, gates[-1], strict=True)
        canary = np.concatenate([each.canary_after(judged.bound.pairs) for each, judged in used])
        voided += canary_failed(canary, rule)
    return Outcomes(tuple(gates), voided)


def blocks(rng: np.random.Generator, series: Series, size: int, replays: int) -> tuple[Series, Series]:
    """First all runs of one side, then all of the other: how a naive gate measures. A row a replay."""
    starts = rng.integers(0, series.size - 2 * size + 1, replays)
    runs = series[starts[:, None] + np.arange(2 * size)]
    return runs[:, :size], runs[:, size:]


def naive_t_test(one: Series, other: Series) -> Alarms:
    """15% in the mean, and a t-test."""
    seen: Alarms = stats.ttest_ind(other, one, equal_var=False, axis=1).pvalue < 0.05
    return seen & (other.mean(axis=1) > 1.15 * one.mean(axis=1))


def naive_minimum(one: Series, other: Series) -> Alarms:
    """5% in the best of N."""
    found: Alarms = other.min(axis=1) > 1.05 * one.min(axis=1)
    return found


def naive_rank_test(one: Series, other: Series) -> Alarms:
    """2% in the median, and a rank test."""
    seen: Alarms = stats.mannwhitneyu(other, one, alternative="greater", axis=1).pvalue < 0.05
    return seen & (np.median(other, axis=1) > 1.02 * np.median(one, axis=1))


#: Gates as they are often built, and the time that each is run on.
NAIVE = ((naive_t_test, "wall"), (naive_minimum, "wall"), (naive_rank_test, "cpu"))
