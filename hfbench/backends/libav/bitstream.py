"""What is known of packets without decoding them: whether one gives a picture, and whether one may be left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hfbench.backends.libav.fields import FieldPairs

if TYPE_CHECKING:
    from av import Packet
    from av.video.stream import VideoStream


#: Decoders that look at ``skip_frame`` before each picture, and whose pictures say whether others refer to them.
_SKIPPING_DECODERS: Final = ("h264", "mpeg1video", "mpeg2video", "mpeg4")


def can_skip_unreferenced(stream: VideoStream) -> bool:
    """Whether the decoder can leave out exactly those pictures that no other picture refers to.

    HEVC says so within one temporal layer alone (H.265, 7.4.2.2, sub-layer non-reference pictures), so it needs a
    configuration record with one (ISO/IEC 14496-15, 8.3.2.1.2).
    """
    context = stream.codec_context
    if context.name == "hevc":
        record = bytes(context.extradata or b"")
        return len(record) > 21 and record[0] == 1 and (record[21] >> 3 & 7) == 1
    return context.name in _SKIPPING_DECODERS


#: Codecs whose every packet gives a picture, or is damaged. (MPEG-4 and similar codecs have packets that repeat one.)
_ONE_PICTURE_A_PACKET: Final = (
    *("av1", "ffv1", "h264", "hevc", "mjpeg", "mpeg1video", "mpeg2video", "png", "prores", "vp8", "vp9"),
)


def gives_a_picture_each(stream: VideoStream) -> bool:
    """Whether a packet that gives no picture is damaged."""
    return stream.codec_context.codec.canonical_name in _ONE_PICTURE_A_PACKET


#: Codecs whose palette many containers store outside the pictures: libavformat gives it with the first packet only.
_PALETTE_IN_CONTAINER: Final = ("8bps", "cinepak", "msrle", "msvideo1", "qtrle", "rawvideo", "smc", "tscc")
#: Codecs whose decoders don't know which pictures need no other, and whose writers flag all of them as such.
_UNKNOWN_KEYFRAMES: Final = ("rpza",)


def needs_everything_before(stream: VideoStream) -> bool:
    """Whether a picture can be decoded only after all packets from the file's start on."""
    context = stream.codec_context
    name = context.codec.canonical_name
    return name in _UNKNOWN_KEYFRAMES or (name in _PALETTE_IN_CONTAINER and context.pix_fmt == "pal8")


class PictureCounter:
    """Finds which packets of a stream show a picture of their own; fed in decoding order."""

    def __init__(self, stream: VideoStream) -> None:
        self._codec = stream.codec_context.name
        self._fields = FieldPairs(bytes(stream.codec_context.extradata or b"")) if self._codec == "h264" else None

    def shows_one(self, packet: Packet[VideoStream]) -> bool:
        """Whether this packet gives a picture of its own, and is not part of the one before."""
        if self._fields is not None:
            return not self._fields.is_second(memoryview(packet))
        if self._codec == "vp8":
            return _is_vp8_shown(memoryview(packet))
        return True


def _is_vp8_shown(data: memoryview) -> bool:
    """The ``show_frame`` bit of a VP8 frame header (RFC 6386, 9.1): alternate reference frames are not shown."""
    return bool(data[0] & 0x10)
