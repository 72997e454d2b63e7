"""A window's packets with the engine's own times, as a NUT stream for another program to decode.

Another demuxer would have other times: its seeks, its start of the clock and its repairs differ. NUT keeps any time
base and nearly any codec, and can be read from a pipe.
"""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import IO, TYPE_CHECKING, Any, Final, Self

import av
import av.error

from hfbench.backends.libav.alpha_layer import has_alpha_layer
from hfbench.backends.libav.dating import superseding
from hfbench.backends.libav.decode import WindowDecoder
from hfbench.backends.libav.pieces import pieces_of
from hfbench.model.clock import EditedClock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from av import Packet
    from av.container import OutputContainer
    from av.video.stream import VideoStream

    from hfbench.backends.libav.pieces import Piece
    from hfbench.model.cancellation import Control
    from hfbench.model.media import MediaInfo

#: NUT has no negative times, and every packet needs a decode time below all presentation times: they are counted up
#: from 0, and presentation times begin here (ticks; more packets than a window has).
_BIAS_TICKS: Final = 1 << 22
#: How packets are wrapped, in order of preference. NUT has exact times; its version 4, which has to be asked for, keeps
#: palettes, but not the alpha of VP8 and VP9.
_MUXERS: Final[Mapping[str, Mapping[str, str]]] = {
    "nut": {"syncpoints": "none", "strict": "experimental"},
    "mov": {"movflags": "empty_moov+frag_keyframe", "use_editlist": "0"},
}
_ALPHA_MUXER: Final = "matroska"
_MATROSKA_TICKS: Final = 1000
#: Codecs whose pixels depend on depths or palettes that no other container keeps: they are passed on decoded.
_AS_PICTURES: Final = ("8bps", "aasc", "cscd", "msrle", "msvideo1", "qtrle", "rawvideo", "smc", "tscc")
#: What both libavformat and libavfilter hold as a time base.
_LARGEST_TIME_BASE: Final = 2**31 - 1
_BUFFER_BYTES: Final = 1 << 18


@dataclass(slots=True)
class Fed:
    """What was fed; updated during the feeding.

    Attributes:
        time_base: seconds per tick, in which all times are whole numbers.
        bias: seconds that were added to every time.
        first: when the file's first picture is shown, seconds, bias included; an edit list may hide some before it.
        container: FFmpeg's name of the container.
        codec: the decoder to use, empty for the source's own.
        decoded: pictures decoded here, to find where to begin or because no container keeps their codec.
        saw_later: whether the file goes on after the window.
        pictures: packets fed that show a picture.
        errors: read errors.
    """

    time_base: Fraction = Fraction(1)
    bias: Fraction = Fraction(0)
    first: Fraction = Fraction(0)
    container: str = "nut"
    codec: str = ""
    decoded: int = 0
    pictures: int = 0
    errors: int = 0
    saw_later: bool = False


