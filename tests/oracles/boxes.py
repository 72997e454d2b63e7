"""A reader of ISO BMFF boxes for the tests alone: it shares no code with what makes or reads the fixtures.

Everything is read from the first video track. Offsets are from ISO/IEC 14496-12 and, for mdcv and clli, 14496-12
2022 clauses 12.1.6 and 12.1.7.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_IDENTITY_TURNS = {(1, 0, 0, 1): 0, (0, 1, -1, 0): 90, (-1, 0, 0, -1): 180, (0, -1, 1, 0): 270}


def children(data: bytes) -> list[tuple[str, bytes]]:
    """The boxes that stand one after another in ``data``: pairs of type and payload."""
    found, at = [], 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1:
            (size,), head = struct.unpack_from(">Q", data, at + 8), 16
        size = size or len(data) - at
        if size < head:
            break
        found.append((kind.decode("latin-1"), data[at + head : at + size]))
        at += size
    return found


def child(data: bytes, *path: str) -> bytes | None:
    """The payload at a path of box types, or None."""
    for kind in path:
        data_or_none = dict(reversed(children(data))).get(kind)
        if data_or_none is None:
            return None
        data = data_or_none
    return data


@dataclass(frozen=True)
class Track:
    """What the boxes of the first video track say."""

    top_level: tuple[str, ...]
    rotation: int
    size: tuple[int, int]
    timescale: int
    colr: tuple[int, int, int, bool] | None
    mdcv: tuple[int, ...] | None
    clli: tuple[int, int] | None
    edits: tuple[tuple[int, int], ...]
    samples: int
    sync_samples: int | None


def read(path: Path) -> Track:
    """Read a whole file; AssertionError where it has no video track."""
    data = path.read_bytes()
    moov = child(data, "moov")
    assert moov is not None, "no moov"
    trak = next(b for kind, b in children(moov) if kind == "trak" and child(b, "mdia", "hdlr")[8:12] == b"vide")
    tkhd, mdhd = child(trak, "tkhd"), child(trak, "mdia", "mdhd")
    stbl = child(trak, "mdia", "minf", "stbl")
    matrix = struct.unpack_from(">9i", tkhd, 40 if tkhd[0] == 0 else 52)
    turn = _IDENTITY_TURNS[tuple(v // 65536 for v in (matrix[0], matrix[1], matrix[3], matrix[4]))]
    [(_, entry)] = children(child(stbl, "stsd")[8:])
    inner = dict(children(entry[78:]))
    stss = child(stbl, "stss")
    return Track(
        top_level=tuple(kind for kind, _ in children(data)),
        rotation=turn,
        size=struct.unpack_from(">HH", entry, 24),
        timescale=struct.unpack_from(">I", mdhd, 12 if mdhd[0] == 0 else 20)[0],
        colr=_colr(inner.get("colr")),
        mdcv=struct.unpack(">8H2I", inner["mdcv"]) if "mdcv" in inner else None,
        clli=struct.unpack(">2H", inner["clli"]) if "clli" in inner else None,
        edits=_edits(child(trak, "edts", "elst")),
        samples=struct.unpack_from(">I", child(stbl, "stsz"), 8)[0],
        sync_samples=None if stss is None else struct.unpack_from(">I", stss, 4)[0],
    )


def _colr(payload: bytes | None) -> tuple[int, int, int, bool] | None:
    if payload is None:
        return None
    if payload[:4] == b"nclc":  # QuickTime's form has no range
        return (*struct.unpack_from(">HHH", payload, 4), False)
    assert payload[:4] == b"nclx"
    primaries, transfer, matrix, full = struct.unpack_from(">HHHB", payload, 4)
    return primaries, transfer, matrix, bool(full >> 7)


def _edits(payload: bytes | None) -> tuple[tuple[int, int], ...]:
    if payload is None:
        return ()
    wide, (count,) = payload[0] == 1, struct.unpack_from(">I", payload, 4)
    form = ">QqI" if wide else ">IiI"
    size = struct.calcsize(form)
    return tuple(struct.unpack_from(form, payload, 8 + k * size)[:2] for k in range(count))
