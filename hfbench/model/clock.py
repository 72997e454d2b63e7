"""How the times at which a player shows pictures follow from the packets of a source: one frozen value per case."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final


@dataclass(frozen=True, slots=True)
class StatedClock:
    """Each packet says when its picture is shown, and that can be believed."""


@dataclass(frozen=True, slots=True)
class OrderClock:
    """The n-th picture that leaves the decoder is shown at the n-th time of the file.

    For containers that keep decode times only (AVI), and for files whose presentation times are lost or impossible. The
    times are worked out from all packets, and reading begins at the file's start.
    """


@dataclass(frozen=True, slots=True)
class Join:
    """From this byte on, ``shift`` seconds are added to the times in the file."""

    position: int
    shift: Fraction


@dataclass(frozen=True, slots=True)
class JoinedClock:
    """Recordings that were joined without a change to their clocks (MPEG transport and program streams).

    Attributes:
        joins: in file order; the first is at byte 0.
        keyframes: media time (s) and byte of each keyframe, in file order: timestamps alone are ambiguous.
    """

    joins: tuple[Join, ...]
    keyframes: tuple[tuple[Fraction, int], ...]

    def shift_at(self, position: int) -> Fraction:
        """Seconds to add to the times of a packet at this byte."""
        return next((each.shift for each in reversed(self.joins) if each.position <= position), Fraction(0))

    def shift_of(self, position: int, ahead: Fraction) -> Fraction:
        """Seconds to add to a presentation time that is ``ahead`` seconds after its decode time.

        Program streams leave times out, and libavformat takes the presentation time of a reference picture from the
        one that follows it: that of the last before a join is on the next part's clock.
        """
        own = self.shift_at(position)
        following = next((each.shift for each in self.joins if each.position > position), own)
        return min((own, following), key=lambda shift: abs(ahead + shift - own))


@dataclass(frozen=True, slots=True)
class Edit:
    """One entry of an edit list (ISO/IEC 14496-12, 8.6.6).

    Attributes:
        start: when its first picture is shown, seconds of media time.
        duration: seconds.
        media_start: what it shows there, seconds of the track's own time.
    """

    start: Fraction
    duration: Fraction
    media_start: Fraction

    @property
    def end(self) -> Fraction:
        """Media time at which the next entry begins, seconds."""
        return self.start + self.duration


@dataclass(frozen=True, slots=True)
class EditedClock:
    """An edit list of several pieces: the file is read by its own sample times, and the pieces are laid out here.

    Attributes:
        edits: in order of presentation, empty ones left out (the picture before them stays on screen).
        last_picture: when the track's last one begins, seconds of its own time: entries may ask for more than there is.
    """

    edits: tuple[Edit, ...]
    last_picture: Fraction


Clock = StatedClock | OrderClock | JoinedClock | EditedClock
#: What nearly every file has.
STATED: Final = StatedClock()
