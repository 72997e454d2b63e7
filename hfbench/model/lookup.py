"""Finds the frame that is on screen at a time of the timeline."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from hfbench.timebase import to_fraction

if TYPE_CHECKING:
    from pathlib import Path

    from hfbench.model.result import ExtractedClip, ExtractionResult

#: Frames. Lets a time that was computed in floats fall on the frame that it was meant for.
_EPSILON: Final = Fraction(1, 10**9)


class FrameLookup:
    """Finds frames by time, for every clip of a result.

    Frame index at time t: floor((t - start) * playback_rate * fps + 1e-9). A clip is visible on [start, end], the end
    *included*; its last frame is held through the end; a loop wraps; before the start there is nothing. (As
    HyperFrames 0.4.31 and 0.8.33 do it.)
    """

    def __init__(self, result: ExtractionResult) -> None:
        self._clips = {clip.clip_id: clip for clip in result.clips}

    def frame(self, clip_id: str, time: float | str | Fraction) -> Path | None:
        """The file of one clip's frame at a time in seconds; None when the clip is not on screen.

        Raises:
            KeyError: no clip of that id was extracted.
        """
        return _frame_at(self._clips[clip_id], to_fraction(time))

    def frames(self, time: float | str | Fraction) -> dict[str, Path]:
        """Clip id -> file, for every clip on screen at a time in seconds, in the composition's order."""
        at = to_fraction(time)
        found = {clip_id: _frame_at(clip, at) for clip_id, clip in self._clips.items()}
        return {clip_id: path for clip_id, path in found.items() if path is not None}


def _frame_at(clip: ExtractedClip, time: Fraction) -> Path | None:
    index = frame_index(clip, time)
    return None if index is None else clip.path_of(index)


def frame_index(clip: ExtractedClip, time: Fraction) -> int | None:
    """The index of the frame on screen at a time (seconds), counted from 0; None when there is none."""
    place = clip.placement
    if not clip.frames or not place.start <= time <= place.end:
        return None
    index = math.floor((time - place.start) * place.playback_rate * place.fps + _EPSILON)
    return index % clip.frames if place.wraps else min(index, clip.frames - 1)
