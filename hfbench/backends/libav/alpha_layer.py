"""HEVC with an alpha layer (H.265 annex F, as Apple's encoders write it): both layers are decoded and combined.

FFmpeg's decoder offers alpha to programs that choose a pixel format themselves, which PyAV does not allow. The layer
is an HEVC stream of its own: its units, renumbered to the base layer, go to a second decoder; its luma is the alpha.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import av
import av.error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from av import Packet, VideoFrame
    from av.video.codeccontext import VideoCodecContext
    from av.video.stream import VideoStream

_START_CODE = b"\x00\x00\x00\x01"
_VPS, _PREFIX_SEI = 32, 39
#: Payload type of the alpha channel information message (H.265, F.14.2.8).
_ALPHA_INFORMATION = 165


def has_alpha_layer(stream: VideoStream) -> bool:
    """Whether a stream's headers announce an alpha layer."""
    context = stream.codec_context
    if context.name != "hevc" or not context.extradata:
        return False
    return any(
        _kind(unit) == _PREFIX_SEI and len(unit) > 2 and unit[2] == _ALPHA_INFORMATION
        for unit in _header_units(bytes(context.extradata))
    )


class AlphaLayerDecoder:
    """A decoder of both layers, with the methods of a codec context that are used here.

    Args:
        base: the stream's own decoder.
    """

    def __init__(self, base: VideoCodecContext) -> None:
        extradata = bytes(base.extradata or b"")
        self._base: Any = base
        self._length_bytes = (extradata[21] & 3) + 1 if extradata[:1] == b"\x01" else 0
        self._alpha: Any = av.CodecContext.create("hevc", "r")
        units = list(_header_units(extradata))
        shared = [unit for unit in units if _kind(unit) == _VPS]
        self._alpha.extradata = _annex_b([*shared, *_of_layer(units, 1)])
        self._base.extradata = _annex_b(_of_layer(units, 0))
        self._alpha.thread_type, self._alpha.thread_count = base.thread_type, base.thread_count
        self._waiting: dict[int | None, VideoFrame] = {}

    @property
    def skip_frame(self) -> str:
        """What is not decoded; the same for both layers."""
        return str(self._base.skip_frame)

    @skip_frame.setter
    def skip_frame(self, wanted: str) -> None:
        self._base.skip_frame = self._alpha.skip_frame = wanted

    def flush_buffers(self) -> None:
        """Forget what was fed."""
        self._base.flush_buffers()
        self._alpha.flush_buffers()
        self._waiting.clear()

    def decode(self, packet: Packet[VideoStream] | None) -> list[VideoFrame]:
        """Pictures with alpha; one whose alpha can't be decoded has none."""
        for frame in self._decode_alpha(self._of_layer(packet, 1)):
            self._waiting[frame.pts] = frame
        pictures = self._base.decode(self._of_layer(packet, 0))
        return [_with_alpha(frame, self._waiting.pop(frame.pts, None)) for frame in pictures]

    def _decode_alpha(self, packet: Packet[VideoStream] | None) -> list[VideoFrame]:
        try:
            return [] if packet is not None and not packet.size else list(self._alpha.decode(packet))
        except av.error.FFmpegError:
            return []

    def _of_layer(self, packet: Packet[VideoStream] | None, layer: int) -> Packet[VideoStream] | None:
        if packet is None:
            return None
        own: Any = av.Packet(_annex_b(_of_layer(_units(bytes(packet), self._length_bytes), layer)))
        own.pts, own.dts, own.time_base = packet.pts, packet.dts, packet.time_base
        part: Packet[VideoStream] = own
        return part


def _with_alpha(frame: VideoFrame, alpha: VideoFrame | None) -> VideoFrame:
    """The picture in the same format with alpha, everything else kept; unchanged where no alpha has its size."""
    if alpha is None or (alpha.width, alpha.height) != (frame.width, frame.height):
        return frame
    if alpha.format.components[0].bits != frame.format.components[0].bits:
        return frame
    picture = frame.reformat(format=frame.format.name.replace("yuv", "yuva", 1))  # copies samples and side data
    source, target = alpha.planes[0], picture.planes[3]
    rows, room = memoryview(source), memoryview(target)
    length = min(source.line_size, target.line_size)
    for y in range(frame.height):
        room[y * target.line_size :][:length] = rows[y * source.line_size :][:length]
    return picture


def _header_units(extradata: bytes) -> Iterator[bytes]:
    """Units of a configuration record (ISO/IEC 14496-15, 8.3.2.1) or of Annex B headers."""
    if extradata[:1] != b"\x01":
        yield from _units(extradata, 0)
        return
    at = 23
    for _ in range(extradata[22] if len(extradata) > 22 else 0):
        count, at = int.from_bytes(extradata[at + 1 : at + 3], "big"), at + 3
        for _ in range(count):
            size, at = int.from_bytes(extradata[at : at + 2], "big"), at + 2
            yield extradata[at : at + size]
            at += size


def _units(data: bytes, length_bytes: int) -> Iterator[bytes]:
    """NAL units after length fields of this many bytes; 0: between start codes (H.265 annex B)."""
    if not length_bytes:
        yield from (unit.rstrip(b"\x00") for unit in data.split(b"\x00\x00\x01") if unit.strip(b"\x00"))
        return
    at = 0
    while at + length_bytes < len(data):
        size, at = int.from_bytes(data[at : at + length_bytes], "big"), at + length_bytes
        yield data[at : at + size]
        at += size


def _kind(unit: bytes) -> int:
    return unit[0] >> 1 & 0x3F if unit else -1


def _layer(unit: bytes) -> int:
    """nuh_layer_id (H.265, 7.3.1.2)."""
    return (unit[0] & 1) << 5 | unit[1] >> 3 if len(unit) > 1 else 0


def _of_layer(units: Iterable[bytes], layer: int) -> list[bytes]:
    """The units of one layer, as if they were of the base layer."""
    return [bytes((unit[0] & 0xFE, unit[1] & 0x07)) + unit[2:] for unit in units if _layer(unit) == layer]


def _annex_b(units: list[bytes]) -> bytes:
    return b"".join(_START_CODE + unit for unit in units)
