"""How Y'CbCr codes are read: matrices and ranges as coefficients (BT.601-7, BT.709-6, BT.2020-2, SMPTE 240M, H.273)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from hfbench.color import ColorRange, Matrix

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: H.273 matrix -> (Kr, Kb) of its luma equation.
LUMA_WEIGHTS: Final = {
    Matrix.BT709: (0.2126, 0.0722),
    Matrix.FCC: (0.30, 0.11),
    Matrix.BT470BG: (0.299, 0.114),
    Matrix.SMPTE170M: (0.299, 0.114),
    Matrix.SMPTE240M: (0.212, 0.087),
    Matrix.BT2020_NCL: (0.2627, 0.0593),
}
#: R'G'B' to Y, Cb, Cr of JFIF 1.02, all of them on 0-1.
_JFIF: Final = np.array(
    [
        [0.299, 0.587, 0.114],
        [-0.299 / 1.772, -0.587 / 1.772, 0.886 / 1.772],
        [0.701 / 1.402, -0.587 / 1.402, -0.114 / 1.402],
    ]
)
#: The bicubic kernel with B = 0 and C = 0.6 at distances of 1.75, 0.75, 0.25 and 1.25 samples.
_EVEN: Final = (-0.028125, 0.240625, 0.871875, -0.084375)


def chroma_taps() -> NDArray[np.float32]:
    """Weights of four samples for even and for odd places, shape (2, 4)."""
    return np.array([_EVEN, _EVEN[::-1]], np.float32)


def to_signal(matrix: int, sample_range: int, depth: int) -> tuple[NDArray[np.float64], float, float]:
    """How codes become the R'G'B' signal of 0-1.

    Returns:
        The 3 x 3 matrix for codes less black and less the middle of chroma, the code of black, and that middle.
    """
    kr, kb = LUMA_WEIGHTS[Matrix(matrix)]
    kg = 1 - kr - kb
    unit = 2.0 ** (depth - 8)
    is_full = sample_range == ColorRange.FULL
    luma, chroma = (2.0**depth - 1,) * 2 if is_full else (219 * unit, 224 * unit)
    rows = [
        [1 / luma, 0, 2 * (1 - kr) / chroma],
        [1 / luma, -2 * (1 - kb) * kb / kg / chroma, -2 * (1 - kr) * kr / kg / chroma],
        [1 / luma, 2 * (1 - kb) / chroma, 0],
    ]
    return np.array(rows), 0.0 if is_full else 16 * unit, 128 * unit


def rgb_coefficients(matrix: int, sample_range: int, depth: int, top: float) -> NDArray[np.float32]:
    """For :func:`~hfbench.pixels.kernels.compiled.picture`: R'G'B' of 0 to ``top``.

    Returns:
        Luma's scale and offset; Cr's part of red; Cb's and Cr's of green; Cb's of blue; ``top``; the middle of chroma.
    """
    signal, black, middle = to_signal(matrix, sample_range, depth)
    scale = signal[0, 0] * top
    parts = (signal[0, 2], signal[1, 1], signal[1, 2], signal[2, 1])
    return np.array([scale, -black * scale, *(part * top for part in parts), top, middle], np.float32)


def jfif_coefficients(matrix: int, sample_range: int, depth: int) -> NDArray[np.float32]:
    """For :func:`~hfbench.pixels.kernels.compiled.linear_420`: JFIF's planes straight from Y'CbCr.

    Returns:
        Luma's scale, offset, and Cb's and Cr's part of it; U's and V's part of Cb, and of Cr; the middle of chroma.
    """
    signal, black, middle = to_signal(matrix, sample_range, depth)
    both = 255 * _JFIF @ signal
    scale = both[0, 0]
    return np.array([scale, -black * scale, *both[0, 1:], *both[1, 1:], *both[2, 1:], middle], np.float32)


def jfif_chroma_weights() -> NDArray[np.float32]:
    """For R'G'B' of 0 to 255 summed over four pixels: Cb's and Cr's weights, shape (2, 3)."""
    return (_JFIF[1:] / 4).astype(np.float32)
