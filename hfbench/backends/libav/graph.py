"""Running a filter chain on single frames: one frame in, one frame out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import av
import av.error
from av.filter import Graph

from hfbench.backends.base import ClipTrouble
from hfbench.color import ColorRange, Matrix
from hfbench.model.result import FailureKind

if TYPE_CHECKING:
    from av import VideoFrame

    from hfbench.color import ColorTags

#: The buffer source's names for H.273's matrices and ranges; everything else is "unknown" to it.
_COLORSPACE = {
    Matrix.RGB: "gbr",
    Matrix.BT709: "bt709",
    Matrix.FCC: "fcc",
    Matrix.BT470BG: "bt470bg",
    Matrix.SMPTE170M: "smpte170m",
    Matrix.SMPTE240M: "smpte240m",
    Matrix.YCGCO: "ycgco",
    Matrix.BT2020_NCL: "bt2020nc",
    Matrix.BT2020_CL: "bt2020c",
}
#: libswscale's exact path (``flags=unstable``) reads and writes past the end of narrower rows: 8.1 crashes on them.
_LEAST_WIDTH = 64
#: The buffer source needs one; for a filter of single frames any value will do.
_ANY_TIME_BASE = "1/1000000"
_RANGE = {ColorRange.LIMITED: "tv", ColorRange.FULL: "pc"}


class ChainRunner:
    """A chain that is built for the first frame and rebuilt when a frame of another kind comes.

    Not thread-safe: each thread has its own.
    """

    def __init__(self, chain: str, tags: ColorTags) -> None:
        self._chain = chain
        self._tags = tags
        self._graph: Graph | None = None
        self._kind: tuple[int, int, str] | None = None

    def run(self, frame: VideoFrame) -> VideoFrame:
        """The filtered frame; its pts is the input's."""
        kind = (frame.width, frame.height, frame.format.name)
        chain, roomy = self._chain, frame
        if frame.width < _LEAST_WIDTH and not frame.format.name.startswith("mono"):
            roomy = with_room(frame)
            chain = f"crop={frame.width}:{frame.height}:0:0:exact=1,{chain}"
        if self._graph is None or kind != self._kind:
            self._graph, self._kind = self._build(roomy, chain), kind
        self._graph.push(roomy)
        filtered: Any = self._graph.pull()
        picture: VideoFrame = filtered
        return picture

    def _build(self, frame: VideoFrame, chain: str) -> Graph:
        graph = Graph()
        graph.threads = 1  # the frames of a clip are spread over workers instead
        node = graph.add("buffer", self._buffer_arguments(frame))
        for step in chain.split(","):
            name, _, arguments = step.partition("=")
            following = graph.add(name, arguments or None)
            node.link_to(following)
            node = following
        node.link_to(graph.add("buffersink"))
        graph.configure()
        return graph

    def _buffer_arguments(self, frame: VideoFrame) -> str:
        """The source's arguments; colour is stated, because ``Graph.add_buffer`` passes neither matrix nor range."""
        pixel_format = frame.format.name.replace("yuvj", "yuv")
        parts = [
            f"video_size={frame.width}x{frame.height}",
            f"pix_fmt={pixel_format}",
            f"time_base={frame.time_base or _ANY_TIME_BASE}",
            "pixel_aspect=1/1",
        ]
        matrix = _COLORSPACE.get(Matrix(frame.colorspace)) if frame.colorspace in set(Matrix) else None
        parts += [f"colorspace={matrix}"] if matrix and matrix != "gbr" else []
        sample_range = _RANGE.get(ColorRange(frame.color_range)) if frame.color_range in set(ColorRange) else None
        parts += [f"range={sample_range}"] if sample_range else []
        return ":".join(parts)


def convert(runner: ChainRunner, frame: VideoFrame) -> VideoFrame:
    """Run a frame through a chain; an error of the library is a failure of the clip.

    FFmpeg's errors derive from ``OSError`` in Python: unnamed, they would be taken for a full disk.

    Raises:
        ClipTrouble: libavfilter can't convert the frame.
    """
    try:
        return runner.run(frame)
    except (av.error.FFmpegError, ValueError, NotImplementedError) as error:
        message = (
            f"FFmpeg can't convert a frame of {frame.format.name} pixels, {frame.width}x{frame.height}, with colour "
            f"matrix {int(frame.colorspace)}: transcode the clip to a common pixel format"
        )
        raise ClipTrouble(FailureKind.UNSUPPORTED_COLOUR, message, str(error)) from error


def with_room(frame: VideoFrame) -> VideoFrame:
    """The frame's samples at the top left of a larger one, so that there are bytes after its rows."""
    roomy = av.VideoFrame(frame.width + _LEAST_WIDTH, frame.height + 2, frame.format.name)
    for old, new in zip(frame.planes, roomy.planes, strict=True):
        if not old.line_size:  # a palette
            new.update(bytes(old))
            continue
        rows, room = memoryview(old), memoryview(new)
        length = min(old.line_size, new.line_size)
        for y in range(old.height):
            room[y * new.line_size : y * new.line_size + length] = rows[y * old.line_size : y * old.line_size + length]
    roomy.pts = frame.pts
    if frame.time_base is not None:
        roomy.time_base = frame.time_base
    roomy.colorspace, roomy.color_range = frame.colorspace, frame.color_range
    roomy.color_primaries, roomy.color_trc = frame.color_primaries, frame.color_trc
    return roomy
