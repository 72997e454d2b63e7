"""The compiled kernels: decoded planes in, the planes of a JPEG file or the rows of a PNG file out, without the GIL.

Importing this compiles, or loads what was compiled before: go through :mod:`~hfbench.pixels.kernels.loading`, which
says where that is kept. Argument types are fixed, so that nothing is compiled later on.

Chroma is sited between luma samples in both directions (as swscale takes it too) and brought to full size by the
bicubic kernel with B = 0 and C = 0.6, swscale's own.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba import njit

from hfbench.pixels.kernels import blocks, rows
from hfbench.pixels.kernels.places import CACHE
from hfbench.pixels.kernels.shapes import JFIF, RGB8

#: Numba's arrays, and tuples of them.
Array = Any
F = np.float32
_INT = np.int32
types: Any = numba.types


def _read_only(kind: Any, dimensions: int) -> Any:
    return types.Array(kind, dimensions, "C", readonly=True)


_OUT = types.UniTuple(types.Array(types.uint8, 2, "C"), 3)
_FLOATS, _GRID = _read_only(types.float32, 1), _read_only(types.float32, 2)
_WORK = types.Array(types.float32, 2, "C")
_CURVES = types.Tuple((_FLOATS, _GRID, _FLOATS, _FLOATS, _GRID))
_WORDS = types.Array(types.uint16, 1, "C")
_SCRATCH = types.Tuple((_WORK, types.Array(types.uint16, 2, "C"), types.Array(types.uint32, 1, "C"), _WORDS))
_TABLE = types.Array(types.uint32, 2, "C")


def _planes(kind: Any) -> Any:
    return types.UniTuple(_read_only(kind, 2), 3)


_DEPTHS = (_planes(types.uint8), _planes(types.uint16))
_SIZE, _SHAPE = types.UniTuple(types.intp, 2), types.UniTuple(types.intp, 6)
_PICTURE = [types.void(each, _SHAPE, _GRID, _FLOATS, _CURVES, _SCRATCH, _OUT) for each in _DEPTHS]
_LINEAR = [types.void(each, _SIZE, _FLOATS, _WORK, _OUT) for each in _DEPTHS]
_MISSING = types.intp(_DEPTHS[0], types.Array(types.int32, 1, "C"), types.intp, _WORDS)
_FILL = types.void(_WORDS, _FLOATS, _CURVES, _SCRATCH, _TABLE)
_TABLED = types.void(_DEPTHS[0], _SIZE, types.Array(types.int32, 1, "C"), _TABLE, _OUT)


@njit(nogil=True)
def _map(rgb: Array, bits: Array, spare: Array, spare_bits: Array, places: Array, width: int, curves: Array) -> None:
    """Codes of the source to output values, in place: EOTF, primaries, OOTF where there is one, OETF."""
    eotf, parameters, ootf, oetf, _ = curves
    for channel in range(3):
        rows.rounded(rgb[channel], width, places)
        rows.looked_up(places, eotf, width, rgb[channel])
    rows.mixed(rgb, parameters[0], width)
    if ootf.size > 1:
        rows.luminance(rgb, width, spare[0])
        rows.places_of(spare[0], spare_bits, parameters[2], width, places)
        rows.looked_up(places, ootf, width, spare[1])
        for channel in range(3):
            rows.scaled(rgb[channel], spare[1], width)
    for channel in range(3):
        rows.places_of(rgb[channel], bits[channel], parameters[1], width, places)
        rows.looked_up(places, oetf, width, rgb[channel])


@njit(nogil=True)
def _jfif(rgb: Array, sums: Array, line: int, width: int, height: int, weights: Array, out: Array) -> None:
    """Luma of a line; chroma after each second one. The last line of an odd height counts twice."""
    rows.jfif_luma(rgb, width, out[0][line])
    half, is_last = (width + 1) >> 1, line == height - 1
    if not line & 1:
        for channel in range(3):
            rows.filled(sums[channel], F(0), half)
    for channel in range(3):
        rows.paired(rgb[channel], width, sums[channel])
        if is_last and not line & 1:
            rows.paired(rgb[channel], width, sums[channel])
    if line & 1 or is_last:
        rows.jfif_chroma(sums, weights[0], half, out[1][line >> 1])
        rows.jfif_chroma(sums, weights[1], half, out[2][line >> 1])


@njit(_PICTURE, nogil=True, cache=CACHE)
def picture(
    planes: Array, shape: tuple[int, ...], taps: Array, reading: Array, curves: Array, scratch: Array, out: Array
) -> None:
    """Any picture to anything, pixel by pixel.

    Args:
        planes: Y, U, V as decoded, rows as long as the decoder made them.
        shape: width, height, whether chroma has half the columns and half the rows, kind of output, whether filtered.
        taps: (2, 4): weights of chroma for even and for odd places.
        reading: six coefficients, the top of the scale, the middle of chroma (:mod:`~hfbench.pixels.kernels.reading`).
        curves: see :class:`hfbench.pixels.kernels.curves.Curves`.
        scratch: (12, width + 2 * PAD + 2) floats, (3, width) codes, ``width`` places, words.
        out: PNG rows and two of nothing, or three planes.
    """
    width, height, has_half_width, has_half_height, kind, is_filtered = shape
    work, codes, places, words = scratch
    chroma_width = (width + has_half_width) >> has_half_width
    top, middle = reading[6], reading[7]
    rgb, sums = work[4:7], work[7:10]
    bits = work.view(_INT)
    for line in range(height):
        for channel in range(2):
            plane, half = planes[channel + 1], work[channel]
            if has_half_height:
                rows.mixed_rows(plane, (line >> 1) - 2 + (line & 1), taps[line & 1], middle, chroma_width, half)
            else:
                rows.plain_row(plane[line], middle, chroma_width, half)
            if has_half_width:
                rows.doubled(half, taps[0], taps[1], chroma_width, work[channel + 2])
            else:
                rows.moved(half[rows.PAD :], width, work[channel + 2])
        rows.signal_rows(planes[0][line], work[2], work[3], reading, top, width, rgb)
        if curves[0].size > 1:
            _map(rgb, bits[4:7], work[10:12], bits[10], places, width, curves)
        if kind == JFIF:
            _jfif(rgb, sums, line, width, height, curves[4], out)
            continue
        for channel in range(3):
            rows.rounded(rgb[channel], width, codes[channel])
        if kind == RGB8:
            rows.packed_8(codes, width, is_filtered == 1, out[0][line])
        else:
            rows.packed_16(codes, width, is_filtered == 1, words, out[0][line])


@njit(_LINEAR, nogil=True, cache=CACHE)
def linear_420(planes: Array, size: tuple[int, int], reading: Array, work: Array, out: Array) -> None:
    """4:2:0 to JFIF's planes by a matrix: a pixel has the chroma of its block, as in the file that is made.

    Args:
        planes: Y, U, V.
        size: width, height.
        reading: luma's scale, offset and two weights of chroma; Cb's and Cr's weights of U and V; chroma's middle.
        work: a row of floats.
        out: three planes.
    """
    width, height = size
    half, middle = (width + 1) >> 1, reading[8]
    for line in range((height + 1) >> 1):
        u, v = planes[1][line], planes[2][line]
        blocks.luma_offsets(u, v, reading, middle, half, work[0])
        blocks.luma(planes[0][2 * line], work[0], reading[0], width, out[0][2 * line])
        if 2 * line + 1 < height:
            blocks.luma(planes[0][2 * line + 1], work[0], reading[0], width, out[0][2 * line + 1])
        blocks.chroma(u, v, reading[4], reading[5], middle, half, out[1][line])
        blocks.chroma(u, v, reading[6], reading[7], middle, half, out[2][line])


@njit(_MISSING, nogil=True, cache=CACHE)
def missing_420(planes: Array, index: Array, width: int, wanted: Array) -> int:
    """Pairs of chroma codes that have no row in the table yet; each is numbered in ``index`` on the way.

    Args:
        planes: Y, U, V of 8 bits.
        index: row of each pair (U * 256 + V), -1 where there is none; the number after the last one stands at the end.
        width: of the chroma planes.
        wanted: takes the pairs.

    Returns:
        How many there are.
    """
    count, following = 0, index[65536]
    for line in range(planes[1].shape[0]):
        u, v = planes[1][line], planes[2][line]
        for i in range(width):
            pair = (_INT(u[i]) << 8) | _INT(v[i])
            if index[pair] < 0:
                index[pair] = following
                wanted[count] = pair
                following += 1
                count += 1
    index[65536] = following
    return count


@njit(_FILL, nogil=True, cache=CACHE)
def fill_rows(pairs: Array, reading: Array, curves: Array, scratch: Array, table: Array) -> None:
    """A row of 256 entries, one for each luma, for each pair of chroma codes.

    An entry is 8 bits of Y and 12 each of Cb and Cr in quarters: the sum of four has sixteenths of the mean.
    """
    work, _, places, _ = scratch
    bits = work.view(_INT)
    weights = curves[4]
    for number in range(pairs.size):
        pair = _INT(pairs[number])
        for luma in range(256):
            work[3, luma] = F(luma)
        rows.filled(work[0], F(pair >> 8) - reading[7], 256)
        rows.filled(work[1], F(pair & 255) - reading[7], 256)
        rows.signal_rows(work[3], work[0], work[1], reading, reading[6], 256, work[4:7])
        _map(work[4:7], bits[4:7], work[10:12], bits[10], places, 256, curves)
        blocks.entries(work[4:7], weights, table[number])


@njit(_TABLED, nogil=True, cache=CACHE)
def tabled_420(planes: Array, size: tuple[int, int], index: Array, table: Array, out: Array) -> None:
    """4:2:0 of 8 bits to JFIF's planes by a table that has a row for each pair of chroma codes that occurs."""
    width, height = size
    for line in range((height + 1) >> 1):
        above = 2 * line
        below = min(above + 1, height - 1)
        blocks.pairs(
            (planes[0][above], planes[0][below], planes[1][line], planes[2][line]),
            width,
            index,
            table,
            (out[0][above], out[0][below], out[1][line], out[2][line]),
        )
