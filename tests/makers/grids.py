"""Grids walked as a decoder's loop walks them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hfbench.timebase import GridSampler

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    from hfbench.timebase import FrameGrid


def walked(grid: FrameGrid, times: Sequence[Fraction]) -> list[int]:
    """For each slot of a grid, the position in ``times`` (ascending, not empty) of the frame that it shows."""
    sampler, rows, fed = GridSampler(grid), [], 0
    for position, pts in enumerate(times):
        rows += [position - 1 for _ in sampler.advance(pts)]
        fed = position
        if sampler.is_full:
            break
    rows += [fed for _ in sampler.finish()]
    assert sampler.is_full
    assert sampler.filled == grid.count
    return rows
