"""Which clock a file has, by the timestamps of its packets, and the times that follow from it. Pure arithmetic."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from hfbench.model.clock import Edit, Join, JoinedClock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

#: The ffmpeg program's own limits for a jump of the clock: ``-dts_delta_threshold``, and a tenth of a second back.
_LONGEST_PAUSE_SECONDS: Final = 10
_LONGEST_REWIND_SECONDS: Final = Fraction(1, 10)
#: Pictures that a decoder may hold back to bring them in order (H.264 and HEVC: 16), and one more.
REORDER_DEPTH: Final = 17


@dataclass(frozen=True, slots=True)
class Stamp:
    """The timestamps of one packet, in ticks.

    Attributes:
        position: its byte in the file, -1 where unknown.
        is_shown: whether it gives a picture that no edit list hides.
    """

    pts: int | None
    dts: int | None
    duration: int
    position: int
    is_keyframe: bool
    is_shown: bool = True

    @property
    def time(self) -> int | None:
        """The presentation time, or else the decode time."""
        return self.dts if self.pts is None else self.pts


def first_unlikely(stamps: Sequence[Stamp]) -> int | None:
    """The first packet whose presentation time can't be right where pictures are reordered; None if all may be.

    With B-frames some picture is always shown later than it is decoded, so a long run of equal times means that the
    presentation times are lost; no two pictures are shown at one time; and none is shown many places from where it is
    decoded. Where pictures are decoded at a steady rate and shown at an unsteady one, or where all are shown equally
    long after that, the decoder has to be asked.
    """
    seen: set[int] = set()
    run = 0
    for number, stamp in enumerate(stamps):
        if stamp.pts is None or stamp.pts in seen:
            return number
        seen.add(stamp.pts)
        run = run + 1 if stamp.pts == stamp.dts else 0
        if run > REORDER_DEPTH:
            return number - run + 1
    if run == len(stamps) > 2:
        return 0
    places = np.argsort(np.argsort([stamp.pts or 0 for stamp in stamps], kind="stable"))
    displaced = np.flatnonzero(np.abs(places - np.arange(len(stamps))) > REORDER_DEPTH)
    return int(displaced[0]) if displaced.size else _first_unsteady(stamps)


def _first_unsteady(stamps: Sequence[Stamp]) -> int | None:
    """The first packet that is shown off a rate that decoding keeps, or 0 where no time shows any reordering."""
    known = [(stamp.pts, stamp.dts) for stamp in stamps if stamp.pts is not None and stamp.dts is not None]
    if len(known) < len(stamps) or len(known) <= REORDER_DEPTH:
        return None
    pts, dts = np.array(known, np.int64).T
    if (pts - dts == pts[0] - dts[0]).all():
        return 0
    step = np.median(np.diff(dts))
    order = np.argsort(pts, kind="stable")
    order = order[pts[order] <= dts[-1]]  # later ones may have others between them that are not here
    unsteady = np.flatnonzero(np.abs(np.diff(pts[order]) - step) > step / 4)
    pauses = np.count_nonzero(np.abs(np.diff(dts) - step) > step / 4)  # hidden pictures leave some
    few = len(known) // REORDER_DEPTH
    is_likely = pauses > few or unsteady.size <= few + 2 * pauses
    return None if is_likely else int(order[unsteady[0] + 1])


def is_out_of_order(stamps: Sequence[Stamp]) -> bool:
    """Whether times go back in a stream whose pictures are not reordered, or are missing there."""
    times = [stamp.time for stamp in stamps]
    known = [time for time in times if time is not None]
    return len(known) < len(times) or any(later < earlier for earlier, later in pairwise(known))


def times_in_order(stamps: Sequence[Stamp], *, is_reordered: bool, has_pts: bool) -> list[int]:
    """When the n-th picture that leaves the decoder is shown, ticks, not descending.

    Args:
        stamps: of all packets that show a picture, in decoding order.
        is_reordered: whether pictures leave the decoder in another order: then decode times are used, delayed as
            the first picture is.
        has_pts: whether presentation times are the file's own.
    """
    if not is_reordered:
        return _cleaned([stamp.time if has_pts else stamp.dts for stamp in stamps])
    first = next((stamp for stamp in stamps if stamp.pts is not None and stamp.dts is not None), None)
    delay = 0 if first is None or not has_pts else max(0, (first.pts or 0) - (first.dts or 0))
    if any(stamp.dts is None for stamp in stamps):
        return _cleaned(sorted(time for stamp in stamps if (time := stamp.time) is not None), len(stamps))
    return _cleaned([None if stamp.dts is None else stamp.dts + delay for stamp in stamps])


def _cleaned(times: Sequence[int | None], count: int = 0) -> list[int]:
    """The times with those that break the order, or are missing, spread evenly between their neighbours."""
    known = _longest_ascent(times)
    if not known:
        return [0] * max(len(times), count)
    places = [place for place, _ in known]
    step = _usual_step(known)
    total = max(len(times), count)
    found = np.interp(np.arange(total), places, [time for _, time in known]).round().astype(np.int64)
    before, after = np.arange(places[0]), np.arange(places[-1] + 1, total)
    found[: places[0]] = known[0][1] - (places[0] - before) * step
    found[places[-1] + 1 :] = known[-1][1] + (after - places[-1]) * step
    return [int(time) for time in found]


def _longest_ascent(times: Sequence[int | None]) -> list[tuple[int, int]]:
    """(place, time) of the longest subsequence that ascends: the fewest times are given up, the later of equal ones."""
    tails: list[int] = []
    ends: list[int] = []
    previous: dict[int, int] = {}
    for place, time in enumerate(times):
        if time is None:
            continue
        at = bisect_left(tails, time)
        if at < len(tails) and tails[at] == time:
            continue
        tails[at:], ends[at:] = [time, *tails[at + 1 :]], [place, *ends[at + 1 :]]
        if at:
            previous[place] = ends[at - 1]
    chain = []
    place_or_none = ends[-1] if ends else None
    while place_or_none is not None:
        chain.append((place_or_none, times[place_or_none] or 0))
        place_or_none = previous.get(place_or_none)
    return chain[::-1]


def _usual_step(known: Sequence[tuple[int, int]]) -> int:
    steps = [later - earlier for (_, earlier), (_, later) in pairwise(known)]
    return int(np.median(steps)) if steps else 1


def joins_of(stamps: Sequence[Stamp], time_base: Fraction) -> list[Join]:
    """Where the clock of a transport or program stream jumps, and the shifts that close the gaps.

    The rule is that of the ffmpeg program: further ahead than ten seconds, or back by more than a tenth of one, is a
    jump; shorter pauses are part of the recording.
    """
    joins: list[Join] = []
    shift = 0
    previous: int | None = None
    step = _step_of(stamps)
    for stamp in stamps:
        time = stamp.pts if stamp.dts is None else stamp.dts
        if time is None:
            continue
        if previous is not None:
            ahead = time + shift - previous
            if (ahead - step) * time_base > _LONGEST_PAUSE_SECONDS or ahead * time_base < -_LONGEST_REWIND_SECONDS:
                shift += previous + step - (time + shift)
                joins.append(Join(max(0, stamp.position), shift * time_base))
        previous = time + shift
    return [Join(0, Fraction(0)), *joins] if joins else []


def _step_of(stamps: Sequence[Stamp]) -> int:
    durations = [stamp.duration for stamp in stamps if stamp.duration > 0]
    return int(np.median(durations)) if durations else 1


def joined(stamps: Sequence[Stamp], joins: Sequence[Join], origin_ticks: int, time_base: Fraction) -> JoinedClock:
    """The clock of joined recordings."""
    clock = JoinedClock(tuple(joins), ())
    keyframes = tuple(
        ((time - origin_ticks) * time_base + clock.shift_at(stamp.position), stamp.position)
        for stamp in stamps
        if stamp.is_keyframe and stamp.position >= 0 and (time := stamp.time) is not None
    )
    return JoinedClock(tuple(joins), keyframes)


def shifted(stamps: Sequence[Stamp], clock: JoinedClock, time_base: Fraction) -> list[int]:
    """Presentation times with the joins corrected, ticks, in decoding order."""
    times = []
    position = 0
    for stamp in stamps:
        position = stamp.position if stamp.position >= 0 else position
        time = stamp.time
        if time is not None:
            ahead = 0 if stamp.pts is None or stamp.dts is None else stamp.pts - stamp.dts
            times.append(time + round(clock.shift_of(position, ahead * time_base) / time_base))
    return times


def edited_times(media_times: NDArray[np.int64], edits: Sequence[Edit], time_base: Fraction) -> list[Fraction]:
    """When each picture of each piece is shown, seconds, ascending.

    Args:
        media_times: of the track's pictures, ticks of its own clock, ascending.
        edits: pieces, in seconds.
        time_base: seconds per tick.
    """
    times: list[Fraction] = []
    for edit in edits:
        first = int(np.searchsorted(media_times, float(edit.media_start / time_base), "right")) - 1
        for ticks in media_times[max(0, first) :].tolist():
            media_time = ticks * time_base
            if media_time >= edit.media_start + edit.duration:
                break
            times.append(edit.start + max(Fraction(0), media_time - edit.media_start))
    return times
