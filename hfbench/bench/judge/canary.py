"""The canary: baseline against baseline. If that shows a difference, nothing measured with it can be judged."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hfbench.bench.judge.comparability import case_of
from hfbench.bench.judge.counters import COUNTERS, counter_logs
from hfbench.bench.judge.stats import CPU_RULE, Bound, Rule, bound, canary_failed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from hfbench.bench.record import Sample

CPU: Final = "cpuMs"


@dataclass(frozen=True, slots=True)
class Canary:
    """Baseline against baseline: how many pairs, the CPU change between them, and what is wrong, if anything.

    ``samples`` are all its runs: they also show which counters are exact.
    """

    pairs: int
    bound: Bound | None
    trouble: tuple[str, ...]
    samples: tuple[Sample, ...] = ()


def canary_of(one: Sequence[Sample], other: Sequence[Sample], rule: Rule = CPU_RULE) -> Canary:
    """Judge baseline against baseline, on CPU time, by the two-sided test."""
    partners = {(case_of(sample), sample.round): sample for sample in other}
    paired = [(mine, theirs) for mine in one if (theirs := partners.get((case_of(mine), mine.round)))]
    logs = [math.log(theirs / mine) for mine, theirs in above_zero(paired, CPU)]
    found = bound(logs, rule.alpha_fail / 2, rule.alpha_fail / 2) if logs else None
    trouble = []
    if found and canary_failed(logs, rule):
        trouble.append(
            f"the baseline differs from itself by {found.change:+.1%} CPU over {len(logs)} pairs: "
            "the machine or the order of the runs makes a difference"
        )
    cases = dict.fromkeys(case_of(mine) for mine, _ in paired)
    trouble += [
        f"{case}: {reason}" for case in cases for reason in _unsteady([p for p in paired if case_of(p[0]) == case])
    ]
    return Canary(len(paired), found, tuple(trouble), (*one, *other))


def _unsteady(paired: Sequence[tuple[Sample, Sample]]) -> Iterator[str]:
    """Counters in which two processes of the same build differ all the time, which no pair can average out."""
    mine, theirs = zip(*paired, strict=True)
    for name in COUNTERS:
        logs = counter_logs(name, mine, theirs)
        if canary_failed(logs, CPU_RULE):
            yield f"{name} of the baseline differs from itself in {len(logs)} pairs: each process has its own number"


def above_zero(paired: Iterable[tuple[Sample, Sample]], name: str) -> list[tuple[float, float]]:
    """Both values of each pair that has two above zero: a ratio needs them."""
    both = ((before.metrics.get(name), after.metrics.get(name)) for before, after in paired)
    return [(old, new) for old, new in both if old is not None and new is not None and old > 0 < new]
