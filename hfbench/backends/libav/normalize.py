"""The preflight's re-encode in process: decode, map colours or regularise the rate, encode an intermediate."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import av
import av.error

from hfbench.backends.base import ClipTrouble, NormalizeReport, damage_warning
from hfbench.backends.libav.dating import superseding
from hfbench.backends.libav.decode import WindowDecoder
from hfbench.backends.libav.graph import ChainRunner, convert
from hfbench.model.metrics import WorkCounters
from hfbench.model.plan import ClipPlan, Intermediate
from hfbench.model.result import FailureKind
from hfbench.pixels.cube_files import cube_of
from hfbench.pixels.filters import color_chain, intermediate_chain, join, source_chain
from hfbench.pixels.intermediates import IntermediateSpec, intermediate_media, intermediate_spec
from hfbench.pixels.tags import intermediate_tags

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from av import VideoFrame
    from av.container import OutputContainer
    from av.video.stream import VideoStream

    from hfbench.model.cancellation import Control
    from hfbench.timebase import FrameGrid


def normalize(plan: ClipPlan, into: Path, control: Control) -> NormalizeReport:
    """Re-encode what the plan's preflight covers.

    Args:
        plan: with ``normalize`` set.
        into: path of the intermediate without its suffix.
        control: obeyed between packets.

    Raises:
        ClipTrouble: there is no frame, or the intermediate can't be written.
        StopWork: cancelled or out of time.
    """
    spec = intermediate_spec(plan)
    path = into.with_name(into.name + spec.codec.suffix)
    with WindowDecoder(plan.media, control) as decoder:
        frames = _Dated.of(decoder, spec)
        try:
            encoded, time_base = _encode(path, plan, spec, frames)
        except OSError as error:
            raise _trouble_of(error) from error
    if encoded == 0:
        raise ClipTrouble(FailureKind.NO_FRAMES, "no frame could be decoded in the part that the clip uses")
    work = decoder.tally.work() + WorkCounters(frames_converted=encoded, bytes_written=path.stat().st_size)
    media = intermediate_media(plan, spec, path, spec.expected_frames, time_base)
    warning = damage_warning(
        wanted=spec.expected_frames or encoded,
        got=encoded,
        decode_errors=decoder.tally.decode_errors,
        corrupt_frames=decoder.tally.corrupt_frames,
    )
    noticed = [warning] if warning else []
    return NormalizeReport(Intermediate(path, media), work, (*noticed, *decoder.tally.noticed.values()))


#: What the system says where a file can't be written; FFmpeg's other errors derive from OSError too.
_OUTPUT_ERRORS: Final = {
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT,
}  # fmt: skip


def _trouble_of(error: OSError) -> ClipTrouble:
    """An error of the output where the system says so, else a failure of this clip."""
    if error.errno in _OUTPUT_ERRORS:
        message = f"the intermediate can't be written: {error.strerror or error}"
        return ClipTrouble(FailureKind.OUTPUT_FAILED, message, str(error))
    message = f"FFmpeg can't encode an intermediate of this clip ({error.strerror or error}): use --scope fused"
    return ClipTrouble(FailureKind.UNSUPPORTED_MEDIA, message, str(error))


@dataclass(frozen=True, slots=True)
class _Dated:
    """Frames in order, each with its tick in the intermediate."""

    frames: Iterator[tuple[VideoFrame, int]]

    @classmethod
    def of(cls, decoder: WindowDecoder, spec: IntermediateSpec) -> _Dated:
        if spec.grid is None:
            return cls(_own_times(decoder, spec.time_base))
        return cls(_on_grid(decoder, spec.grid, spec.ticks_per_slot))


def _own_times(decoder: WindowDecoder, time_base: Fraction) -> Iterator[tuple[VideoFrame, int]]:
    """Each frame at its own media time, the last of several at one; the first at 0, where it would be held anyway."""
    previous = -1
    for frame, time in superseding(decoder.everything()):
        tick = 0 if previous < 0 else round(time / time_base)
        if tick > previous:
            previous = tick
            yield frame, tick


def _on_grid(decoder: WindowDecoder, grid: FrameGrid, ticks_per_slot: int) -> Iterator[tuple[VideoFrame, int]]:
    """One frame per slot."""
    for shown in decoder.run([grid]):
        yield from ((shown.frame, slot * ticks_per_slot) for slot in shown.slots[0])


def _encode(path: Path, plan: ClipPlan, spec: IntermediateSpec, dated: _Dated) -> tuple[int, Fraction]:
    """Write the intermediate; returns how many frames it holds, and the seconds per tick that its muxer chose."""
    color = plan.normalize.color if plan.normalize is not None else None
    tags = intermediate_tags(color, plan.media)
    runner = ChainRunner(_picture_chain(plan, spec), tags)
    count = 0
    stream: VideoStream | None = None
    filtered: tuple[VideoFrame, VideoFrame] | None = None
    with av.open(f"file:{path}", "w", format=spec.codec.muxer) as output:
        for frame, tick in dated.frames:
            if filtered is None or filtered[0] is not frame:
                filtered = (frame, convert(runner, frame))
            picture = filtered[1]
            stream = stream or _open_encoder(output, picture, plan, spec)
            picture.pts, picture.time_base = tick, spec.time_base
            picture.pict_type = 0
            output.mux(stream.encode(picture))
            count += 1
        if stream is not None:
            output.mux(stream.encode(None))
        return count, spec.time_base if stream is None else Fraction(stream.time_base or spec.time_base)


def _picture_chain(plan: ClipPlan, spec: IntermediateSpec) -> str:
    color = plan.normalize.color if plan.normalize is not None else None
    return join(
        source_chain(plan.media),
        color_chain(color, plan.media, cube_of(color)),
        intermediate_chain(color, plan.media, spec.codec.pixel_formats),
    )


def _open_encoder(output: OutputContainer, picture: VideoFrame, plan: ClipPlan, spec: IntermediateSpec) -> VideoStream:
    stream: Any = output.add_stream(spec.codec.encoder, rate=plan.grid.rate, options=dict(spec.codec.options))
    context = stream.codec_context
    context.width, context.height, context.pix_fmt = picture.width, picture.height, picture.format.name
    context.time_base = stream.time_base = spec.time_base
    color = plan.normalize.color if plan.normalize is not None else None
    tags = intermediate_tags(color, plan.media)
    context.color_primaries, context.color_trc = tags.primaries, tags.transfer
    context.colorspace, context.color_range = tags.matrix, tags.range
    opened: VideoStream = stream
    return opened
