"""Facts in containers that PyAV does not offer: crop, shape of a cropped picture, Dolby Vision, layers.

Read from the file itself: ISO/IEC 14496-12 (``clap`` 12.1.4, ``pasp``, ``tkhd`` 8.3.2), QuickTime File Format, RFC 9559
(Matroska), Dolby Vision Streams Within the ISO Base Media File Format 3.2 (``dvcC``). A file that can't be read like
this has no facts here: libavformat decides what is readable.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, BinaryIO, Final

from hfbench.model.media import Crop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Larger headers are not read: the sample tables of the longest films are far smaller.
_MOST_HEADER_BYTES: Final = 256 << 20
#: Bytes of a VisualSampleEntry before its first child box, size and type included.
_VISUAL_ENTRY_BYTES: Final = 86


@dataclass(frozen=True, slots=True)
class DolbyVision:
    """The configuration record: profile and base-layer signal compatibility ID."""

    profile: int
    compatibility: int


@dataclass(frozen=True, slots=True)
class ContainerFacts:
    """What one video track's header says.

    Attributes:
        aperture: (width, height, horizontal offset, vertical offset) of ``clap``, as ISO/IEC 14496-12 defines them.
        crop: Matroska's PixelCrop.
        presented_size: width and height of ``tkhd``, where no ``pasp`` gives the sample aspect ratio.
        has_more_layers: whether the track is coded in layers (``lhvC``): MV-HEVC, or HEVC with alpha.
    """

    aperture: tuple[Fraction, Fraction, Fraction, Fraction] | None = None
    crop: Crop | None = None
    presented_size: tuple[Fraction, Fraction] | None = None
    dolby_vision: DolbyVision | None = None
    has_more_layers: bool = False

    def crop_of(self, width: int, height: int) -> Crop | None:
        """What is hidden of decoded pictures of this size; None where nothing is, or the values are impossible."""
        crop = self.crop if self.aperture is None else _crop_of_aperture(self.aperture, width, height)
        if crop is None or crop == Crop(0, 0, 0, 0) or min(crop.left, crop.top, crop.right, crop.bottom) < 0:
            return None
        return crop if crop.left + crop.right < width and crop.top + crop.bottom < height else None


def _crop_of_aperture(aperture: tuple[Fraction, ...], width: int, height: int) -> Crop:
    """The pixels outside the clean aperture, whose centre is the picture's, moved by the offsets."""
    wide, high, right, down = aperture
    first_x = (width - wide) / 2 + right
    first_y = (height - high) / 2 + down
    left, top = int(first_x), int(first_y)
    return Crop(left, top, width - 1 - int(first_x + wide - 1), height - 1 - int(first_y + high - 1))


def container_facts(path: Path, format_name: str, *, track_id: int, index: int) -> ContainerFacts:
    """Facts of one video stream; an empty value where there are none.

    Args:
        path: the file.
        format_name: FFmpeg's name of the demuxer.
        track_id: ``track_ID`` of ISO base media.
        index: libavformat's number of the stream, which in Matroska is the place among the tracks.
    """
    try:
        with path.open("rb") as file:
            if format_name.startswith("mov,"):
                return _iso_facts(file, track_id)
            return _matroska_facts(file, index) if format_name.startswith("matroska") else ContainerFacts()
    except (OSError, ValueError, LookupError, ZeroDivisionError, struct.error):
        return ContainerFacts()


# --- ISO base media and QuickTime -----------------------------------------------------------------------------------


def _iso_facts(file: BinaryIO, track: int) -> ContainerFacts:
    for trak in _children(_top_level_box(file, b"moov")):
        if trak[0] != b"trak":
            continue
        boxes = dict(_children(trak[1]))
        number, size = _track_header(boxes[b"tkhd"])
        if number == track:
            entry = _first_sample_entry(boxes[b"mdia"])
            return _entry_facts(dict(_children(entry[_VISUAL_ENTRY_BYTES:])), size)
    return ContainerFacts()


def _top_level_box(file: BinaryIO, wanted: bytes) -> bytes:
    while header := file.read(8):
        size, kind = struct.unpack(">I4s", header)
        size = struct.unpack(">Q", file.read(8))[0] - 8 if size == 1 else size
        if kind == wanted:
            return file.read(min(size - 8, _MOST_HEADER_BYTES)) if size else file.read(_MOST_HEADER_BYTES)
        if size < 8:
            break
        file.seek(size - 8, 1)
    return b""


