"""From decoded planes to the bytes of an image file, by kernels. One maker serves many threads at once."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, assert_never

import numpy as np

from hfbench.model.plan import GamutSwap, HdrToHdr, ImageFormat, ImageSpec, SdrToHdr
from hfbench.model.profile import Activity
from hfbench.pixels.jpeg import encode_jpeg_planes
from hfbench.pixels.kernels import reading
from hfbench.pixels.kernels.curves import Curves, curves_of, no_curves
from hfbench.pixels.kernels.shapes import JFIF, RGB8, RGB16
from hfbench.pixels.png import encode_png_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from hfbench.color import ColorTags
    from hfbench.model.plan import ColorMap
    from hfbench.pixels.kernels.layouts import Layout, Plane
    from hfbench.pixels.kernels.loading import Kernels

_PAD: Final = 8
_UNRECORDED: Final = nullcontext()
#: Rows of the table have 256 entries, and are made in the scratch of a picture.
_LEAST_WIDTH: Final = 256
_PAIRS: Final = 65536


@dataclass(slots=True, eq=False)
class _Buffers:
    """One thread's scratch and output."""

    work: NDArray[np.float32]
    codes: NDArray[np.uint16]
    places: NDArray[np.uint32]
    words: NDArray[np.uint16]
    out: tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]
    pairs: NDArray[np.uint16]

    @property
    def scratch(self) -> tuple[Any, Any, Any, Any]:
        return self.work, self.codes, self.places, self.words


@dataclass(slots=True, eq=False)
class _PairTable:
    """Rows of output for pairs of chroma codes, shared by all threads; memory is used as rows are filled."""

    index: NDArray[np.int32]
    rows: NDArray[np.uint32]
    lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def empty(cls) -> _PairTable:
        index = np.full(_PAIRS + 1, -1, np.int32)
        index[_PAIRS] = 0
        return cls(index, np.empty((_PAIRS, 256), np.uint32))


