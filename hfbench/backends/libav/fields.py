"""Field-coded H.264: two packets per picture, distinguished by their slice headers (H.264, 7.3.2.1.1 and 7.3.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_SLICES: Final = (1, 5)
_SEQUENCE: Final = 7
#: Profiles whose parameter set says the chroma format (7.3.2.1.1).
_HIGH_PROFILES: Final = (100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135)
#: Enough of a slice for its first fields.
_HEADER_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class _Sequence:
    """The values of a sequence parameter set that are needed to read a slice header."""

    frame_number_bits: int
    has_fields: bool
    has_planes: bool


@dataclass(frozen=True, slots=True)
class _Field:
    frame_number: int
    is_bottom: bool


class FieldPairs:
    """Distinguishes second fields from first ones; fed with packets in decoding order.

    Args:
        extradata: an AVC configuration record (ISO/IEC 14496-15, 5.3.3.1) or Annex B headers.
    """

    def __init__(self, extradata: bytes) -> None:
        self._length_bytes = (extradata[4] & 3) + 1 if extradata[:1] == b"\x01" and len(extradata) > 6 else 0
        self._sequence: _Sequence | None = None
        self._first: _Field | None = None
        for unit in _record_units(extradata) if self._length_bytes else _units(extradata, 0):
            self._take_sequence(unit)

    def is_second(self, packet: bytes | memoryview) -> bool:
        """Whether this packet completes the picture that the packet before it began."""
        if self._sequence is not None and not self._sequence.has_fields:
            return False
        for unit in _units(bytes(packet), self._length_bytes):
            self._take_sequence(unit)
            if unit[0] & 0x1F in _SLICES:
                return self._completes(self._field_of(unit))
        return False

    def _completes(self, field: _Field | None) -> bool:
        first, self._first = self._first, None
        if field is None:
            return False
        if first is not None and first.frame_number == field.frame_number and first.is_bottom != field.is_bottom:
            return True
        self._first = field
        return False

    def _take_sequence(self, unit: bytes) -> None:
        if unit and unit[0] & 0x1F == _SEQUENCE:
            try:
                self._sequence = _sequence_of(unit)
            except IndexError:
                return

    def _field_of(self, unit: bytes) -> _Field | None:
        """The field that a slice belongs to; None: a whole frame, or not known."""
        sequence = self._sequence
        if sequence is None or not sequence.has_fields:
            return None
        try:
            bits = _Bits(unit[1:_HEADER_BYTES])
            for _ in range(3):  # first macroblock, slice type, picture parameter set
                bits.golomb()
            if sequence.has_planes:
                bits.read(2)
            number = bits.read(sequence.frame_number_bits)
            return _Field(number, bool(bits.read(1))) if bits.read(1) else None
        except IndexError:
            return None


def _sequence_of(unit: bytes) -> _Sequence:
    bits = _Bits(unit[1:])
    profile = bits.read(8)
    bits.read(16)
    bits.golomb()
    has_planes = False
    if profile in _HIGH_PROFILES:
        chroma = bits.golomb()
        has_planes = chroma == 3 and bool(bits.read(1))
        bits.golomb(), bits.golomb(), bits.read(1)
        if bits.read(1):
            _skip_scaling_lists(bits, 8 if chroma != 3 else 12)
    frame_number_bits = bits.golomb() + 4
    order = bits.golomb()
    if order == 0:
        bits.golomb()
    elif order == 1:
        bits.read(1), bits.golomb(), bits.golomb()
        for _ in range(bits.golomb()):
            bits.golomb()
    bits.golomb(), bits.read(1), bits.golomb(), bits.golomb()  # references, gaps, width, height
    return _Sequence(frame_number_bits, not bits.read(1), has_planes)


def _skip_scaling_lists(bits: _Bits, count: int) -> None:
    for number in range(count):
        if not bits.read(1):
            continue
        last = following = 8
        for _ in range(16 if number < 6 else 64):
            if following:
                following = (last + bits.signed_golomb()) % 256
            last = following or last


class _Bits:
    """Reads bits of a unit without its emulation prevention bytes (7.4.1.1); IndexError at the end."""

    def __init__(self, data: bytes) -> None:
        self._data = data.replace(b"\x00\x00\x03", b"\x00\x00")
        self._at = 0

    def read(self, count: int) -> int:
        value = 0
        for _ in range(count):
            value = value << 1 | self._data[self._at >> 3] >> (7 - (self._at & 7)) & 1
            self._at += 1
        return value

    def golomb(self) -> int:
        """An unsigned Exp-Golomb number (9.1)."""
        zeros = 0
        while not self.read(1):
            zeros += 1
        return (1 << zeros) - 1 + self.read(zeros)

    def signed_golomb(self) -> int:
        code = self.golomb()
        return (code + 1) // 2 if code % 2 else -(code // 2)


def _record_units(record: bytes) -> Iterator[bytes]:
    """The sequence parameter sets of a configuration record."""
    at = 6
    for _ in range(record[5] & 0x1F):
        size = int.from_bytes(record[at : at + 2], "big")
        yield record[at + 2 : at + 2 + size]
        at += 2 + size


def _units(data: bytes, length_bytes: int) -> Iterator[bytes]:
    """NAL units after length fields of this many bytes; 0: between start codes (annex B)."""
    if not length_bytes:
        yield from (unit for unit in data.split(b"\x00\x00\x01")[1:] if unit)
        return
    at = 0
    while at + length_bytes < len(data):
        size = int.from_bytes(data[at : at + length_bytes], "big")
        yield data[at + length_bytes : at + length_bytes + size] or b"\x00"
        at += length_bytes + size
