"""Plans: what is to be done for each clip.

Plans are frozen data without open files. The steps in them both drive the work and form the cache key. A plan is for
one range of one source.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from hfbench.color import HdrTarget, Primaries
    from hfbench.composition import Clip
    from hfbench.model.media import MediaInfo
    from hfbench.model.result import ClipWarning, Placement
    from hfbench.timebase import FrameGrid


class Scope(Enum):
    """How much of a source the preflight touches."""

    SOURCE = "source"
    SEGMENT = "segment"
    FUSED = "fused"


class SdrMapping(Enum):
    """How SDR pictures are converted in an HDR composition."""

    BT2408 = "bt2408"
    GAMUT = "gamut"


class ImageFormat(Enum):
    """File formats of extracted frames."""

    JPG = "jpg"
    PNG = "png"
    PNG16 = "png16"

    @property
    def suffix(self) -> str:
        """The suffix of file names, with the dot."""
        return ".jpg" if self is ImageFormat.JPG else ".png"


class Pixels(Enum):
    """What converts decoded pixels to those of the images.

    ``KERNEL`` is compiled code, and libavfilter for what that can't do; ``LIBAVFILTER``, the reference, does all.
    """

    KERNEL = "kernel"
    LIBAVFILTER = "libavfilter"


@dataclass(frozen=True, slots=True)
class Size:
    """A displayed size in pixels."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class ImageSpec:
    """How a frame is written.

    Attributes:
        quality: libjpeg's scale, 1-100; matters for jpg only.
        size: what pictures are scaled to, as displayed; None leaves them as they are.
    """

    format: ImageFormat
    quality: int = 95
    size: Size | None = None

    @property
    def pattern(self) -> str:
        """The printf pattern of file names, numbered from 1."""
        return f"frame_%05d{self.format.suffix}"


class SdrEotf(Enum):
    """The transfer function of the display that an SDR picture was made for."""

    BT1886 = "bt1886"
    SRGB = "srgb"
    GAMMA22 = "gamma22"


@dataclass(frozen=True, slots=True)
class SdrToHdr:
    """Show SDR as on its own display, with its white at a stated luminance (ITU-R BT.2408-7, clause 5.1).

    Attributes:
        target: the transfer of the composition.
        primaries: of the source: BT.709, BT.601's two, or BT.2020.
        eotf: of the display that the source was made for.
        white: luminance of SDR white, cd/m².
    """

    target: HdrTarget
    primaries: Primaries
    eotf: SdrEotf
    white: float


@dataclass(frozen=True, slots=True)
class GamutSwap:
    """Exchange the primaries and re-tag the frames, as HyperFrames does: not colorimetric."""

    target: HdrTarget


@dataclass(frozen=True, slots=True)
class HdrToHdr:
    """HDR of one transfer and set of primaries in a composition's own: BT.2020 with the target's transfer.

    The light that the source shows is kept; for HLG that is the light of BT.2100's reference display of 1000 cd/m².

    Attributes:
        source: the transfer of the source.
        primaries: of the source.
        target: the transfer to end in.
    """

    source: HdrTarget
    primaries: Primaries
    target: HdrTarget


#: How a clip's colours are converted to the composition's.
ColorMap = SdrToHdr | GamutSwap | HdrToHdr


@dataclass(frozen=True, slots=True)
class ResolvedClip:
    """A clip whose source is at ``path`` (absolute, a regular file)."""

    clip: Clip
    path: Path

    @property
    def clip_id(self) -> str:
        """The clip's id."""
        return self.clip.id


@dataclass(frozen=True, slots=True)
class ProbedClip:
    """A resolved clip and what the probe found in its source."""

    resolved: ResolvedClip
    media: MediaInfo

    @property
    def clip(self) -> Clip:
        """The clip of the composition."""
        return self.resolved.clip

    @property
    def clip_id(self) -> str:
        """The clip's id."""
        return self.clip.id


@dataclass(frozen=True, slots=True)
class WholeSource:
    """Normalise every frame of the source.

    Attributes:
        grid: for VFR sources, the grid over the whole file, in step with the clip's own slots; None keeps the
            source's own timestamps.
    """

    grid: FrameGrid | None


@dataclass(frozen=True, slots=True)
class Segment:
    """Normalise only what the clip uses: the intermediate holds one frame per slot and starts at 0."""

    grid: FrameGrid


@dataclass(frozen=True, slots=True)
class Normalize:
    """The preflight of the re-encoding scopes."""

    extent: WholeSource | Segment
    color: ColorMap | None


@dataclass(frozen=True, slots=True)
class ClipPlan:
    """What is to be done for one clip.

    Attributes:
        probed: the clip that the plan is for.
        grid: the slots wanted, in media time of the source.
        color: the colour map that the clip needs, in whichever phase it is applied.
        is_regularized: whether the source is VFR, so that the rate is changed too.
        normalize: the preflight's re-encode; None for the fused scope and for clips that need none.
        image: how frames are written.
        placement: when and how the frames are shown.
        warnings: what planning noticed.
        pixels: what may convert the pixels.
    """

    probed: ProbedClip
    grid: FrameGrid
    color: ColorMap | None
    is_regularized: bool
    normalize: Normalize | None
    image: ImageSpec
    placement: Placement
    warnings: tuple[ClipWarning, ...] = ()
    pixels: Pixels = Pixels.KERNEL

    @property
    def clip(self) -> Clip:
        """The clip of the composition."""
        return self.probed.clip

    @property
    def clip_id(self) -> str:
        """The clip's id."""
        return self.clip.id

    @property
    def media(self) -> MediaInfo:
        """The source."""
        return self.probed.media


@dataclass(frozen=True, slots=True)
class Intermediate:
    """The file that a preflight made: its frames already have the composition's colours."""

    path: Path
    media: MediaInfo


@dataclass(frozen=True, slots=True)
class PreparedClip:
    """A planned clip after its preflight: where to read its frames, and what is left to do to them.

    Attributes:
        plan: the clip's plan.
        media: the file to read: the source, or the intermediate that the preflight made of it.
        grid: the slots wanted, in media time of ``media``.
        color: the colour map that is left to apply; None where none is needed or the preflight applied it.
        warnings: what the preflight noticed.
    """

    plan: ClipPlan
    media: MediaInfo
    grid: FrameGrid
    color: ColorMap | None
    warnings: tuple[ClipWarning, ...] = ()

    @property
    def clip_id(self) -> str:
        """The clip's id."""
        return self.plan.clip_id
