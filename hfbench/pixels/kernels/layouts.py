"""Which pictures the kernels can convert, and the layout of their planes. Pure: this does not need numba."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from hfbench.model.media import Crop, Orientation
from hfbench.model.plan import GamutSwap
from hfbench.pixels.kernels.reading import LUMA_WEIGHTS
from hfbench.pixels.tags import source_tags

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from hfbench.model.media import MediaInfo
    from hfbench.model.plan import ColorMap

#: Samples of 8 or 16 bits, shape (rows, columns).
Plane: TypeAlias = "NDArray[Any]"

_PLANAR: Final = re.compile(r"yuvj?(?P<chroma>444|422|420|440)p(?:(?P<depth>9|10|12|14|16)le)?")
#: Luma, and Cb and Cr in turn; P010 holds its ten bits at the top of sixteen.
_SEMI_PLANAR: Final = {"nv12": (8, 8), "p010le": (10, 16), "p016le": (16, 16)}
_TURN: Final[dict[Orientation, Callable[[Plane], Plane]]] = {
    Orientation.UPRIGHT: lambda plane: plane,
    Orientation.FLIP_VERTICAL: lambda plane: plane[::-1],
    Orientation.FLIP_HORIZONTAL: lambda plane: plane[:, ::-1],
    Orientation.HALF_TURN: lambda plane: plane[::-1, ::-1],
    Orientation.QUARTER_CLOCKWISE: lambda plane: np.rot90(plane, -1),
    Orientation.QUARTER_ANTICLOCKWISE: np.rot90,
    Orientation.TRANSPOSE: lambda plane: plane.T,
    Orientation.ANTITRANSPOSE: lambda plane: plane[::-1, ::-1].T,
}


@dataclass(frozen=True, slots=True)
class Layout:
    """The layout of a picture's planes, and how its codes are to be read.

    Attributes:
        width, height: decoded pixels.
        has_half_width, has_half_height: of chroma.
        depth: bits of a code. stored: bits of a sample, more than ``depth`` where codes are in the top bits.
        is_semi_planar: whether Cb and Cr share a plane.
        matrix, range: H.273's matrix, FFmpeg's range.
        crop: decoded pixels that are hidden at each side.
        orientation: how pictures are turned.
    """

    pixel_format: str
    width: int
    height: int
    has_half_width: bool
    has_half_height: bool
    depth: int
    stored: int
    is_semi_planar: bool
    matrix: int
    range: int
    orientation: Orientation
    crop: Crop | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture once it is turned."""
        return (self.height, self.width) if self.orientation.swaps_sides else (self.width, self.height)

    @property
    def halves(self) -> tuple[bool, bool]:
        """Whether chroma has half the width and half the height, once the picture is turned."""
        halves = (self.has_half_width, self.has_half_height)
        return halves[::-1] if self.orientation.swaps_sides else halves

    def fits(self, width: int, height: int, pixel_format: str) -> bool:
        """Whether a frame is laid out like this (files may change in mid-stream)."""
        hidden = self.crop or Crop(0, 0, 0, 0)
        decoded = (self.width + hidden.left + hidden.right, self.height + hidden.top + hidden.bottom)
        formats = {pixel_format.replace("yuvj", "yuv"), self.pixel_format.replace("yuvj", "yuv")}
        return (width, height) == decoded and len(formats) == 1

    def turned(self, planes: Sequence[Plane]) -> tuple[Plane, Plane, Plane]:
        """Y, U, V as the kernels take them: contiguous, upright, read-only.

        Args:
            planes: as decoded; rows may be longer than the picture is wide.
        """
        if self.is_semi_planar:
            planes = (planes[0], planes[1][:, 0::2], planes[1][:, 1::2])
        if self.stored > self.depth:
            planes = [plane >> (self.stored - self.depth) for plane in planes]
        if self.orientation is not Orientation.UPRIGHT or self.crop is not None:
            planes = [_TURN[self.orientation](self._shown(plane, number > 0)) for number, plane in enumerate(planes)]
        y, u, v = (np.ascontiguousarray(plane) for plane in planes)
        for plane in (y, u, v):
            plane.flags.writeable = False
        return y, u, v

    def _shown(self, plane: Plane, is_chroma: bool) -> Plane:  # noqa: FBT001  of no use to anyone else
        """The part of a plane that is shown, without the padding of its rows."""
        crop = self.crop or Crop(0, 0, 0, 0)
        x_shift, y_shift = is_chroma and self.has_half_width, is_chroma and self.has_half_height
        left, top = crop.left >> x_shift, crop.top >> y_shift
        width, height = (self.width + x_shift) >> x_shift, (self.height + y_shift) >> y_shift
        return plane[top : top + height, left : left + width]


def layout_of(media: MediaInfo, color: ColorMap | None) -> Layout | None:
    """How the kernels read a source's frames; None where they can't.

    They take Y'CbCr without alpha at any size, depth, subsampling by two, range and usual matrix, with square pixels.
    Odd sizes with subsampled chroma can't be turned, nor any cropped at an odd place: chroma would be between
    other pixels.
    """
    planar = _PLANAR.fullmatch(media.pixel_format)
    semi_planar = _SEMI_PLANAR.get(media.pixel_format)
    tags = source_tags(media)
    if isinstance(color, GamutSwap) or media.sample_aspect_ratio != 1 or tags.matrix not in LUMA_WEIGHTS:
        return None
    if planar is None and semi_planar is None:
        return None
    chroma = planar["chroma"] if planar else "420"
    depth, stored = semi_planar or (int(planar["depth"] or 8) if planar else 8,) * 2
    has_half_width, has_half_height = chroma in {"420", "422"}, chroma in {"420", "440"}
    is_odd = (has_half_width and media.width % 2) or (has_half_height and media.height % 2)
    crop = media.crop or Crop(0, 0, 0, 0)
    is_odd_crop = (has_half_width and crop.left % 2) or (has_half_height and crop.top % 2)
    if is_odd_crop or (is_odd and media.orientation is not Orientation.UPRIGHT):
        return None
    return Layout(
        pixel_format=media.pixel_format,
        width=media.width,
        height=media.height,
        has_half_width=has_half_width,
        has_half_height=has_half_height,
        depth=depth,
        stored=stored,
        is_semi_planar=semi_planar is not None,
        matrix=tags.matrix,
        range=tags.range,
        orientation=media.orientation,
        crop=media.crop,
    )
