"""What a packet holds, read from its first bytes: whether a picture comes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av import Packet
    from av.video.stream import VideoStream


class PictureCounter:
    """Tells which packets of a stream show a picture of their own; fed in decoding order."""

    def __init__(self, stream: VideoStream) -> None:
        self._codec = stream.codec_context.name

    def shows_one(self, packet: Packet[VideoStream]) -> bool:
        """Whether a picture comes of this packet."""
        if self._codec == "vp8":
            return _is_vp8_shown(memoryview(packet))
        return True


def _is_vp8_shown(data: memoryview) -> bool:
    """The ``show_frame`` bit of a VP8 frame header (RFC 6386, 9.1): alternate reference frames are not shown."""
    return bool(data[0] & 0x10)
