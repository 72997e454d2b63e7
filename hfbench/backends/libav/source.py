"""Reading what the packets of an open file say about times."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av.error
import numpy as np

from hfbench.backends.libav.bitstream import PictureCounter
from hfbench.backends.libav.clocks import Stamp, times_in_order
from hfbench.backends.libav.files import keep_only, keeps_decode_times_only, rewind
from hfbench.backends.libav.intervals import FEWEST_FOR_VFR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av import Packet
    from av.container import InputContainer
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

    from hfbench.model.cancellation import Control


@dataclass(frozen=True, slots=True)
class Source:
    """An open file whose timing is read; other streams' packets are discarded."""

    container: InputContainer
    stream: VideoStream
    path: Path
    origin_ticks: int
    first_pts: int
    control: Control

    @property
    def time_base(self) -> Fraction:
        """Seconds a tick."""
        return Fraction(self.stream.time_base or 1)

    @property
    def is_reordered(self) -> bool:
        """Whether pictures may leave the decoder in another order than they go in."""
        return bool(self.stream.codec_context.has_b_frames)

    @property
    def has_pts(self) -> bool:
        """Whether presentation times are the file's own."""
        return not keeps_decode_times_only(self.container)


def order_times(container: InputContainer, stream: VideoStream, control: Control) -> list[int]:
    """The times of an :class:`~hfbench.model.clock.OrderClock`, ticks; leaves the file positioned anywhere."""
    source = Source(container, stream, Path(), 0, 0, control)
    rewind(source.container, source.stream)
    shown = [stamp for stamp in stamps_of(source) if stamp.is_shown]
    return times_in_order(shown, is_reordered=source.is_reordered, has_pts=source.has_pts)


def same_stream(container: InputContainer, source: Source) -> VideoStream:
    """The source's stream in its file opened once more; other streams' packets are discarded."""
    stream = container.streams.video[source.container.streams.video.index(source.stream)]
    keep_only(container, stream)
    return stream


def index_times(stream: VideoStream) -> NDArray[np.int64] | None:
    """Decode times of every frame from an unfragmented mp4's sample tables; None where the index is not whole.

    A constant rate shows in decode times as well as in presentation times; an irregular one may be due to reordering
    alone, and is then judged on the packets.
    """
    entries = stream.index_entries
    count = len(entries)
    if count < FEWEST_FOR_VFR or count != stream.frames:
        return None
    return np.fromiter((entry.timestamp for entry in entries), np.int64, count)


def stamps_of(source: Source) -> Iterator[Stamp]:
    """What each packet with data says, from where the file is positioned on."""
    pictures = PictureCounter(source.stream)
    for packet in packets_of(source):
        source.control.check()
        yield Stamp(
            packet.pts if source.has_pts else None,
            packet.dts,
            packet.duration or 0,
            -1 if packet.pos is None else packet.pos,
            packet.is_keyframe,
            pictures.shows_one(packet) and not packet.is_discard,
        )


def packets_of(source: Source) -> Iterator[Packet[VideoStream]]:
    """Packets with data; a read error ends them."""
    try:
        for packet in source.container.demux(source.stream):
            if packet.size:
                yield packet
    except av.error.FFmpegError:
        return
