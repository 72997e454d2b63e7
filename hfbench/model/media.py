"""What a probe found in one source file. Frozen values; names carry their provenance."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import TYPE_CHECKING

from hfbench.color import ColorRange, ColorTags, HdrTarget, Matrix, Primaries
from hfbench.model.clock import STATED, Clock
from hfbench.model.pixel_format import PixelFamily, family_of

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
    """What a source says about dynamic range beyond its colour tags.

    Attributes:
        dolby_vision_profile: from the container's configuration record, else from the first frame's RPU.
        dolby_vision_compatibility: base-layer signal compatibility ID of the configuration record (Dolby Vision Streams
            Within the ISO Base Media File Format, 3.2): 0 none, 1 HDR10, 2 SDR, 4 HLG, 6 Ultra HD Blu-ray. None where
            the container has no record.
        has_hdr10_plus: whether the first frame carries SMPTE ST 2094-40 metadata.
    """

    mastering_display: MasteringDisplay | None = None
    content_light: ContentLight | None = None
    dolby_vision_profile: int | None = None
    dolby_vision_compatibility: int | None = None
    has_hdr10_plus: bool = False


@dataclass(frozen=True, slots=True)
class Crop:
    """Decoded pixels that the container hides, at each side (``clap`` of ISO/IEC 14496-12, PixelCrop of Matroska)."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True, slots=True)
class FrameTiming:
    """When frames are shown, from packet timestamps; seconds of media time (0 = the container's start).

    Attributes:
        first_pts: first frame shown.
        last_pts: last frame shown.
        end: last_pts plus the last frame's duration. The container's declared duration is not used: VFR files with
            B-frames declare one that is too short.
        frames: packets that yield a shown frame, None where only the ends of the file were read.
        period: seconds per frame in a CFR file, the median distance in a VFR file.
        is_vfr: whether the timestamps leave a uniform grid by more than 2 ms or one tick.
        longest_hold: the longest time that one frame is on screen, as far as timestamps were read.
    """

    first_pts: Fraction
    last_pts: Fraction
    end: Fraction
    frames: int | None
    period: Fraction
    is_vfr: bool
    longest_hold: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """One source file, as opened. ``width`` and ``height`` are decoded pixels, cropped, before rotation.

    Attributes:
        path: absolute.
        format_name: FFmpeg's demuxer name.
        stream_index: the video stream that is used: FFmpeg's choice among those that are not cover pictures.
        crop: what the container hides of the decoded picture; None where it hides nothing.
        time_base: seconds per tick of the stream.
        origin_ticks: the container's start in ticks of ``time_base``: media time = (pts - origin_ticks) * time_base.
        decoder: the decoder that keeps everything the stream holds (``libvpx-vp9`` for VP9 with alpha).
        container_tags: colour tags read before decoding.
        frame_tags: colour tags of the first decoded frame.
        notes: ``(kind, message)`` of what is unusual about this file.
        is_intermediate: whether a preflight of ours made it: then its tags are known, not read.
        clock: how its packets become media times.
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
    clock: Clock = STATED
    crop: Crop | None = None

    @property
    def decoded_size(self) -> tuple[int, int]:
        """(width, height) of decoded pictures, before the container's crop."""
        crop = self.crop or Crop(0, 0, 0, 0)
        return self.width + crop.left + crop.right, self.height + crop.top + crop.bottom

    @property
    def pixel_family(self) -> PixelFamily:
        """How the samples are to be read."""
        return family_of(self.pixel_format)

    @property
    def origin(self) -> Fraction:
        """The container's start on its own clock, seconds: what is subtracted from its times to get media time."""
        return self.origin_ticks * self.time_base

    @property
    def tags(self) -> ColorTags:
        """The effective tags: each field from the frame, or from the container where the frame does not state it."""
        return _merged(self.frame_tags, self.container_tags)

    @property
    def hdr_target(self) -> HdrTarget | None:
        """PQ, HLG or None for SDR."""
        return self.tags.hdr_target

    @property
    def is_matrix_guessed(self) -> bool:
        """Whether no tag says which matrix the Y'CbCr pixels were made with."""
        is_ycbcr = self.pixel_family is PixelFamily.YCBCR
        return is_ycbcr and self._stated_matrix is None and self.matrix != Matrix.BT2020_NCL

    @property
    def matrix(self) -> int:
        """The matrix to decode with; where no tag says, by the usual size rule (BT.601 for standard definition).

        Matrix 12 is derived from the primaries (H.273, 8.3): BT.709's and BT.2020's are those two matrices.
        """
        if self.pixel_family is not PixelFamily.YCBCR:
            return Matrix.RGB
        stated = self._stated_matrix
        if stated == Matrix.CHROMA_NCL:
            return _DERIVED_MATRIX.get(self.tags.primaries, Matrix.CHROMA_NCL)
        if stated is not None:
            return stated
        if self.tags.primaries == Primaries.BT2020 or self.hdr_target is not None:
            return Matrix.BT2020_NCL
        is_high_definition = self.width >= FIRST_BT709_WIDTH or self.height > LAST_BT601_LINE_COUNT
        return Matrix.BT709 if is_high_definition else Matrix.SMPTE170M

    @property
    def _stated_matrix(self) -> int | None:
        """The tag; None where it says nothing that can be true of Y'CbCr (0 is RGB, 2 unspecified, others reserved)."""
        stated = self.tags.matrix
        is_possible = stated in _KNOWN_MATRICES and stated not in {Matrix.RGB, Matrix.UNSPECIFIED}
        return stated if is_possible else None

    @property
    def range(self) -> ColorRange:
        """The range to read samples by. Where no tag says: limited, but full for RGB and for grey of image codecs."""
        stated = self.tags.range
        if self.pixel_format.startswith("mono"):
            return ColorRange.FULL
        if stated in {ColorRange.LIMITED, ColorRange.FULL}:
            return ColorRange(stated)
        is_full = self.pixel_family is not PixelFamily.YCBCR and self.codec not in _LIMITED_BY_DEFAULT
        return ColorRange.FULL if is_full else ColorRange.LIMITED

    @property
    def primaries(self) -> int:
        """The primaries of the pixels; where HDR does not say, BT.2020's, which BT.2100 asks for."""
        stated = self.tags.primaries
        is_known = stated in set(Primaries) and stated != Primaries.UNSPECIFIED
        return Primaries.BT2020 if self.hdr_target is not None and not is_known else stated

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


#: H.273 table 4, and its later values 15 (IPT-C2), 16 and 17 (YCgCo-Re, YCgCo-Ro).
_KNOWN_MATRICES = {*Matrix, 15, 16, 17}
_DERIVED_MATRIX: Mapping[int, Matrix] = {Primaries.BT709: Matrix.BT709, Primaries.BT2020: Matrix.BT2020_NCL}
#: Codecs whose standards infer limited range where nothing is said.
_LIMITED_BY_DEFAULT = {"h264", "hevc", "av1", "vp8", "vp9", "vvc", "mpeg4", "mpeg2video"}


@functools.lru_cache(maxsize=256)
def _merged(frame: ColorTags, container: ColorTags) -> ColorTags:
    """Cached, because a plan asks for the tags of its source several times."""
    return frame.merged_over(container)


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
    Primaries.SMPTE431: Primaries.SMPTE431,
    Primaries.BT470M: Primaries.BT470M,
    Primaries.FILM: Primaries.FILM,
    Primaries.SMPTE428: Primaries.SMPTE428,
    Primaries.EBU3213: Primaries.EBU3213,
}
