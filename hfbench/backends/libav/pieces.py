"""The parts of a track that a window shows: one, or with an edit list as many as it lays out. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from hfbench.model.clock import EditedClock

if TYPE_CHECKING:
    from hfbench.model.media import MediaInfo


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the track's own time, and when it is shown.

    Attributes:
        media_start: a picture on screen here is needed, seconds of the track's time.
        media_end: pictures from here on are not, seconds of the track's time; None: all are.
        shift: seconds from the track's time to media time.
        earliest: media time before which nothing of it is shown, seconds; None: no limit.
    """

    media_start: Fraction
    media_end: Fraction | None
    shift: Fraction = Fraction(0)
    earliest: Fraction | None = None

    def holds(self, time: Fraction) -> bool:
        """Whether a picture with this time of the track belongs to the piece."""
        return self.media_end is None or time < self.media_end

    def shown_at(self, time: Fraction) -> Fraction:
        """Media time at which a picture with this time of the track is shown, seconds."""
        shown = time + self.shift
        return shown if self.earliest is None else max(self.earliest, shown)


def pieces_of(media: MediaInfo, start: Fraction, end: Fraction | None) -> list[Piece]:
    """What to decode for media time ``start`` to ``end`` (seconds; None: the file's end), in order of presentation.

    A window that ends before the first picture is shown gets that picture.
    """
    first = media.timing.first_pts
    if end is not None and end <= first:
        end = first + media.timing.period / 2
    if not isinstance(media.clock, EditedClock):
        return [Piece(start, end)]
    edits = media.clock.edits
    last_before = max((number for number, edit in enumerate(edits) if edit.start <= start), default=0)
    pieces = []
    for edit in edits[last_before:]:
        if end is not None and edit.start >= end:
            break
        shift = edit.start - edit.media_start
        until = edit.end if end is None else min(edit.end, end)
        begin = min(max(start, edit.start), edit.end - media.timing.period / 2)
        pieces.append(Piece(max(edit.media_start, begin - shift), until - shift, shift, edit.start))
    return pieces
