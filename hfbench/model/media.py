"""What a probe found in one source file. Frozen values; names carry their provenance."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import TYPE_CHECKING

from hfbench.color import ColorTags, HdrTarget, Matrix, Primaries

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Orientation(Enum):
    """How decoded pictures are turned for display: the eight right-angle cases of a display matrix.

    The value is the libavfilter chain that does it (ISO/IEC 14496-12, 8.3.2: the track header's matrix).
    """

    UPRIGHT = ""
    FLIP_VERTICAL = "vflip"
    FLIP_HORIZONTAL = "hflip"
    HALF_TURN = "hflip,vflip"
    QUARTER_CLOCKWISE = "transpose=clock"
    QUARTER_ANTICLOCKWISE = "transpose=cclock"
    TRANSPOSE = "transpose=cclock_flip"
    ANTITRANSPOSE = "transpose=clock_flip"

    @property
    def swaps_sides(self) -> bool:
        """Whether width and height are exchanged."""
        return self.value.startswith("transpose")


@dataclass(frozen=True, slots=True)
class MasteringDisplay:
    """SMPTE ST 2086: chromaticities (x, y) of red, green, blue and white; luminance in cd/m²."""

    primaries_xy: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
    white_xy: tuple[float, float]
    min_luminance: float
    max_luminance: float


@dataclass(frozen=True, slots=True)
class ContentLight:
    """CTA-861.3: maximum content light level and maximum frame-average light level, cd/m²."""

    max_cll: int
    max_fall: int


@dataclass(frozen=True, slots=True)
class HdrFacts:
    """What a source says about dynamic range beyond its colour tags."""

    mastering_display: MasteringDisplay | None = None
    content_light: ContentLight | None = None
    dolby_vision_profile: int | None = None


@dataclass(frozen=True, slots=True)
class FrameTiming:
    """When frames are shown, from packet timestamps; seconds of media time (0 = the container's start).

    Attributes:
        first_pts: first frame shown.
        last_pts: last frame shown.
        end: last_pts plus the last frame's duration. The container's declared duration is not used: VFR files with
            B-frames declare one that is too short.
        frames: packets that yield a shown frame, None where only the ends of the file were read.
        period: seconds a frame in a CFR file, the median distance in a VFR file.
        is_vfr: whether the timestamps leave a uniform grid by more than 2 ms or one tick.
        reorder_delay: the longest time between a frame's decode time and its presentation, as far as they were read:
            containers that seek by decode time land up to this much too late.
        longest_hold: the longest time that one frame is on screen, as far as timestamps were read.
    """

    first_pts: Fraction
    last_pts: Fraction
    end: Fraction
    frames: int | None
    period: Fraction
    is_vfr: bool
    longest_hold: Fraction = Fraction(0)
    reorder_delay: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """One source file, as opened. ``width`` and ``height`` are decoded pixels before rotation.

    Attributes:
        path: absolute.
        format_name: FFmpeg's demuxer name.
        stream_index: the video stream that is used: the first that is not a cover picture.
        time_base: seconds a tick of the stream.
        origin_ticks: the container's start in ticks of ``time_base``: media time = (pts - origin_ticks) * time_base.
        decoder: the decoder that keeps everything the stream holds (``libvpx-vp9`` for VP9 with alpha).
        container_tags: colour tags read before decoding.
        frame_tags: colour tags of the first decoded frame.
        notes: ``(kind, message)`` of what is unusual and true of this file.
        is_intermediate: whether a preflight of ours made it: then its tags are known, not read.
        is_dated_by_order: whether the container keeps decode times only while the pictures are reordered (AVI with
            B-frames): the n-th picture shown has the n-th time, so reading has to begin at the file's start.
    """

    path: Path
    format_name: str
    stream_index: int
    codec: str
    decoder: str
    width: int
    height: int
    pixel_format: str
    bit_depth: int
    has_alpha: bool
    orientation: Orientation
    sample_aspect_ratio: Fraction
    time_base: Fraction
    origin_ticks: int
    rate_from_header: Fraction | None
    timing: FrameTiming
    container_tags: ColorTags
    frame_tags: ColorTags
    hdr: HdrFacts
    notes: tuple[tuple[str, str], ...] = ()
    is_intermediate: bool = False
    is_dated_by_order: bool = False

    @property
    def tags(self) -> ColorTags:
        """The effective tags: each field from the frame, or from the container where the frame does not state it."""
        return self.frame_tags.merged_over(self.container_tags)

    @property
    def hdr_target(self) -> HdrTarget | None:
        """PQ, HLG or None for SDR."""
        return self.tags.hdr_target

    @property
    def is_matrix_guessed(self) -> bool:
        """Whether no tag says which matrix the Y'CbCr pixels were made with."""
        return self.tags.matrix == Matrix.UNSPECIFIED and not self.is_rgb and self.matrix != Matrix.BT2020_NCL

    @property
    def is_rgb(self) -> bool:
        """Whether the pixels are RGB, which need no matrix."""
        return self.pixel_format.startswith(("rgb", "bgr", "gbr", "argb", "abgr", "pal8"))

    @property
    def matrix(self) -> int:
        """The matrix to decode with; where no tag says, by the usual size rule (BT.601 for standard definition)."""
        stated = self.tags.matrix
        if self.is_rgb:
            return Matrix.RGB
        if stated != Matrix.UNSPECIFIED:
            return stated
        if self.tags.primaries == Primaries.BT2020 or self.hdr_target is not None:
            return Matrix.BT2020_NCL
        is_high_definition = self.width >= FIRST_BT709_WIDTH or self.height > LAST_BT601_LINE_COUNT
        return Matrix.BT709 if is_high_definition else Matrix.SMPTE170M

    @property
    def display_primaries(self) -> Primaries:
        """The primaries of an SDR source, one of those that can be mapped.

        Where no tag says: BT.601's for its two line counts, else BT.709's (the guess that mpv makes too).
        """
        stated = _MAPPABLE_PRIMARIES.get(self.tags.primaries)
        if stated is not None:
            return stated
        if self.matrix == Matrix.BT2020_NCL:
            return Primaries.BT2020
        return _PRIMARIES_BY_LINES.get(self.height, Primaries.BT709)

    @property
    def display_size(self) -> tuple[int, int]:
        """(width, height) as shown, in pixels: sample aspect ratio and rotation applied."""
        width, height = round(self.width * self.sample_aspect_ratio), self.height
        return (height, width) if self.orientation.swaps_sides else (width, height)


#: BT.601 systems have 480 or 576 active lines; taller or wider untagged pictures are taken for BT.709.
LAST_BT601_LINE_COUNT = 576
FIRST_BT709_WIDTH = 1280
_PRIMARIES_BY_LINES = {480: Primaries.SMPTE170M, 488: Primaries.SMPTE170M, 576: Primaries.BT470BG}
_MAPPABLE_PRIMARIES: Mapping[int, Primaries] = {
    Primaries.BT709: Primaries.BT709,
    Primaries.BT470BG: Primaries.BT470BG,
    Primaries.SMPTE170M: Primaries.SMPTE170M,
    Primaries.SMPTE240M: Primaries.SMPTE170M,  # the same chromaticities
    Primaries.BT2020: Primaries.BT2020,
    Primaries.SMPTE432: Primaries.SMPTE432,
}
