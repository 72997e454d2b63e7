"""Are the frames right? Their barcodes are read back and compared with the fixture's truth.

The rule is deliberately written out here a second time: what judges the engine shares no code with it.
"""

from __future__ import annotations

import contextlib
import io
import math
import os
import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from fixtures_gen import FileTruth
    from hfbench.bench.scenarios import BuiltScenario, Part

#: What counts as an image -> FFmpeg's demuxer for it.
_IMAGES: Final = {".jpg": "jpeg_pipe", ".jpeg": "jpeg_pipe", ".png": "png_pipe", ".webp": "webp_pipe"}


@dataclass(frozen=True, slots=True)
class FrameCheck:
    """How many of a scenario's frames show the source frame that the truth names.

    Attributes:
        expected: frames that the scenario must give.
        right: frames whose barcode is the one expected in their place; where the number of frames is already wrong,
            the number of image files.
        first_wrong: what the first wrong frame is and should be; empty where all are right.
    """

    expected: int
    right: int
    first_wrong: str = ""

    @property
    def is_right(self) -> bool:
        """Whether there are exactly the frames expected, each the right one."""
        return self.right == self.expected and not self.first_wrong


def expected_frames(built: BuiltScenario) -> Mapping[str, int | tuple[int, ...]] | None:
    """Clip id -> the barcode of each frame that it must give, or how many; None where that is not known."""
    if built.frames is not None or built.truth is None:
        return built.frames
    return {
        part.clip_id: tuple(expected_ids(built.truth.file(part.file), part, built.scenario.fps))
        for part in built.scenario.parts
    }


def check_frames(built: BuiltScenario, images: Mapping[str, Sequence[Path]]) -> FrameCheck | None:
    """Read every image (clip id -> files in their order) and compare it with the truth; None where there is none."""
    known = expected_frames(built)
    if known is None:
        return None
    checks = [_check_clip(clip, wanted, images.get(clip, ())) for clip, wanted in known.items()]
    first_wrong = next((each.first_wrong for each in checks if each.first_wrong), "")
    return FrameCheck(sum(each.expected for each in checks), sum(each.right for each in checks), first_wrong)


def _check_clip(clip: str, wanted: int | tuple[int, ...], images: Sequence[Path]) -> FrameCheck:
    if isinstance(wanted, int):
        count = len(images)
        wrong_count = "" if count == wanted else f"{clip}: {count} image files found, should be {wanted}"
        return FrameCheck(wanted, min(count, wanted), wrong_count)
    found = [read_id(image) for image in images]
    right = sum(one == other for one, other in zip(wanted, found, strict=False))
    wrong = next((n for n in range(max(len(wanted), len(found))) if [*wanted[n : n + 1]] != found[n : n + 1]), None)
    if wrong is None:
        return FrameCheck(len(wanted), right)
    shown = f"{clip} frame {wrong + 1} shows {_at(found, wrong)}, should show {_at(wanted, wrong)}"
    return FrameCheck(len(wanted), right, shown)


def count_frames(built: BuiltScenario, reported: Mapping[str, int], files: int) -> FrameCheck | None:
    """Compare the frames that an engine reports, and the number of its image files, with the truth.

    ``reported`` is clip id -> frames; empty where the engine reports none. None where no truth is known.
    """
    known = expected_frames(built)
    if known is None:
        return None
    wanted = {clip: frames if isinstance(frames, int) else len(frames) for clip, frames in known.items()}
    expected = sum(wanted.values())
    wrong = [
        f"{clip}: {reported.get(clip, 0)} frames reported, should be {wanted.get(clip, 0)}"
        for clip in (*wanted, *(reported.keys() - wanted.keys()))
        if reported and reported.get(clip, 0) != wanted.get(clip, 0)
    ]
    if files != expected:
        wrong.append(f"{files} image files found, should be {expected}")
    return FrameCheck(expected, files, wrong[0] if wrong else "")


def find_images(folder: Path) -> tuple[Path, ...]:
    """All image files under a folder, numbers in their names taken as numbers."""
    found = (path for path in _files_below(folder) if path.suffix.lower() in _IMAGES)
    return tuple(sorted(found, key=lambda path: _natural(path.relative_to(folder).as_posix())))


def _files_below(folder: Path) -> list[Path]:
    """All files at any depth; what can't be listed (a path longer than the system takes) is skipped.

    ``Path.rglob`` recurses, and a program may leave more levels than Python's stack has.
    """
    found: list[Path] = []
    waiting = [folder]
    while waiting:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as listed:
            for entry in listed:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry.path))
                elif entry.is_file():
                    found.append(Path(entry.path))
    return found


def check_folder(built: BuiltScenario, folder: Path, reported: Mapping[str, int]) -> FrameCheck | None:
    """Count and then read all images that an engine left in a folder; None where nothing is known of the truth."""
    images = find_images(folder)
    counted = count_frames(built, reported, len(images))
    if counted is None or not counted.is_right:
        return counted
    by_clip = _by_clip(folder, images, [*(expected_frames(built) or ())])
    lost = [image.relative_to(folder).as_posix() for image in images if image not in set().union(*by_clip.values())]
    if lost:
        hint = "write the frames of each clip into a folder with the clip's id for its name"
        return FrameCheck(counted.expected, 0, f"{lost[0]} belongs to no clip: {hint}")
    return check_frames(built, by_clip)


def _by_clip(folder: Path, images: Sequence[Path], clips: Sequence[str]) -> dict[str, list[Path]]:
    """The images of each clip: its id is the name of a parent folder, or the file's name begins with it."""
    found: dict[str, list[Path]] = {clip: [] for clip in clips}
    for image in images:
        *folders, name = image.relative_to(folder).parts
        named = [clip for clip in clips if clip in folders]
        begun = sorted((clip for clip in clips if name.startswith(clip)), key=len, reverse=True)
        only = clips[:1] if len(clips) == 1 else ()
        owner = next(iter((*named, *begun, *only)), None)
        if owner is not None:
            found[owner].append(image)
    return found


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]+)", name)]


def _at(frames: Sequence[int | None], index: int) -> str:
    if index >= len(frames):
        return "nothing"
    return "no barcode" if frames[index] is None else str(frames[index])


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
    """The barcode in an image file; None where there is none, or the image can't be read."""
    import av

    from fixtures_gen import find_barcode

    try:
        found = find_barcode(read_rgb(image))
    except (av.FFmpegError, OSError, StopIteration):
        return None
    return None if found is None else found[0]


def read_rgb(image: Path) -> NDArray[np.uint8]:
    """An image file as 8-bit RGB, shape (height, width, 3)."""
    import av

    with av.open(io.BytesIO(image.read_bytes()), "r", format=_IMAGES[image.suffix.lower()]) as container:
        frame: Any = next(container.decode(video=0))
        pixels: NDArray[np.uint8] = frame.to_ndarray(format="rgb24")
        return pixels
