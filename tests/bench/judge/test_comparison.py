from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hfbench.bench.judge.comparability import Side
from hfbench.bench.judge.compare import compare
from hfbench.bench.judge.stats import State
from hfbench.bench.judge.terms import Terms

MakeSide = Callable[..., Side]


def noisy(count: int, centre: float = 100.0, seed: int = 0) -> list[float]:
    return [float(value) for value in centre * np.random.default_rng(seed).uniform(0.99, 1.01, count)]


def test_final_states_only_decide(make_side: MakeSide) -> None:
    outcome = compare(make_side("a", noisy(15)), make_side("b", noisy(15)), Terms())
    (row,) = [row for row in outcome.rows if row.metric == "cpuMs"]
    assert row.judgement is not None
    assert row.judgement.state is State.PASS
    assert outcome.is_decided(row.case)
