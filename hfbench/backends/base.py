"""What every backend offers. The protocol is the specification; one test suite runs over all implementations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from hfbench.model.plan import Pixels
from hfbench.model.result import ClipWarning, FailureKind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Sequence
    from fractions import Fraction
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from hfbench.model.cancellation import Control
    from hfbench.model.media import MediaInfo
    from hfbench.model.metrics import WorkCounters
    from hfbench.model.plan import ClipPlan, ColorMap, ImageSpec, Intermediate
    from hfbench.timebase import FrameGrid

#: Containers that may be opened. Anything that can name other files (concat, HLS, DASH, playlists) is not here.
DEMUXERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,avi,flv,ogg,mxf,mpeg,asf,nut,gif,ivf,yuv4mpegpipe"
#: Larger pictures are refused before anything is decoded: 16384 x 8640 is beyond 16K UHD's height at full width.
MAX_PIXELS = 16384 * 8640


class ClipTrouble(Exception):  # noqa: N818  becomes a ClipFailure, never seen by a caller
    """Why one source can't be read or one clip can't be finished."""

    def __init__(self, kind: FailureKind, message: str, diagnostic: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.diagnostic = diagnostic


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """One source as probed.

    Attributes:
        metadata_seconds: elapsed time for opening, tags and the first frame.
        timing_seconds: elapsed time for the frame timestamps.
    """

    media: MediaInfo
    work: WorkCounters
    metadata_seconds: float
    timing_seconds: float


@dataclass(frozen=True, slots=True)
class NormalizeReport:
    """A preflight's re-encode: the intermediate, what it cost, and what was noticed."""

    intermediate: Intermediate
    work: WorkCounters
    warnings: tuple[ClipWarning, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """One clip's slots and the empty folder that its frames go to."""

    grid: FrameGrid
    folder: Path


@dataclass(frozen=True, slots=True)
class ExtractJob:
    """Frames of one file for one or more clips that want the same colours and image format.

    Attributes:
        media: the file; its display size is the size of the frames.
        targets: overlapping or touching windows are decoded once.
        pixels: what may convert them.
    """

    media: MediaInfo
    color: ColorMap | None
    image: ImageSpec
    targets: tuple[Target, ...]
    pixels: Pixels = Pixels.KERNEL


@dataclass(frozen=True, slots=True)
class StreamJob:
    """Frames of one clip that are delivered in memory.

    Attributes:
        media: the file; its display size is the size of the frames.
        grid: the slots wanted.
        image: png for 8 bits per channel, png16 for 16.
        pixels: what may convert the frames.
    """

    media: MediaInfo
    color: ColorMap | None
    image: ImageSpec
    grid: FrameGrid
    pixels: Pixels = Pixels.KERNEL


@dataclass(frozen=True, slots=True)
class StreamedPicture:
    """A picture, and the slots that show it.

    Attributes:
        array: full-range RGB or RGBA, shape (height, width, 3 or 4), uint8 or uint16, read-only.
    """

    slots: range
    array: NDArray[np.uint8] | NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class TargetReport:
    """What one target got: ``frames`` files, numbered from 1 without a gap, whose pixels ``pixels`` converted."""

    frames: int
    warnings: tuple[ClipWarning, ...] = ()
    pixels: Pixels = Pixels.LIBAVFILTER


@dataclass(frozen=True, slots=True)
class TargetFailure:
    """Why one target has no frames, while others of its job may have some."""

    kind: FailureKind
    message: str
    diagnostic: str = ""


@dataclass(frozen=True, slots=True)
class ExtractReport:
    """The outcomes of a job's targets, in the job's order, and its cost."""

    targets: tuple[TargetReport | TargetFailure, ...]
    work: WorkCounters


class Backend(Protocol):
    """A way to read, normalise and extract. Implementations hold no state between calls."""

    name: str
    #: Whether one job may hold windows that do not touch (the file is opened once for all of them).
    serves_distant_windows: bool

    def load_probe(self) -> None:
        """Import what :meth:`probe` needs. It is not measured."""
        ...

    def probe(self, path: Path, control: Control) -> ProbeReport:
        """Read one source.

        Raises:
            ClipTrouble: not a readable video.
            StopWork: cancelled or out of time.
        """
        ...

    def load(self, plans: Collection[ClipPlan], announce: Callable[[], None]) -> None:
        """Load what these plans need, once per process or once per machine, so that no metric includes an import.

        Args:
            plans: what will be done.
            announce: called before something takes seconds.
        """
        ...

    def prepare(self, plans: Collection[ClipPlan]) -> None:
        """Make what the plans' colour maps need, so that no clip waits for it.

        Raises:
            MachineError: it can't be stored anywhere.
        """
        ...

    def normalize(self, plan: ClipPlan, into: Path, control: Control) -> NormalizeReport:
        """Re-encode as ``plan.normalize`` says, to a file with the stem ``into``.

        Raises:
            ClipTrouble: there is no usable result.
            StopWork: cancelled or out of time.
        """
        ...

    def extract(self, job: ExtractJob, control: Control) -> ExtractReport:
        """Write a job's frames. Each run of touching windows has the time limit for itself.

        Raises:
            ClipTrouble: no frame could be written for any target.
            StopWork: cancelled, or out of time with all of them.
        """
        ...

    def close(self) -> None:
        """Release threads and child processes."""
        ...


class StreamingBackend(Backend, Protocol):
    """A backend that can also deliver frames in memory."""

    def stream(
        self, job: StreamJob, control: Control
    ) -> Generator[StreamedPicture, None, tuple[TargetReport, WorkCounters]]:
        """A clip's pictures in order of time; the generator's value is the report and the cost.

        Raises:
            ClipTrouble: no frame could be delivered.
            StopWork: cancelled, or out of time.
        """
        ...


def merge_touching(targets: Sequence[Target]) -> list[list[int]]:
    """Positions of targets whose windows overlap or touch, as runs in order of time."""
    order = sorted(range(len(targets)), key=lambda index: (targets[index].grid.start, index))
    runs: list[list[int]] = []
    reach: Fraction | None = None
    for index in order:
        grid = targets[index].grid
        end = grid.start + grid.count / grid.rate
        if reach is not None and grid.start <= reach:
            runs[-1].append(index)
            reach = max(reach, end)
        else:
            runs.append([index])
            reach = end
    return runs


TAGS_CHANGE = ClipWarning(
    "tags_change",
    "the colour tags change in mid-stream: all is read by the first frame's, so a part has wrong colours",
)

SHAPE_CHANGE = ClipWarning(
    "size_change",
    "the picture's size or pixel format changes in mid-stream: every frame is brought to the first one's",
)


def damage_warning(*, wanted: int, got: int, decode_errors: int, corrupt_frames: int) -> ClipWarning | None:
    """The ``source_damaged`` warning with its counts; None where nothing is damaged."""
    if got >= wanted and not decode_errors and not corrupt_frames:
        return None
    parts = [f"{got} of {wanted} frames exist"] if got < wanted else []
    parts += [f"packets that could not be decoded: {decode_errors}"] if decode_errors else []
    parts += [f"corrupt frames: {corrupt_frames}"] if corrupt_frames else []
    counts = {
        "requested_frames": wanted,
        "frames": got,
        "decode_errors": decode_errors,
        "corrupt_frames": corrupt_frames,
    }
    return ClipWarning("source_damaged", f"the source is damaged: {', '.join(parts)}", counts)
