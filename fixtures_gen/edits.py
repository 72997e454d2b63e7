"""Changes to finished files that no muxer offers: each a frozen value, called with bytes, returning bytes."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fixtures_gen.errors import FixtureError

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"moof", b"traf", b"mvex", b"udta"}
_ENTRIES_AT = {b"stsd": 16}
_SAMPLE_ENTRIES = {b"avc1", b"avc3", b"hvc1", b"hev1", b"vp09", b"av01", b"encv", b"mp4v", b"ap4h", b"ap4x"}
_VISUAL_SAMPLE_ENTRY = 86  # ISO/IEC 14496-12, 12.1.3: 8 of the box, 78 fixed, then boxes


@dataclass(frozen=True, slots=True)
class Box:
    """One ISO BMFF box: where it starts, how long it is, header included, and its type."""

    start: int
    size: int
    kind: bytes

    @property
    def end(self) -> int:
        """First byte after the box."""
        return self.start + self.size


def walk(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """Every box in file order, parents before children (ISO/IEC 14496-12, 4.2); stops at the first bad size."""
    stop = len(data) if end is None else end
    while start + 8 <= stop:
        size, kind = struct.unpack_from(">I4s", data, start)
        header = 8
        if size == 1:
            size, header = struct.unpack_from(">Q", data, start + 8)[0], 16
        elif size == 0:
            size = stop - start
        if size < header or start + size > stop:
            return
        yield Box(start, size, kind)
        if kind in CONTAINERS:
            yield from walk(data, start + header, start + size)
        elif kind in _ENTRIES_AT:
            yield from walk(data, start + _ENTRIES_AT[kind], start + size)
        elif kind in _SAMPLE_ENTRIES:
            yield from walk(data, start + _VISUAL_SAMPLE_ENTRY, start + size)
        start += size


def find(data: bytes, kind: bytes) -> Box:
    """The first box of a kind; ``FixtureError`` where there is none."""
    for box in walk(data):
        if box.kind == kind:
            return box
    raise FixtureError(f"there is no {kind.decode('latin-1')} box to edit")


def patched(data: bytes, at: int, new: bytes) -> bytes:
    """The data with ``new`` written over it at an offset."""
    return data[:at] + new + data[at + len(new) :]


@dataclass(frozen=True, slots=True)
class HideBox:
    """Rename the first box of a kind to ``free``, which readers must skip; no offset moves."""

    kind: str

    def __call__(self, data: bytes) -> bytes:
        """Return the edited file."""
        return patched(data, find(data, self.kind.encode()).start + 4, b"free")


@dataclass(frozen=True, slots=True)
class SetColr:
    """Overwrite the nclx colour box (ISO/IEC 14496-12, 12.1.5) with other H.273 numbers."""

    primaries: int
    transfer: int
    matrix: int
    full_range: bool

    def __call__(self, data: bytes) -> bytes:
        """Return the edited file; ``FixtureError`` where the box is not nclx."""
        box = find(data, b"colr")
        if data[box.start + 8 : box.start + 12] != b"nclx":
            raise FixtureError("the colr box is not of type nclx")
        numbers = struct.pack(">HHHB", self.primaries, self.transfer, self.matrix, self.full_range << 7)
        return patched(data, box.start + 12, numbers)


Edit = HideBox | SetColr
