"""Decoded pictures and the slots that show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from hfbench.timebase import FrameGrid, GridSampler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from fractions import Fraction

    from av import VideoFrame

    from hfbench.backends.libav.tally import Tally
    from hfbench.model.result import ClipWarning


@dataclass(frozen=True, slots=True)
class Shown:
    """A decoded picture and the slots of each grid that show it, in the order of the grids; some slot does."""

    frame: VideoFrame
    slots: tuple[range, ...]


class PictureSource(Protocol):
    """Decodes windows: :class:`hfbench.backends.libav.decode.WindowDecoder`."""

    tally: Tally

    @property
    def period(self) -> Fraction:
        """Seconds per frame of the file."""

    def window(
        self, start: Fraction, end: Fraction | None, is_wanted: Callable[[Fraction, Fraction | None], bool]
    ) -> Iterator[tuple[VideoFrame, Fraction]]:
        """Pictures of a window, in order of presentation."""

    def may_hold_last(self, time: Fraction) -> bool:
        """Whether the last picture that came, shown at ``time``, may be held for the slots after it."""


class Run:
    """One pass over windows that overlap or touch. Iterate over it once; then its attributes are final.

    Attributes:
        decode_errors: packets that could not be decoded, and pictures that are missing.
        corrupt_frames: broken pictures that are shown.
    """

    def __init__(self, decoder: PictureSource, grids: tuple[FrameGrid, ...]) -> None:
        self._decoder = decoder
        self._grids = grids
        self._samplers = tuple(GridSampler(grid) for grid in grids)
        self.decode_errors = 0
        self.corrupt_frames = 0

    def __iter__(self) -> Iterator[Shown]:
        """Each picture that some slot shows, once, in order of presentation."""
        start = min(grid.start for grid in self._grids)
        end = max(grid.end_of_need for grid in self._grids)
        held: tuple[VideoFrame, Fraction] | None = None
        for frame, time in self._decoder.window(start, end, self._is_wanted):
            slots = tuple(sampler.advance(time) for sampler in self._samplers)
            if held is not None:
                yield from self._shown(held[0], slots)
            held = (frame, time)
            if all(sampler.is_full for sampler in self._samplers):
                break
        if held is not None:
            until = None if self._decoder.may_hold_last(held[1]) else held[1] + self._decoder.period
            yield from self._shown(held[0], tuple(sampler.finish(until) for sampler in self._samplers))
        self.decode_errors = self._decoder.tally.decode_errors

    def filled(self, grid: int) -> int:
        """Slots of a grid (by its place) that have a picture."""
        return self._samplers[grid].filled

    @property
    def noticed(self) -> tuple[ClipWarning, ...]:
        """What changed in mid-stream."""
        return tuple(self._decoder.tally.noticed.values())

    def _shown(self, frame: VideoFrame, slots: tuple[range, ...]) -> Iterator[Shown]:
        if any(slots):
            self.corrupt_frames += int(frame.is_corrupt)
            yield Shown(frame, slots)

    def _is_wanted(self, time: Fraction, until: Fraction | None) -> bool:
        """Whether a slot shows a picture that is on screen from one time to another."""
        if until is None:
            return True
        return any(max(0, grid.first_slot(time)) < min(grid.count, grid.first_slot(until)) for grid in self._grids)
