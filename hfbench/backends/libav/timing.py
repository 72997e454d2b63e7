"""When the pictures of a file are shown: from index entries where these suffice, else from all packets.

``avg_frame_rate != r_frame_rate`` is wrong both ways (Matroska with holds, phone jitter, MPEG-TS), so variable frame
rate is read off the timestamps themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from math import lcm
from typing import TYPE_CHECKING, Final

import av.error
import numpy as np

from hfbench.backends.base import ClipTrouble
from hfbench.backends.libav.clocks import (
    REORDER_DEPTH,
    Stamp,
    edited_times,
    first_unlikely,
    is_out_of_order,
    joined,
    joins_of,
    shifted,
)
from hfbench.backends.libav.decoders import open_decoder
from hfbench.backends.libav.edit_list import NO_EDITS, EditList, read_edit_list
from hfbench.backends.libav.files import JOINABLE, open_input, rewind, seek_back
from hfbench.backends.libav.intervals import described, is_variable, period_of
from hfbench.backends.libav.source import Source, index_times, order_times, packets_of, same_stream, stamps_of
from hfbench.model.clock import Clock, EditedClock, JoinedClock, OrderClock, StatedClock
from hfbench.model.result import FailureKind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from av.container import InputContainer
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

    from hfbench.model.cancellation import Control
    from hfbench.model.media import FrameTiming

#: Packets decoded to see in which order pictures leave the decoder: two times as many as it may hold back.
_PACKETS_OF_PROOF: Final = 2 * REORDER_DEPTH


Note = tuple[str, str]
REPAIRED: Final = "timestamps_repaired"
_BY_ORDER: Final[Note] = (
    REPAIRED,
    "presentation times are lost or impossible: pictures are shown in the decoder's order, one after the other",
)
_RATE_IGNORED: Final[Note] = (
    "edit_rate_ignored",
    "the file's edit list plays a part at another speed, which is not followed: its frames come at their own rate",
)


@dataclass(frozen=True, slots=True)
class Timing:
    """When the pictures of a file are shown, and how that is known.

    Attributes:
        packets: how many were read for it.
    """

    frames: FrameTiming
    clock: Clock
    notes: tuple[Note, ...]
    packets: int


def read_timing(
    container: InputContainer,
    stream: VideoStream,
    path: Path,
    control: Control,
    *,
    origin_ticks: int,
    first_pts: int,
) -> Timing:
    """The timing of a stream; leaves the file positioned anywhere.

    Args:
        container: open, with all other streams discarded.
        stream: of that container.
        path: of the file.
        control: obeyed while packets are read.
        origin_ticks: the container's start.
        first_pts: of the first frame that the decoder delivers, ticks (an edit list may hide packets before it).

    Raises:
        ClipTrouble: no packet has a timestamp.
    """
    source = Source(container, stream, path, origin_ticks, first_pts, control)
    edit_list = read_edit_list(path, stream.id) if "mov" in container.format.name else NO_EDITS
    notes = (_RATE_IGNORED,) if edit_list.has_other_rate else ()
    found = (_by_index(source) or _bypackets_of(source)) if edit_list.is_simple else _edited(source, edit_list)
    return replace(found, notes=(*notes, *found.notes))


def _by_index(source: Source) -> Timing | None:
    """From the index of an unfragmented mp4 and the packets at its ends; None where the index does not suffice."""
    stream = source.stream
    index = index_times(stream)
    if index is None or is_variable(index, source.time_base) or (source.is_reordered and not source.has_pts):
        return None
    head: list[Stamp] = []
    if source.is_reordered:
        rewind(source.container, source.stream)
        head = list(islice(stamps_of(source), REORDER_DEPTH + 1))
    last_keyframe = max((entry.timestamp for entry in stream.index_entries if entry.is_keyframe), default=0)
    seek_back(source.container, stream, last_keyframe)
    tail = list(stamps_of(source))
    if head and any(first_unlikely(part) is not None for part in (head, tail)):
        return None
    pairs = _shown_pairs(source, tail)
    times, last_duration = np.array([time for time, _ in pairs], np.int64), pairs[-1][1] if pairs else 0
    last_dts = max((stamp.dts for stamp in tail if stamp.dts is not None), default=None)
    if last_dts is None or last_dts < index[-1]:
        times, last_duration = _with_lost_tail(times, index, source.first_pts), 0
    frames = _frame_timing(source, times, last_duration, index=index)
    return Timing(frames, StatedClock(), (), len(head) + len(tail))


def _bypackets_of(source: Source) -> Timing:
    """From all packets: whether their times are right, and the right ones if not."""
    rewind(source.container, source.stream)
    stamps = list(stamps_of(source))
    shown = [stamp for stamp in stamps if stamp.is_shown]
    if all(stamp.time is None for stamp in shown):
        raise ClipTrouble(FailureKind.INVALID_MEDIA, "no packet of the video stream has a timestamp")
    clock, notes = _clock_of(source, shown)
    if isinstance(clock, OrderClock):
        return _by_order(source, notes, len(stamps))
    if isinstance(clock, JoinedClock):
        ticks, last_duration = np.array(sorted(shifted(shown, clock, source.time_base)), np.int64), shown[-1].duration
    else:
        pairs = _shown_pairs(source, shown)
        ticks, last_duration = np.array([time for time, _ in pairs], np.int64), pairs[-1][1] if pairs else 0
        index = index_times(source.stream)
        last_dts = max((stamp.dts for stamp in stamps if stamp.dts is not None), default=None)
        if index is not None and (last_dts is None or last_dts < index[-1]):
            ticks, last_duration = _with_lost_tail(ticks, index, source.first_pts), 0
    return Timing(_frame_timing(source, ticks, last_duration), clock, notes, len(stamps))


def _by_order(source: Source, notes: tuple[Note, ...], packets: int) -> Timing:
    """From the order of the pictures; an edit list that compensates a lost delay would hide the first ones."""
    with open_input(source.path, ignore_edits=True) as container:
        stream = same_stream(container, source)
        times = order_times(container, stream, source.control)
    start = source.stream.start_time
    first = times[0] if not source.has_pts else source.first_pts if start is None else min(source.first_pts, start)
    ticks = np.array([time - times[0] + first for time in times], np.int64)
    frames = _frame_timing(replace(source, first_pts=first), ticks, 0)
    return Timing(frames, OrderClock(), notes, packets + len(times))


def _clock_of(source: Source, shown: Sequence[Stamp]) -> tuple[Clock, tuple[Note, ...]]:
    """Which clock the file has, by whether the times of all packets are plausible."""
    if not source.has_pts:
        return (OrderClock() if source.is_reordered else StatedClock()), ()
    joins = joins_of(shown, source.time_base) if source.container.format.name in JOINABLE else []
    if joins:
        message = f"the clock jumps at {len(joins) - 1} place(s): the parts are shown one after the other"
        return joined(shown, joins, source.origin_ticks, source.time_base), ((REPAIRED, message),)
    if source.is_reordered:
        unlikely = first_unlikely(shown)
        if unlikely is None or not _leaves_out_of_order(source, shown, unlikely):
            return StatedClock(), ()
        return OrderClock(), (_BY_ORDER,)
    return (OrderClock(), (_BY_ORDER,)) if is_out_of_order(shown) else (StatedClock(), ())


def _leaves_out_of_order(source: Source, shown: Sequence[Stamp], number: int) -> bool:
    """Whether times go back or are missing in the pictures that leave the decoder around a packet: decoded to see."""
    start = max((at for at in range(max(1, number - REORDER_DEPTH)) if shown[at].is_keyframe), default=0)
    first = shown[start]
    seek_back(source.container, source.stream, (first.pts if first.dts is None else first.dts) or 0)
    with open_input(source.path) as second:  # a decoder of its own
        decoder = open_decoder(same_stream(second, source), threads=1)
        previous: int | None = None
        # Pictures that come faster than the clock ticks may share a time.
        least = int(max((stamp.duration for stamp in shown[start : number + 1]), default=0) > 1)
        for packet in islice(packets_of(source), number - start + _PACKETS_OF_PROOF):
            try:
                frames = decoder.decode(packet)
            except av.error.FFmpegError:
                continue
            for frame in frames:
                if frame.pts is None or (previous is not None and frame.pts < previous + least):
                    return True
                previous = frame.pts
    return False


def _edited(source: Source, edit_list: EditList) -> Timing:
    """From the edit list and the track's own sample times."""
    with open_input(source.path, ignore_edits=True) as container:
        stream = same_stream(container, source)
        raw = replace(source, container=container, stream=stream)
        time_base = raw.time_base
        stamps = list(stamps_of(raw))
    media_times = np.array(sorted(stamp.time for stamp in stamps if stamp.time is not None), np.int64)
    origin = source.origin_ticks * source.time_base
    edits = tuple(replace(each, start=each.start - origin) for each in edit_list.edits)
    times = edited_times(media_times, edits, time_base)
    if not times:
        raise ClipTrouble(FailureKind.NO_FRAMES, "the edit list shows no part of the video")
    clock = lcm(*(time.denominator for time in times))
    ticks = np.array([int(time * clock) for time in times], np.int64)
    frames = described(ticks, Fraction(1, clock), edits[-1].end - times[-1], source.stream)
    return Timing(frames, EditedClock(edits, int(media_times[-1]) * time_base), (), len(stamps))


