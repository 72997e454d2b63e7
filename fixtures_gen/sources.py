"""Pictures painted in numpy and piped to ffmpeg as raw video: a camera and a screen recording.

Only integer arithmetic and a counter-based generator (SplitMix64) are used, so the bytes are the same on every
CPU, operating system and numpy version. Frames are made one at a time and never kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fixtures_gen import barcode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction

    import numpy.typing as npt

PAINTING_VERSION = 1
"""Part of every recipe hash: raise it when any painted pixel changes. 1: first camera and screen."""

_DEEP_SHIFT = 2  # 10-bit codes are 8-bit codes times four
_NOISE_SPARE = 1 << 20  # extra noise samples, so that each frame can start somewhere else


def splitmix64(count: int, seed: int) -> npt.NDArray[np.uint64]:
    """``count`` words of SplitMix64 (Steele, Lea, Flood 2014) for a seed; wraps modulo 2**64 by design."""
    step = np.uint64(0x9E3779B97F4A7C15)
    words = (np.arange(1, count + 1, dtype=np.uint64) + np.uint64(seed << 40)) * step
    words ^= words >> np.uint64(30)
    words *= np.uint64(0xBF58476D1CE4E5B9)
    words ^= words >> np.uint64(27)
    words *= np.uint64(0x94D049BB133111EB)
    words ^= words >> np.uint64(31)
    return words


def _triangle(values: npt.NDArray[np.int32], period: int, height: int) -> npt.NDArray[np.int32]:
    """Triangle wave between 0 and ``height`` in integers."""
    phase = values % (2 * period)
    return np.minimum(phase, 2 * period - phase) * height // period


def _bounce(position: int, span: int) -> int:
    """An even offset that runs to ``span`` and back, so that 4:2:0 chroma moves with luma."""
    phase = position % (2 * span)
    return min(phase, 2 * span - phase) & ~1


@dataclass(frozen=True, slots=True)
class Camera:
    """A moving scene of soft gradients and edges under sensor noise, near real phone video in bits per pixel.

    ``depth`` 8 gives yuv420p, 10 gives yuv420p10le; 4:2:0 needs an even width and height. ``floor`` and
    ``ceiling`` are the 8-bit-equivalent codes of black and of the brightest place of scene and barcode: 16 and
    235 for SDR, less for PQ, where 235 would be 10 000 cd/m², and 0 and 255 for full range. ``noise`` is the
    amplitude in 8-bit codes over the lower five eighths of the picture, and half of it above: at crf 23 an
    encoder quantises noise away below an amplitude near 7, so the share of the picture, more than the
    amplitude, sets the bits per pixel. ``saturation`` is in per cent: codes that are colourful in BT.709 lie
    outside every display in BT.2020 PQ. ``first_id`` is the barcode of frame 0.
    """

    width: int
    height: int
    rate: Fraction
    frames: int
    depth: int = 8
    floor: int = 16
    ceiling: int = 235
    noise: int = 8
    saturation: int = 100
    seed: int = 1
    first_id: int = 0

    @property
    def pix_fmt(self) -> str:
        """The raw format's name in ffmpeg."""
        return "yuv420p" if self.depth == 8 else "yuv420p10le"

    def _scene(self, span: int) -> tuple[npt.NDArray[Any], ...]:
        """Y, U, V of a scene larger than the frame by ``span`` each way, leaving room for the noise."""
        w, h = self.width + span, self.height + span
        x, y = np.arange(w, dtype=np.int32)[None, :], np.arange(h, dtype=np.int32)[:, None]
        unit = max(self.height // 6, 8)
        top = self.ceiling - self.noise - 1
        floor = self.floor + self.noise + 1
        tiles = ((x // unit + y // unit) % 3) * 12
        luma = _triangle(x + y // 2, 3 * unit, 90) + _triangle(2 * y - x, 5 * unit, 70) + tiles
        luma = floor + luma * (top - floor) // (90 + 70 + 24)
        half_x, half_y = x[:, : w // 2], y[: h // 2]
        blue = 128 + (_triangle(half_x + half_y, 2 * unit, 64) - 32) * self.saturation // 100
        red = 128 + (_triangle(half_x - half_y, 3 * unit, 56) - 28) * self.saturation // 100
        return tuple(self._deep(p) for p in (luma, blue, red))

    def _deep(self, plane: npt.NDArray[np.int32]) -> npt.NDArray[Any]:
        if self.depth == 8:
            return plane.astype(np.uint8)
        return (plane << _DEEP_SHIFT).astype(np.uint16)

    def _grain(self, noise: int) -> npt.NDArray[Any]:
        """Flat pool of noise in two's complement, so that an unsigned addition wraps to the right sum."""
        words = splitmix64(self.width * self.height // 4 + _NOISE_SPARE // 4, self.seed)
        samples = words.astype("<u8", copy=False).view("<u2").astype(np.int32)
        amplitude = noise if self.depth == 8 else noise << _DEEP_SHIFT
        kind = np.int8 if self.depth == 8 else np.int16
        spread = (samples * (2 * amplitude + 1) >> 16) - amplitude
        return spread.astype(kind).view(np.uint8 if self.depth == 8 else np.uint16)

    def paint(self) -> Iterator[tuple[npt.NDArray[Any], ...]]:
        """Y, U and V of each frame in turn; the arrays are reused by nothing and belong to the caller."""
        span = max(self.height // 4, 32) & ~1
        luma, blue, red = self._scene(span)
        coarse, fine = self._grain(self.noise), self._grain(self.noise // 2)
        split = self.height * 3 // 8
        starts = splitmix64(self.frames, self.seed + 1) % np.uint64(_NOISE_SPARE)
        speed = max(self.height // 180, 1)
        scale = 1 if self.depth == 8 else 1 << _DEEP_SHIFT
        strip_w, strip_h = barcode.strip_size(self.width, self.height)
        for n in range(self.frames):
            dx, dy = _bounce(3 * speed * n, span), _bounce(speed * n, span)
            start = int(starts[n])
            y = luma[dy : dy + self.height, dx : dx + self.width].copy()
            y[:split] += fine[start : start + split * self.width].reshape(split, self.width)
            rest = self.height - split
            y[split:] += coarse[start : start + rest * self.width].reshape(rest, self.width)
            barcode.paint(y, self.first_id + n, self.floor * scale, self.ceiling * scale)
            chroma = []
            for plane in (blue, red):
                c = plane[dy // 2 : (dy + self.height) // 2, dx // 2 : (dx + self.width) // 2].copy()
                c[: (strip_h + 1) // 2, : (strip_w + 1) // 2] = 128 * scale
                chroma.append(c)
            yield y, *chroma


@dataclass(frozen=True, slots=True)
class Screen:
    """A screen recording: a still desktop, a window of text that scrolls, a pointer; no noise. 8-bit 4:2:0.

    The barcode counts every frame from ``first_id``. Everything moves on in every frame: bursts and holds are
    made by the recipe, which keeps some frames and drops the others.
    """

    width: int
    height: int
    rate: Fraction
    frames: int
    seed: int = 2
    first_id: int = 0

    @property
    def pix_fmt(self) -> str:
        """The raw format's name in ffmpeg."""
        return "yuv420p"

    def _page(self) -> npt.NDArray[np.uint8]:
        """A tall page of glyph-like blocks in lines, dark on light, that wraps around."""
        dot = max(self.height // 180, 1)
        rows, columns = 4 * self.height // (8 * dot), self.width * 5 // 8 // (5 * dot)
        words = splitmix64(rows * columns, self.seed).reshape(rows, columns)
        small = np.full((rows * 8, columns * 5), 240, dtype=np.uint8)
        blank = (words >> np.uint64(40)) % np.uint64(6) == 0
        for bit in range(24):  # a glyph is 4 x 6 dots in a box of 5 x 8
            on = ((words >> np.uint64(bit)) & np.uint64(1)).astype(bool) & ~blank
            small[1 + bit // 4 :: 8, bit % 4 :: 5][:rows][on] = 48
        return small.repeat(dot, axis=0).repeat(dot, axis=1)

    def paint(self) -> Iterator[tuple[npt.NDArray[np.uint8], ...]]:
        """Y, U and V of each frame in turn."""
        w, h = self.width, self.height
        dot = max(h // 180, 1)
        page = self._page()
        wide = page.shape[1]
        top, left, high = h // 5, w // 6, h * 7 // 10
        desk = np.broadcast_to(60 + np.arange(h, dtype=np.int64)[:, None] * 60 // h, (h, w)).astype(np.uint8)
        blue, red = np.full((h // 2, w // 2), 140, np.uint8), np.full((h // 2, w // 2), 118, np.uint8)
        strip_w, strip_h = barcode.strip_size(w, h)
        for plane in (blue, red):
            plane[top // 2 : (top + high) // 2, left // 2 : (left + wide) // 2] = 128
            plane[: (strip_h + 1) // 2, : (strip_w + 1) // 2] = 128
        for n in range(self.frames):
            y = desk.copy()
            at = (3 * dot * n) % (page.shape[0] - high)
            y[top : top + high, left : left + wide] = page[at : at + high]
            px, py = _bounce(5 * dot * n, w * 3 // 4), h // 2 + _bounce(2 * dot * n, h // 4)
            y[py : py + 8 * dot, px : px + 5 * dot] = 16
            barcode.paint(y, self.first_id + n, 16, 235)
            yield y, blue, red


Painting = Camera | Screen


def input_arguments(painting: Painting) -> tuple[str, ...]:
    """The ffmpeg arguments that read this painting from its standard input."""
    size = f"{painting.width}x{painting.height}"
    kind = ("-f", "rawvideo", "-pix_fmt", painting.pix_fmt, "-video_size", size)
    return (*kind, "-framerate", str(painting.rate), "-i", "pipe:0")


def raw_frames(painting: Painting) -> Iterator[tuple[bytes | memoryview, ...]]:
    """The planes of each frame as little-endian bytes, ready to be written one after another."""
    for planes in painting.paint():
        yield tuple(np.ascontiguousarray(p.astype(p.dtype.newbyteorder("<"), copy=False)).data for p in planes)
