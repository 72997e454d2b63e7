"""The times of pictures that leave a decoder."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av import VideoFrame

    from hfbench.backends.libav.packets import PacketReader


def superseding(frames: Iterator[tuple[VideoFrame, Fraction]]) -> Iterator[tuple[VideoFrame, Fraction]]:
    """Only the last of pictures that are shown at the same time."""
    held: tuple[VideoFrame, Fraction] | None = None
    for frame, time in frames:
        if held is not None and time > held[1]:
            yield held
        held = (frame, time)
    if held is not None:
        yield held


@dataclass(slots=True)
class Dating:
    """Gives each picture that leaves the decoder its time, seconds of the reader's clock.

    Attributes:
        first: the time of the first picture, None before it.
    """

    reader: PacketReader
    period: Fraction
    first: Fraction | None = None
    _previous: Fraction | None = None
    _count: int = 0

    def date(self, frame: VideoFrame) -> Fraction:
        """The next picture's time; without one it follows a period after the picture before."""
        order = self.reader.order
        if order is not None:
            last = len(order) - 1
            time = self.reader.time_of(order[min(self._count, last)])
            time += max(0, self._count - last) * self.period
        elif frame.pts is not None:
            time = self.reader.time_of(frame.pts)
        else:
            time = Fraction(0) if self._previous is None else self._previous + self.period
        self._count += 1
        self._previous = time
        self.first = time if self.first is None else self.first
        return time
