"""What the themes of the catalogue share: usual tags, usual clips and the truth that goes with each."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from fixtures_gen import encoders
from fixtures_gen.recipe import Encode, Files, Size
from fixtures_gen.sources import Camera
from fixtures_gen.truth import BT709, ContentLight, FileTruth, Listed, MasteringDisplay, Tags, Uniform

PQ = Tags(9, 16, 9, full_range=False)
HLG = Tags(9, 18, 9, full_range=False)

PQ_CEILING = 160
"""Brightest 8-bit-equivalent code of a PQ scene: 658 cd/m² and so within max_cll."""

MASTERING_P3_1000 = MasteringDisplay(
    green=(13250, 34500),
    blue=(7500, 3000),
    red=(34000, 16000),
    white=(15635, 16450),
    max_luminance=10_000_000,
    min_luminance=1,
)
LIGHT_1000_400 = ContentLight(1000, 400)
THIRTY = Fraction(30)


def remux(output: str, source: str, *options: str, before: tuple[str, ...] = ()) -> Encode:
    """Copy the packets of an earlier file into another container."""
    return Encode(output, Files((*before, "-i", source)), ("-c", "copy", *options))


def ticks_for(rate: Fraction) -> int:
    """The MP4 track time scale that holds this rate exactly, as ffmpeg chooses it: at least 10 000 per second."""
    scale = rate.numerator
    while scale < 10_000:
        scale *= 2
    return scale


def milliseconds(rate: Fraction, frames: int) -> Listed:
    """Timestamps of a constant rate as Matroska, WebM and FLV keep them: rounded half up to 1 ms."""
    ticks = tuple((2000 * k * rate.denominator // rate.numerator + 1) // 2 for k in range(frames))
    return Listed(ticks, Fraction(1, 1000))


@dataclass(frozen=True, slots=True)
class SdrClip:
    """A camera clip in BT.709 H.264, MP4."""

    name: str
    size: Size
    frames: int
    rate: Fraction = THIRTY
    first_id: int = 0
    threads: int = 1
    params: str = ""
    seed: int = 1

    def step(self, *more: str) -> Encode:
        """The ffmpeg run that makes it, with ``more`` output options."""
        camera = Camera(
            self.size.width, self.size.height, self.rate, self.frames, seed=self.seed, first_id=self.first_id
        )
        encoder = encoders.x264(threads=self.threads, params=self.params)
        return Encode(self.name, camera, ("-vf", encoders.setparams(BT709), *encoder, *more))

    def truth(self) -> FileTruth:
        """The truth about that file."""
        return FileTruth(
            name=self.name,
            codec="h264",
            pix_fmt="yuv420p",
            width=self.size.width,
            height=self.size.height,
            time_base=Fraction(1, ticks_for(self.rate)),
            timing=Uniform(Fraction(0), 1 / self.rate, self.frames),
            frame_ids=range(self.first_id, self.first_id + self.frames),
            frame_rate=self.rate,
            last_duration=1 / self.rate,
        )


@dataclass(frozen=True, slots=True)
class HdrClip:
    """A camera clip in BT.2020 10-bit HEVC, MP4: PQ with HDR10 metadata, or HLG without."""

    name: str
    size: Size
    frames: int
    tags: Tags = PQ
    rate: Fraction = THIRTY
    first_id: int = 0
    params: str = ""

    @property
    def _is_pq(self) -> bool:
        return self.tags.transfer == PQ.transfer

    def step(self, *more: str) -> Encode:
        """The ffmpeg run that makes it, with ``more`` output options."""
        w, h = self.size.width, self.size.height
        ceiling = PQ_CEILING if self._is_pq else 235
        camera = Camera(
            w, h, self.rate, self.frames, depth=10, ceiling=ceiling, noise=9, saturation=40, first_id=self.first_id
        )
        encoder = encoders.x265(
            tags=self.tags,
            mastering=MASTERING_P3_1000 if self._is_pq else None,
            light=LIGHT_1000_400 if self._is_pq else None,
            params=self.params,
        )
        return Encode(self.name, camera, ("-vf", encoders.setparams(self.tags), *encoder, *more))

    def truth(self) -> FileTruth:
        """The truth about that file."""
        return FileTruth(
            name=self.name,
            codec="hevc",
            pix_fmt="yuv420p10le",
            width=self.size.width,
            height=self.size.height,
            time_base=Fraction(1, ticks_for(self.rate)),
            timing=Uniform(Fraction(0), 1 / self.rate, self.frames),
            frame_ids=range(self.first_id, self.first_id + self.frames),
            frame_rate=self.rate,
            container=self.tags,
            bitstream=self.tags,
            mastering=MASTERING_P3_1000 if self._is_pq else None,
            content_light=LIGHT_1000_400 if self._is_pq else None,
            hdr="pq" if self._is_pq else "hlg",
            last_duration=1 / self.rate,
        )
