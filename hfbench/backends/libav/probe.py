"""Reading what a source is: tags, geometry, timestamps. One open, one decoded frame."""

from __future__ import annotations

import time
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import av

from hfbench.backends.base import ClipTrouble, ProbeReport
from hfbench.backends.libav.container_facts import container_facts
from hfbench.backends.libav.decoders import decoder_name, open_decoder
from hfbench.backends.libav.files import keep_only, keeps_decode_times_only, open_input, video_stream
from hfbench.backends.libav.frame_facts import has_alpha, hdr_facts_of, orientation_of_frame, tags_of
from hfbench.backends.libav.picture_facts import picture_notes, refuse_huge, shape_of
from hfbench.backends.libav.tally import Tally
from hfbench.backends.libav.timing import Timing, read_timing
from hfbench.model.media import MediaInfo
from hfbench.model.result import FailureKind

if TYPE_CHECKING:
    from pathlib import Path

    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

    from hfbench.backends.libav.container_facts import DolbyVision
    from hfbench.color import ColorTags
    from hfbench.model.cancellation import Control
    from hfbench.model.media import FrameTiming, HdrFacts

#: Packets without a frame after which a file is given up.
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
        refuse_huge(path.name, stream.codec_context.width, stream.codec_context.height)
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
    facts = container_facts(path, container.format.name, track_id=stream.id, index=stream.index)
    shape = shape_of(frame, stream, facts, path)
    notes = picture_notes(container, stream, frame, facts, container_tags)
    return MediaInfo(
        path=path,
        format_name=container.format.name,
        stream_index=stream.index,
        codec=stream.codec_context.codec.canonical_name,
        decoder=decoder_name(stream),
        width=shape.width,
        height=shape.height,
        pixel_format=frame.format.name,
        bit_depth=max(component.bits for component in frame.format.components),
        has_alpha=has_alpha(frame),
        orientation=orientation_of_frame(frame),
        sample_aspect_ratio=shape.sample_aspect_ratio,
        time_base=Fraction(stream.time_base or 1),
        origin_ticks=_origin_ticks(container, stream),
        rate_from_header=Fraction(stream.average_rate) if stream.average_rate else None,
        timing=timing.frames,
        container_tags=container_tags,
        frame_tags=tags_of(frame),
        hdr=_with_record(hdr_facts_of(frame), facts.dolby_vision),
        notes=(*notes, *shape.notes, *_timing_notes(timing.frames), *timing.notes),
        crop=shape.crop,
        clock=timing.clock,
    )


def _with_record(facts: HdrFacts, record: DolbyVision | None) -> HdrFacts:
    """The container's configuration record is the authority on the profile; the frame's own header is a guess."""
    if record is None:
        return facts
    return replace(facts, dolby_vision_profile=record.profile, dolby_vision_compatibility=record.compatibility)


def _timing_notes(timing: FrameTiming) -> tuple[tuple[str, str], ...]:
    if timing.longest_hold < _LONG_HOLD_SECONDS:
        return ()
    message = f"a picture is on screen for {float(timing.longest_hold):.0f} s: if it should not be, times are damaged"
    return (("long_hold", message),)
