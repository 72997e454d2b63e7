"""Edit lists of MP4 and MOV, read from the boxes: libavformat is wrong at cuts between pieces."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import IO, TYPE_CHECKING, Final

from hfbench.model.clock import Edit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: More entries than any editor writes; a list beyond that is damage.
_MOST_ENTRIES: Final = 65_536
#: media_time of an entry that shows nothing (ISO/IEC 14496-12, 8.6.6.3).
_EMPTY: Final = -1
_NORMAL_RATE: Final = (1, 0)


@dataclass(frozen=True, slots=True)
class EditList:
    """What the edit list of one track says.

    Attributes:
        edits: entries that show something, from the start of the movie, seconds.
        has_other_rate: whether an entry asks for another rate than 1, which is not followed.
    """

    edits: tuple[Edit, ...]
    has_other_rate: bool

    @property
    def is_simple(self) -> bool:
        """Whether there is at most one piece: libavformat handles that correctly."""
        return len(self.edits) <= 1


NO_EDITS: Final = EditList((), has_other_rate=False)


@dataclass(frozen=True, slots=True)
class _Box:
    kind: bytes
    start: int
    end: int


def read_edit_list(path: Path, track_id: int) -> EditList:
    """The edit list of a track, empty where it has none or the boxes can't be read."""
    with path.open("rb") as file:
        try:
            return _read(file, track_id, file.seek(0, 2))
        except (struct.error, ValueError, StopIteration):
            return NO_EDITS


def _read(file: IO[bytes], track_id: int, size: int) -> EditList:
    movie = _child(file, _Box(b"", 0, size), b"moov")
    movie_scale = _time_scale(file, _child(file, movie, b"mvhd"))
    for track in (each for each in _children(file, movie) if each.kind == b"trak"):
        if _track_id(file, _child(file, track, b"tkhd")) != track_id:
            continue
        media_scale = _time_scale(file, _child(file, _child(file, track, b"mdia"), b"mdhd"))
        return _entries(file, _child(file, _child(file, track, b"edts"), b"elst"), movie_scale, media_scale)
    return NO_EDITS


def _children(file: IO[bytes], parent: _Box) -> Iterator[_Box]:
    """The boxes in a box (ISO/IEC 14496-12, 4.2)."""
    at = parent.start
    while at + 8 <= parent.end:
        file.seek(at)
        size, kind = struct.unpack(">I4s", file.read(8))
        header = 8
        if size == 1:
            (size,), header = struct.unpack(">Q", file.read(8)), 16
        elif size == 0:
            size = parent.end - at
        if size < header:
            raise ValueError(f"the box at byte {at} is shorter than its header")
        yield _Box(kind, at + header, min(at + size, parent.end))
        at += size


def _child(file: IO[bytes], parent: _Box, kind: bytes) -> _Box:
    return next(each for each in _children(file, parent) if each.kind == kind)


def _full_box(file: IO[bytes], box: _Box) -> tuple[int, bytes]:
    """Version and content of a box with version and flags."""
    file.seek(box.start)
    data = file.read(min(box.end - box.start, 8 + 20 * _MOST_ENTRIES))
    return data[0] if data else 0, data[4:]


def _time_scale(file: IO[bytes], box: _Box) -> int:
    """Ticks per second of a movie or media header (8.2.2, 8.4.2)."""
    version, data = _full_box(file, box)
    scale: int = struct.unpack_from(">I", data, 16 if version else 8)[0]
    if scale == 0:
        raise ValueError("a time scale of 0")
    return scale


def _track_id(file: IO[bytes], box: _Box) -> int:
    version, data = _full_box(file, box)
    number: int = struct.unpack_from(">I", data, 16 if version else 8)[0]
    return number


def _entries(file: IO[bytes], box: _Box, movie_scale: int, media_scale: int) -> EditList:
    version, data = _full_box(file, box)
    (count,) = struct.unpack_from(">I", data)
    entry = struct.Struct(">Qqhh" if version else ">Iihh")
    edits: list[Edit] = []
    start = Fraction(0)
    has_other_rate = False
    for number in range(min(count, _MOST_ENTRIES)):
        duration, media_time, *rate = entry.unpack_from(data, 4 + number * entry.size)
        seconds = Fraction(duration, movie_scale)
        if media_time != _EMPTY and seconds:
            edits.append(Edit(start, seconds, Fraction(media_time, media_scale)))
            has_other_rate = has_other_rate or tuple(rate) != _NORMAL_RATE
        start += seconds
    return EditList(tuple(edits), has_other_rate)
