"""Opening files with FFmpeg's libraries, safely: allow-lists for protocols and containers, no network, no sidecars."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import av
import av.error

from hfbench.backends.base import DEMUXERS, ClipTrouble
from hfbench.model.clock import EditedClock, OrderClock
from hfbench.model.result import FailureKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from av.container import InputContainer
    from av.video.stream import VideoStream

    from hfbench.model.media import MediaInfo

#: Seconds that opening and each read may take before libavformat gives up.
IO_TIMEOUT = (30.0, 30.0)
#: Containers without an index, which recorders split and join byte by byte.
JOINABLE: Final = ("mpegts", "mpeg")
#: Video without a container, by libavformat's names: pictures without any times.
_RAW_STREAMS: Final = {
    "h264": "H.264",
    "hevc": "HEVC",
    "vvc": "VVC",
    "obu": "AV1",
    "m4v": "MPEG-4",
    "mpegvideo": "MPEG video",
    "dirac": "Dirac",
    "vc1": "VC-1",
    "cavsvideo": "AVS",
    "apv": "APV",
    "h263": "H.263",
    "dnxhd": "DNxHD",
    "mjpeg": "Motion JPEG",
}


@contextmanager
def open_input(path: Path, *, ignore_edits: bool = False) -> Iterator[InputContainer]:
    """Open a file for reading; only the file protocol and the containers of :data:`DEMUXERS`.

    Args:
        path: absolute.
        ignore_edits: whether edit lists are not applied by libavformat: samples then have their own times.

    Raises:
        ClipTrouble: the file is not readable media, or a raw stream without timing.
    """
    try:
        container = _open(path, DEMUXERS, {"ignore_editlist": "1"} if ignore_edits else {})
    except (av.error.FFmpegError, ValueError, OSError) as error:
        raise _trouble(path, error) from error
    with container:
        yield container


def _open(path: Path, formats: str, options: dict[str, str]) -> InputContainer:
    safety = {"protocol_whitelist": "file", "format_whitelist": formats}
    return av.open(f"file:{path}", options={**safety, **options}, timeout=IO_TIMEOUT)


def _trouble(path: Path, error: Exception) -> ClipTrouble:
    """Why a file can't be opened; for a raw stream the message says how to wrap it."""
    try:
        with _open(path, ",".join(_RAW_STREAMS), {}) as container:
            name = _RAW_STREAMS.get(container.format.name, container.format.name)
            has_size = any(stream.codec_context and stream.codec_context.width for stream in container.streams.video)
    except (av.error.FFmpegError, ValueError, OSError):
        has_size = False
    if not has_size:
        return ClipTrouble(FailureKind.INVALID_MEDIA, f"not a readable video file: {path.name}", str(error))
    message = (
        f"{path.name} is a raw {name} stream, which says no time for any picture: wrap it with its frame rate, "
        f"for instance 'ffmpeg -framerate 30 -i {path.name} -c copy {path.stem}.mkv'"
    )
    return ClipTrouble(FailureKind.UNSUPPORTED_MEDIA, message, str(error))


@contextmanager
def open_media(media: MediaInfo) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a probed file again; yields it and the stream that the probe chose.

    Raises:
        ClipTrouble: the file is not readable any more.
    """
    with open_input(media.path, ignore_edits=isinstance(media.clock, EditedClock | OrderClock)) as container:
        stream: Any = container.streams[media.stream_index]
        chosen: VideoStream = stream
        keep_only(container, chosen)
        yield container, chosen


def keep_only(container: InputContainer, stream: VideoStream) -> None:
    """Make the demuxer skip all other streams' packets."""
    from av.stream import Discard

    for other in container.streams:
        if other.index != stream.index:
            other.discard = Discard.all


def moving_streams(container: InputContainer) -> list[VideoStream]:
    """The video streams that are not cover pictures."""
    from av.stream import Disposition

    return [each for each in container.streams.video if not each.disposition & Disposition.attached_pic]


def video_stream(container: InputContainer, path: Path) -> VideoStream:
    """The video stream that the ffmpeg program takes by itself: the largest, one that is marked default before others.

    Its rule (fftools/ffmpeg_mux_init.c, FFmpeg 8.1): pixels plus 5 000 000 for the default one, the first of equals.

    Raises:
        ClipTrouble: there is none, or FFmpeg has no decoder for it.
    """
    moving = moving_streams(container)
    if not moving:
        raise ClipTrouble(FailureKind.INVALID_MEDIA, f"no video stream in {path.name}")
    chosen = max(moving, key=_preference)
    if chosen.codec_context is None:
        raise ClipTrouble(FailureKind.INVALID_MEDIA, f"the video stream of {path.name} has no known codec")
    return chosen


def _preference(stream: VideoStream) -> int:
    from av.stream import Disposition

    context = stream.codec_context
    pixels = 0 if context is None else context.width * context.height
    return pixels + 5_000_000 * bool(stream.disposition & Disposition.default)


def keeps_decode_times_only(container: InputContainer) -> bool:
    """Whether presentation times are libavformat's guess: AVI counts packets, and its guess is wrong with B-frames."""
    return container.format.name == "avi"


def seek_back(container: InputContainer, stream: VideoStream, ticks: int) -> None:
    """Go to the last keyframe at or before ``ticks``; to the first one where there is none before.

    Raises:
        ClipTrouble: the container can't be sought in at all.
    """
    try:
        container.seek(ticks, stream=stream, backward=True)
    except (av.error.FFmpegError, OSError):  # AVI refuses a time before its first keyframe
        try:
            container.seek(ticks, stream=stream, backward=False)
        except (av.error.FFmpegError, OSError) as error:
            message = "the file can't be read from another place than its start"
            raise ClipTrouble(FailureKind.INVALID_MEDIA, message, str(error)) from error


def rewind(container: InputContainer, stream: VideoStream) -> None:
    """Go to the first packet.

    Raises:
        ClipTrouble: the container can't be sought in at all.
    """
    if container.format.name in JOINABLE:  # no index: and the clock may start anywhere
        seek_to_byte(container, 0)
        return
    entries = stream.index_entries
    first = min((entry.timestamp for entry in entries[:1]), default=0)
    seek_back(container, stream, min(first, stream.start_time or 0))


def seek_to_byte(container: InputContainer, position: int) -> None:
    """Go to a byte of a transport or program stream.

    Raises:
        ClipTrouble: the container can't be sought in by bytes.
    """
    try:
        container.seek(position, unsupported_byte_offset=True)
    except (av.error.FFmpegError, OSError) as error:
        message = "the file can't be read from another place than its start"
        raise ClipTrouble(FailureKind.INVALID_MEDIA, message, str(error)) from error