def _children(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1:
            size, head = struct.unpack_from(">Q", data, at + 8)[0], 16
        size = size or len(data) - at
        if size < head:
            return
        yield kind, data[at + head : at + size]
        at += size


def _track_header(tkhd: bytes) -> tuple[int, tuple[Fraction, Fraction]]:
    is_long = tkhd[0] == 1
    width, height = struct.unpack_from(">II", tkhd, 88 if is_long else 76)
    return struct.unpack_from(">I", tkhd, 20 if is_long else 12)[0], (Fraction(width, 65536), Fraction(height, 65536))


def _first_sample_entry(mdia: bytes) -> bytes:
    """With its size and type."""
    table = dict(_children(dict(_children(dict(_children(mdia))[b"minf"]))[b"stbl"]))[b"stsd"]
    return table[8 : 8 + struct.unpack_from(">I", table, 8)[0]]


def _entry_facts(boxes: dict[bytes, bytes], presented: tuple[Fraction, Fraction]) -> ContainerFacts:
    clap, dolby = boxes.get(b"clap"), boxes.get(b"dvcC") or boxes.get(b"dvvC") or boxes.get(b"dvwC")
    aperture = None
    if clap is not None:
        numbers = struct.unpack(">IIIIiIiI", clap[:32])
        wide, high, right, down = (Fraction(*numbers[at : at + 2]) for at in (0, 2, 4, 6))
        aperture = (wide, high, right, down)
    return ContainerFacts(
        aperture=aperture,
        presented_size=None if b"pasp" in boxes or not all(presented) else presented,
        dolby_vision=None if dolby is None else _dolby_vision(dolby),
        has_more_layers=b"lhvC" in boxes,
    )


def _dolby_vision(record: bytes) -> DolbyVision:
    return DolbyVision(profile=record[2] >> 1, compatibility=record[4] >> 4)


# --- Matroska and WebM ----------------------------------------------------------------------------------------------

_SEGMENT, _TRACKS, _ENTRY, _TYPE, _VIDEO = 0x18538067, 0x1654AE6B, 0xAE, 0x83, 0xE0
#: Track types that libavformat makes streams of: video, audio, subtitles, metadata.
_STREAM_TYPES = {0x01, 0x02, 0x11, 0x21}
_CROPS = {"left": 0x54CC, "top": 0x54BB, "right": 0x54DD, "bottom": 0x54AA}
_MAPPING, _MAPPING_TYPE, _MAPPING_DATA = 0x41E4, 0x41E7, 0x41ED
_DOLBY_TYPES = {int.from_bytes(name, "big") for name in (b"dvcC", b"dvvC", b"dvwC")}


def _matroska_facts(file: BinaryIO, index: int) -> ContainerFacts:
    entries = [list(_elements(data)) for kind, data in _elements(_tracks(file)) if kind == _ENTRY]
    parts = [each for each in entries if _number(dict(each).get(_TYPE)) in _STREAM_TYPES][index]
    video = dict(_elements(dict(parts).get(_VIDEO, b"")))
    crop = Crop(**{side: _number(video.get(name)) for side, name in _CROPS.items()})
    mappings = [dict(_elements(data)) for name, data in parts if name == _MAPPING]
    records = [each[_MAPPING_DATA] for each in mappings if _number(each.get(_MAPPING_TYPE)) in _DOLBY_TYPES]
    return ContainerFacts(crop=crop, dolby_vision=_dolby_vision(records[0]) if records else None)


def _number(data: bytes | None) -> int:
    """An unsigned integer element; one that is absent is 0."""
    return int.from_bytes(data or b"", "big")


def _tracks(file: BinaryIO) -> bytes:
    """The first Tracks element of the first Segment, without reading what is before it."""
    while (kind := _vint(file, keeps_marker=True)) is not None:
        size = _vint(file)
        if kind == _TRACKS:
            return file.read(min(size or 0, _MOST_HEADER_BYTES))
        if kind != _SEGMENT:
            if size is None:
                break
            file.seek(size, 1)
    return b""


def _vint(file: BinaryIO, *, keeps_marker: bool = False) -> int | None:
    """A variable-length number (RFC 8794, 4); None at the end of the file and for an unknown size."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    length = 9 - first[0].bit_length()
    value = int.from_bytes(first + file.read(length - 1), "big")
    if keeps_marker:
        return value
    value &= (1 << 7 * length) - 1
    return None if value == (1 << 7 * length) - 1 else value


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    from io import BytesIO

    file = BytesIO(data)
    while (kind := _vint(file, keeps_marker=True)) is not None:
        yield kind, file.read(_vint(file) or 0)
