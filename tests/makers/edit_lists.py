"""Edit lists put into finished MP4 files, box by box (ISO/IEC 14496-12, 8.6.6); and tables taken out of them."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts")


@dataclass(frozen=True)
class Entry:
    """Ticks of the movie's clock, ticks of the track's (-1: nothing is shown), speed."""

    duration: int
    media_time: int
    rate: float = 1


def with_edit_list(data: bytes, entries: Sequence[Entry]) -> bytes:
    """The first track with this edit list. The movie box must stand at the file's end, so that no offset moves."""
    rows = [struct.pack(">Iihh", each.duration, each.media_time, int(each.rate), 0) for each in entries]
    content = struct.pack(">II", 0, len(entries)) + b"".join(rows)
    box = _box(b"edts", _box(b"elst", content))

    tracks = 0

    def change(kind: bytes, body: bytes) -> bytes:
        nonlocal tracks
        tracks += kind == b"tkhd"
        if tracks != 1 or kind not in {b"edts", b"tkhd"}:
            return _box(kind, body)
        return _box(kind, body) + box if kind == b"tkhd" else b""

    return _rewritten(data, change)


def without_table(data: bytes, kind: bytes, *, keep: int = 0) -> bytes:
    """Without a run-length table (``ctts``), or with its first ``keep`` samples alone."""

    def change(found: bytes, body: bytes) -> bytes:
        if found != kind:
            return _box(found, body)
        if not keep:
            return b""
        rows, left = [], keep
        for count, offset in struct.iter_unpack(">II", body[8:]):
            rows.append(struct.pack(">II", min(count, left), offset))
            left -= min(count, left)
            if not left:
                break
        return _box(found, struct.pack(">II", 0, len(rows)) + b"".join(rows))

    return _rewritten(data, change)


def with_composition_offsets(data: bytes, offsets: Sequence[int]) -> bytes:
    """Every picture shown so many ticks after it is decoded, whatever the stream's own order is."""
    rows = b"".join(struct.pack(">II", 1, offset) for offset in offsets)
    table = _box(b"ctts", struct.pack(">II", 0, len(offsets)) + rows)
    return _rewritten(data, lambda kind, body: table if kind == b"ctts" else _box(kind, body))


def _rewritten(data: bytes, change: Callable[[bytes, bytes], bytes]) -> bytes:
    out = b""
    at = 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + size]
        out += _box(kind, _within(body, change)) if kind == b"moov" else data[at : at + size]
        at += size
    return out


def _within(data: bytes, change: Callable[[bytes, bytes], bytes]) -> bytes:
    out = b""
    at = 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + size]
        if kind in CONTAINERS and kind != b"edts":
            out += _box(kind, _within(body, change))
        else:
            out += change(kind, body)
        at += size
    return out


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body) + 8, kind) + body
