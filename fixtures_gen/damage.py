"""Ways to damage bytes, each a pure function with a fixed seed, so that the hostile set is always the same."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from fixtures_gen.edits import find, patched
from fixtures_gen.sources import splitmix64

if TYPE_CHECKING:
    from collections.abc import Callable


def random_bytes(count: int, seed: int) -> bytes:
    """``count`` bytes of SplitMix64."""
    return splitmix64(count // 8 + 1, seed).astype("<u8").tobytes()[:count]


def truncated(share: float) -> Callable[[bytes], bytes]:
    """Keep the first ``share`` of the file."""
    return lambda data: data[: int(len(data) * share)]


def bit_flips(one_in: int, seed: int, *, inside: str | None = None) -> Callable[[bytes], bytes]:
    """Flip one bit in about every ``one_in`` bytes, everywhere or inside the first box of a kind."""

    def damage(data: bytes) -> bytes:
        start, end = 0, len(data)
        if inside is not None:
            box = find(data, inside.encode())
            start, end = box.start + 16, box.end
        count = max((end - start) // one_in, 1)
        flipped = bytearray(data)
        for word in splitmix64(count, seed).tolist():
            flipped[start + (word >> 8) % (end - start)] ^= 1 << (word & 7)
        return bytes(flipped)

    return damage


def overwritten(kind: str, offset: int, new: bytes, *, repeat: int = 1, stride: int = 0) -> Callable[[bytes], bytes]:
    """Write ``new`` at ``offset`` into the first box of a kind (8 is right after the header), ``repeat`` times."""

    def damage(data: bytes) -> bytes:
        box = find(data, kind.encode())
        for k in range(repeat):
            at = box.start + offset + k * stride
            if at + len(new) <= box.end:
                data = patched(data, at, new)
        return data

    return damage


def renamed(kind: str, new: str, *, inside: bytes = b"") -> Callable[[bytes], bytes]:
    """Give the first box of a kind another type; ``inside`` is a pattern that must come before it."""

    def damage(data: bytes) -> bytes:
        at = data.index(kind.encode(), data.index(inside) if inside else 0)
        return patched(data, at, new.encode())

    return damage


def table_offsets(shift: int) -> Callable[[bytes], bytes]:
    """Move every chunk offset (stco) by ``shift`` bytes, out of the file."""

    def damage(data: bytes) -> bytes:
        box = find(data, b"stco")
        (count,) = struct.unpack_from(">I", data, box.start + 12)
        moved = struct.pack(f">{count}I", *([0xFFFFFFFF - shift] * count))
        return patched(data, box.start + 16, moved)

    return damage


def sof_size(width: int, height: int) -> Callable[[bytes], bytes]:
    """Write a picture size into every JPEG frame header (ITU-T T.81, B.2.2) and the stsd of a MOV."""

    def damage(data: bytes) -> bytes:
        at = data.find(b"\xff\xc0\x00\x11\x08")
        while at >= 0:
            data = patched(data, at + 5, struct.pack(">HH", height, width))
            at = data.find(b"\xff\xc0\x00\x11\x08", at + 1)
        entry = find(data, b"stsd").start + 16
        return patched(data, entry + 32, struct.pack(">HH", width, height))

    return damage


def nested(depth: int) -> bytes:
    """A moov within a moov within a moov: a parser that recurses without a limit runs out of stack."""
    inner = b""
    for _ in range(depth):
        inner = struct.pack(">I4s", len(inner) + 8, b"moov") + inner
    return struct.pack(">I4s4sI", 16, b"ftyp", b"isom", 0) + inner
