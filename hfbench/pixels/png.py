"""PNG files (W3C PNG, third edition): 8 and 16 bits, RGB and RGBA, cICP for HDR.

No kept library writes 16-bit RGB with a cICP chunk, and FFmpeg's encoder takes .3 to 1.3 s of CPU for one 1080p
frame: rows are Sub-filtered by numpy and deflated by ISA-L at level 1 instead.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final
from zlib import crc32

import numpy as np
from isal import isal_zlib

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hfbench.color import ColorTags

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_SUB_FILTER: Final = 1
_COLOR_TYPE: Final = {3: 2, 4: 6}
#: cICP's matrix is 0, because PNG holds RGB, and its range flag 1, because PNG is full range (clause 11.3.2.6).
_CICP_TAIL: Final = b"\x00\x01"


def encode_png(pixels: NDArray[np.uint8] | NDArray[np.uint16], tags: ColorTags) -> bytes:
    """A PNG file of full-range RGB or RGBA pixels.

    Args:
        pixels: shape (height, width, 3 or 4), uint8 or uint16 in native byte order.
        tags: primaries and transfer go into cICP when the transfer is PQ or HLG.
    """
    height, width, channels = pixels.shape
    return _encoded(_sub_filtered(pixels), (width, height), pixels.dtype.itemsize * 8, channels, tags)


def encode_png_rows(rows: NDArray[np.uint8], size: tuple[int, int], depth: int, tags: ColorTags) -> bytes:
    """A PNG file of rows of full-range RGB that are filtered already.

    Args:
        rows: the filter type and the filtered bytes of each row, contiguous; 16-bit samples are big-endian.
        size: width and height.
        depth: bits per channel, 8 or 16.
        tags: see :func:`encode_png`.
    """
    return _encoded(rows, size, depth, 3, tags)


def _encoded(rows: NDArray[np.uint8], size: tuple[int, int], depth: int, channels: int, tags: ColorTags) -> bytes:
    chunks = [_chunk(b"IHDR", struct.pack(">IIBBBBB", *size, depth, _COLOR_TYPE[channels], 0, 0, 0))]
    if tags.hdr_target is not None:
        chunks.append(_chunk(b"cICP", bytes((tags.primaries, tags.transfer)) + _CICP_TAIL))
    chunks += [_chunk(b"IDAT", isal_zlib.compress(rows, 1)), _chunk(b"IEND", b"")]
    return _SIGNATURE + b"".join(chunks)


def _sub_filtered(pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Rows with a filter byte in front: each byte less the byte one pixel to its left (clause 9.2), modulo 256."""
    height, width, channels = pixels.shape
    big_endian = pixels if pixels.dtype.itemsize == 1 else pixels.byteswap()
    step = channels * pixels.dtype.itemsize
    row_bytes = np.ascontiguousarray(big_endian).view(np.uint8).reshape(height, width * step)
    filtered = np.empty((height, 1 + width * step), np.uint8)
    filtered[:, 0] = _SUB_FILTER
    filtered[:, 1 : 1 + step] = row_bytes[:, :step]
    np.subtract(row_bytes[:, step:], row_bytes[:, :-step], out=filtered[:, 1 + step :])
    return filtered


def _chunk(kind: bytes, data: bytes) -> bytes:
    return b"".join((struct.pack(">I", len(data)), kind, data, struct.pack(">I", crc32(data, crc32(kind)))))
