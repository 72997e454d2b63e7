"""Image writers: RGB arrays in, the bytes of one file out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hfbench.color import ColorTags
    from hfbench.model.plan import ImageSpec


def encode_image(pixels: NDArray[np.uint8] | NDArray[np.uint16], spec: ImageSpec, tags: ColorTags) -> bytes:
    """The bytes of one image file.

    Args:
        pixels: full-range RGB or RGBA, shape (height, width, 3 or 4); uint8 or uint16 (rounded for jpg and png).
        spec: format and quality.
        tags: what the RGB values mean; png files of HDR frames carry it in a cICP chunk.
    """
    from hfbench.model.plan import ImageFormat

    if spec.format is not ImageFormat.PNG16:
        pixels = to_eight_bits(pixels)
    if spec.format is ImageFormat.JPG:
        from hfbench.pixels.jpeg import encode_jpeg

        return encode_jpeg(pixels, spec.quality)
    from hfbench.pixels.png import encode_png

    return encode_png(pixels, tags)


def to_eight_bits(pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Nearest of 256 for each of 65536 levels; 8-bit pixels are kept. swscale is up to one code off here.

    x / 257 is rounded within .502 of a code, which 16-bit integers can hold: twice as fast as exact rounding in 32.
    """
    import numpy as np

    if pixels.dtype == np.uint8:
        return pixels.astype(np.uint8, copy=False)
    rounded = pixels >> 8
    np.subtract(pixels, rounded, out=rounded)
    rounded += 128
    rounded >>= 8
    return rounded.astype(np.uint8)
