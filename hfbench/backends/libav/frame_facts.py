"""Values of the model from PyAV's objects: tags, side data, orientation. All is copied while the file is open."""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from av.sidedata.sidedata import Type as SideDataType

from hfbench.color import ColorTags
from hfbench.model.media import ContentLight, HdrFacts, MasteringDisplay, Orientation
from hfbench.pixels.orientation import orientation_of

if TYPE_CHECKING:
    from av import VideoFrame
    from av.video.codeccontext import VideoCodecContext

_RATIONAL: Final = struct.Struct("=ii")
#: AVMasteringDisplayMetadata: 3 x 2 primaries, 2 white point, 2 luminance rationals, then two flags.
_MASTERING: Final = struct.Struct("=" + "ii" * 10 + "ii")
_CONTENT_LIGHT: Final = struct.Struct("=II")
_DISPLAY_MATRIX: Final = struct.Struct("=9i")
#: AVDOVIMetadata starts with the offset of its RPU header.
_DOVI_HEADER_OFFSET: Final = struct.Struct("=Q")


def tags_of(carrier: VideoFrame | VideoCodecContext) -> ColorTags:
    """Colour tags of a frame or of an open stream, as H.273 numbers."""
    return ColorTags(
        primaries=int(carrier.color_primaries or 0) or 2,
        transfer=int(carrier.color_trc or 0) or 2,
        matrix=int(carrier.colorspace),
        range=int(carrier.color_range or 0),
    )


def orientation_of_frame(frame: VideoFrame) -> Orientation:
    """How the frame is turned for display."""
    data = _side_data(frame, _DISPLAYMATRIX)
    return Orientation.UPRIGHT if data is None else orientation_of(_DISPLAY_MATRIX.unpack_from(data))


def hdr_facts_of(frame: VideoFrame) -> HdrFacts:
    """Mastering display, content light level, Dolby Vision profile and HDR10+ of a frame."""
    return HdrFacts(
        mastering_display=_mastering(_side_data(frame, _MASTERING_DISPLAY_METADATA)),
        content_light=_content_light(_side_data(frame, _CONTENT_LIGHT_LEVEL)),
        dolby_vision_profile=_dolby_vision_profile(_side_data(frame, _DOVI_METADATA)),
        has_hdr10_plus=_side_data(frame, _DYNAMIC_HDR_PLUS) is not None,
    )


def has_alpha(frame: VideoFrame) -> bool:
    """Whether the frame can be transparent: its format has alpha, or a colour of its palette that it shows does."""
    if any(component.is_alpha for component in frame.format.components):
        return True
    return frame.format.has_palette and _shows_transparency(frame)


def _shows_transparency(frame: VideoFrame) -> bool:
    """By the palette's fourth bytes (PAL8: native 32-bit words, 0xAARRGGBB); decoders leave unused entries at zero."""
    indices, palette = frame.planes[0], bytes(frame.planes[1])
    rows = memoryview(indices)
    used = {value for y in range(frame.height) for value in rows[y * indices.line_size :][: frame.width].tolist()}
    colors = struct.unpack(f"={len(palette) // 4}I", palette)
    return any(colors[index] >> 24 != 255 for index in used if index < len(colors))


def has_other_views(frame: VideoFrame) -> bool:
    """Whether the frame is one view of several (MV-HEVC): the decoder gives the base view."""
    return _side_data(frame, _VIEW_ID) is not None


def _side_data(frame: VideoFrame, number: int) -> bytes | None:
    """Side data by libavutil's number; other types are skipped."""
    container: Any = frame.side_data
    found = container.get(SideDataType(number))
    return None if found is None else bytes(found)


def _accept_unknown_kinds() -> None:
    """Let PyAV 18's enumeration name any number, as PyAV 19's does.

    Without it, one entry that FFmpeg knows and PyAV does not (EXIF, the view of MV-HEVC) hides all of a frame's.
    """

    def _missing_(cls: type[SideDataType], value: object) -> object:
        if not isinstance(value, int):
            return None
        member: Any = object.__new__(cls)
        member._name_, member._value_ = f"UNKNOWN_{value}", value
        return cls._value2member_map_.setdefault(value, member)

    if "_missing_" not in vars(SideDataType):
        SideDataType._missing_ = classmethod(_missing_)  # type: ignore[assignment]


_accept_unknown_kinds()
#: AVFrameSideDataType of libavutil 60 and 61; the numbers are part of its ABI.
_DISPLAYMATRIX, _MASTERING_DISPLAY_METADATA, _CONTENT_LIGHT_LEVEL = 6, 11, 14
_DYNAMIC_HDR_PLUS, _DOVI_METADATA, _VIEW_ID = 17, 24, 29


def _mastering(data: bytes | None) -> MasteringDisplay | None:
    if data is None:
        return None
    numbers = _MASTERING.unpack_from(data)
    has_primaries, has_luminance = numbers[20:]
    if not (has_primaries and has_luminance):
        return None
    value = [float(Fraction(*pair)) if pair[1] else 0.0 for pair in _RATIONAL.iter_unpack(data[:80])]
    return MasteringDisplay(
        primaries_xy=((value[0], value[1]), (value[2], value[3]), (value[4], value[5])),
        white_xy=(value[6], value[7]),
        min_luminance=value[8],
        max_luminance=value[9],
    )


def _content_light(data: bytes | None) -> ContentLight | None:
    return None if data is None else ContentLight(*_CONTENT_LIGHT.unpack_from(data))


def _dolby_vision_profile(data: bytes | None) -> int | None:
    """The profile, from the RPU header, by the rule of FFmpeg's decoder for streams without a configuration box.

    Header layout (AVDOVIRpuDataHeader): byte 4 RPU profile, 10 full-range flag, 13 VDR depth, 15 enhancement-layer
    resampling flag, 16 residual disabled.
    """
    if data is None:
        return None
    header = data[_DOVI_HEADER_OFFSET.unpack_from(data)[0] :]
    rpu_profile, is_full_range, vdr_depth, resamples_el, no_residual = (header[at] for at in (4, 10, 13, 15, 16))
    if rpu_profile == 0:
        return 5 if is_full_range else 0
    if resamples_el and not no_residual:
        return 7 if vdr_depth == 12 else 4
    return 8
