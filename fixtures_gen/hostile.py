"""Bad input with fixed seeds: every kind of file that must not hang, crash or silently fall short.

``expected`` names the outcomes that are right, after the project's table of hostile inputs: ``invalid_media``,
``not_a_regular_file``, ``source_missing``, ``no_frames``, ``unsupported_media``, ``source_damaged`` (frames and a
warning with counts), ``long_hold``, ``too_large``, or ``ok`` (all frames, perhaps with a note).
"""

from __future__ import annotations

import os
import shutil
import stat
import struct
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fixtures_gen import damage, program
from fixtures_gen.errors import FixtureError
from fixtures_gen.hostile_bases import build_bases

Base = Callable[[str], bytes]
"""Bytes of a sound file by name, see ``hostile_bases``."""


@dataclass(frozen=True, slots=True)
class HostileFile:
    """One bad input: its name (bytes where it is not valid UTF-8), how it is made, and what the outcome must be."""

    name: str | bytes
    how: str
    expected: frozenset[str]
    make: Callable[[Path, Base], None]

    def path_in(self, root: Path) -> Path:
        """Where it is under a folder that ``write_hostile`` filled."""
        return root / os.fsdecode(self.name)


def _kinds(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _literal(name: str, data: bytes, how: str, expected: str) -> HostileFile:
    return HostileFile(name, how, _kinds(expected), lambda path, _: _write(path, data))


def _damaged(name: str, base: str, change: Callable[[bytes], bytes], how: str, expected: str) -> HostileFile:
    return HostileFile(name, how, _kinds(expected), lambda path, bases: _write(path, change(bases(base))))


def _as_is(name: str | bytes, base: str, how: str, expected: str) -> HostileFile:
    return HostileFile(name, how, _kinds(expected), lambda path, bases: _write(path, bases(base)))


def _special(name: str, how: str, expected: str, make: Callable[[Path], Any]) -> HostileFile:
    def create(path: Path, _: Base) -> None:
        make(path)

    return HostileFile(name, how, _kinds(expected), create)


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _socket(path: Path) -> None:
    os.mknod(path, stat.S_IFSOCK | 0o600)  # a bind() would fail on paths of more than 107 bytes


_HTML = b"<!doctype html><html><head><title>404</title></head><body>Not Found</body></html>\n" * 20
_M3U8 = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nbase.ts\n#EXT-X-ENDLIST\n"
_FFCONCAT = b"ffconcat version 1.0\nfile plain.mp4\nduration 1\n"
_INVALID = "invalid_media"
_PARTIAL = "source_damaged no_frames invalid_media"
_HELD = f"{_PARTIAL} long_hold"
_ANY = "ok source_damaged no_frames invalid_media"

_NOT_MEDIA = (
    _literal("zero-byte.mp4", b"", "no bytes at all", _INVALID),
    _literal("one-byte.mp4", b"\x00", "one byte", _INVALID),
    _literal("random-bytes.mp4", damage.random_bytes(65_536, 7), "64 KiB of noise", _INVALID),
    _literal("zeros.mp4", bytes(65_536), "64 KiB of zeros", _INVALID),
    _literal("html.mp4", _HTML, "an error page saved as video", _INVALID),
    _literal("json.mp4", b'{"error": "expired link"}\n', "an API's answer saved as video", _INVALID),
    _literal("zip.mp4", b"PK\x03\x04" + damage.random_bytes(4096, 8), "a ZIP archive's head", _INVALID),
    _literal("ffconcat.mp4", _FFCONCAT, "a concat script, which would open another file", _INVALID),
    _literal("m3u8.mp4", _M3U8, "a playlist, which would open another file", _INVALID),
    _literal("nested-moov.mp4", damage.nested(20_000), "20 000 moov boxes in each other", _INVALID),
    _as_is("png.mp4", "still.png", "a still image", _INVALID),
    _as_is("jpeg.mp4", "still.jpg", "a still image", _INVALID),
    _as_is("audio-only.m4a", "audio.m4a", "no video stream", _INVALID),
    _as_is("cover-art.m4a", "cover.m4a", "audio with a picture: an attached_pic stream", _INVALID),
)

_SPECIAL = (
    _special("fifo.mp4", "a FIFO without a writer: opening it waits for ever", "not_a_regular_file", os.mkfifo),
    _special("socket.mp4", "a socket", "not_a_regular_file", _socket),
    _special("directory.mp4", "a folder", "not_a_regular_file", Path.mkdir),
    _special(
        "dev-null.mp4", "a link to /dev/null", "not_a_regular_file invalid_media", lambda p: p.symlink_to("/dev/null")
    ),
    _special(
        "dev-zero.mp4",
        "a link to /dev/zero, endless",
        "not_a_regular_file invalid_media",
        lambda p: p.symlink_to("/dev/zero"),
    ),
    _special(
        "dangling.mp4", "a link to nothing", "source_missing not_a_regular_file", lambda p: p.symlink_to("absent.mp4")
    ),
    _special("loop.mp4", "a link to itself", "source_missing not_a_regular_file", lambda p: p.symlink_to("loop.mp4")),
)

_BOXES = (
    _damaged("no-moov.mp4", "end.mp4", damage.truncated(0.6), "cut before the index, which is last", _INVALID),
    _damaged("header-flips.mp4", "front.mp4", damage.bit_flips(6, 11, inside="moov"), "flips in moov", _INVALID),
    _damaged("moov-hidden.mp4", "front.mp4", damage.renamed("moov", "junk"), "moov renamed", _INVALID),
    _damaged("stsd-missing.mp4", "front.mp4", damage.renamed("stsd", "free"), "stsd renamed", _INVALID),
    _damaged("stco-out-of-range.mp4", "front.mp4", damage.table_offsets(16), "chunks outside the file", "no_frames"),
    _damaged(
        "stsz-huge.mp4",
        "front.mp4",
        damage.overwritten("stsz", 20, b"\x7f\xff\xff\xff", repeat=60, stride=4),
        "every sample 2 GiB",
        "no_frames",
    ),
    _damaged(
        "stsz-count-huge.mp4",
        "front.mp4",
        damage.overwritten("stsz", 16, b"\x7f\xff\xff\xf0"),
        "2 billion samples declared",
        _PARTIAL,
    ),
    _damaged(
        "stts-huge-delta.mp4",
        "front.mp4",
        damage.overwritten("stts", 20, b"\x7f\xff\xff\xff"),
        "each frame lasts 2^31 ticks",
        _HELD,
    ),
    _damaged(
        "timescale-zero.mp4", "front.mp4", damage.overwritten("mdhd", 20, bytes(4)), "a track time scale of 0", _HELD
    ),
    _damaged(
        "box-size-zero.mp4",
        "front.mp4",
        damage.overwritten("trak", 0, bytes(4)),
        "trak of size 0: it reaches to the end",
        _ANY,
    ),
    _damaged(
        "box-size-wide.mp4",
        "front.mp4",
        lambda data: data[:32] + struct.pack(">I4sQ", 1, b"moov", (1 << 63) - 1) + data[32:],
        "a second moov of 2^63 bytes",
        _PARTIAL,
    ),
    _damaged(
        "stsd-65535.mp4",
        "front.mp4",
        damage.overwritten("stsd", 48, b"\xff\xff\xff\xff"),
        "65535 x 65535 in stsd, a small picture in the stream",
        "too_large ok",
    ),
    _damaged(
        "huge-16000.mov",
        "mjpeg.mov",
        damage.sof_size(16_000, 16_000),
        "16000 x 16000 throughout",
        "too_large",
    ),
    _damaged(
        "huge-30000.mov",
        "mjpeg.mov",
        damage.sof_size(30_000, 30_000),
        "30000 x 30000 throughout, which libav itself refuses",
        "too_large invalid_media no_frames",
    ),
    _damaged(
        "huge-65500.mov",
        "mjpeg.mov",
        damage.sof_size(65_500, 65_500),
        "65500 x 65500 throughout, which libav itself refuses",
        "too_large invalid_media no_frames",
    ),
)

_PIECES = (
    _damaged("truncated-faststart.mp4", "front.mp4", damage.truncated(0.6), "index first, 60% kept", "source_damaged"),
    _damaged(
        "truncated-fragmented.mp4", "fragmented.mp4", damage.truncated(0.6), "fragments, 60% kept", "source_damaged"
    ),
    _damaged("truncated.mkv", "plain.mkv", damage.truncated(0.6), "Matroska, 60% kept", "source_damaged ok"),
    _damaged("truncated.webm", "plain.webm", damage.truncated(0.6), "WebM, 60% kept", "source_damaged ok"),
    _damaged("truncated.ts", "plain.ts", damage.truncated(0.6), "TS, 60% kept", "source_damaged ok"),
    _damaged("truncated-header.mkv", "plain.mkv", damage.truncated(0.004), "Matroska, head only", _PARTIAL),
    _damaged(
        "light-flips.mp4",
        "front.mp4",
        damage.bit_flips(20_000, 12, inside="mdat"),
        "few flips in mdat",
        "source_damaged ok",
    ),
    _damaged("heavy-flips.mp4", "front.mp4", damage.bit_flips(40, 13, inside="mdat"), "flips all over mdat", _PARTIAL),
    _damaged("heavy-flips.mkv", "plain.mkv", damage.bit_flips(200, 14), "flips all over Matroska", _PARTIAL),
    _damaged("heavy-flips.ts", "plain.ts", damage.bit_flips(24, 15), "flips all over TS", _PARTIAL),
    _damaged(
        "tail-zeroed.mp4",
        "front.mp4",
        lambda d: d[: len(d) // 2] + bytes(len(d) // 2),
        "the second half is zeros, as after a failed download",
        "source_damaged",
    ),
    _as_is("encrypted-cenc.mp4", "encrypted.mp4", "cenc without the key", _PARTIAL),
    _as_is("no-keyframes.mp4", "no-keyframes.mp4", "every keyframe taken out", "no_frames source_damaged"),
)

_ODD = (
    _as_is("raw.h264", "plain.h264", "a raw stream: no timestamps", "unsupported_media"),
    _as_is("missing-timestamps.avi", "plain.avi", "B-frames in AVI: no pts", _ANY),
    _as_is("negative-timestamps.mp4", "negative.mp4", "starts at -0.5 s", "ok"),
    _as_is("huge-timestamps.mkv", "huge.mkv", "starts after 100 years", _ANY),
    _damaged("backward-timestamps.ts", "plain.ts", lambda d: d + d, "the clock jumps back half-way", _ANY),
    _damaged("doubled.mp4", "front.mp4", lambda d: d + d, "one file twice: the first counts", "ok source_damaged"),
    _as_is("size-change.mp4", "size-change.mp4", "320x180, then 640x360", "ok source_damaged"),
    _as_is("format-change.mp4", "format-change.mp4", "4:2:0, then 4:4:4", "ok source_damaged"),
    _as_is("two-video-streams.mp4", "two-streams.mp4", "two video streams: the first counts", "ok"),
    _as_is("one-frame.mp4", "one-frame.mp4", "a single frame", "ok"),
    _damaged("trailing-noise.mp4", "front.mp4", lambda d: d + damage.random_bytes(40_000, 16), "noise after it", "ok"),
)

_NAMED = tuple(
    _as_is(name, "front.mp4", how, "ok")
    for name, how in (
        ("plain.mp4", "sound, for comparison; the scripts above name it"),
        ("new\nline.mp4", "a line feed in the name"),
        ("emoji-\N{CLAPPER BOARD}.mp4", "an emoji in the name"),
        (b"not-utf8-\xff\xfe.mp4", "a name that is no UTF-8"),
        ("-dash.mp4", "a name like an option"),
        ("quote'\".mp4", "quotes in the name"),
        ("back\\slash.mp4", "a backslash in the name"),
        ("glob-[a-z]*?.mp4", "a glob in the name"),
        ("frame-%05d.mp4", "a printf pattern, which image2 expands"),
        ("percent-%20.mp4", "what looks like a URL escape"),
        ("concat:a|b.mp4", "libavformat's concat protocol"),
        ("data:video.mp4", "libavformat's data protocol"),
        ("http:x.mp4", "libavformat's http protocol"),
        ("cache:x.mp4", "libavformat's cache protocol"),
        ("async:x.mp4", "libavformat's async protocol"),
        (" leading space.mp4", "a space first"),
        ("x" * 200 + ".mp4", "a name of 204 characters"),
    )
)

HOSTILE: tuple[HostileFile, ...] = (*_NOT_MEDIA, *_SPECIAL, *_BOXES, *_PIECES, *_ODD, *_NAMED)


def write_hostile(root: Path, ffmpeg: Path | None = None) -> tuple[HostileFile, ...]:
    """Write every hostile file into ``root``, which is made if needed, and return those that this system allows.

    Existing files of the same names are replaced. A name that the file system refuses (macOS: no UTF-8) is left
    out. Raises ``FixtureError`` without ffmpeg.
    """
    root.mkdir(parents=True, exist_ok=True)
    loaded = program.load(ffmpeg or program.find_ffmpeg())
    written = []
    with tempfile.TemporaryDirectory(prefix=".hostile-", dir=root) as work:
        folder = Path(work)
        build_bases(folder, loaded)
        for hostile in HOSTILE:
            path = hostile.path_in(root)
            _remove(path)
            try:
                hostile.make(path, lambda name: (folder / name).read_bytes())
            except OSError as error:
                if hostile in _SPECIAL or hostile in _NAMED:
                    continue  # this system has no such thing
                raise FixtureError(f"cannot write {path.name!r}: {error.strerror or error}") from error
            written.append(hostile)
    return tuple(written)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
