"""When the frames of a file are shown: from index entries where they tell, else from all packets.

``avg_frame_rate != r_frame_rate`` is wrong both ways (Matroska with holds, phone jitter, MPEG-TS), so variable frame
rate is read off the timestamps themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import numpy as np

from hfbench.backends.base import ClipTrouble
from hfbench.backends.libav.files import keeps_decode_times_only, seek_back
from hfbench.model.media import FrameTiming
from hfbench.model.result import FailureKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av import Packet
    from av.container import InputContainer
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

    from hfbench.model.cancellation import Control

#: Real constant-rate recordings stray up to one tick; 2 ms covers Matroska's milliseconds and phone clocks.
JITTER_SECONDS: Final = Fraction(2, 1000)
#: Further than any reordering goes.
_TS_REWIND_SECONDS: Final = 10
#: Two intervals are needed before any can differ.
_FEWEST_FOR_VFR: Final = 3


@dataclass(frozen=True, slots=True)
class _Stamps:
    """What the packets say, in ticks.

    Attributes:
        ticks: presentation times, ascending.
        last_duration: of the last frame, 0 where unknown.
        last_dts: the highest decode time read, None where there is none.
        reorder_delay: the longest from a decode to a presentation time.
        packets: how many were read.
    """

    ticks: NDArray[np.int64]
    last_duration: int
    last_dts: int | None
    reorder_delay: int
    packets: int


def read_timing(
    container: InputContainer, stream: VideoStream, origin_ticks: int, first_pts: int, control: Control
) -> tuple[FrameTiming, int]:
    """The timing of a stream and the packets read for it; leaves the file positioned anywhere.

    Args:
        container: open, with all other streams discarded.
        stream: of that container.
        origin_ticks: the container's start.
        first_pts: of the first frame that the decoder delivers, ticks (an edit list may hide packets before it).
        control: obeyed while packets are read.

    Raises:
        ClipTrouble: no packet has a timestamp.
    """
    time_base = Fraction(stream.time_base or 1)
    index = _index_times(stream)
    is_settled = index is not None and not is_variable(index, time_base)
    stamps = _read_stamps(container, stream, control, from_last_keyframe=is_settled)
    if index is not None:
        stamps = _with_lost_tail(stamps, index, first_pts)
    shown = stamps.ticks[stamps.ticks >= first_pts]
    if shown.size == 0:
        shown = np.array([first_pts], np.int64)
    is_vfr = not is_settled and is_variable(shown, time_base)
    period = _period(index if is_settled and index is not None else shown, stream, time_base, is_vfr=is_vfr)
    last = (int(shown[-1]) - origin_ticks) * time_base
    timing = FrameTiming(
        first_pts=(first_pts - origin_ticks) * time_base,
        last_pts=last,
        end=last + (stamps.last_duration * time_base or period),
        frames=None if is_settled else int(shown.size),
        period=period,
        is_vfr=is_vfr,
        reorder_delay=stamps.reorder_delay * time_base,
        longest_hold=max(period, _longest_distance(shown) * time_base, stamps.last_duration * time_base),
    )
    return timing, stamps.packets


def _longest_distance(ticks: NDArray[np.int64]) -> int:
    return int(np.diff(ticks).max(initial=0))


def _with_lost_tail(stamps: _Stamps, index: NDArray[np.int64], first_pts: int) -> _Stamps:
    """Add the last frame that the index promises where the data ends before it: a truncated file is not a short one.

    Its presentation time is not in the index; it is taken to follow its decode time as the first frame's does.
    """
    if stamps.last_dts is not None and stamps.last_dts >= index[-1]:
        return stamps
    delay = max(0, first_pts - int(index[0])) if stamps.ticks.size == 0 or first_pts <= stamps.ticks[0] else 0
    promised = int(index[-1]) + delay
    return replace(stamps, ticks=np.append(stamps.ticks[stamps.ticks < promised], promised), last_duration=0)


def is_variable(ticks: NDArray[np.int64], time_base: Fraction) -> bool:
    """Whether ascending timestamps leave the best uniform grid by more than 2 ms or one tick."""
    count = ticks.size
    if count < _FEWEST_FOR_VFR:
        return False
    positions = np.arange(count, dtype=np.float64)
    relative = (ticks - ticks[0]).astype(np.float64)
    slope = np.polyfit(positions, relative, 1)[0]
    residual = relative - slope * positions
    tolerance = max(float(JITTER_SECONDS / time_base), 1.0)
    return bool((residual.max() - residual.min()) / 2 > tolerance)


def _index_times(stream: VideoStream) -> NDArray[np.int64] | None:
    """Decode times of every frame from an unfragmented mp4's sample tables; None where the index is not whole.

    A constant rate shows in decode times as well as in presentation times; an irregular one may be due to reordering
    alone, and is then judged on the packets.
    """
    entries = stream.index_entries
    count = len(entries)
    if count < _FEWEST_FOR_VFR or count != stream.frames:
        return None
    return np.fromiter((entry.timestamp for entry in entries), np.int64, count)


def _read_stamps(
    container: InputContainer, stream: VideoStream, control: Control, *, from_last_keyframe: bool
) -> _Stamps:
    """Presentation times of all packets that yield a shown frame, or of those from the last keyframe on."""
    _rewind(container, stream, to_last_keyframe=from_last_keyframe)
    pairs: list[tuple[int, int]] = []
    last_dts: int | None = None
    packets = reorder_delay = 0
    has_no_pts = keeps_decode_times_only(container)
    for packet in _packets(container, stream):
        control.check()
        packets += 1
        stamp = packet.dts if packet.pts is None or has_no_pts else packet.pts
        if packet.dts is not None and stamp is not None:
            last_dts = packet.dts if last_dts is None else max(last_dts, packet.dts)
            reorder_delay = max(reorder_delay, stamp - packet.dts)
        if stamp is not None and not packet.is_discard:
            pairs.append((stamp, 0 if has_no_pts else packet.duration or 0))
    if not pairs and not from_last_keyframe:
        raise ClipTrouble(FailureKind.INVALID_MEDIA, "no packet of the video stream has a timestamp")
    pairs.sort()
    ticks = np.array([stamp for stamp, _ in pairs], np.int64)
    return _Stamps(ticks, pairs[-1][1] if pairs else 0, last_dts, reorder_delay, packets)


def _packets(container: InputContainer, stream: VideoStream) -> Iterator[Packet[VideoStream]]:
    """Packets with data; a read error ends them."""
    import av.error

    try:
        for packet in container.demux(stream):
            if packet.size:
                yield packet
    except av.error.FFmpegError:
        return


def _rewind(container: InputContainer, stream: VideoStream, *, to_last_keyframe: bool) -> None:
    ticks = stream.start_time or 0
    if container.format.name == "mpegts":
        # No index: a seek goes by time alone, and the first packets' dts are before the first pts.
        ticks -= int(_TS_REWIND_SECONDS / Fraction(stream.time_base or 1))
    if to_last_keyframe:
        ticks = max((entry.timestamp for entry in stream.index_entries if entry.is_keyframe), default=ticks)
    seek_back(container, stream, ticks)


def _period(ticks: NDArray[np.int64], stream: VideoStream, time_base: Fraction, *, is_vfr: bool) -> Fraction:
    """Seconds a frame: the mean distance at a constant rate, the median at a variable one."""
    if ticks.size > 1:
        mean = Fraction(int(ticks[-1] - ticks[0]), ticks.size - 1)
        distance = Fraction(int(np.median(np.diff(ticks)))) if is_vfr else mean
        if distance > 0:
            return distance * time_base
    rate = stream.average_rate or stream.guessed_rate
    return 1 / Fraction(rate) if rate else Fraction(1, 25)
