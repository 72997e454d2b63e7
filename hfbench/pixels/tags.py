"""The colour tags of frames on their way: as read, after the colour map, and in an intermediate. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hfbench.color import ColorRange, ColorTags, Matrix, Primaries
from hfbench.model.pixel_format import PixelFamily
from hfbench.model.plan import ColorMap, GamutSwap

if TYPE_CHECKING:
    from hfbench.model.media import MediaInfo


def source_tags(media: MediaInfo) -> ColorTags:
    """The tags to read a source's pixels by, with the usual guesses where it says nothing."""
    tags = media.tags
    if media.pixel_family is not PixelFamily.YCBCR:
        return ColorTags(media.primaries, tags.transfer, Matrix.RGB, ColorRange.FULL)
    return ColorTags(media.primaries, tags.transfer, media.matrix, media.range)


def tags_after(color: ColorMap | None, media: MediaInfo) -> ColorTags:
    """The tags of the frames that leave :func:`hfbench.pixels.filters.color_chain`; the matrix is the one in use."""
    if color is None:
        return source_tags(media)
    if isinstance(color, GamutSwap):
        return ColorTags(Primaries.BT2020, color.target.transfer, Matrix.BT2020_NCL, ColorRange.LIMITED)
    return ColorTags(Primaries.BT2020, color.target.transfer, Matrix.RGB, ColorRange.FULL)


def intermediate_tags(color: ColorMap | None, media: MediaInfo) -> ColorTags:
    """The tags of an intermediate: its encoder takes BT.2020 Y'CbCr, or RGB where there is alpha."""
    tags = tags_after(color, media)
    if tags.matrix != Matrix.RGB or media.has_alpha or color is None:
        return tags
    return ColorTags(tags.primaries, tags.transfer, Matrix.BT2020_NCL, ColorRange.LIMITED)
