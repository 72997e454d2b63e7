"""The formulas of the standards, implemented independently: what judges the engine shares no code with it.

Sources: ITU-R BT.1886 (SDR display), BT.2087 (primaries), BT.2100-2 (PQ, ICtCp), BT.2124 (delta E ITP), SMPTE ST 2084.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: cd/m² of SDR white in an HDR picture (BT.2408-7, 2.1).
SDR_WHITE: Final = 203.0
#: A difference of 1 is just noticeable (BT.2124).
JUST_NOTICEABLE: Final = 1.0

_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
_PEAK: Final = 10000.0
_BT709_TO_BT2020: Final = np.array(
    [[0.627404, 0.329283, 0.043313], [0.069097, 0.919540, 0.011362], [0.016391, 0.088013, 0.895595]]
)
_RGB_TO_LMS: Final = np.array([[1688, 2146, 262], [683, 2951, 462], [99, 309, 3688]]) / 4096
_LMS_TO_ICTCP: Final = np.array([[2048, 2048, 0], [6610, -13613, 7003], [17933, -17390, -543]]) / 4096


def pq_to_light(signal: Floats) -> Floats:
    """PQ signal 0-1 to cd/m²."""
    power = np.clip(signal, 0, 1) ** (1 / _M2)
    light: Floats = _PEAK * (np.maximum(power - _C1, 0) / (_C2 - _C3 * power)) ** (1 / _M1)
    return light


def light_to_pq(light: Floats) -> Floats:
    """cd/m² to PQ signal 0-1."""
    power = np.clip(light / _PEAK, 0, 1) ** _M1
    signal: Floats = ((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2
    return signal


def sdr_to_light(signal: Floats) -> Floats:
    """BT.709 signal 0-1, shape (..., 3), to BT.2020 light in cd/m² as an SDR display would show it, white at 203."""
    light: Floats = SDR_WHITE * np.clip(signal, 0, 1) ** 2.4 @ _BT709_TO_BT2020.T
    return light


def delta_e_itp(one: Floats, other: Floats) -> Floats:
    """The visible difference of two BT.2020 lights (cd/m², shape (..., 3)); 1 is just noticeable."""
    difference = _itp(one) - _itp(other)
    distance: Floats = 720 * np.sqrt((difference**2).sum(axis=-1))
    return distance


def _itp(light: Floats) -> Floats:
    lms = light @ _RGB_TO_LMS.T
    found: Floats = light_to_pq(lms) @ _LMS_TO_ICTCP.T * np.array([1, 0.5, 1])
    return found
