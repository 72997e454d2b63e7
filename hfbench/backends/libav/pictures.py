"""From decoded frames to the bytes of image files: by the kernels where they can, else by libavfilter."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from hfbench.backends.libav.graph import ChainRunner, convert
from hfbench.color import Matrix
from hfbench.model.plan import ImageFormat, Pixels
from hfbench.model.profile import Activity, span_of
from hfbench.pixels.cube_files import cube_of
from hfbench.pixels.filters import (
    color_chain,
    deep_rgb_chain,
    geometry_chain,
    join,
    rgb_chain,
    scaled_media,
    size_chain,
    source_chain,
)
from hfbench.pixels.images import encode_image, to_eight_bits
from hfbench.pixels.kernels.layouts import layout_of
from hfbench.pixels.kernels.loading import load
from hfbench.pixels.tags import tags_after

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from av import VideoFrame
    from numpy.typing import NDArray

    from hfbench.model.media import MediaInfo
    from hfbench.model.plan import ColorMap, ImageSpec
    from hfbench.model.profile import ProfileRecorder
    from hfbench.pixels.kernels.pictures import PictureMaker

EIGHT_BITS: Final = 8


class PictureJob(Protocol):
    """What determines the pixels of a file's frames."""

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
        pixels: what converts the frames; frames of another size or format than the first go to libavfilter.
    """

    def __init__(self, job: PictureJob, recorder: ProfileRecorder | None = None) -> None:
        self._job = job
        self._recorder = recorder
        self._tags = tags_after(job.color, job.media)
        self._scaling = join(source_chain(job.media), size_chain(job.media, job.image.size)) if job.image.size else ""
        self._local = threading.local()
        self._maker = _maker_of(job)
        self.pixels = Pixels.LIBAVFILTER if self._maker is None else Pixels.KERNEL

    def encoded(self, frame: VideoFrame) -> bytes:
        """The bytes of an image file."""
        planes = self._planes(frame)
        if self._maker is not None and planes is not None:
            return self._maker.encoded(planes, self._span)
        with self._span(Activity.CONVERT):
            pixels = self._filtered(frame)
        with self._span(Activity.ENCODE):
            return encode_image(pixels, self._job.image, self._tags)

    def array(self, frame: VideoFrame) -> NDArray[np.uint8] | NDArray[np.uint16]:
        """Full-range RGB or RGBA, shape (height, width, 3 or 4): uint16 for png16, uint8 for png."""
        planes = self._planes(frame)
        if self._maker is not None and planes is not None:
            return self._maker.array(planes)
        pixels = self._filtered(frame)
        return pixels if self._job.image.format is ImageFormat.PNG16 else to_eight_bits(pixels)

    def _planes(self, frame: VideoFrame) -> list[Any] | None:
        """The planes for the kernels; None where libavfilter has to convert the frame."""
        if self._maker is None:
            return None
        layout = self._maker.layout
        shown = self._scaled(frame) if self._scaling else frame
        if not layout.fits(shown.width, shown.height, shown.format.name):
            return None
        return planes_of(shown, layout.stored)

    def _scaled(self, frame: VideoFrame) -> VideoFrame:
        with self._span(Activity.CONVERT):
            return self._run("scaling", self._scaling, frame)

    def _span(self, activity: Activity) -> AbstractContextManager[None]:
        return span_of(self._recorder, activity, self._job.media.path.name)

    def _filtered(self, frame: VideoFrame) -> Any:
        return self._run("whole", picture_chain(self._job), frame).to_ndarray()

    def _run(self, name: str, chain: str, frame: VideoFrame) -> VideoFrame:
        """Run a chain on this thread's graph for it."""
        runner = getattr(self._local, name, None)
        if runner is None:
            runner = ChainRunner(chain, self._tags)
            setattr(self._local, name, runner)
        return convert(runner, frame)


def can_use_kernels(job: PictureJob) -> bool:
    """Whether the kernels convert a job's frames, if they can be loaded."""
    return job.pixels is Pixels.KERNEL and layout_of(scaled_media(job.media, job.image.size), job.color) is not None


def _maker_of(job: PictureJob) -> PictureMaker | None:
    media = scaled_media(job.media, job.image.size)
    layout = layout_of(media, job.color) if job.pixels is Pixels.KERNEL else None
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

    8-bit images of deeper pictures stay at 16 bits here: the image writer rounds them once, exactly.
    """
    tags = tags_after(job.color, job.media)
    is_deep = job.image.format is ImageFormat.PNG16 or job.media.bit_depth > EIGHT_BITS or tags.matrix == Matrix.RGB
    pixels = deep_rgb_chain if is_deep else rgb_chain
    shown = scaled_media(job.media, job.image.size)
    return join(
        source_chain(job.media),
        size_chain(job.media, job.image.size),
        color_chain(job.color, shown, cube_of(job.color)),
        geometry_chain(shown),
        pixels(tags, has_alpha=job.media.has_alpha),
    )
