"""Decoding a window of a file: seek so that nothing wanted is missed, stop feeding where nothing is wanted any more."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, Final

import av
import av.error
from av.stream import Discard

from hfbench.backends.base import SHAPE_CHANGE, TAGS_CHANGE
from hfbench.backends.libav.files import keeps_decode_times_only, seek_back
from hfbench.backends.libav.frame_facts import tags_of
from hfbench.model.metrics import WorkCounters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av import Packet, VideoFrame
    from av.container import InputContainer
    from av.video.codeccontext import VideoCodecContext
    from av.video.stream import VideoStream

    from hfbench.model.cancellation import Control
    from hfbench.model.media import MediaInfo
    from hfbench.model.result import ClipWarning

#: FFmpeg's own VP8 and VP9 decoders drop the alpha plane without a word; libvpx's keep it.
_ALPHA_DECODERS: Final = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
#: How far before the wanted time a second, third, ... seek goes (seconds): containers without an index land late.
_BACK_OFF: Final = (Fraction(0), Fraction(2), Fraction(10), Fraction(60))
#: Pictures that a decoder may hold back to bring them in order (H.264 and HEVC: 16), and one more.
_REORDER_DEPTH: Final = 17


@dataclass(slots=True)
class Tally:
    """What one pass over a file cost and met; filled while it runs."""

    packets: int = 0
    frames: int = 0
    decode_errors: int = 0
    corrupt_frames: int = 0
    noticed: dict[str, ClipWarning] = field(default_factory=dict)

    def work(self) -> WorkCounters:
        """The pass as work counters, the opening of its file included."""
        return WorkCounters(files_opened=1, packets_read=self.packets, frames_decoded=self.frames)


def decoder_name(stream: VideoStream) -> str:
    """The decoder that keeps everything the stream holds."""
    name: str = stream.codec_context.codec.name
    has_alpha = any(key.lower() == "alpha_mode" and value == "1" for key, value in stream.metadata.items())
    return _ALPHA_DECODERS.get(name, name) if has_alpha else name


def open_decoder(stream: VideoStream, *, threads: int = 0) -> VideoCodecContext:
    """The context that decodes the stream; ``threads`` 0 means as many as FFmpeg sees fit."""
    name = decoder_name(stream)
    context: Any = stream.codec_context
    if name != context.codec.name:
        context = av.CodecContext.create(name, "r")
        context.extradata = stream.codec_context.extradata
    context.thread_type = "AUTO"
    context.thread_count = threads
    decoder: VideoCodecContext = context
    return decoder


def keep_only(container: InputContainer, stream: VideoStream) -> None:
    """Have the demuxer skip every other stream's packets."""
    for other in container.streams:
        if other.index != stream.index:
            other.discard = Discard.all


