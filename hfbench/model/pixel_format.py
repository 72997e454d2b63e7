"""What FFmpeg's names of pixel formats mean for conversion: family, subsampling, and which can't be read at all. Pure.

Source: libavutil's pixdesc.h and pixfmt.h, FFmpeg 8.1 and 9.0.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final


class PixelFamily(Enum):
    """How the samples of a pixel format are to be read."""

    YCBCR = "ycbcr"
    RGB = "rgb"
    #: Luma alone, with or without alpha.
    GRAY = "gray"
    #: No colours that libswscale can read: sensor mosaics, and layouts it has no reader for.
    UNREADABLE = "unreadable"


#: XYZ is here because libswscale makes RGB of it by itself.
_RGB: Final = re.compile(r"0?(rgb|bgr)|argb|abgr|gbr|x2(rgb|bgr)|pal8|xyz12")
_GRAY: Final = re.compile(r"gray|ya(8|16|f)|mono[wb]")
#: Not readable by libswscale 8.1 or 9.0, or only through an assertion that ends the process (bayer, half-float grey).
_UNREADABLE: Final = re.compile(
    r"bayer_|(gray|ya)f16|(rgb|bgr)4$|gbrap32|gray32|rgb96|rgba128|rgbaf32|x2(rgb|bgr)10be|(xv30|v30x|y2(10|12|16))be"
)
#: Readable by libswscale, but nothing that it writes: pictures of another format can't be brought to these.
_READ_ONLY: Final = re.compile(r"pal8|uyyvyy411|(gbra?p|rgba?)f16|rgbf32|yaf32")
#: Packed RGB of 5 or 4 bits whose top bits are undefined and must be masked.
_PADDED: Final = re.compile(r"(?:rgb|bgr)(5|4)\1\1(?:le|be)")
_SUBSAMPLING: Final = re.compile(r"yuvj?a?(4\d\d)p")
_PACKED_SUBSAMPLING: Final = (
    (re.compile(r"nv(12|21)|p0\d\d"), "420"),
    (re.compile(r"nv(16|20)|p2\d\d|y2\d\d|yuyv|yvyu|uyvy422"), "422"),
    (re.compile(r"uyyvyy411"), "411"),
)


def family_of(pixel_format: str) -> PixelFamily:
    """The family of a pixel format, by its FFmpeg name."""
    if _UNREADABLE.match(pixel_format):
        return PixelFamily.UNREADABLE
    if _GRAY.match(pixel_format):
        return PixelFamily.GRAY
    return PixelFamily.RGB if _RGB.match(pixel_format) else PixelFamily.YCBCR


def is_read_only(pixel_format: str) -> bool:
    """Whether libswscale reads the format but can't make pictures of it."""
    return _READ_ONLY.match(pixel_format) is not None


def padded_bits_of(pixel_format: str) -> int:
    """Bits per channel of a packed RGB format that has undefined bits as well; 0 for every other format."""
    found = _PADDED.fullmatch(pixel_format)
    return 0 if found is None else int(found.group(1))


def subsampling_of(pixel_format: str) -> str:
    """``420``, ``422``, ``411``, ``410``, ``440`` or ``444`` (also for RGB and grey)."""
    found = _SUBSAMPLING.match(pixel_format)
    if found is not None:
        return found.group(1)
    return next((name for pattern, name in _PACKED_SUBSAMPLING if pattern.match(pixel_format)), "444")
