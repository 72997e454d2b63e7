"""The statistics of the gate: paired log ratios, exact signed-rank bounds, looks with spent error rates.

Source: Hodges & Lehmann, "Estimates of location based on rank tests" (1963); the confidence bound from ordered Walsh
averages is Hollander, Wolfe & Chicken, "Nonparametric Statistical Methods" (2014), section 3.3. The error rate is
divided evenly over the looks and the family (Bonferroni), which needs no assumption about how they depend.

Everything here is pure: a list of numbers and a rule in, a frozen value out. Reordering the pairs between looks, or
looking at other times than the rule says, would void the error rates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from hfbench.bench.gate_defaults import LOOKS

if TYPE_CHECKING:
    from collections.abc import Sequence

Floats = NDArray[np.float64]


class State(Enum):
    """What is known after some pairs."""

    PASS = "pass"  # noqa: S105  a verdict, not a password
    FAIL = "fail"
    CONTINUE = "continue"
    UNSURE = "unsure"

    @property
    def is_final(self) -> bool:
        """Whether more pairs can no longer change it."""
        return self is not State.CONTINUE


@dataclass(frozen=True, slots=True)
class Rule:
    """When a change of a time is too much, and how certain that must be.

    Attributes:
        fail_above: FAIL when the change is shown to be above this (.02 = +2%).
        pass_below: PASS when the change is shown to be below this.
        alpha_fail: chance of a false FAIL over all looks and the whole family.
        alpha_pass: chance that a change of ``pass_below`` passes, over all looks of one metric.
        looks: numbers of pairs at which a decision may be made, ascending.
        family: judged scenario x metric pairs that share ``alpha_fail``.
    """

    fail_above: float = 0.02
    pass_below: float = 0.05
    alpha_fail: float = 0.01
    alpha_pass: float = 0.05
    looks: tuple[int, ...] = LOOKS
    family: int = 1

    def __post_init__(self) -> None:
        """Check the rule itself.

        Raises:
            ValueError: no looks, looks out of order, or a family below 1.
        """
        if not self.looks or list(self.looks) != sorted(set(self.looks)) or self.looks[0] < 1 or self.family < 1:
            raise ValueError(
                f"looks must ascend from 1 or more and family be at least 1, not {self.looks} and {self.family}"
            )

    @property
    def alpha_low(self) -> float:
        """Error rate of one lower bound: what FAIL may spend at one look for one member of the family."""
        return self.alpha_fail / len(self.looks) / self.family

    @property
    def alpha_high(self) -> float:
        """Error rate of one upper bound: what PASS may spend at one look."""
        return self.alpha_pass / len(self.looks)

    @property
    def least_pairs(self) -> int:
        """Fewer pairs than this can never FAIL: even if all go one way, chance alone does that in 2**-pairs."""
        return least_pairs(self.alpha_low)

    def for_family(self, size: int) -> Rule:
        """The same rule for a family of ``size``."""
        return replace(self, family=max(size, 1))

    def for_fixed(self, pairs: int) -> Rule:
        """The same rule with one look, at ``pairs``: for data that was collected without looking."""
        return replace(self, looks=(max(pairs, 1),))


def least_pairs(alpha: float) -> int:
    """The fewest pairs with which the signed-rank test can reach an error rate: ``2**-pairs <= alpha``."""
    return max(math.ceil(-math.log2(alpha)), 1)


#: CPU time of unchanged code varied by 4-13% on the noisy machine the rule was made on, wall time by 38-54%.
CPU_RULE: Final = Rule()
WALL_RULE: Final = Rule(fail_above=0.10, pass_below=0.10)


@dataclass(frozen=True, slots=True)
class Bound:
    """A change as log(contender / baseline): Hodges-Lehmann estimate and one-sided bounds; ±inf = no bound yet."""

    estimate: float
    lower: float
    upper: float
    pairs: int

    @property
    def change(self) -> float:
        """The estimate as a fraction: .05 = +5%."""
        return math.expm1(self.estimate)

    @property
    def change_low(self) -> float:
        """The lower bound as a fraction; -1 (nothing is known) where there is none."""
        return math.expm1(self.lower)

    @property
    def change_high(self) -> float:
        """The upper bound as a fraction; inf where there is none."""
        return math.expm1(self.upper)


@dataclass(frozen=True, slots=True)
class Judgement:
    """A state, the bound it is based on, and the smallest change that would have been detected (inf: none)."""

    state: State
    bound: Bound
    smallest_detectable: float


@lru_cache(maxsize=128)
def signed_rank_cdf(pairs: int) -> Floats:
    """P(T <= t) of Wilcoxon's signed-rank statistic under the null hypothesis, for t = 0 .. pairs*(pairs+1)/2.

    Each rank is in the sum or not, with probability 1/2: the convolution of ``pairs`` two-point distributions.
    """
    mass = np.ones(1)
    for rank in range(1, pairs + 1):
        longer = np.zeros(mass.size + rank)
        longer[: mass.size] += mass
        longer[rank:] += mass
        mass = longer / 2
    cumulative: Floats = np.cumsum(mass)
    cumulative.setflags(write=False)  # it is shared by everyone who asks
    return cumulative


def walsh_averages(differences: Sequence[float] | Floats) -> Floats:
    """All averages of two differences (each with itself too), ascending: n*(n+1)/2 values."""
    values = np.asarray(differences, dtype=np.float64)
    rows, columns = np.triu_indices(values.size)
    ordered: Floats = np.sort((values[rows] + values[columns]) / 2)
    return ordered


def bound(differences: Sequence[float] | Floats, alpha_low: float, alpha_high: float) -> Bound:
    """Estimate and one-sided bounds of the centre of ``differences`` at the given error rates.

    Raises:
        ValueError: no differences, or one that is not finite.
    """
    values = np.asarray(differences, dtype=np.float64)
    if values.size == 0 or not np.isfinite(values).all():
        raise ValueError("a bound needs at least one difference, and only finite ones")
    averages = walsh_averages(values)
    low, high = (_averages_outside(values.size, alpha) for alpha in (alpha_low, alpha_high))
    return Bound(
        estimate=float(np.median(averages)),
        lower=float(averages[low - 1]) if low else -math.inf,
        upper=float(averages[-high]) if high else math.inf,
        pairs=int(values.size),
    )


def _averages_outside(pairs: int, alpha: float) -> int:
    """How many Walsh averages from the end the bound is: the j-th is beyond the centre with P(T <= j-1) <= alpha."""
    return int(np.searchsorted(signed_rank_cdf(pairs), alpha, side="right"))


def judge(differences: Sequence[float] | Floats, rule: Rule) -> Judgement:
    """What the rule says after these log ratios (contender / baseline), in the order in which they were measured.

    The looks are replayed from the first one, and the first final answer counts: pairs that came after a decision
    (because another metric still needed them) can't change it.

    Raises:
        ValueError: no differences, or one that is not finite.
    """
    for look in rule.looks:
        if len(differences) < look:
            break
        judgement = _look(differences[:look], rule, is_last=look == rule.looks[-1])
        if judgement.state.is_final:
            return judgement
    return replace(_look(differences, rule, is_last=False), state=State.CONTINUE)


def _look(differences: Sequence[float] | Floats, rule: Rule, *, is_last: bool) -> Judgement:
    found = bound(differences, rule.alpha_low, rule.alpha_high)
    if found.lower > math.log1p(rule.fail_above):
        state = State.FAIL
    elif found.upper < math.log1p(rule.pass_below):
        state = State.PASS
    else:
        state = State.UNSURE if is_last else State.CONTINUE
    return Judgement(state, found, _smallest_detectable(found, rule))


def _smallest_detectable(found: Bound, rule: Rule) -> float:
    """The true change that measurements with this spread show as FAIL, except for ``alpha_high`` of them.

    A lower bound is (estimate - lower) below the estimate, and the estimate at most (upper - estimate) below the
    truth, except with probability ``alpha_high``. The spread itself changes from measurement to measurement: on the
    recorded noise 82-85% of new ones detected the change that another had named (one look, ``alpha_high`` .05).
    """
    return math.expm1(math.log1p(rule.fail_above) + (found.upper - found.lower))


def canary_failed(differences: Sequence[float] | Floats, rule: Rule) -> bool:
    """Whether baseline against baseline shows a difference, in either direction, that can't be chance.

    One look, with half of ``alpha_fail`` on each side; fewer than ``least_pairs(alpha_fail / 2)`` can't show anything.
    """
    if len(differences) == 0:
        return False
    found = bound(differences, rule.alpha_fail / 2, rule.alpha_fail / 2)
    margin = math.log1p(rule.fail_above)
    return found.lower > margin or found.upper < -margin