def _shown_pairs(source: Source, stamps: Sequence[Stamp]) -> list[tuple[int, int]]:
    """(time, duration) of the pictures that are shown, in order of time."""
    if source.has_pts:
        pairs = [(stamp.time, stamp.duration) for stamp in stamps if stamp.is_shown]
    else:
        pairs = [(stamp.dts, 0) for stamp in stamps if stamp.is_shown]
    return sorted((time, duration) for time, duration in pairs if time is not None)


def _frame_timing(
    source: Source, ticks: NDArray[np.int64], last_duration: int, index: NDArray[np.int64] | None = None
) -> FrameTiming:
    """The timing of pictures at these times.

    Args:
        source: whose first picture is the first one that the decoder delivers.
        ticks: ascending; those of the file's end where ``index`` is given.
        last_duration: of the last picture, 0 where unknown.
        index: decode times of all pictures at a constant rate.
    """
    shown = ticks[ticks >= source.first_pts]
    if shown.size == 0:
        shown = np.array([source.first_pts], np.int64)
    time_base = source.time_base
    found = described(shown - source.origin_ticks, time_base, last_duration * time_base, source.stream)
    if index is None:
        return found
    period = period_of(index, source.stream, time_base, is_vfr=False)
    return replace(
        found,
        first_pts=(source.first_pts - source.origin_ticks) * time_base,
        end=found.last_pts + (last_duration * time_base or period),
        frames=None,
        period=period,
        is_vfr=False,
        longest_hold=max(period, found.longest_hold if shown.size > 1 else period),
    )


def _with_lost_tail(ticks: NDArray[np.int64], index: NDArray[np.int64], first_pts: int) -> NDArray[np.int64]:
    """Add the last picture that the index promises where the data ends before it: a truncated file is not a short one.

    Its presentation time is not in the index; it is taken to follow its decode time as the first picture's does.
    """
    delay = max(0, first_pts - int(index[0])) if ticks.size == 0 or first_pts <= ticks[0] else 0
    promised = int(index[-1]) + delay
    return np.append(ticks[ticks < promised], promised)
