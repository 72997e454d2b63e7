"""Reading what a source is: tags, geometry, timestamps. One open, one decoded frame."""

from __future__ import annotations

import time
from fractions import Fraction
from typing import TYPE_CHECKING

import av

from hfbench.backends.base import MAX_PIXELS, ClipTrouble, ProbeReport
from hfbench.backends.libav.decode import Tally, decoder_name, open_decoder
from hfbench.backends.libav.files import (
    keep_only,
    keeps_decode_times_only,
    moving_streams,
    open_input,
    video_stream,
)
from hfbench.backends.libav.frame_facts import hdr_facts_of, orientation_of_frame, tags_of
from hfbench.backends.libav.timing import Timing, read_timing
from hfbench.model.media import MediaInfo
from hfbench.model.result import FailureKind

if TYPE_CHECKING:
    from pathlib import Path

    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

    from hfbench.color import ColorTags
    from hfbench.model.cancellation import Control
    from hfbench.model.media import FrameTiming

#: Packets that may pass without a single frame before a file is given up.
_PATIENCE_PACKETS = 600
#: Longer than pauses in recordings usually are (seconds).
_LONG_HOLD_SECONDS = 300


def probe(path: Path, control: Control) -> ProbeReport:
    """Everything that a plan needs to know about one source.

    Raises:
        ClipTrouble: not a readable video, no frame in it, or larger than :data:`MAX_PIXELS`.
        StopWork: cancelled or out of time.
    """
    tally = Tally()
    started = time.perf_counter()
    with open_input(path) as container:
        stream = video_stream(container, path)
        _refuse_huge(stream, path)
        keep_only(container, stream)
        container_tags = tags_of(stream.codec_context)
        frame = _first_frame(container, stream, path, tally, control)
        opened = time.perf_counter()
        origin = _origin_ticks(container, stream)
        timing = read_timing(container, stream, path, control, origin_ticks=origin, first_pts=frame.pts or 0)
        media = _describe(container, stream, path, frame, container_tags, timing=timing)
        finished = time.perf_counter()
    tally.packets += timing.packets
    return ProbeReport(media, tally.work(), opened - started, finished - opened)


def _refuse_huge(stream: VideoStream, path: Path) -> None:
    """Refuse pictures that would take gigabytes, before any of them is decoded."""
    width, height = stream.codec_context.width, stream.codec_context.height
    if width * height > MAX_PIXELS:
        message = f"{path.name} is {width}x{height}: more than the {MAX_PIXELS} pixels that hfbench decodes"
        raise ClipTrouble(FailureKind.TOO_LARGE, message)


def _first_frame(
    container: InputContainer, stream: VideoStream, path: Path, tally: Tally, control: Control
) -> VideoFrame:
    decoder = open_decoder(stream, threads=1)  # frame threads would read ahead, by an amount that cores decide
    has_no_pts = keeps_decode_times_only(container)
    first_dts: int | None = None
    last_error = ""
    try:
        for packet in container.demux(stream):
            control.check()
            tally.packets += bool(packet.size)
            if first_dts is None and packet.size:
                first_dts = packet.dts
            try:
                frames = decoder.decode(packet if packet.size else None)
            except av.error.FFmpegError as error:
                last_error = str(error)
                frames = []
            if frames:
                tally.frames += 1
                frames[0].pts = first_dts if has_no_pts else frames[0].pts
                return _dated(frames[0], packet.dts)
            if tally.packets > _PATIENCE_PACKETS:
                break
    except av.error.FFmpegError as error:
        last_error = str(error)
    raise ClipTrouble(
        FailureKind.NO_FRAMES, f"{path.name} has a video stream but no frame could be decoded", last_error
    )


def _dated(frame: VideoFrame, fallback: int | None) -> VideoFrame:
    if frame.pts is None:
        frame.pts = fallback or 0
    return frame


def _origin_ticks(container: InputContainer, stream: VideoStream) -> int:
    """The container's start in the stream's ticks, rounded as the ffmpeg program rounds it."""
    start: int | None = container.start_time
    if start is None:
        return stream.start_time or 0
    return round(Fraction(start, av.time_base) / Fraction(stream.time_base or 1))


def _describe(
    container: InputContainer,
    stream: VideoStream,
    path: Path,
    frame: VideoFrame,
    container_tags: ColorTags,
    *,
    timing: Timing,
) -> MediaInfo:
    components = frame.format.components
    return MediaInfo(
        path=path,
        format_name=container.format.name,
        stream_index=stream.index,
        codec=stream.codec_context.codec.canonical_name,
        decoder=decoder_name(stream),
        width=frame.width,
        height=frame.height,
        pixel_format=frame.format.name,
        bit_depth=max(component.bits for component in components),
        has_alpha=any(component.is_alpha for component in components),
        orientation=orientation_of_frame(frame),
        sample_aspect_ratio=Fraction(stream.sample_aspect_ratio or 1) or Fraction(1),
        time_base=Fraction(stream.time_base or 1),
        origin_ticks=_origin_ticks(container, stream),
        rate_from_header=Fraction(stream.average_rate) if stream.average_rate else None,
        timing=timing.frames,
        container_tags=container_tags,
        frame_tags=tags_of(frame),
        hdr=hdr_facts_of(frame),
        notes=(*_notes(container, container_tags, tags_of(frame)), *_timing_notes(timing.frames), *timing.notes),
        clock=timing.clock,
    )


def _timing_notes(timing: FrameTiming) -> tuple[tuple[str, str], ...]:
    if timing.longest_hold < _LONG_HOLD_SECONDS:
        return ()
    message = f"a picture is on screen for {float(timing.longest_hold):.0f} s: if it should not be, times are damaged"
    return (("long_hold", message),)


def _notes(container: InputContainer, container_tags: ColorTags, frame_tags: ColorTags) -> tuple[tuple[str, str], ...]:
    notes = []
    streams = len(moving_streams(container))
    if streams > 1:
        message = f"the file has {streams} video streams: the first is used"
        notes.append(("several_video_streams", message))
    fields = frame_tags.conflicts_with(container_tags)
    if fields:
        message = f"container and bitstream disagree about {', '.join(fields)}: the bitstream is believed"
        notes.append(("conflicting_tags", message))
    return tuple(notes)
