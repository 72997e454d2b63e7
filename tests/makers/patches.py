"""Pictures of flat patches whose codes are exactly known, as lossless video; and reading what became of them.

A patch is ``side`` pixels square: neither chroma subsampling nor a block of DCT reaches its centre from the next.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from PIL import Image

from tests.oracles import reference, zscale_oracle

if TYPE_CHECKING:
    from pathlib import Path

Array = np.ndarray[Any, Any]

#: X-Rite ColorChecker, 24 patches as 8-bit R'G'B', in rows from dark skin to black.
COLOR_CHECKER = (
    (115, 82, 68), (194, 150, 130), (98, 122, 157), (87, 108, 67), (133, 128, 177), (103, 189, 170),
    (214, 126, 44), (80, 91, 166), (193, 90, 99), (94, 60, 108), (157, 188, 64), (224, 163, 46),
    (56, 61, 150), (70, 148, 73), (175, 54, 60), (231, 199, 31), (187, 86, 149), (8, 133, 161),
    (243, 243, 242), (200, 200, 200), (160, 160, 160), (122, 122, 121), (85, 85, 85), (52, 52, 52),
)  # fmt: skip
PRIMARIES_AND_SECONDARIES = (
    (255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 255, 255), (255, 0, 255), (255, 255, 0), (255, 255, 255), (0, 0, 0),
)  # fmt: skip

_ENCODER = {
    # FFV1 is lossless at every depth, with alpha and in RGB; Matroska keeps its tags.
    "ffv1": (".mkv", ("-c:v", "ffv1")),
    # H.264 as people have it, made lossless.
    "x264": (".mp4", ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "0")),
}


@dataclass(frozen=True)
class Kind:
    """How a clip's pixels are to be read: what it says, and what is true."""

    name: str
    matrix: str = "bt709"
    primaries: str = "bt709"
    depth: int = 8
    chroma: str = "420"
    is_full_range: bool = False
    tags: str = "color_primaries=bt709:color_trc=bt709:colorspace=bt709"
    codec: str = "ffv1"
    has_alpha: bool = False
    hdr: str = ""

    @property
    def pixel_format(self) -> str:
        return f"yuv{'a' * self.has_alpha}{self.chroma}p{'10le' * (self.depth == 10)}"


BT709 = Kind("bt709")
BT2020_TAGS = "color_primaries=bt2020:color_trc={}:colorspace=bt2020nc"
#: Every kind of SDR source that is mapped.
SDR_KINDS = (
    BT709,
    Kind("bt709-x264", codec="x264"),
    Kind("bt709-10bit", depth=10),
    Kind("bt709-444-10bit", depth=10, chroma="444"),
    Kind("bt709-full", is_full_range=True),
    Kind("bt709-full-10bit-444", is_full_range=True, depth=10, chroma="444"),
    Kind("bt601-525", "bt601", "525", tags="color_primaries=smpte170m:color_trc=smpte170m:colorspace=smpte170m"),
    Kind("bt601-625", "bt601", "625", tags="color_primaries=bt470bg:color_trc=smpte170m:colorspace=bt470bg"),
    Kind("bt601-625-10bit", "bt601", "625", 10, tags="color_primaries=bt470bg:color_trc=bt470bg:colorspace=bt470bg"),
    Kind("bt2020-sdr", "bt2020", "bt2020", tags=BT2020_TAGS.format("bt2020-10")),
    Kind("bt2020-sdr-10bit", "bt2020", "bt2020", 10, tags=BT2020_TAGS.format("bt2020-10")),
    Kind("p3", "bt709", "p3", 10, tags="color_primaries=smpte432:color_trc=bt709:colorspace=bt709"),
    Kind("alpha", has_alpha=True),
    Kind("alpha-10bit-444", has_alpha=True, depth=10, chroma="444"),
)
HLG = Kind("hlg", "bt2020", "bt2020", 10, tags=BT2020_TAGS.format("arib-std-b67"), hdr="hlg")
PQ = Kind("pq", "bt2020", "bt2020", 10, tags=BT2020_TAGS.format("smpte2084"), hdr="pq")


