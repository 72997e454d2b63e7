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
