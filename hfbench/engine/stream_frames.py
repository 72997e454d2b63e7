"""Frames without files: the clips of a composition, decoded, converted and handed to the caller one by one."""

from __future__ import annotations

import math
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from hfbench.backends.base import StreamJob
from hfbench.backends.libav import LibavBackend
from hfbench.engine.extract import with_usable_pixels
from hfbench.engine.frame_cache import no_cache
from hfbench.engine.phase_runner import PhaseRunner, failure_of
from hfbench.engine.plan import NeverShown, plan_clips
from hfbench.engine.preflight import run_preflight
from hfbench.engine.probe import probe_clips
from hfbench.engine.resolve import resolve_clips
from hfbench.engine.workfolder import WorkFolder
from hfbench.errors import OptionsError
from hfbench.model.cancellation import CancelToken, Control
from hfbench.model.options import ExtractOptions
from hfbench.model.plan import ClipPlan, ImageFormat, ImageSpec, PreparedClip
from hfbench.model.result import ClipFailure, FailureKind
from hfbench.pixels.tags import tags_after

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from fractions import Fraction
    from types import TracebackType

    import numpy as np
    from numpy.typing import NDArray

    from hfbench.backends.base import TargetReport
    from hfbench.color import ColorTags
    from hfbench.composition import Composition
    from hfbench.engine.preflight import Prepared
    from hfbench.model.result import ClipWarning


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One frame of one clip.

    Attributes:
        clip_id: the clip of the composition.
        slot: number of the frame in the clip, from 0.
        time: when it appears on screen, seconds of the timeline.
        pixels: full-range RGB or RGBA, shape (height, width, 3 or 4), uint8 or uint16 (``png16``), read-only. Slots
            that show the same picture share one array.
        tags: what the RGB values mean: primaries, transfer, matrix and range by ITU-T H.273.
    """

    clip_id: str
    slot: int
    time: Fraction
    pixels: NDArray[np.uint8] | NDArray[np.uint16]
    tags: ColorTags


@dataclass(frozen=True, slots=True)
class StreamedClip:
    """A clip whose frames were all delivered: their number, and the warnings."""

    clip_id: str
    frames: int
    warnings: tuple[ClipWarning, ...] = ()


class FrameStream:
    """Iterates over the frames of a composition, clip by clip, each in order of time.

    A clip that fails ends early (or gives no frame) and does not affect the others: its failure is in ``outcomes``. Use
    it as a context manager, or exhaust it, so that its threads end.

    Attributes:
        outcomes: the outcome of each clip so far, in the composition's order.
    """

    def __init__(self, composition: Composition, options: ExtractOptions, token: CancelToken) -> None:
        self.outcomes: list[StreamedClip | ClipFailure] = []
        self._frames = self._run(composition, options, token)

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        return next(self._frames)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop decoding and release threads and files. A second call does nothing."""
        self._frames.close()

    @property
    def failures(self) -> tuple[ClipFailure, ...]:
        """The clips that have failed so far."""
        return tuple(each for each in self.outcomes if isinstance(each, ClipFailure))

    def _run(
        self, composition: Composition, options: ExtractOptions, token: CancelToken
    ) -> Generator[Frame, None, None]:
        """The phases of an extraction, up to the one that writes files."""
        with ExitStack() as stack:
            backend = LibavBackend(options.worker_count)
            stack.callback(backend.close)
            executor = stack.enter_context(ThreadPoolExecutor(options.worker_count))
            folder = WorkFolder(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hfbench-stream-"))))
            stack.callback(folder.close)
            runner = PhaseRunner(executor, Control(token, options.clip_limit_seconds))
            cache = no_cache()
            probed = probe_clips(resolve_clips(composition, options, folder, runner), backend, cache, runner)
            planned = cache.look_up(plan_clips(probed, composition, options))
            backend.load([plan for plan in planned if isinstance(plan, ClipPlan)], lambda: None)
            for clip in run_preflight(planned, backend, folder, runner):
                yield from self._clip(clip, backend, Control(token, math.inf))

    def _clip(self, clip: Prepared, backend: LibavBackend, control: Control) -> Generator[Frame, None, None]:
        match clip:
            case ClipFailure():
                self.outcomes.append(clip)
            case NeverShown():
                self.outcomes.append(StreamedClip(clip.clip_id, 0))
            case PreparedClip():
                try:
                    report = yield from _frames_of(clip, backend, control)
                except Exception as error:  # noqa: BLE001  what one clip meets must not affect the others
                    self.outcomes.append(failure_of(error, clip.clip_id))
                else:
                    self.outcomes.append(_outcome(clip, report))
            case _:
                raise TypeError(f"a clip from a cache that is not used: {clip}")


def iter_frames(
    composition: Composition, options: ExtractOptions | None = None, *, token: CancelToken | None = None
) -> FrameStream:
    """Deliver the frames of every clip of a composition in memory, on the same pipeline as :func:`hfbench.extract`.

    Nothing is written, except by the preflight of the scopes ``source`` and ``segment``. At most one converted frame
    per worker waits for the caller. The extraction cache is not used, and there is no time limit once frames are
    delivered.

    Args:
        composition: what to extract; never changed.
        options: see :class:`~hfbench.model.options.ExtractOptions`. ``jpg`` and ``png`` give 8 bits per channel,
            ``png16`` gives 16.
        token: cancels the stream from another thread or a signal handler.

    Returns:
        An iterator over :class:`Frame`, whose ``outcomes`` hold the failures and warnings.

    Raises:
        OptionsError: ``backend`` is not ``libav``: the ffmpeg program writes files.
    """
    chosen = options or ExtractOptions()
    if chosen.backend != "libav":
        raise OptionsError(f"iter_frames works with backend 'libav', not {chosen.backend!r}: use hfbench.extract")
    return FrameStream(composition, with_usable_pixels(chosen), token or CancelToken())


def _frames_of(clip: PreparedClip, backend: LibavBackend, control: Control) -> Generator[Frame, None, TargetReport]:
    plan = clip.plan
    eight_bits = plan.image.format is not ImageFormat.PNG16
    image = ImageSpec(ImageFormat.PNG if eight_bits else ImageFormat.PNG16, size=plan.image.size)
    tags = tags_after(clip.color, clip.media)
    step = 1 / (plan.placement.fps * plan.placement.playback_rate)
    pictures = backend.stream(StreamJob(clip.media, clip.color, image, clip.grid, plan.pixels), control)
    try:
        while True:
            try:
                picture = next(pictures)
            except StopIteration as end:
                report: TargetReport = end.value[0]
                return report
            for slot in picture.slots:
                yield Frame(clip.clip_id, slot, plan.placement.start + slot * step, picture.array, tags)
    finally:
        pictures.close()


def _outcome(clip: PreparedClip, report: TargetReport) -> StreamedClip | ClipFailure:
    warnings = (*clip.plan.warnings, *(clip.warnings or report.warnings))
    if not report.frames:
        message = "; ".join(each.message for each in warnings) or "no frame could be decoded"
        return ClipFailure(clip.clip_id, FailureKind.NO_FRAMES, message)
    return StreamedClip(clip.clip_id, report.frames, warnings)
