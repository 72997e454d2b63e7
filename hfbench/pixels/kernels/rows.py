"""Compiled work on one row of a picture. Imported by :mod:`~hfbench.pixels.kernels.compiled` only: it needs numba.

Each loop is over few arrays and has plain arithmetic in 32-bit floating point, so that LLVM vectorises it without being
allowed to reorder anything: results are the same on every CPU. Rows of chroma have :data:`PAD` samples on both sides
that repeat the outermost ones, so that no filter has to know about edges.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

#: Samples beside a row of chroma.
PAD = 4

#: Arrays and numbers of numba's; their types are in the signatures of :mod:`~hfbench.pixels.kernels.compiled`.
Row = Any
F = np.float32
_INDEX = np.uint32
_INT = np.int32
_WORD = np.uint16


@njit(nogil=True)
def mixed_rows(plane: Row, first: int, weights: Row, middle: F, count: int, out: Row) -> None:
    """Four rows of a chroma plane from ``first`` on, weighted; ``middle`` is subtracted; then the padding."""
    last = plane.shape[0] - 1
    a, b = plane[min(max(first, 0), last)], plane[min(max(first + 1, 0), last)]
    c, d = plane[min(max(first + 2, 0), last)], plane[min(max(first + 3, 0), last)]
    w0, w1, w2, w3 = weights[0], weights[1], weights[2], weights[3]
    for i in range(count):
        out[PAD + i] = w0 * F(a[i]) + w1 * F(b[i]) + w2 * F(c[i]) + w3 * F(d[i]) - middle
    _pad(out, count)


@njit(nogil=True)
def plain_row(row: Row, middle: F, count: int, out: Row) -> None:
    """A row of chroma as it is, less ``middle``, and its padding."""
    for i in range(count):
        out[PAD + i] = F(row[i]) - middle
    _pad(out, count)


@njit(nogil=True)
def _pad(out: Row, count: int) -> None:
    for i in range(PAD):
        out[i] = out[PAD]
        out[PAD + count + i] = out[PAD + count - 1]


@njit(nogil=True)
def moved(row: Row, count: int, out: Row) -> None:
    """A copy. Slices are not assigned: numba would compile the texts of errors that can't happen, for seconds."""
    for i in range(count):
        out[i] = row[i]


@njit(nogil=True)
def filled(row: Row, value: F, count: int) -> None:
    """The same value everywhere."""
    for i in range(count):
        row[i] = value


@njit(nogil=True)
def doubled(row: Row, even: Row, odd: Row, count: int, out: Row) -> None:
    """Twice as many samples: those at even places lie a quarter before a sample of ``row``, the others after it."""
    e0, e1, e2, e3 = even[0], even[1], even[2], even[3]
    o0, o1, o2, o3 = odd[0], odd[1], odd[2], odd[3]
    a, b = row[PAD - 2 :], row[PAD - 1 :]
    for i in range(count):
        out[2 * i] = e0 * a[i] + e1 * a[i + 1] + e2 * a[i + 2] + e3 * a[i + 3]
        out[2 * i + 1] = o0 * b[i] + o1 * b[i + 1] + o2 * b[i + 2] + o3 * b[i + 3]


@njit(nogil=True)
def signal_rows(y: Row, cb: Row, cr: Row, reading: Row, top: F, count: int, rgb: Row) -> None:
    """Luma and chroma to R'G'B' in units of ``1 / top``, cut to 0 and ``top``."""
    scale, offset, red_cr = reading[0], reading[1], reading[2]
    green_cb, green_cr, blue_cb = reading[3], reading[4], reading[5]
    r, g, b = rgb[0], rgb[1], rgb[2]
    zero = F(0)
    for i in range(count):
        r[i] = min(max(scale * F(y[i]) + offset + red_cr * cr[i], zero), top)
    for i in range(count):
        g[i] = min(max(scale * F(y[i]) + offset + green_cb * cb[i] + green_cr * cr[i], zero), top)
    for i in range(count):
        b[i] = min(max(scale * F(y[i]) + offset + blue_cb * cb[i], zero), top)


@njit(nogil=True)
def rounded(row: Row, count: int, out: Row) -> None:
    """Values of 0 to 65535 to the nearest whole numbers."""
    half = F(0.5)
    for i in range(count):
        out[i] = np.uint16(_INT(row[i] + half))


@njit(nogil=True)
def looked_up(index: Row, table: Row, count: int, out: Row) -> None:
    """The entries at these places of a table."""
    for i in range(count):
        out[i] = table[_INDEX(index[i])]


@njit(nogil=True)
def places_of(row: Row, bits: Row, curve: Row, count: int, index: Row) -> None:
    """Where a curve has the entry for each value: its exponent and the first bits of its mantissa make the place.

    Args:
        row: values above or equal 0; cut to the curve's domain.
        bits: the same memory as integers.
        curve: lowest and highest value, bits to drop, place of the lowest.
        count: of values.
        index: takes the places.
    """
    lowest, highest, shift, first = curve[0], curve[1], _INT(curve[2]), _INT(curve[3])
    for i in range(count):
        row[i] = min(max(row[i], lowest), highest)
    for i in range(count):
        index[i] = _INDEX((bits[i] >> shift) - first)


