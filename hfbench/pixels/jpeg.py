"""JPEG files by libjpeg-turbo, so that quality means what libjpeg's scale means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import simplejpeg

if TYPE_CHECKING:
    from numpy.typing import NDArray


def encode_jpeg(pixels: NDArray[np.uint8] | NDArray[np.uint16], quality: int) -> bytes:
    """A JFIF file (BT.601 matrix, full range, 4:2:0) of RGB pixels.

    Args:
        pixels: uint8, shape (height, width, 3).
        quality: libjpeg's scale, 1-100.
    """
    encoded: bytes = simplejpeg.encode_jpeg(
        np.ascontiguousarray(pixels), quality=quality, colorspace="RGB", colorsubsampling="420", fastdct=False
    )
    return encoded


def encode_jpeg_planes(y: NDArray[np.uint8], cb: NDArray[np.uint8], cr: NDArray[np.uint8], quality: int) -> bytes:
    """A JFIF file of planes that are as JFIF 1.02 has them: BT.601, full range, chroma of half the size.

    Args:
        y: shape (height, width).
        cb: shape (height / 2, width / 2), both rounded up.
        cr: the same.
        quality: libjpeg's scale, 1-100.
    """
    encoded: bytes = simplejpeg.encode_jpeg_yuv_planes(y, cb, cr, quality=quality, fastdct=False)
    return encoded
