"""Tiny clips with a barcode on every frame, made by the ffmpeg program; and plain readers of what came out."""

from __future__ import annotations

import io
import math
import subprocess
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

import hfbench
from fixtures_gen import find_barcode
from fixtures_gen.barcode import drawbox_chain
from fixtures_gen.program import find_ffmpeg

PQ_TAGS = "setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc:range=tv"
X265_QUIET = "log-level=0:info=0:repeat-headers=1:hdr10=1:colorprim=9:transfer=16:colormatrix=9"


@dataclass
class ClipMaker:
    """Makes each clip once a session."""

    folder: Path
    _made: dict[str, Path] = field(default_factory=dict)

    def __call__(
        self,
        name: str,
        *,
        seconds: float = 3,
        rate: str = "30",
        size: tuple[int, int] = (320, 180),
        chain: str = "format=yuv420p",
        encoder: tuple[str, ...] = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "30"),
        first_id: int = 0,
    ) -> Path:
        """Grey with a barcode that counts from ``first_id``."""
        if name not in self._made:
            path = self.folder / name
            source = f"color=c=gray:s={size[0]}x{size[1]}:r={rate}:d={seconds}"
            filters = f"format=yuv444p,{drawbox_chain(*size, first_id)},{chain}"
            self._made[name] = run_ffmpeg(path, "-f", "lavfi", "-i", source, "-vf", filters, *encoder)
        return self._made[name]

    def pq(self, seconds: float = 1) -> Path:
        """A small HDR10 clip: its presence makes a composition HDR."""
        encoder = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", X265_QUIET, "-tag:v", "hvc1")
        return self("pq.mp4", seconds=seconds, chain=f"format=yuv420p10le,{PQ_TAGS}", encoder=encoder, first_id=5000)


def run_ffmpeg(path: Path, *arguments: str) -> Path:
    command = [str(find_ffmpeg()), "-v", "error", "-nostdin", "-y", *arguments, str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return path


def read_pixels(path: Path) -> np.ndarray[Any, Any]:
    """Pixels by Pillow for 8 bits, by PyAV for 16-bit PNG (Pillow narrows those)."""
    with Image.open(path) as image:
        if image.mode in {"RGB", "RGBA"} and b"IHDR\x00" and not _is_16_bit(path):
            return np.asarray(image)
    with av.open(io.BytesIO(path.read_bytes()), format="png_pipe") as container:
        frame = next(container.decode(video=0))
        return frame.to_ndarray(format="rgba64le" if "a" in frame.format.name else "rgb48le")


def _is_16_bit(path: Path) -> bool:
    head = path.read_bytes()[:26]
    return head[:4] == b"\x89PNG" and head[24] == 16


def ids_of(clip: hfbench.ExtractedClip) -> list[int | None]:
    """The barcode of every frame of a clip."""
    found = [find_barcode(read_pixels(clip.path_of(index))) for index in range(clip.frames)]
    return [None if each is None else each[0] for each in found]


def expected_ids(
    times: tuple[Fraction, ...], ids: tuple[int, ...], start: Fraction, fps: Fraction, count: int
) -> list[int]:
    """The grid rule, spelled out: slot k shows the last frame with pts < start + (k + 1/2) / fps, else the first."""
    rows = []
    for slot in range(count):
        limit = start + (slot + Fraction(1, 2)) / fps
        shown = [number for number, time in zip(ids, times, strict=True) if time < limit]
        rows.append(shown[-1] if shown else ids[0])
    return rows


def slots_of(duration: Fraction, fps: Fraction) -> int:
    return max(1, math.floor(duration * fps + Fraction(1, 2)))


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