@njit(nogil=True)
def mixed(rgb: Row, matrix: Row, count: int) -> None:
    """Three rows times a matrix, in place; what is below 0 is cut."""
    r, g, b = rgb[0], rgb[1], rgb[2]
    m0, m1, m2, m3, m4, m5 = matrix[0], matrix[1], matrix[2], matrix[3], matrix[4], matrix[5]
    m6, m7, m8, zero = matrix[6], matrix[7], matrix[8], F(0)
    for i in range(count):
        x, y, z = r[i], g[i], b[i]
        r[i] = max(m0 * x + m1 * y + m2 * z, zero)
        g[i] = max(m3 * x + m4 * y + m5 * z, zero)
        b[i] = max(m6 * x + m7 * y + m8 * z, zero)


@njit(nogil=True)
def luminance(rgb: Row, count: int, out: Row) -> None:
    """BT.2020 luminance of linear light."""
    r, g, b = rgb[0], rgb[1], rgb[2]
    kr, kg, kb = F(0.2627), F(0.6780), F(0.0593)
    for i in range(count):
        out[i] = kr * r[i] + kg * g[i] + kb * b[i]


@njit(nogil=True)
def scaled(row: Row, factor: Row, count: int) -> None:
    """A row times another, in place."""
    for i in range(count):
        row[i] = row[i] * factor[i]


@njit(nogil=True)
def packed_8(codes: Row, count: int, is_filtered: bool, out: Row) -> None:
    """RGB bytes; with the filter type and PNG's Sub filter (each byte less the one a pixel before) where asked."""
    r, g, b = codes[0], codes[1], codes[2]
    start = 1 if is_filtered else 0
    at = out[start:]
    at[0], at[1], at[2] = np.uint8(r[0]), np.uint8(g[0]), np.uint8(b[0])
    if not is_filtered:
        for i in range(count):
            at[3 * i], at[3 * i + 1], at[3 * i + 2] = np.uint8(r[i]), np.uint8(g[i]), np.uint8(b[i])
        return
    out[0] = np.uint8(1)
    for i in range(1, count):
        at[3 * i] = np.uint8(r[i] - r[i - 1])
        at[3 * i + 1] = np.uint8(g[i] - g[i - 1])
        at[3 * i + 2] = np.uint8(b[i] - b[i - 1])


@njit(nogil=True)
def _filtered(word: Any, before: Any) -> Any:
    """A word less the one before, byte by byte, big-endian in a little-endian machine's memory."""
    high = ((word >> _WORD(8)) - (before >> _WORD(8))) & _WORD(255)
    return _WORD(high) | _WORD((word - before) << _WORD(8))


@njit(nogil=True)
def packed_16(codes: Row, count: int, is_filtered: bool, words: Row, out: Row) -> None:
    """RGB of 16 bits: big-endian and Sub-filtered for PNG, else little-endian; ``words`` is scratch."""
    r, g, b = codes[0], codes[1], codes[2]
    if is_filtered:
        out[0] = np.uint8(1)
        words[0], words[1], words[2] = _filtered(r[0], _WORD(0)), _filtered(g[0], _WORD(0)), _filtered(b[0], _WORD(0))
        for i in range(1, count):
            words[3 * i] = _filtered(r[i], r[i - 1])
            words[3 * i + 1] = _filtered(g[i], g[i - 1])
            words[3 * i + 2] = _filtered(b[i], b[i - 1])
    else:
        for i in range(count):
            words[3 * i], words[3 * i + 1], words[3 * i + 2] = r[i], g[i], b[i]
    moved(words.view(np.uint8), 6 * count, out[1:] if is_filtered else out)


@njit(nogil=True)
def jfif_luma(rgb: Row, count: int, out: Row) -> None:
    """R'G'B' of 0 to 255 to JFIF's Y (BT.601)."""
    r, g, b = rgb[0], rgb[1], rgb[2]
    kr, kg, kb, half = F(0.299), F(0.587), F(0.114), F(0.5)
    for i in range(count):
        out[i] = np.uint8(_INT(kr * r[i] + kg * g[i] + kb * b[i] + half))


@njit(nogil=True)
def paired(row: Row, width: int, out: Row) -> None:
    """Sums of two neighbours, added to ``out``; the last of an odd row counts twice."""
    for i in range(width // 2):
        out[i] += row[2 * i] + row[2 * i + 1]
    if width % 2:
        out[width // 2] += row[width - 1] + row[width - 1]


@njit(nogil=True)
def jfif_chroma(sums: Row, weights: Row, count: int, out: Row) -> None:
    """Sums of R'G'B' over 2 x 2 pixels to one plane of JFIF's chroma."""
    r, g, b = sums[0], sums[1], sums[2]
    wr, wg, wb, middle, top = weights[0], weights[1], weights[2], F(128.5), F(255)
    for i in range(count):
        out[i] = np.uint8(_INT(min(max(wr * r[i] + wg * g[i] + wb * b[i] + middle, F(0)), top)))
