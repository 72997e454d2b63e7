"""Compiled work on blocks of 2 x 2 pixels that share their chroma. Imported by ``compiled`` only: it needs numba."""

from __future__ import annotations

import numpy as np
from numba import njit

from hfbench.pixels.kernels.rows import F, Row

_INDEX = np.uint32
_INT = np.int32


@njit(nogil=True)
def luma_offsets(u: Row, v: Row, reading: Row, middle: F, count: int, out: Row) -> None:
    """What a block's chroma adds to its luma, rounding included."""
    offset, blue, red = reading[1] + F(0.5), reading[2], reading[3]
    for i in range(count):
        out[i] = offset + blue * (F(u[i]) - middle) + red * (F(v[i]) - middle)


@njit(nogil=True)
def luma(y: Row, offsets: Row, scale: F, width: int, out: Row) -> None:
    """Luma of a row of pixels, two of which share an offset."""
    zero, top = F(0), F(255)
    for i in range(width // 2):
        out[2 * i] = np.uint8(_INT(min(max(scale * F(y[2 * i]) + offsets[i], zero), top)))
        out[2 * i + 1] = np.uint8(_INT(min(max(scale * F(y[2 * i + 1]) + offsets[i], zero), top)))
    if width % 2:
        last = width - 1
        out[last] = np.uint8(_INT(min(max(scale * F(y[last]) + offsets[width // 2], zero), top)))


@njit(nogil=True)
def chroma(u: Row, v: Row, blue: F, red: F, middle: F, count: int, out: Row) -> None:
    """One plane of JFIF's chroma from the source's two."""
    zero, top, half = F(0), F(255), F(128.5)
    for i in range(count):
        out[i] = np.uint8(_INT(min(max(blue * (F(u[i]) - middle) + red * (F(v[i]) - middle) + half, zero), top)))


@njit(nogil=True)
def entries(rgb: Row, weights: Row, out: Row) -> None:
    """R'G'B' of 0 to 255 as packed entries: Y, and Cb and Cr in quarters."""
    r, g, b = rgb[0], rgb[1], rgb[2]
    kr, kg, kb, half, top = F(0.299), F(0.587), F(0.114), F(0.5), F(1020)
    # weights are for sums of four pixels, which a quarter's unit is too
    br, bg, bb, rr, rg, rb = weights[0, 0], weights[0, 1], weights[0, 2], weights[1, 0], weights[1, 1], weights[1, 2]
    for i in range(256):
        luma = _INT(kr * r[i] + kg * g[i] + kb * b[i] + half)
        blue = _INT(min(F(16) * (br * r[i] + bg * g[i] + bb * b[i]) + F(512.5), top))
        red = _INT(min(F(16) * (rr * r[i] + rg * g[i] + rb * b[i]) + F(512.5), top))
        out[i] = _INDEX(luma) | (_INDEX(blue) << _INDEX(8)) | (_INDEX(red) << _INDEX(20))


@njit(nogil=True)
def pairs(planes: Row, width: int, index: Row, table: Row, out: Row) -> None:
    """Two rows of pixels, a block of 2 x 2 at a time; outermost pixels stand for those beyond an odd size."""
    above, below, u, v = planes
    out_above, out_below, out_cb, out_cr = out
    one, low = _INDEX(8), _INDEX(0xFFF)
    for i in range((width + 1) >> 1):
        row = table[index[(_INT(u[i]) << 8) | _INT(v[i])]]
        left, right = 2 * i, min(2 * i + 1, width - 1)
        a, b = row[above[left]], row[above[right]]
        c, d = row[below[left]], row[below[right]]
        out_above[left], out_above[right] = np.uint8(a), np.uint8(b)
        out_below[left], out_below[right] = np.uint8(c), np.uint8(d)
        chroma = (a >> one) + (b >> one) + (c >> one) + (d >> one)
        out_cb[i] = np.uint8(((chroma & low) + one) >> _INDEX(4))
        out_cr[i] = np.uint8(((chroma >> _INDEX(12)) + one) >> _INDEX(4))