class WindowDecoder:
    """Decodes windows of one open file, one after the other."""

    def __init__(self, container: InputContainer, stream: VideoStream, media: MediaInfo, control: Control) -> None:
        self._container = container
        self._stream = stream
        self._media = media
        self._control = control
        self._decoder = open_decoder(stream)
        self._is_at_start = True
        self._reached_end_of_file = False
        self._undated: list[int] = []
        self.tally = Tally()
        keep_only(container, stream)

    @property
    def period(self) -> Fraction:
        """Seconds a frame of the file."""
        return self._media.timing.period

    def media_time(self, frame: VideoFrame) -> Fraction:
        """When a frame is shown, seconds of media time."""
        return ((frame.pts or 0) - self._media.origin_ticks) * self._media.time_base

    def begin_run(self) -> None:
        """Each run of windows has a time limit of its own, and its own oddities."""
        self._control = self._control.restarted()
        self.tally.noticed.clear()

    def window(self, start: Fraction, end: Fraction) -> Iterator[VideoFrame]:
        """Frames in order of presentation: from one on screen at ``start`` or earlier, up to ``end``.

        Packets are fed until one has a dts at or past ``end``: as pts >= dts, none after it is wanted, and the number
        of frames decoded does not depend on how many threads decode.
        """
        for back_off in _BACK_OFF:
            wanted_from = start - back_off
            is_from_start = self._media.is_dated_by_order or wanted_from <= self._media.timing.first_pts
            self._seek(wanted_from, is_from_start=is_from_start)
            errors_before = self.tally.decode_errors
            frames = self._frames_until(end)
            first = next((each for each in frames if is_from_start or not each.is_corrupt), None)
            if not is_from_start:
                self.tally.decode_errors = errors_before  # a decoder that starts in mid-stream may complain at first
            if first is not None and (is_from_start or self.media_time(first) <= start):
                yield first
                yield from frames
                return
        self._seek(self._media.timing.first_pts, is_from_start=True)
        yield from self._frames_until(end)

    def may_hold_last(self, frame: VideoFrame) -> bool:
        """Whether the last frame that came may be held for the slots after it.

        It may where nothing is known to be missing after it: the window ended before the file did, or this is the
        file's last frame.
        """
        is_last_of_file = self.media_time(frame) > self._media.timing.last_pts - self._media.timing.period / 2
        return not self._reached_end_of_file or is_last_of_file

    def everything(self) -> Iterator[VideoFrame]:
        """Every frame of the file, in order of presentation."""
        self._seek(self._media.timing.first_pts, is_from_start=True)
        yield from self._frames_until(None)

    def _seek(self, seconds: Fraction, *, is_from_start: bool) -> None:
        if is_from_start and self._is_at_start:
            return
        ticks = self._media.origin_ticks + int(seconds / self._media.time_base)
        if is_from_start and self._stream.start_time is not None:
            ticks = min(ticks, self._stream.start_time)
        seek_back(self._container, self._stream, ticks)
        self._decoder.flush_buffers()
        self._undated.clear()

    def _frames_until(self, end: Fraction | None) -> Iterator[VideoFrame]:
        """Decode from here; the file's last packets flush the decoder."""
        stop = None if end is None else self._media.origin_ticks + self._enough(end) / self._media.time_base
        self._is_at_start = False
        self._reached_end_of_file = True
        previous_pts: int | None = None
        for packet in self._packets():
            if stop is not None and packet.dts is not None and packet.dts >= stop:
                self._reached_end_of_file = False
                break
            for frame in self._decode(packet):
                previous_pts = self._date(frame, previous_pts)
                yield frame
        for frame in self._decode(None):
            previous_pts = self._date(frame, previous_pts)
            yield frame

    def _enough(self, end: Fraction) -> Fraction:
        """The decode time from which on no packet is needed for what is shown before ``end``, seconds."""
        return end + _REORDER_DEPTH * self.period if self._media.is_dated_by_order else end

    def _packets(self) -> Iterator[Packet[VideoStream]]:
        """Packets with data; a read error ends the file and is counted, for the rest is lost."""
        try:
            for packet in self._container.demux(self._stream):
                if packet.size:
                    self._control.check()
                    self.tally.packets += 1
                    self._take_date(packet)
                    yield packet
        except av.error.FFmpegError:
            self.tally.decode_errors += 1

    def _take_date(self, packet: Packet[VideoStream]) -> None:
        """Where presentation times are a guess: the packet's decode time, or, with B-frames, the next in order."""
        if self._media.is_dated_by_order:
            if packet.dts is not None:
                heappush(self._undated, packet.dts)
            packet.pts = None
        elif keeps_decode_times_only(self._container):
            packet.pts = packet.dts

    def _decode(self, packet: Packet[VideoStream] | None) -> list[VideoFrame]:
        try:
            frames = self._decoder.decode(packet)
        except av.error.EOFError:
            return []
        except av.error.FFmpegError:
            self.tally.decode_errors += 1
            return []
        self.tally.frames += len(frames)
        self.tally.corrupt_frames += sum(frame.is_corrupt for frame in frames)
        return frames

    def _date(self, frame: VideoFrame, previous_pts: int | None) -> int:
        """Give a frame without a pts the next known time, or the one a period after the frame before."""
        frame.time_base = self._stream.time_base
        if not self._media.is_intermediate:
            self._notice(frame)
        if self._media.is_dated_by_order:
            frame.pts = heappop(self._undated) if self._undated else None
        if frame.pts is None:
            period = max(1, round(self._media.timing.period / self._media.time_base))
            frame.pts = self._media.origin_ticks if previous_pts is None else previous_pts + period
        pts: int = frame.pts
        return pts

    def _notice(self, frame: VideoFrame) -> None:
        """Note what changes in mid-stream."""
        media, noticed = self._media, self.tally.noticed
        if tags_of(frame) != media.frame_tags:
            noticed[TAGS_CHANGE.kind] = TAGS_CHANGE
        if (frame.width, frame.height, frame.format.name) != (*media.decoded_size, media.pixel_format):
            noticed[SHAPE_CHANGE.kind] = SHAPE_CHANGE
