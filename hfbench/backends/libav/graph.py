"""Running a filter chain on single frames: one frame in, one frame out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from av.filter import Graph

from hfbench.color import ColorRange, Matrix

if TYPE_CHECKING:
    from av import VideoFrame

    from hfbench.color import ColorTags

#: What the buffer source calls H.273's matrices and ranges; everything else is "unknown" to it.
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
#: The buffer source wants one; a filter of single frames does not care which.
_ANY_TIME_BASE = "1/1000000"
_RANGE = {ColorRange.LIMITED: "tv", ColorRange.FULL: "pc"}


class ChainRunner:
    """A chain that is built for the first frame and rebuilt when a frame of another kind comes.

    Not for several threads at once: each has its own.
    """

    def __init__(self, chain: str, tags: ColorTags) -> None:
        self._chain = chain
        self._tags = tags
        self._graph: Graph | None = None
        self._kind: tuple[int, int, str] | None = None

    def run(self, frame: VideoFrame) -> VideoFrame:
        """The filtered frame; its pts is the input's."""
        kind = (frame.width, frame.height, frame.format.name)
        if self._graph is None or kind != self._kind:
            self._graph, self._kind = self._build(frame), kind
        self._graph.push(frame)
        filtered: Any = self._graph.pull()
        picture: VideoFrame = filtered
        return picture

    def _build(self, frame: VideoFrame) -> Graph:
        graph = Graph()
        graph.threads = 1  # the frames of a clip are spread over workers instead
        node = graph.add("buffer", self._buffer_arguments(frame))
        for step in self._chain.split(","):
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
