"""Decoding windows of a file: each picture comes with the slots that show it, and what no slot shows is not decoded."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from typing import TYPE_CHECKING, Final, Self

from hfbench.backends.libav.bitstream import can_skip_unreferenced, gives_a_picture_each
from hfbench.backends.libav.dating import Dating
from hfbench.backends.libav.decode_packet import Damaged, decode_packet
from hfbench.backends.libav.decoders import open_decoder
from hfbench.backends.libav.files import open_media
from hfbench.backends.libav.packets import PacketReader
from hfbench.backends.libav.pieces import Piece, pieces_of
from hfbench.backends.libav.runs import Run
from hfbench.backends.libav.tally import Tally
from hfbench.model.clock import EditedClock
from hfbench.model.profile import Activity, recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from types import TracebackType

    from av import Packet, VideoFrame
    from av.video.codeccontext import VideoCodecContext
    from av.video.stream import VideoStream

    from hfbench.model.cancellation import Control
    from hfbench.model.media import MediaInfo
    from hfbench.timebase import FrameGrid

#: How far before the wanted time a second, third, ... seek goes (seconds): containers without an index land late, and
#: key flags may be wrong. None: decoding begins at the file's start.
_BACK_OFF: Final = (Fraction(0), Fraction(2), Fraction(10), Fraction(60), None)
#: Picture types of a decoder that need no other picture; 0 is reported by decoders that do not know.
_INTRA_TYPES: Final = (0, 1, 5)


class WindowDecoder:
    """Decodes windows of one file, one after the other. A context manager: the file is open within.

    Args:
        media: the file, as probed.
        control: obeyed between packets.
        threads: 0 lets FFmpeg choose. Where a decoder with several threads meets damage, the window is decoded again
            with one: only then can be seen which pictures are lost.
    """

    def __init__(self, media: MediaInfo, control: Control, *, threads: int = 0) -> None:
        self._media = media
        self._control = control
        self._threads = threads
        self._files = contextlib.ExitStack()
        self._careful: VideoCodecContext | None = None
        self._reached_end_of_file = False
        self._last_of_track = Fraction(0)
        self.tally = Tally()

    def __enter__(self) -> Self:
        container, stream = self._files.enter_context(open_media(self._media))
        self.reader = PacketReader(container, stream, self._media)
        self.stream = stream
        self._can_skip = can_skip_unreferenced(stream)
        self._is_counted = gives_a_picture_each(stream)
        self._fast = open_decoder(stream, threads=self._threads)
        self.reader.learn_order(self._control)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.tally.packets = self.reader.count.packets
        self._files.close()

    @property
    def period(self) -> Fraction:
        """Seconds per frame of the file."""
        return self._media.timing.period

    def run(self, grids: Sequence[FrameGrid]) -> Run:
        """Begin to decode over the union of some grids that overlap or touch, under a time limit of its own."""
        self._control = self._control.restarted()
        self.tally.noticed.clear()
        self.tally.decode_errors = self.tally.corrupt_frames = 0
        return Run(self, tuple(grids))

    def everything(self) -> Iterator[tuple[VideoFrame, Fraction]]:
        """Every picture of the file and when it is shown, in order of presentation."""
        yield from self.window(Fraction(0), None, lambda _time, _until: True)

    def window(
        self, start: Fraction, end: Fraction | None, is_wanted: Callable[[Fraction, Fraction | None], bool]
    ) -> Iterator[tuple[VideoFrame, Fraction]]:
        """Pictures in order of presentation: from one on screen at ``start`` or earlier, to the last before ``end``.

        Args:
            start: media time, seconds.
            end: media time, seconds; None: the file's end. A window that ends before the first picture gets that one.
            is_wanted: whether a picture from one time to another (None: unknown) is needed; others may be left out.
        """
        self._reached_end_of_file = True
        for piece in pieces_of(self._media, start, end):
            yield from self._piece(piece, is_wanted)

    def may_hold_last(self, time: Fraction) -> bool:
        """Whether the last picture that came, shown at ``time``, may be held for the slots after it.

        That is allowed where nothing is known to be missing after it: the window ended before the file did, or this is
        the file's last picture.
        """
        last = self._media.timing.last_pts
        if isinstance(self._media.clock, EditedClock):  # any entry may show the track's last picture
            time, last = self._last_of_track, self._media.clock.last_picture
        return not self._reached_end_of_file or time > last - self._media.timing.period / 2

    def _piece(
        self, piece: Piece, is_wanted: Callable[[Fraction, Fraction | None], bool]
    ) -> Iterator[tuple[VideoFrame, Fraction]]:
        """Decode with many threads; again with one where that meets damage, from where the last good picture was."""
        last: Fraction | None = None
        before = self.tally.decode_errors, self.tally.corrupt_frames
        try:
            for frame, time in self._attempts(piece, self._fast, is_wanted, is_careful=self._threads == 1):
                last = time
                self._last_of_track = time
                if piece.holds(time):
                    yield frame, piece.shown_at(time)
        except Damaged:
            self.tally.decode_errors, self.tally.corrupt_frames = before
            for frame, time in self._attempts(piece, self._one_thread(), is_wanted, is_careful=True):
                self._last_of_track = time
                if (last is None or time > last) and piece.holds(time):
                    yield frame, piece.shown_at(time)

    def _one_thread(self) -> VideoCodecContext:
        """A decoder on one thread, from the file opened once more."""
        if self.reader.is_read_from_start:  # it has the palette, which is read once; its codecs know no threads
            return self._fast
        if self._careful is None:
            _, stream = self._files.enter_context(open_media(self._media))
            self.tally.files += 1
            self._careful = open_decoder(stream, threads=1)
        return self._careful

    def _attempts(
        self,
        piece: Piece,
        decoder: VideoCodecContext,
        is_wanted: Callable[[Fraction, Fraction | None], bool],
        *,
        is_careful: bool,
    ) -> Iterator[tuple[VideoFrame, Fraction]]:
        """Seek, and seek earlier until a picture that needs no other is found at or before the wanted time."""
        before = self.tally.decode_errors, self.tally.corrupt_frames
        for back_off in _BACK_OFF:
            is_from_start = self._seek(piece, back_off, decoder)
            self.tally.decode_errors, self.tally.corrupt_frames = before
            frames = self._decoded(piece, decoder, is_wanted, is_careful=is_careful)
            found = next(frames, None) if is_from_start else self._entry(frames, piece.media_start, before)
            if found is not None:
                yield found
                yield from frames
            if is_from_start or found is not None:
                return

    def _seek(self, piece: Piece, back_off: Fraction | None, decoder: VideoCodecContext) -> bool:
        """Go to where decoding may begin; returns whether that is the file's start."""
        decoder.flush_buffers()
        if back_off is not None:
            return self.reader.seek(piece.media_start - back_off)
        self.reader.rewind()
        return True

    def enter(self, piece: Piece) -> Fraction | None:
        """Go to where the decoding of a piece has to begin, for packets that something else decodes.

        Returns:
            The time, on the reader's clock, of the first picture to decode; None: all from here on.
        """
        before = self.tally.decode_errors, self.tally.corrupt_frames
        decoder = self._one_thread() if self._threads != 1 else self._fast
        for back_off in _BACK_OFF:
            if self._seek(piece, back_off, decoder):
                return None
            frames = self._decoded(piece, decoder, lambda _time, _until: True, is_careful=True)
            found = self._entry(frames, piece.media_start, before)
            frames.close()
            if found is not None:
                self._seek(piece, back_off, decoder)
                return found[1]
        return None

    def times_by_number(self, end: Fraction | None) -> dict[int, Fraction]:
        """For files dated by order: the time of each packet's picture, found by decoding; the reader is rewound after.

        Returns:
            The packet's number, from the file's start, and seconds on the reader's clock.
        """
        self.reader.rewind()
        self._fast.flush_buffers()
        dating = Dating(self.reader, self.period)
        found: dict[int, Fraction] = {}
        packets = (dated.packet for dated in self.reader.until(end, self._control, and_next=True))
        for number, packet in enumerate((*packets, None)):
            if packet is not None:
                packet.pts = number
            for frame in self._pictures(self._fast, packet, is_careful=True):
                of_packet: int | None = frame.pts
                time = dating.date(frame)
                if of_packet is not None:
                    found[of_packet] = time
        self.reader.rewind()
        return found

    def _entry(
        self, frames: Iterator[tuple[VideoFrame, Fraction]], start: Fraction, before: tuple[int, int]
    ) -> tuple[VideoFrame, Fraction] | None:
        """The first intact picture after a seek, if it is on screen at ``start`` or earlier.

        Pictures before it refer to ones that were not read; damage in them says nothing about the file.
        """
        for frame, time in frames:
            if time > start:
                return None
            if frame.key_frame or (int(frame.pict_type) in _INTRA_TYPES and not frame.is_corrupt):
                self.tally.decode_errors, self.tally.corrupt_frames = before
                return frame, time
        return None

    def _decoded(
        self,
        piece: Piece,
        decoder: VideoCodecContext,
        is_wanted: Callable[[Fraction, Fraction | None], bool],
        *,
        is_careful: bool,
    ) -> Generator[tuple[VideoFrame, Fraction]]:
        """Decode from where the reader is; times are the reader's.

        Raises:
            Damaged: a decoder with several threads met an error or lost a picture.
        """
        dating = Dating(self.reader, self.period)
        expected: set[int] = set()
        is_needed = True
        flagged = 0
        read_errors = self.reader.count.errors
        packets = self.reader.until(piece.media_end, self._control)
        for dated in recorded(packets, self._control.recorder, Activity.DEMUX, self._media.path.name):
            packet = dated.packet
            flagged = dated.is_incomplete + (0 if dated.is_clean_start(piece.media_start) else flagged)
            if dated.shows:  # what shows nothing is needed with the picture before it
                is_needed = dated.time is None or self._is_needed(piece, dated.time, dated.until, is_wanted)
            if self._can_skip:
                decoder.skip_frame = "DEFAULT" if is_needed else "NONREF"
            if is_needed and dated.shows and self._is_counted and packet.pts is not None:
                expected.add(packet.pts)
            for frame in self._pictures(decoder, packet, is_careful=is_careful):
                expected.discard(frame.pts)
                yield frame, dating.date(frame)
        if self._can_skip:
            decoder.skip_frame = "DEFAULT"
        for frame in self._pictures(decoder, None, is_careful=is_careful):
            expected.discard(frame.pts)
            yield frame, dating.date(frame)
        self._reached_end_of_file = not self.reader.saw_later
        lost = sum(1 for pts in expected if dating.first is not None and self.reader.time_of(pts) > dating.first)
        if lost and not is_careful:
            raise Damaged
        if flagged and not (self.tally.decode_errors or self.tally.corrupt_frames):
            lost = max(lost, flagged)  # a decoder that lost whole pictures draws others from wrong ones, unaware
        self.tally.decode_errors = max(self.tally.decode_errors, lost) + self.reader.count.errors - read_errors

    @staticmethod
    def _is_needed(
        piece: Piece,
        time: Fraction,
        until: Fraction | None,
        is_wanted: Callable[[Fraction, Fraction | None], bool],
    ) -> bool:
        if until is not None and piece.media_end is not None and until >= piece.media_end:
            until = None  # the next piece decides how long it is shown
        return is_wanted(piece.shown_at(time), None if until is None else piece.shown_at(until))

    def _pictures(
        self, decoder: VideoCodecContext, packet: Packet[VideoStream] | None, *, is_careful: bool
    ) -> list[VideoFrame]:
        return decode_packet(decoder, packet, self._media, self._control, self.tally, is_careful=is_careful)