class PictureMaker:
    """Converts and encodes the frames of one plan; called from many threads, each of which has its own buffers.

    Args:
        kernels: the compiled functions.
        layout: of the frames.
        color: the map of colours, not ``gamut``.
        image: what to make.
        tags: what the values in the file mean.
    """

    def __init__(
        self, kernels: Kernels, layout: Layout, color: ColorMap | None, image: ImageSpec, tags: ColorTags
    ) -> None:
        if isinstance(color, GamutSwap):
            raise TypeError("gamut is a filter of libavfilter's")
        self.layout = layout
        self._kernels = kernels
        self._image = image
        self._tags = tags
        self._local = threading.local()
        self._curves = _curves(color, image.format)
        self._taps = _read_only(reading.chroma_taps())
        is_jpg, is_420 = image.format is ImageFormat.JPG, layout.halves == (True, True)
        self._is_linear = is_jpg and is_420 and color is None
        self._table = _PairTable.empty() if is_jpg and is_420 and color is not None and layout.depth == 8 else None
        how = (layout.matrix, layout.range, layout.depth)
        top = self._curves.top if color is not None else 65535 if image.format is ImageFormat.PNG16 else 255
        self._reading = _read_only(
            reading.jfif_coefficients(*how) if self._is_linear else reading.rgb_coefficients(*how, top)
        )

    def encoded(
        self, planes: Sequence[Plane], span: Callable[[Activity], AbstractContextManager[None]] = lambda _: _UNRECORDED
    ) -> bytes:
        """The bytes of an image file.

        Args:
            planes: of a frame that fits the layout, as decoded, rows as long as the decoder made them.
            span: records the two halves of the work.
        """
        buffers = self._buffers()
        with span(Activity.CONVERT):
            self._convert(self.layout.turned(planes), buffers)
        with span(Activity.ENCODE):
            return self._encode(buffers)

    def _encode(self, buffers: _Buffers) -> bytes:
        width, height = self.layout.size
        match self._image.format:
            case ImageFormat.JPG:
                return encode_jpeg_planes(*buffers.out, self._image.quality)
            case ImageFormat.PNG | ImageFormat.PNG16:
                depth = 8 if self._image.format is ImageFormat.PNG else 16
                return encode_png_rows(buffers.out[0], (width, height), depth, self._tags)
            case other:
                assert_never(other)

    def array(self, planes: Sequence[Plane]) -> NDArray[np.uint8] | NDArray[np.uint16]:
        """Full-range RGB, shape (height, width, 3): uint16 for png16, uint8 for png. The caller may keep it.

        Args:
            planes: as for :meth:`encoded`.
        """
        buffers = self._buffers()
        self._convert(self.layout.turned(planes), buffers, is_filtered=False)
        width, height = self.layout.size
        pixel = 3 if self._image.format is ImageFormat.PNG else 6
        packed = buffers.out[0][:, : pixel * width].copy()
        return (packed if pixel == 3 else packed.view(np.uint16)).reshape(height, width, 3)

    def _convert(self, planes: tuple[Plane, Plane, Plane], buffers: _Buffers, *, is_filtered: bool = True) -> None:
        size = self.layout.size
        curves = self._curves.for_kernel()
        if self._is_linear:
            self._kernels.linear_420(planes, size, self._reading, buffers.work, buffers.out)
        elif self._table is not None:
            self._fill_table(self._table, planes, curves, buffers)
            self._kernels.tabled_420(planes, size, self._table.index, self._table.rows, buffers.out)
        else:
            half_width, half_height = self.layout.halves
            kind = {ImageFormat.JPG: JFIF, ImageFormat.PNG: RGB8, ImageFormat.PNG16: RGB16}[self._image.format]
            shape = (*size, int(half_width), int(half_height), kind, int(is_filtered))
            scratch = buffers.scratch
            self._kernels.picture(planes, shape, self._taps, self._reading, curves, scratch, buffers.out)

    def _fill_table(
        self, table: _PairTable, planes: tuple[Plane, Plane, Plane], curves: tuple[Any, ...], buffers: _Buffers
    ) -> None:
        """Fill the rows for pairs of chroma that occur for the first time.

        Under a lock: no thread may see the number of a pair before its row is filled.
        """
        with table.lock:
            start = int(table.index[_PAIRS])
            count = self._kernels.missing_420(planes, table.index, (self.layout.size[0] + 1) >> 1, buffers.pairs)
            if count:
                rows = table.rows[start : start + count]
                self._kernels.fill_rows(buffers.pairs[:count], self._reading, curves, buffers.scratch, rows)

    def _buffers(self) -> _Buffers:
        found: _Buffers | None = getattr(self._local, "buffers", None)
        if found is None:
            found = self._local.buffers = self._new_buffers()
        return found

    def _new_buffers(self) -> _Buffers:
        width, height = self.layout.size
        row = max(width + 2, _LEAST_WIDTH)
        nothing = np.empty((1, 1), np.uint8)
        if self._image.format is ImageFormat.JPG:
            half = ((height + 1) >> 1, (width + 1) >> 1)
            out = (np.empty((height, width), np.uint8), np.empty(half, np.uint8), np.empty(half, np.uint8))
        else:
            pixel = 3 if self._image.format is ImageFormat.PNG else 6
            out = (np.empty((height, 1 + pixel * width), np.uint8), nothing, nothing)
        return _Buffers(
            work=np.zeros((12, row + _PAD), np.float32),
            codes=np.empty((3, width), np.uint16),
            places=np.empty(row, np.uint32),
            words=np.empty(3 * width, np.uint16),
            out=out,
            pairs=np.empty(_PAIRS if self._table is not None else 1, np.uint16),
        )


def _curves(color: SdrToHdr | HdrToHdr | None, image_format: ImageFormat) -> Curves:
    if color is None:
        return no_curves()
    is_precise = image_format is ImageFormat.PNG16
    return curves_of(color, top_out=65535 if is_precise else 255, is_precise=is_precise)


def _read_only(array: NDArray[np.float32]) -> NDArray[np.float32]:
    array.flags.writeable = False
    return array
