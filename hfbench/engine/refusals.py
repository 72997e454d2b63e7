"""Clips that can't be extracted whatever the options are: no frames left, or pixels that can't be computed exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hfbench.color import Matrix
from hfbench.model.pixel_format import PixelFamily
from hfbench.model.result import ClipFailure, FailureKind
from hfbench.timebase import seconds_text

if TYPE_CHECKING:
    from hfbench.model.plan import ProbedClip

#: H.273 matrices that are linear in the signal and that FFmpeg's scaler knows.
DRAWN_MATRICES = frozenset(
    {
        Matrix.RGB,
        Matrix.BT709,
        Matrix.FCC,
        Matrix.BT470BG,
        Matrix.SMPTE170M,
        Matrix.SMPTE240M,
        Matrix.BT2020_NCL,
    }
)
_MATRIX_NAMES = {
    Matrix.YCGCO: "YCgCo",
    Matrix.BT2020_CL: "BT.2020 with constant luminance",
    Matrix.SMPTE2085: "SMPTE ST 2085 (Y'D'zD'x)",
    Matrix.CHROMA_NCL: "derived from primaries that are not BT.709's or BT.2020's",
    Matrix.CHROMA_CL: "derived from the primaries, with constant luminance",
    Matrix.ICTCP: "ICtCp",
    15: "IPT-C2",
    16: "YCgCo-Re",
    17: "YCgCo-Ro",
}


#: IPT-PQ-c2 pixels only (Dolby Vision Bitstreams Within the ISO Base Media File Format, 2.1.2).
DOLBY_VISION_WITHOUT_BASE_LAYER = 5


def refusal_of(probed: ProbedClip) -> ClipFailure | None:
    """Why a clip can't be extracted, whatever the options are; None where it can."""
    media, clip = probed.media, probed.clip
    if clip.media_start >= media.timing.end:
        message = (
            f"media_start {seconds_text(clip.media_start)} s is at or past the end of the source "
            f"({seconds_text(media.timing.end)} s): start earlier"
        )
        return ClipFailure(clip.id, FailureKind.MEDIA_START_OUT_OF_RANGE, message)
    if media.hdr.dolby_vision_profile == DOLBY_VISION_WITHOUT_BASE_LAYER:
        message = (
            "Dolby Vision profile 5 has no BT.2020 base layer, so its pixels can't be shown without the Dolby mapping: "
            "export the clip as profile 8 or HDR10"
        )
        return ClipFailure(clip.id, FailureKind.UNSUPPORTED_MEDIA, message)
    return _unsupported_pixels(probed)


def _unsupported_pixels(probed: ProbedClip) -> ClipFailure | None:
    """Pixels whose meaning can't be computed exactly are refused: a wrong picture would go unnoticed."""
    media = probed.media
    if media.pixel_family is PixelFamily.UNREADABLE:
        message = f"FFmpeg can't convert {media.pixel_format} pixels: transcode the clip to a common pixel format"
        return ClipFailure(probed.clip.id, FailureKind.UNSUPPORTED_MEDIA, message)
    if media.matrix not in DRAWN_MATRICES:
        name = _MATRIX_NAMES.get(media.matrix, f"number {media.matrix}")
        message = (
            f"the colour matrix is {name}, which can't be drawn exactly: transcode the clip to BT.709 or BT.2020, "
            "non-constant luminance"
        )
        return ClipFailure(probed.clip.id, FailureKind.UNSUPPORTED_COLOUR, message)
    return None
