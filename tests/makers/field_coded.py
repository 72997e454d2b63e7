"""A tiny H.264 encoder whose pictures are coded as two fields or as one frame: every macroblock is I_PCM."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av

SIDE = 96
_BLOCKS = SIDE // 16
_MAIN, _LEVEL_3 = 77, 30


class Bits:
    """Bits that become a NAL unit (H.264, 7.3.1)."""

    def __init__(self) -> None:
        self.bits = ""

    def fixed(self, value: int, count: int) -> Bits:
        self.bits += f"{value:0{count}b}"
        return self

    def golomb(self, *values: int) -> Bits:
        """Unsigned Exp-Golomb numbers (9.1); a signed 0 is written alike."""
        for value in values:
            text = f"{value + 1:b}"
            self.bits += "0" * (len(text) - 1) + text
        return self

    def aligned(self) -> bytes:
        padded = self.bits + "0" * (-len(self.bits) % 8)
        return int(padded, 2).to_bytes(len(padded) // 8, "big")


def unit(header: int, payload: bytes) -> bytes:
    """With emulation prevention (7.4.1.1) and a start code."""
    out, zeros = bytearray(), 0
    for byte in payload:
        if zeros >= 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return b"\x00\x00\x00\x01" + bytes([header]) + bytes(out)


def headers() -> bytes:
    sequence = Bits().fixed(_MAIN, 8).fixed(0, 8).fixed(_LEVEL_3, 8)
    sequence.golomb(0, 0, 0, 4, 1).fixed(0, 1).golomb(_BLOCKS - 1, _BLOCKS // 2 - 1)
    sequence.fixed(0, 1).fixed(0, 1).fixed(1, 1).fixed(0, 1).fixed(0, 1).fixed(1, 1)
    picture = Bits().golomb(0, 0).fixed(0, 2).golomb(0, 0, 0).fixed(0, 3).golomb(0, 0, 0).fixed(0b100, 3).fixed(1, 1)
    return unit(0x67, sequence.aligned()) + unit(0x68, picture.aligned())


def picture(number: int, luma: int, field: int | None) -> bytes:
    """One frame (``field`` None), its top (0) or its bottom field (1)."""
    is_idr = field != 1
    bits = Bits().golomb(0, 7, 0).fixed(0, 4).fixed(field is not None, 1)
    if field is not None:
        bits.fixed(field, 1)
    if is_idr:
        bits.golomb(number % 2)
    bits.fixed(1 if field == 1 else 0, 8).fixed(0, 2 if is_idr else 1).golomb(0, 1)
    rows = _BLOCKS if field is None else _BLOCKS // 2
    body = bytearray()
    for _ in range(rows * _BLOCKS):
        body += bits.golomb(25).aligned() + bytes([luma]) * 256 + bytes([128]) * 128
        bits = Bits()
    return unit(0x65 if is_idr else 0x61, bytes(body) + b"\x80")


def write(path: Path, coded_as_fields: list[bool]) -> None:
    """A transport stream at 25 fps, one packet a field or frame, the second field half a period after the first."""
    with av.open(str(path), "w", format="mpegts") as output:
        stream = output.add_mux_stream("h264", rate=25, width=SIDE, height=SIDE)
        tick = Fraction(1, 50)
        for number, is_fields in enumerate(coded_as_fields):
            luma = 40 + 15 * number
            parts = [picture(number, luma, field) for field in (0, 1)] if is_fields else [picture(number, luma, None)]
            for half, data in enumerate(parts):
                packet = av.Packet((headers() if half == 0 else b"") + data)
                packet.stream, packet.time_base = stream, tick
                packet.pts = packet.dts = 2 * number + half
                packet.is_keyframe = half == 0
                output.mux(packet)