class WindowFeed:
    """Writes the packets of one window. A context manager: the file is open within."""

    def __init__(self, media: MediaInfo, start: Fraction, end: Fraction | None, control: Control) -> None:
        self._media = media
        self._start = start
        self._end = end
        self._control = control
        self._decoder = WindowDecoder(media, control, threads=1)
        self.fed = Fed()

    def __enter__(self) -> Self:
        self._decoder.__enter__()
        self._time_base = _common_time_base(self._media, self._decoder.reader.time_base)
        self._pieces = pieces_of(self._media, self._start, self._end)
        # A decoder that reads on over a join would take the second piece's pictures for a part of the first.
        is_simple = len(self._pieces) == 1 and not _asks_for_more(self._media, self._pieces[0])
        muxer = _muxer_for(self._media, self._decoder.stream) if is_simple else None
        self._is_decoded = muxer is None
        codec = "rawvideo" if muxer is None else ""
        bias = _BIAS_TICKS * self._time_base
        self.fed = Fed(self._time_base, bias, bias + self._media.timing.first_pts, muxer or "nut", codec)
        return self

    def __exit__(self, *error: object) -> None:
        self._decoder.__exit__(None, None, None)
        self.fed.decoded = self._decoder.tally.frames

    def write(self, pipe: IO[bytes]) -> None:
        """Write all packets.

        Raises:
            BrokenPipeError: the reader has ended.
            ClipTrouble: the file can't be read.
            StopWork: cancelled or out of time.
        """
        muxer = self.fed.container
        options = dict(_MUXERS.get(muxer, {}))
        with av.open(_Sink(pipe), "w", format=muxer, options=options, buffer_size=_BUFFER_BYTES) as output:
            if self._is_decoded:
                self._write_pictures(output)
                return
            stream = self._add_stream(output)
            for number, (packet, time) in enumerate(self._packets()):
                again = av.Packet(bytes(packet)) if self._media.timing.frames == 1 else None
                self._mux(output, stream, packet, time, number)
                if again is not None:
                    # NUT has no durations: a still picture needs an end, or the program's grid drops it.
                    self._mux(output, stream, again, time + min(self._media.timing.period, Fraction(1)), number + 1)

    def _mux(self, output: OutputContainer, stream: VideoStream, packet: Any, time: Fraction, number: int) -> None:
        packet.stream = stream
        packet.time_base = self._time_base
        packet.pts, packet.dts = self._ticks(time), number
        packet.duration = 0  # a damaged one may be beyond what the muxer takes
        try:
            output.mux(packet)
        except av.error.ArgumentError:  # a time that no container holds
            self.fed.errors += 1

    def _ticks(self, time: Fraction) -> int:
        return _BIAS_TICKS + round(time / self._time_base)

    def _write_pictures(self, output: OutputContainer) -> None:
        """Decoded pictures, for codecs that no container here keeps as they are."""
        stream: Any = None
        time = Fraction(0)
        for frame, time in superseding(self._decoder.window(self._start, self._end, lambda _time, _until: True)):
            if stream is None:
                stream = output.add_stream("rawvideo", rate=1 / self._media.timing.period)
                stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, frame.format.name
                stream.codec_context.time_base = stream.time_base = self._time_base
            frame.pts, frame.time_base = self._ticks(time), self._time_base
            output.mux(stream.encode(frame))
        self.fed.saw_later = self._decoder.may_hold_last(time)
        if stream is not None:
            if self.fed.saw_later and time < self._start:  # the program's grid drops what nothing follows
                frame.pts = self._ticks((self._end or self._start) + 1)
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
        self.fed.errors = self._decoder.tally.decode_errors

    def _add_stream(self, output: OutputContainer) -> VideoStream:
        source = self._decoder.stream
        stream: Any = output.add_stream_from_template(source, opaque=True)
        tag = source.codec_context.codec_tag
        if _keeps_tag(self.fed.container, source, tag):
            stream.codec_context.codec_tag = tag
        stream.time_base = self._time_base
        added: VideoStream = stream
        return added

    def _packets(self) -> Iterator[tuple[Packet[VideoStream], Fraction]]:
        """Packets in decoding order, with the media time of their picture."""
        reader = self._decoder.reader
        (piece,) = self._pieces
        entry = self._decoder.enter(piece)
        by_number = self._decoder.times_by_number(piece.media_end) if reader.order is not None else {}
        time = piece.media_start
        is_fed = entry is None
        for number, dated in enumerate(reader.until(piece.media_end, self._control, and_next=True)):
            time = by_number.get(number, time) if dated.time is None else dated.time
            is_fed = is_fed or time == entry
            if is_fed:
                self.fed.errors += dated.is_incomplete
                self.fed.pictures += dated.shows and (entry is None or time >= entry)
                yield dated.packet, self._shown_at(piece, time)
        self.fed.saw_later = reader.saw_later
        self.fed.errors += reader.count.errors

    def _shown_at(self, piece: Piece, time: Fraction) -> Fraction:
        """When a picture is shown; what an edit list cuts off comes after everything else."""
        shown = piece.shown_at(time)
        if piece.media_end is None or piece.holds(time):
            return shown
        after = max(piece.shown_at(piece.media_end), self._end or Fraction(0)) + 1
        # What comes hours later would not fit into a muxer's ticks, and one second says the same.
        return after if piece.earliest is not None else min(shown, after)


def _asks_for_more(media: MediaInfo, piece: Piece) -> bool:
    """Whether an edit list shows a piece for longer than the track has pictures."""
    return isinstance(media.clock, EditedClock) and (piece.media_end or 0) > media.clock.last_picture


def _muxer_for(media: MediaInfo, stream: VideoStream) -> str | None:
    """The muxer that keeps a stream as it is; None: none does."""
    if media.codec in _AS_PICTURES or has_alpha_layer(stream):
        return None
    if media.decoder.startswith("libvpx"):
        is_exact = _MATROSKA_TICKS % Fraction(stream.time_base or 1).denominator == 0
        return _ALPHA_MUXER if is_exact else None
    for muxer in _MUXERS:
        with contextlib.suppress(ValueError):
            av.open(io.BytesIO(), "w", format=muxer).add_stream_from_template(stream, opaque=True)
            return muxer
    return None


def _keeps_tag(muxer: str, stream: VideoStream, tag: str) -> bool:
    """Whether a muxer takes the source's four characters, which some decoders need, along with its codec.

    The numbers of MPEG containers mean nothing elsewhere, nor does the ``mp4v`` under which MP4 keeps MJPEG and MPEG-2.
    """
    if not tag.isprintable():
        return False
    try:
        with av.open(io.BytesIO(), "w", format=muxer, options=dict(_MUXERS.get(muxer, {}))) as trial:
            tried: Any = trial.add_stream_from_template(stream, opaque=True)
            tried.codec_context.codec_tag = tag
            trial.start_encoding()
    except (av.error.FFmpegError, ValueError):
        return False
    return True


def _common_time_base(media: MediaInfo, time_base: Fraction) -> Fraction:
    """Seconds per tick that hold the times of packets and of edits exactly, where two 32-bit numbers allow it."""
    parts = [time_base.denominator, media.origin.denominator]
    if isinstance(media.clock, EditedClock):
        parts += [part.denominator for edit in media.clock.edits for part in (edit.start, edit.end, edit.media_start)]
    ticks = lcm(*parts)
    return Fraction(1, ticks) if ticks <= _LARGEST_TIME_BASE else time_base


class _Sink:
    """What PyAV writes to: a pipe without its other methods, because it can't seek."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe

    def write(self, data: bytes) -> int:
        """Write all of it."""
        self._pipe.write(data)
        return len(data)
