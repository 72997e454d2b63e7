"""Files whose container crops the picture: red padding round four colours, told apart after any turn."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from fixtures_gen.edits import walk
from tests.makers.clip_maker import run_ffmpeg

#: Decoded size, and what is hidden at each side.
WIDTH, HEIGHT = 160, 128
LEFT, TOP, RIGHT, BOTTOM = 16, 24, 32, 8
VISIBLE = (WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM)
#: Quadrants of the visible part, in rows; the padding is red.
COLORS = ("lime", "blue", "white", "yellow")


def drawn(path: Path, *encoder: str, aspect: str = "1") -> Path:
    """Six pictures of the padding and the four quadrants, with samples of this aspect ratio."""
    half = (VISIBLE[0] // 2, VISIBLE[1] // 2)
    boxes = ",".join(
        f"drawbox=x={LEFT + half[0] * (n % 2)}:y={TOP + half[1] * (n // 2)}:w={half[0]}:h={half[1]}:color={name}:t=fill"
        for n, name in enumerate(COLORS)
    )
    source = (
        "-f",
        "lavfi",
        "-i",
        f"color=c=red:s={WIDTH}x{HEIGHT}:r=25:d=0.24",
        "-vf",
        f"format=rgb24,{boxes},setsar={aspect}",
    )
    chosen = encoder or ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "0", "-pix_fmt", "yuv444p")
    return run_ffmpeg(path, *source, *chosen)


def with_aperture(source: Path, path: Path) -> Path:
    """The file with a clean aperture (ISO/IEC 14496-12, 12.1.4): its size, and how far its centre is off."""
    offsets = (LEFT - RIGHT, TOP - BOTTOM)
    numbers = (VISIBLE[0], 1, VISIBLE[1], 1, offsets[0], 2, offsets[1], 2)
    box = struct.pack(">I4sIIIIiIiI", 40, b"clap", *numbers)
    path.write_bytes(with_box(source.read_bytes(), box))
    return path


def with_box(data: bytes, box: bytes) -> bytes:
    """The file with a box at the end of its first sample entry; its index must stand behind its samples."""
    boxes = list(walk(data))
    kinds = {b"avc1", b"hvc1", b"hev1", b"mp4v", b"ap4h", b"av01"}
    entry = next(each for each in boxes if each.kind in kinds)
    parents = [each for each in boxes if each.start <= entry.start and each.end >= entry.end]
    assert not any(each.kind == b"mdat" and each.start > entry.start for each in boxes)
    patched = bytearray(data[: entry.end] + box + data[entry.end :])
    for each in parents:
        struct.pack_into(">I", patched, each.start, each.size + len(box))
    return bytes(patched)


@dataclass(frozen=True)
class Cropped:
    """A file, the size of its frames, and which quadrant stands where (in rows)."""

    path: Path
    size: tuple[int, int]
    order: tuple[int, int, int, int] = (0, 1, 2, 3)


def all_of(folder: Path) -> dict[str, Cropped]:
    """Every container that crops, upright, turned and with samples that are not square."""
    plain = drawn(folder / "plain.mp4")
    mp4 = with_aperture(plain, folder / "crop.mp4")
    wide, high = VISIBLE
    remux = ("-c", "copy")
    sar = drawn(folder / "sar.mp4", aspect="4/3")
    both = with_aperture(sar, folder / "crop-sar.mp4")
    turned = run_ffmpeg(folder / "turned.mp4", "-display_rotation", "-90", "-i", str(sar), *remux)
    return {
        "mp4": Cropped(mp4, VISIBLE),
        "mov": Cropped(with_aperture(drawn(folder / "plain.mov"), folder / "crop.mov"), VISIBLE),
        "mkv": Cropped(run_ffmpeg(folder / "crop.mkv", "-i", str(mp4), *remux), VISIBLE),
        "odd-chroma": Cropped(
            with_aperture(drawn(folder / "p420.mp4", "-c:v", "libx264", "-qp", "0"), folder / "crop420.mp4"), VISIBLE
        ),
        "sar": Cropped(both, (round(wide * 4 / 3), high)),
        "mkv-sar": Cropped(run_ffmpeg(folder / "crop-sar.mkv", "-i", str(both), *remux), (round(wide * 4 / 3), high)),
        "turned": Cropped(with_aperture(turned, folder / "crop-turned.mp4"), (high, round(wide * 4 / 3)), (2, 0, 3, 1)),
        "hevc": Cropped(
            with_aperture(
                drawn(folder / "h.mp4", "-c:v", "libx265", "-x265-params", "lossless=1:log-level=0", "-tag:v", "hvc1"),
                folder / "crop-hevc.mp4",
            ),
            VISIBLE,
        ),
    }
