"""How a display matrix turns pictures: the nearest of the eight right-angle cases. Pure."""

from __future__ import annotations

from hfbench.model.media import Orientation


def orientation_of(display_matrix: tuple[int, ...]) -> Orientation:
    """The right-angle case nearest to a display matrix of nine 16.16 numbers (ISO/IEC 14496-12, 8.3.2).

    Args:
        display_matrix: a b u c d v x y w, as the file holds them.
    """
    a, b, _, c, d = display_matrix[:5]
    if abs(b) + abs(c) > abs(a) + abs(d):
        clockwise = b > 0
        if (b > 0) == (c > 0):
            return Orientation.TRANSPOSE if clockwise else Orientation.ANTITRANSPOSE
        return Orientation.QUARTER_CLOCKWISE if clockwise else Orientation.QUARTER_ANTICLOCKWISE
    if a < 0:
        return Orientation.HALF_TURN if d < 0 else Orientation.FLIP_HORIZONTAL
    return Orientation.FLIP_VERTICAL if d < 0 else Orientation.UPRIGHT
