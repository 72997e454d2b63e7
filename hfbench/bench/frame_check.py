"""Are the frames right? Their barcodes are read back, or they are counted, and held against the fixture's truth.

The rule is written out here once more, plainly and on purpose: what judges the engine shares no code with it.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from fixtures_gen import FileTruth
    from hfbench.bench.scenarios import BuiltScenario, Part
    from hfbench.model.result import ExtractionResult


@dataclass(frozen=True, slots=True)
class FrameCheck:
    """How many of a scenario's frames show the source frame that the truth names.

    Attributes:
        expected: frames that the scenario must give.
        right: frames whose barcode is the one expected in their place; of frames that are only counted, how many.
        first_wrong: what the first wrong frame is and should be; empty where all are right.
        is_read: whether the pictures were read; else there may be anything on them.
    """

    expected: int
    right: int
    first_wrong: str = ""
    is_read: bool = True

    @property
    def is_right(self) -> bool:
        """Whether there are exactly the frames expected, each the right one."""
        return self.right == self.expected and not self.first_wrong


def check_frames(built: BuiltScenario, result: ExtractionResult) -> FrameCheck:
    """Read every frame of a result and compare it with the truth."""
    clips = {clip.clip_id: clip for clip in result.clips}
    expected = right = 0
    first_wrong = ""
    for part in built.scenario.parts:
        wanted = expected_ids(built.truth.file(part.file), part, built.scenario.fps)
        expected += len(wanted)
        clip = clips.get(part.clip_id)
        found = [] if clip is None else [read_id(clip.path_of(index)) for index in range(clip.frames)]
        right += sum(one == other for one, other in zip(wanted, found, strict=False))
        wrong = next((n for n in range(max(len(wanted), len(found))) if wanted[n : n + 1] != found[n : n + 1]), None)
        if wrong is not None and not first_wrong:
            shown = found[wrong] if wrong < len(found) else "nothing"
            should = wanted[wrong] if wrong < len(wanted) else "nothing"
            first_wrong = f"{part.clip_id} frame {wrong + 1} shows {shown}, should show {should}"
    return FrameCheck(expected, right, first_wrong)


def count_frames(built: BuiltScenario, told: Mapping[str, int], files: int) -> FrameCheck:
    """Hold what an engine tells (clip id -> frames; empty: it does not tell) and its image files against the truth."""
    parts = {part.clip_id: part for part in built.scenario.parts}
    wanted = {
        clip: len(expected_ids(built.truth.file(part.file), part, built.scenario.fps)) for clip, part in parts.items()
    }
    expected = sum(wanted.values())
    wrong = [
        f"{clip}: {told.get(clip, 0)} frames told, should be {wanted.get(clip, 0)}"
        for clip in (*wanted, *(told.keys() - wanted.keys()))
        if told and told.get(clip, 0) != wanted.get(clip, 0)
    ]
    if files != expected:
        wrong.append(f"{files} image files found, should be {expected}")
    return FrameCheck(expected, files, wrong[0] if wrong else "", is_read=False)


def expected_ids(truth: FileTruth, part: Part, fps: Fraction) -> list[int]:
    """The barcode of each frame that a part must give."""
    times, ids = truth.pts, tuple(truth.frame_ids)
    end = times[-1] + (truth.last_duration or Fraction(0))
    duration = min(part.duration, end - part.media_start)
    count = max(1, math.floor(duration * fps + Fraction(1, 2)))
    expected = []
    for slot in range(count):
        limit = part.media_start + (slot + Fraction(1, 2)) / fps
        shown = [frame for frame, time in zip(ids, times, strict=True) if time < limit]
        expected.append(shown[-1] if shown else ids[0])
    return expected


def read_id(image: Path) -> int | None:
    """The barcode in an image file; None where there is none that can be read."""
    from fixtures_gen import find_barcode

    found = find_barcode(read_rgb(image))
    return None if found is None else found[0]


def read_rgb(image: Path) -> NDArray[np.uint8]:
    """An image file as 8-bit RGB, shape (height, width, 3)."""
    import av

    demuxer = "png_pipe" if image.suffix == ".png" else "jpeg_pipe"
    with av.open(io.BytesIO(image.read_bytes()), "r", format=demuxer) as container:
        frame: Any = next(container.decode(video=0))
        pixels: NDArray[np.uint8] = frame.to_ndarray(format="rgb24")
        return pixels
