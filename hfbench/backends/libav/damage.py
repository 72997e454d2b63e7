"""Counting what is broken or missing in some windows, for a program that can't report where it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hfbench.backends.libav.decode import WindowDecoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hfbench.model.cancellation import Control
    from hfbench.model.media import MediaInfo
    from hfbench.timebase import FrameGrid


@dataclass(frozen=True, slots=True)
class Damage:
    """What is broken or missing in some windows."""

    decode_errors: int = 0
    corrupt_frames: int = 0


def count_damage(media: MediaInfo, grids: Sequence[FrameGrid], control: Control) -> Damage:
    """Decode windows that overlap or touch to see what is broken or missing in them.

    Raises:
        StopWork: cancelled or out of time.
    """
    with WindowDecoder(media, control, threads=1) as decoder:
        run = decoder.run(grids)
        for _ in run:
            pass
        return Damage(run.decode_errors, run.corrupt_frames)
