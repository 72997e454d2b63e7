"""Opening files with FFmpeg's libraries, safely: allow-lists for protocols and containers, no network, no sidecars."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import av
import av.error

from hfbench.backends.base import DEMUXERS, ClipTrouble
from hfbench.model.result import FailureKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from av.container import InputContainer
    from av.video.stream import VideoStream

    from hfbench.model.media import MediaInfo

#: Seconds that opening and each read may take before libavformat gives up.
IO_TIMEOUT = (30.0, 30.0)


@contextmanager
def open_input(path: Path) -> Iterator[InputContainer]:
    """Open a file for reading; only the file protocol and the containers of :data:`DEMUXERS`.

    Raises:
        ClipTrouble: the file is not readable media.
    """
    options = {"protocol_whitelist": "file", "format_whitelist": DEMUXERS}
    try:
        container = av.open(f"file:{path}", options=options, timeout=IO_TIMEOUT)
    except (av.error.FFmpegError, ValueError, OSError) as error:
        raise ClipTrouble(FailureKind.INVALID_MEDIA, f"not a readable video file: {path.name}", str(error)) from error
    with container:
        yield container


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


def moving_streams(container: InputContainer) -> list[VideoStream]:
    """The video streams that are no cover pictures."""
    from av.stream import Disposition

    return [each for each in container.streams.video if not each.disposition & Disposition.attached_pic]


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


def stream_of(container: InputContainer, media: MediaInfo) -> VideoStream:
    """The stream that a probe chose, in a file that is open once more."""
    stream: Any = container.streams[media.stream_index]
    chosen: VideoStream = stream
    return chosen
