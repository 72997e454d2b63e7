"""From PyAV's objects to our values: tags, side data, orientation. Everything is copied while the file is open."""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from av.sidedata.sidedata import Type as SideDataType

from hfbench.color import ColorTags
from hfbench.model.media import ContentLight, HdrFacts, MasteringDisplay, Orientation
from hfbench.pixels.filters import orientation_of

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
    data = _side_data(frame, SideDataType.DISPLAYMATRIX)
    return Orientation.UPRIGHT if data is None else orientation_of(_DISPLAY_MATRIX.unpack_from(data))


def hdr_facts_of(frame: VideoFrame) -> HdrFacts:
    """Mastering display, content light level and Dolby Vision profile of a frame."""
    return HdrFacts(
        mastering_display=_mastering(_side_data(frame, SideDataType.MASTERING_DISPLAY_METADATA)),
        content_light=_content_light(_side_data(frame, SideDataType.CONTENT_LIGHT_LEVEL)),
        dolby_vision_profile=_dolby_vision_profile(_side_data(frame, SideDataType.DOVI_METADATA)),
    )


def _side_data(frame: VideoFrame, kind: SideDataType) -> bytes | None:
    found: Any = frame.side_data.get(kind.name)  # by name: iteration and other keys differ from PyAV 18 to 19
    return None if found is None else bytes(found)


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
    """The profile, from the RPU header, by the rule that FFmpeg's decoder has for streams without a configuration box.

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
