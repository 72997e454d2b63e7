from __future__ import annotations

import numpy as np
import pytest

from hfbench.pixels.orientation import orientation_of

ONE = 1 << 16


@pytest.mark.parametrize("degrees", [-3, 2, 4.5])
@pytest.mark.parametrize("flip", [1, -1])
def test_a_matrix_that_is_nearly_right_is_the_nearest_case(degrees, flip):
    for quarter in range(4):
        angles = [np.radians(90 * quarter + wobble) for wobble in (0, degrees)]
        exact, near = (
            (round(np.cos(a) * ONE) * flip, round(np.sin(a) * ONE) * flip, 0, round(-np.sin(a) * ONE))
            + (round(np.cos(a) * ONE), 0, 0, 0, 1 << 30)
            for a in angles
        )
        assert orientation_of(near) is orientation_of(exact)
