"""The packets of one open file, from a keyframe on, each with the time at which its picture is shown."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING, Final

import av.error

from hfbench.backends.libav.bitstream import PictureCounter, needs_everything_before
from hfbench.backends.libav.clocks import REORDER_DEPTH
from hfbench.backends.libav.files import keeps_decode_times_only, rewind, seek_back, seek_to_byte
from hfbench.backends.libav.source import order_times
from hfbench.model.clock import EditedClock, JoinedClock, OrderClock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av import Packet
    from av.container import InputContainer
    from av.video.stream import VideoStream

    from hfbench.model.cancellation import Control
    from hfbench.model.media import MediaInfo

#: Times that are kept after a packet to find the one that follows it.
_TIMES_KEPT: Final = 4 * REORDER_DEPTH


@dataclass(frozen=True, slots=True)
class DatedPacket:
    """A packet and its place in time.

    Attributes:
        time: when its picture is shown, seconds on the clock of the reader; None where the order of the decoder's
            pictures decides, or nothing is known.
        until: when the next picture follows, as far as is known: not before that; None where nothing follows yet.
        shows: whether it gives a picture.
        is_incomplete: whether the container lost a part of it (MPEG-TS counts its packets).
    """

    packet: Packet[VideoStream]
    time: Fraction | None
    until: Fraction | None
    shows: bool
    is_incomplete: bool

    def is_clean_start(self, wanted: Fraction) -> bool:
        """Whether nothing before it is referred to by what is shown from ``wanted`` (seconds) on."""
        return self.packet.is_keyframe and self.time is not None and self.time <= wanted


@dataclass(frozen=True, slots=True)
class _Read:
    """A packet as it was read; ``is_before``: whether its picture may be shown before the wanted end."""

    packet: Packet[VideoStream]
    time: Fraction | None
    shows: bool
    is_before: bool
    is_incomplete: bool


@dataclass(slots=True)
class ReadCount:
    """Packets read, and read errors, which end a file."""

    packets: int = 0
    errors: int = 0


class PacketReader:
    """Reads packets of one stream, dated by the clock of its media (an edit list is laid out by the caller).

    Attributes:
        order: times of the pictures in the order in which they leave the decoder, ticks; None: packets are dated.
        saw_later: whether the file went on after the last window.
        is_read_from_start: whether every window begins to be read there.
    """

    def __init__(self, container: InputContainer, stream: VideoStream, media: MediaInfo) -> None:
        self._container = container
        self._stream = stream
        self._media = media
        self._time_base = Fraction(stream.time_base or 1)  # read back: a muxer may have chosen another than was asked
        self._origin = Fraction(0) if isinstance(media.clock, EditedClock) else media.origin
        self._has_pts = not keeps_decode_times_only(container)
        self._position = 0
        self._is_at_start = True
        self.is_read_from_start = needs_everything_before(stream)
        self.count = ReadCount()
        self.saw_later = False
        self.order: list[int] | None = None

    @property
    def time_base(self) -> Fraction:
        """Seconds per tick of the packets."""
        return self._time_base

    def time_of(self, ticks: int) -> Fraction:
        """Ticks as seconds of the reader's clock."""
        return ticks * self._time_base - self._origin

    def seek(self, wanted: Fraction) -> bool:
        """Go to a keyframe that is hoped to be shown at or before ``wanted`` (seconds); True: to the file's start."""
        clock = self._media.clock
        if self.is_read_from_start or self.order is not None or wanted <= self._first_time():
            self.rewind()
            return True
        self._is_at_start = False
        if isinstance(clock, JoinedClock):
            earlier = [position for time, position in clock.keyframes if time <= wanted]
            if not earlier:
                self.rewind()
                return True
            self._position = earlier[-1]
            seek_to_byte(self._container, self._position)
        else:
            seek_back(self._container, self._stream, int((wanted + self._origin) / self._time_base))
        return False

    def rewind(self) -> None:
        """Go to the first packet."""
        if not self._is_at_start:
            rewind(self._container, self._stream)
        self._is_at_start = True
        self._position = 0

    def learn_order(self, control: Control) -> None:
        """Read the times of an order clock from all packets; nothing where packets are dated."""
        if isinstance(self._media.clock, OrderClock):
            self._is_at_start = False
            order = order_times(self._container, self._stream, control)
            first = round((self._media.timing.first_pts + self._origin) / self._time_base)
            self.order = [time - order[0] + first for time in order]

    def _first_time(self) -> Fraction:
        if isinstance(self._media.clock, EditedClock):
            return Fraction(0)
        return self._media.timing.first_pts

    def until(self, end: Fraction | None, control: Control, *, and_next: bool = False) -> Iterator[DatedPacket]:
        """Packets from here to the last whose picture is shown before ``end`` (seconds), or that one of them may need.

        With ``and_next``, up to the picture that follows them: it says how long the last one is on screen.

        ``saw_later`` says afterwards whether the file goes on after that.

        Raises:
            StopWork: cancelled or out of time.
        """
        ahead: deque[_Read] = deque()
        times: list[Fraction] = []
        depth = REORDER_DEPTH if self._stream.codec_context.has_b_frames else 1
        source = self._packets(end, control)
        wanted_ahead = 0
        self.saw_later = False
        while True:
            for each in islice(source, depth + 1 - len(ahead)):
                ahead.append(each)
                wanted_ahead += each.is_before
                self.saw_later = self.saw_later or not each.is_before
                if each.time is not None and each.shows:
                    insort(times, each.time)
            if not wanted_ahead:
                if and_next and ahead:
                    later = [each.time if each.time is not None and each.shows else _NEVER for each in ahead]
                    place = later.index(min(later)) + 1
                    while place < len(ahead) and not ahead[place].shows:
                        place += 1
                    yield from (_dated(each, times) for each in islice(ahead, place))
                return
            first = ahead.popleft()
            wanted_ahead -= first.is_before
            yield _dated(first, times)
            del times[:-_TIMES_KEPT]

    def _packets(self, end: Fraction | None, control: Control) -> Iterator[_Read]:
        """Packets with data; a read error ends the file."""
        pictures = PictureCounter(self._stream)
        self._is_at_start = False
        number = 0
        is_before = True
        is_joined = isinstance(self._media.clock, JoinedClock)  # parts that don't follow each other count anew
        try:
            for packet in self._container.demux(self._stream):
                if packet.size:
                    control.check()
                    self.count.packets += 1
                    time = self._date(packet)
                    shows = pictures.shows_one(packet) and not packet.is_discard
                    earliest = time if self.order is None else self._earliest_of(number)
                    number += shows
                    if shows:  # what shows nothing belongs to the picture before it: its second field, for instance
                        is_before = end is None or earliest is None or earliest < end
                    yield _Read(packet, time, shows, is_before, packet.is_corrupt and not is_joined)
        except av.error.FFmpegError:
            self.count.errors += 1

    def _earliest_of(self, number: int) -> Fraction:
        """The time of the first picture that the n-th packet may belong to."""
        order = self.order or [0]
        return self.time_of(order[max(0, min(number - REORDER_DEPTH, len(order) - 1))])

    def _date(self, packet: Packet[VideoStream]) -> Fraction | None:
        """The time of a packet; its picture leaves the decoder with the same time, in ticks."""
        clock = self._media.clock
        if self.order is not None:
            packet.pts = None
            return None
        if not self._has_pts:
            packet.pts = packet.dts
        if packet.pts is None:
            return None
        if isinstance(clock, JoinedClock):
            if packet.pos is not None and packet.pos >= 0:
                self._position = packet.pos
            ahead = 0 if packet.dts is None else packet.pts - packet.dts
            packet.pts += round(clock.shift_of(self._position, ahead * self._time_base) / self._time_base)
        return self.time_of(packet.pts)


#: Later than any picture (seconds).
_NEVER: Final = Fraction(2**63)


def _dated(read: _Read, times: list[Fraction]) -> DatedPacket:
    return DatedPacket(read.packet, read.time, _next(times, read.time), read.shows, read.is_incomplete)


def _next(times: list[Fraction], time: Fraction | None) -> Fraction | None:
    at = len(times) if time is None else bisect_right(times, time)
    return times[at] if at < len(times) else None
