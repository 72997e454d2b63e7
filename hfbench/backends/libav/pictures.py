"""From decoded frames to the bytes of image files: by the kernels where they can, else by libavfilter."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from hfbench.backends.libav.graph import ChainRunner, convert
from hfbench.color import Matrix
from hfbench.model.plan import ImageFormat, Pixels
from hfbench.pixels.cube_files import cube_of
from hfbench.pixels.filters import (
    color_chain,
    deep_rgb_chain,
    geometry_chain,
    join,
    rgb_chain,
    source_chain,
    tags_after,
)
from hfbench.pixels.images import encode_image, to_eight_bits
from hfbench.pixels.kernels.layouts import layout_of
from hfbench.pixels.kernels.loading import load

if TYPE_CHECKING:
    from av import VideoFrame
    from numpy.typing import NDArray

    from hfbench.model.media import MediaInfo
    from hfbench.model.plan import ColorMap, ImageSpec
    from hfbench.pixels.kernels.pictures import PictureMaker

EIGHT_BITS: Final = 8


class PictureJob(Protocol):
    """What decides the pixels of a file's frames."""

    @property
    def media(self) -> MediaInfo:
        """The file."""

    @property
    def color(self) -> ColorMap | None:
        """How its colours are mapped."""

    @property
    def image(self) -> ImageSpec:
        """What is made of a frame."""

    @property
    def pixels(self) -> Pixels:
        """What may convert it."""


class FramePictures:
    """Encodes the frames of one job; called from many threads.

    Attributes:
        pixels: what converts the frames; one of another size or format than the file's first is libavfilter's.
    """

    def __init__(self, job: PictureJob) -> None:
        self._job = job
        self._tags = tags_after(job.color, job.media)
        self._local = threading.local()
        self._maker = _maker_of(job)
        self.pixels = Pixels.LIBAVFILTER if self._maker is None else Pixels.KERNEL

    def encoded(self, frame: VideoFrame) -> bytes:
        """The bytes of an image file."""
        maker = self._maker
        if maker is not None and maker.layout.fits(frame.width, frame.height, frame.format.name):
            planes = planes_of(frame, maker.layout.stored)
            if planes is not None:
                return maker.encoded(planes)
        return encode_image(self._filtered(frame), self._job.image, self._tags)

    def array(self, frame: VideoFrame) -> NDArray[np.uint8] | NDArray[np.uint16]:
        """Full-range RGB or RGBA, shape (height, width, 3 or 4): uint16 for png16, uint8 for png."""
        maker = self._maker
        if maker is not None and maker.layout.fits(frame.width, frame.height, frame.format.name):
            planes = planes_of(frame, maker.layout.stored)
            if planes is not None:
                return maker.array(planes)
        pixels = self._filtered(frame)
        return pixels if self._job.image.format is ImageFormat.PNG16 else to_eight_bits(pixels)

    def _filtered(self, frame: VideoFrame) -> Any:
        runner = getattr(self._local, "runner", None)
        if runner is None:
            runner = self._local.runner = ChainRunner(picture_chain(self._job), self._tags)
        return convert(runner, frame).to_ndarray()


def can_use_kernels(pixels: Pixels, media: MediaInfo, color: ColorMap | None) -> bool:
    """Whether the kernels convert frames of a source, if they can be loaded."""
    return pixels is Pixels.KERNEL and layout_of(media, color) is not None


def _maker_of(job: PictureJob) -> PictureMaker | None:
    layout = layout_of(job.media, job.color) if job.pixels is Pixels.KERNEL else None
    kernels = load() if layout is not None else None
    if layout is None or kernels is None:
        return None
    from hfbench.pixels.kernels.pictures import PictureMaker

    return PictureMaker(kernels, layout, job.color, job.image, tags_after(job.color, job.media))


def planes_of(frame: VideoFrame, bits: int) -> list[Any] | None:
    """A frame's planes without a copy, rows as long as the decoder made them; None for rows from bottom to top."""
    kind = np.dtype(np.uint8 if bits == EIGHT_BITS else np.uint16)
    planes: Any = frame.planes
    if any(plane.line_size <= 0 or plane.line_size % kind.itemsize for plane in planes):
        return None
    return [np.frombuffer(plane, kind).reshape(plane.height, -1) for plane in planes]


def picture_chain(job: PictureJob) -> str:
    """Decoded frame -> RGB of the clip's size: source, colour, shape, then depth.

    8-bit images of deeper pictures stay at 16 bits here: rounding them once, exactly, is the image writer's.
    """
    tags = tags_after(job.color, job.media)
    is_deep = job.image.format is ImageFormat.PNG16 or job.media.bit_depth > EIGHT_BITS or tags.matrix == Matrix.RGB
    pixels = deep_rgb_chain if is_deep else rgb_chain
    return join(
        source_chain(job.media),
        color_chain(job.color, job.media, cube_of(job.color)),
        geometry_chain(job.media),
        pixels(tags, has_alpha=job.media.has_alpha),
    )
