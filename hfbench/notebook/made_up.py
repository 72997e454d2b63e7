"""A made-up history for a first look, where nothing has been measured yet; its machine is named accordingly."""

from __future__ import annotations

import random
from typing import Final

from hfbench.history import Axes, History, Point, Series

_COMMITS: Final = 60
_HOUR: Final = 3600.0
_START: Final = 1_760_000_000.0
_MACHINE: Final = "made up: no machine measured this"


def example_history(seed: int = 7) -> History:
    """60 commits: CPU time rises by 18% at commit 40, and one frame more is decoded from commit 40 on."""
    chance = random.Random(seed)  # noqa: S311  an example, no secret
    step = 40
    cpu = [300 * (1.18 if place >= step else 1) * (1 + chance.gauss(0, 0.03)) for place in range(_COMMITS)]
    wall = [each * 0.9 * (1 + abs(chance.gauss(0, 0.1))) for each in cpu]
    decoded = [214.0 + (place >= step) for place in range(_COMMITS)]
    written = [2_005_700.0] * _COMMITS
    lines = {"cpuMs": cpu, "videoExtractMs": wall, "framesDecoded": decoded, "bytesWritten": written}
    return History(tuple(_line(metric, values) for metric, values in sorted(lines.items())))


def _line(metric: str, values: list[float]) -> Series:
    axes = Axes(scenario="hdr-sdr-mixed-scope", metric=metric, scope="segment", machine=_MACHINE)
    points = (Point(f"example-{place:02d}", _START + place * _HOUR, (value,)) for place, value in enumerate(values))
    return Series(axes, tuple(points))
