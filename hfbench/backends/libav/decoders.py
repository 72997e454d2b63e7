"""Which decoder a stream is given, and how it is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import av

from hfbench.backends.libav.alpha_layer import AlphaLayerDecoder, has_alpha_layer

if TYPE_CHECKING:
    from av.video.codeccontext import VideoCodecContext
    from av.video.stream import VideoStream

#: FFmpeg's own VP8 and VP9 decoders drop the alpha plane silently; libvpx's keep it.
_ALPHA_DECODERS: Final = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


def decoder_name(stream: VideoStream) -> str:
    """The decoder that keeps everything the stream holds."""
    name: str = stream.codec_context.codec.name
    has_alpha = any(key.lower() == "alpha_mode" and value == "1" for key, value in stream.metadata.items())
    return _ALPHA_DECODERS.get(name, name) if has_alpha else name


def open_decoder(stream: VideoStream, *, threads: int = 0) -> VideoCodecContext:
    """The context that decodes the stream; ``threads`` 0 means as many as FFmpeg chooses."""
    name = decoder_name(stream)
    context: Any = stream.codec_context
    if name != context.codec.name:
        context = av.CodecContext.create(name, "r")
        context.extradata = stream.codec_context.extradata
    context.thread_type = "AUTO"
    context.thread_count = threads
    both: Any = AlphaLayerDecoder(context) if has_alpha_layer(stream) else context
    decoder: VideoCodecContext = both
    return decoder
