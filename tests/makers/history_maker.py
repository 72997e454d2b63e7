"""Made-up histories whose steps are known. It shares no code with what is tested."""

from __future__ import annotations

import random
from dataclasses import dataclass

from hfbench.history import Axes, Point, Series

COMMITS = 200


@dataclass(frozen=True, slots=True)
class Made:
    """A line of noise, and where (index of the first commit after) and by what factor its level was changed."""

    series: Series
    steps: dict[int, float]


def noisy(seed: int, *, steps: bool, noise: float = 0.03, drift: float = 0.002) -> Made:
    """200 commits of CPU time: Gaussian noise on a random walk, and three steps of 12-25% in either direction."""
    chance = random.Random(seed)
    wanted = {
        place: chance.choice((-1, 1)) * chance.uniform(0.12, 0.25)
        for place in ((chance.randint(20, 60), chance.randint(85, 120), chance.randint(145, 180)) if steps else ())
    }
    level, walk, values = 800.0, 1.0, []
    for place in range(COMMITS):
        level *= 1 + wanted.get(place, 0.0)
        walk *= 1 + chance.gauss(0, drift)
        values.append(level * walk * (1 + chance.gauss(0, noise)))
    return Made(line(values), wanted)


def line(values: list[float], **axes: str) -> Series:
    """A series of these values, one sample a commit."""
    chosen = {"scenario": "hdr-sdr-mixed-scope", "metric": "cpuMs", "scope": "segment"} | axes
    points = (
        Point(f"{place:08x}" + "0" * 32, 1_700_000_000.0 + 3600 * place, (value,)) for place, value in enumerate(values)
    )
    return Series(Axes(**chosen), tuple(points))