@dataclass(frozen=True)
class Patches:
    """Codes of flat patches, in rows of ``columns``; up to ``size`` the picture is filled with the last one."""

    kind: Kind
    codes: Array
    side: int = 16
    columns: int = 0
    size: tuple[int, int] | None = None

    @property
    def signal(self) -> Array:
        """The R'G'B' signal that the codes mean, unclamped, shape (patches, 3)."""
        kind = self.kind
        return reference.rgb_of_codes(self.codes, kind.matrix, kind.depth, is_full_range=kind.is_full_range)

    def per_row(self) -> int:
        return self.columns or int(np.ceil(np.sqrt(len(self.codes))))

    def picture_size(self) -> tuple[int, int]:
        return self.size or (self.per_row() * self.side, -(-len(self.codes) // self.per_row()) * self.side)

    def centres(self, pixels: Array) -> Array:
        """The middle quarter of each patch, shape (patches, pixels, channels)."""
        inset, rows = self.side * 3 // 8, []
        for index in range(len(self.codes)):
            y, x = (each * self.side + inset for each in divmod(index, self.per_row()))
            wide = self.side - 2 * inset
            rows.append(pixels[y : y + wide, x : x + wide].reshape(-1, pixels.shape[-1]))
        return np.stack(rows)

    def planes(self) -> list[Array]:
        """The picture's planes, exact."""
        width, height = self.picture_size()
        y, x = np.mgrid[:height, :width] // self.side
        index = np.minimum(np.minimum(x, self.per_row() - 1) + y * self.per_row(), len(self.codes) - 1)
        picture = self.codes[index]
        step = 2 if self.kind.chroma == "420" else 1
        planes = [picture[..., 0], picture[::step, ::step, 1], picture[::step, ::step, 2]]
        if self.kind.has_alpha:
            planes.append(alpha_ramp(width, height, self.kind.depth))
        return planes

    def video(self, folder: Path, frames: int = 2) -> Path:
        """The clip, 25 frames a second, proven lossless."""
        kind = self.kind
        suffix, encoder = _ENCODER[kind.codec]
        path = folder / f"{kind.name}-{len(self.codes)}x{self.side}-{len(list(folder.iterdir()))}{suffix}"
        dtype = "<u2" if kind.depth > 8 else "u1"
        raw = b"".join(plane.astype(dtype).tobytes() for plane in self.planes())
        width, height = self.picture_size()
        sample_range = "pc" if kind.is_full_range else "tv"
        tagging = f"setparams={kind.tags}:range={sample_range}" if kind.tags else "null"
        reading = [
            "-color_range",
            sample_range,
            "-f",
            "rawvideo",
            "-pix_fmt",
            kind.pixel_format,
            "-s",
            f"{width}x{height}",
            "-r",
            "25",
        ]
        writing = ["-vf", tagging, *encoder, "-pix_fmt", kind.pixel_format, "-color_range", sample_range, str(path)]
        zscale_oracle.run([*reading, "-i", "pipe:0", *writing], raw * frames)
        assert np.array_equal(
            np.concatenate([each.ravel() for each in decoded_planes(path)]), np.frombuffer(raw, dtype)
        )
        return path


def decoded_planes(path: Path) -> list[Array]:
    """The planes of a video's first frame as FFmpeg's decoder hands them out, unconverted."""
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        dtype = np.dtype("<u2" if frame.format.components[0].bits > 8 else "u1")
        rows = [np.frombuffer(each, dtype).reshape(each.height, -1)[:, : each.width] for each in frame.planes]
        return [each.copy() for each in rows]


def alpha_ramp(width: int, height: int, depth: int) -> Array:
    """Alpha that runs over every level from left to right."""
    top = 2**depth - 1
    return np.broadcast_to(np.arange(width) * top // (width - 1), (height, width))


def of_rgb(kind: Kind, rgb: Array, **layout: Any) -> Patches:
    """Patches of the codes nearest to an R'G'B' signal."""
    codes = reference.codes_of_rgb(rgb, kind.matrix, kind.depth, is_full_range=kind.is_full_range)
    return Patches(kind, codes, **layout)


def standard(kind: Kind = BT709, side: int = 16, random: int = 41, **layout: Any) -> Patches:
    """ColorChecker, primaries and secondaries, 16 greys, random colours."""
    greys = np.repeat(np.linspace(0.02, 0.97, 16)[:, None], 3, axis=1)
    eight_bit = np.array(COLOR_CHECKER + PRIMARIES_AND_SECONDARIES) / 255
    drawn = np.random.default_rng(2408).random((random, 3))
    return of_rgb(kind, np.concatenate([eight_bit, greys, drawn]), side=side, **layout)


def sections(patches: Patches) -> dict[str, slice]:
    """The parts of :func:`standard`."""
    return {
        "ColorChecker": slice(0, 24),
        "primaries": slice(24, 32),
        "greys": slice(32, 48),
        "random": slice(48, len(patches.codes)),
    }


def greys(kind: Kind = BT709) -> Patches:
    """Every grey that the source can hold."""
    scale = 2 ** (kind.depth - 8)
    luma = np.arange(256 * scale) if kind.is_full_range else np.arange(16 * scale, 235 * scale + 1)
    return Patches(kind, np.stack([luma, *[np.full_like(luma, 128 * scale)] * 2], axis=-1), side=8)


def random_colours(kind: Kind = BT709, count: int = 900) -> Patches:
    """Random R'G'B'."""
    return of_rgb(kind, np.random.default_rng(8).random((count, 3)))


def hdr_clip(folder: Path, target: str) -> Path:
    """A tiny clip whose presence makes a composition PQ or HLG."""
    kind = replace(PQ if target == "pq" else HLG, name=f"makes-{target}")
    return Patches(kind, np.array([[300, 512, 512]]), side=64).video(folder)


# --- reading --------------------------------------------------------------------------------------------------------


def png_chunks(path: Path) -> list[tuple[str, bytes]]:
    """Types and contents of a PNG file's chunks, read as boxes (W3C PNG, clause 5.3)."""
    data, at, found = path.read_bytes(), 8, []
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        found.append((kind.decode("ascii"), data[at + 8 : at + 8 + length]))
        at += length + 12
    return found


def depth_of(path: Path) -> int:
    """Bits a channel of a PNG file, from its header."""
    return dict(png_chunks(path))["IHDR"][8]


def pixels_of(path: Path) -> Array:
    """RGB or RGBA as stored; Pillow for 8 bits, FFmpeg's decoder for 16-bit PNG (Pillow narrows those)."""
    if path.suffix == ".png" and depth_of(path) == 16:
        with av.open(io.BytesIO(path.read_bytes()), format="png_pipe") as container:
            frame = next(container.decode(video=0))
            return frame.to_ndarray(format=frame.format.name).astype(np.uint16)
    with Image.open(path) as image:
        return np.asarray(image)


def signal_of(path: Path) -> Array:
    """RGB or RGBA, 0-1."""
    pixels = pixels_of(path)
    return pixels / np.iinfo(pixels.dtype).max
