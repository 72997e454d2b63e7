"""One packet through a decoder: its pictures, counted, with damage and changes in mid-stream noted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av.error

from hfbench.backends.base import SHAPE_CHANGE, TAGS_CHANGE
from hfbench.backends.libav.frame_facts import tags_of
from hfbench.model.profile import Activity, span_of

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.video.codeccontext import VideoCodecContext
    from av.video.stream import VideoStream

    from hfbench.backends.libav.tally import Tally
    from hfbench.model.cancellation import Control
    from hfbench.model.media import MediaInfo


class Damaged(Exception):  # noqa: N818  a signal to the window decoder, not an error
    """A decoder with several threads met an error: which pictures it lost can't be seen."""


def decode_packet(
    decoder: VideoCodecContext,
    packet: Packet[VideoStream] | None,
    media: MediaInfo,
    control: Control,
    tally: Tally,
    *,
    is_careful: bool,
) -> list[VideoFrame]:
    """The pictures that leave the decoder after a packet (None: the end of the stream); ``tally`` counts them.

    Args:
        decoder: of the stream.
        packet: the next one, in decoding order.
        media: the file, as probed.
        control: its recorder takes the time.
        tally: counts pictures and damage, and notes changes.
        is_careful: whether the decoder has one thread, so that damage is counted exactly.

    Raises:
        Damaged: the packet or a picture is broken, and ``is_careful`` is false.
    """
    try:
        with span_of(control.recorder, Activity.DECODE, media.path.name):
            frames = decoder.decode(packet)
    except av.error.EOFError:
        return []
    except av.error.FFmpegError as error:
        if not is_careful:
            raise Damaged from error
        tally.decode_errors += 1
        return []
    tally.frames += len(frames)
    corrupt = sum(frame.is_corrupt for frame in frames)
    if corrupt and not is_careful:  # threads flag pictures of two fields as well, and miss some
        raise Damaged
    tally.corrupt_frames += corrupt
    if not media.is_intermediate:
        for frame in frames:
            _notice(frame, media, tally)
    return frames


def _notice(frame: VideoFrame, media: MediaInfo, tally: Tally) -> None:
    """Note what changes in mid-stream."""
    if tags_of(frame) != media.frame_tags:
        tally.noticed[TAGS_CHANGE.kind] = TAGS_CHANGE
    if (frame.width, frame.height, frame.format.name) != (*media.decoded_size, media.pixel_format):
        tally.noticed[SHAPE_CHANGE.kind] = SHAPE_CHANGE
