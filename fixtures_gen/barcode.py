"""A 16-bit barcode that says which source frame a picture shows, whatever was done to the picture since.

Layout, in units of a *cell* = the shorter side of the picture / 24, from the top left corner::

    row 0:  white   b15 b14 … b0   black
    row 1:  black  ~b15 ~b14 … ~b0  white

The four corner cells are the reference levels, so reading needs no absolute threshold: a tone map, a range
error or a JPEG move the references together with the bits. The second row is the complement of the first,
so a picture without a barcode, or with a damaged one, reads as ``None`` and never as a wrong number.
Painted planes and the drawbox chain use the same cell edges, so both read the same way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

LAYOUT_VERSION = 1
"""Part of every recipe hash. 1: two complementary rows of 18 cells, cell = shorter side / 24."""

BITS = 16
COLUMNS = BITS + 2
ROWS = 2
CELLS_PER_SHORT_SIDE = 24
MODULUS = 1 << BITS

_MIN_CONTRAST = 0.08  # of full scale: black to white of the dimmest mapping in use (SDR to PQ) spans 0.58
_MAX_REFERENCE_SPREAD = 0.3  # of the contrast: the two white (or black) references must agree this well
_LOW, _HIGH = 0.35, 0.65  # a bit must be clearly one or the other


def edge(index: int, short_side: int) -> int:
    """Pixel at which cell ``index`` starts, rounded half up; the same in rows and columns."""
    return (2 * index * short_side + CELLS_PER_SHORT_SIDE) // (2 * CELLS_PER_SHORT_SIDE)


def strip_size(width: int, height: int) -> tuple[int, int]:
    """Width and height in pixels that the barcode covers in a picture of this size."""
    short = min(width, height)
    return edge(COLUMNS, short), edge(ROWS, short)


def pattern(frame_id: int) -> npt.NDArray[np.bool_]:
    """Cells that are white: bool array of shape (2, 18) for ``frame_id`` modulo 65536."""
    bits = [bool((frame_id >> k) & 1) for k in reversed(range(BITS))]
    return np.array([[True, *bits, False], [False, *(not b for b in bits), True]])


def paint(luma: npt.NDArray[Any], frame_id: int, black: int, white: int) -> None:
    """Draw the barcode into a luma plane (height, width) in place; chroma over the strip must be neutral."""
    short = min(luma.shape)
    columns = np.repeat(np.arange(COLUMNS), np.diff([edge(i, short) for i in range(COLUMNS + 1)]))
    rows = np.repeat(np.arange(ROWS), np.diff([edge(i, short) for i in range(ROWS + 1)]))
    cells = np.where(pattern(frame_id), white, black).astype(luma.dtype)
    luma[: len(rows), : len(columns)] = cells[np.ix_(rows, columns)]


def drawbox_chain(width: int, height: int, first_id: int = 0) -> str:
    """Filter chain for ffmpeg that draws the same barcode, counting from ``first_id`` with each frame it sees.

    Works on any planar YUV format; 16-bit identity needs fewer than 65536 frames.
    """
    short = min(width, height)
    number = f"n+{first_id}" if first_id else "n"

    def box(column: int, row: int, colour: str, columns: int = 1, rows: int = 1) -> str:
        left, top = edge(column, short), edge(row, short)
        wide, high = edge(column + columns, short) - left, edge(row + rows, short) - top
        return f"drawbox=x={left}:y={top}:w={wide}:h={high}:color={colour}:t=fill"

    boxes = [box(0, 0, "black", COLUMNS, ROWS), box(0, 0, "white"), box(COLUMNS - 1, 1, "white")]
    for column in range(1, BITS + 1):
        value = 1 << (BITS - column)
        boxes.append(f"{box(column, 0, 'white')}:enable='bitand({number},{value})'")
        boxes.append(f"{box(column, 1, 'white')}:enable='not(bitand({number},{value}))'")
    return ",".join(boxes)


def _cell_levels(picture: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Mean level of the middle of each cell, shape (2, 18), on a scale of 0 to 1."""
    height, width = picture.shape[:2]
    cell = min(width, height) / CELLS_PER_SHORT_SIDE
    full = float(np.iinfo(picture.dtype).max) if np.issubdtype(picture.dtype, np.integer) else 1.0
    levels = np.empty((ROWS, COLUMNS))
    for row in range(ROWS):
        top, bottom = int((row + 0.3) * cell), max(int((row + 0.7) * cell + 0.5), int((row + 0.3) * cell) + 1)
        for column in range(COLUMNS):
            left = int((column + 0.3) * cell)
            right = max(int((column + 0.7) * cell + 0.5), left + 1)
            levels[row, column] = picture[top:bottom, left:right].mean() / full
    return levels


def read_barcode(rgb: npt.NDArray[Any]) -> int | None:
    """Frame id in the top left corner of a picture, or ``None`` where there is no intact barcode.

    ``rgb`` is (height, width), (height, width, 3) or (height, width, 4), unsigned integers of any depth that
    fill their type, or floats from 0 to 1; any size from about 96 pixels on the shorter side. A fourth channel
    is taken for alpha and ignored. Only the mean of the channels counts: the barcode is grey.
    """
    picture = rgb[..., :3] if rgb.ndim == 3 else rgb
    if min(picture.shape[:2]) < CELLS_PER_SHORT_SIDE:
        return None
    levels = _cell_levels(picture)
    whites, blacks = (levels[0, 0], levels[1, -1]), (levels[0, -1], levels[1, 0])
    white, black = sum(whites) / 2, sum(blacks) / 2
    contrast = white - black
    if contrast < _MIN_CONTRAST:
        return None
    if max(abs(whites[0] - whites[1]), abs(blacks[0] - blacks[1])) > _MAX_REFERENCE_SPREAD * contrast:
        return None
    bits = (levels[:, 1:-1] - black) / contrast
    if ((bits > _LOW) & (bits < _HIGH)).any() or (bits.min() < -_LOW) or (bits.max() > 1 + _LOW):
        return None
    high = bits > _HIGH
    if (high[0] == high[1]).any():
        return None
    return int("".join("1" if bit else "0" for bit in high[0]), 2)


def find_barcode(rgb: npt.NDArray[Any]) -> tuple[int, int] | None:
    """Frame id and the clockwise turn in degrees that brings the picture upright; ``None`` if there is none."""
    for quarter_turns in range(4):
        frame_id = read_barcode(np.rot90(rgb, -quarter_turns))
        if frame_id is not None:
            return frame_id, 90 * quarter_turns
    return None
