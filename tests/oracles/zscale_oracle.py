"""The second oracle: zimg, inside the ffmpeg program that imageio-ffmpeg ships. Nothing of what it judges is used."""

from __future__ import annotations

import subprocess
from functools import cache
from typing import Any

import imageio_ffmpeg
import numpy as np

Array = np.ndarray[Any, Any]

TRANSFER = {"pq": "smpte2084", "hlg": "arib-std-b67"}
PRIMARIES = {"bt709": "bt709", "525": "smpte170m", "625": "bt470bg", "bt2020": "bt2020", "p3": "smpte432"}


@cache
def program() -> str:
    """The ffmpeg program."""
    return imageio_ffmpeg.get_ffmpeg_exe()


def run(arguments: list[str], data: bytes = b"") -> bytes:
    """Standard output of the ffmpeg program; its own words where it fails."""
    command = [program(), "-v", "error", "-nostdin" if not data else "-y", *arguments]
    done = subprocess.run(command, input=data, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def sdr_to_hdr(signal: Array, target: str, primaries: str = "bt709", npl: str = "npl=203:") -> Array:
    """An SDR signal as PQ or HLG, white at 203 cd/m² (BT.2408); ``npl=""`` is the negative control."""
    way = (
        f"zscale=pin={PRIMARIES[primaries]}:tin=bt709:min=gbr:rin=full:p=bt2020:m=gbr:r=full:t={TRANSFER[target]}:"
        f"{npl}agamma=0"
    )
    return through(signal, way)


def hlg_to_pq(signal: Array) -> Array:
    """An HLG signal as PQ."""
    way = "zscale=pin=bt2020:tin=arib-std-b67:min=gbr:rin=full:p=bt2020:m=gbr:r=full:t=smpte2084:npl=1000:agamma=0"
    return through(signal, way)


def yuv420p10(signal: Array, target: str) -> Array:
    """Codes of limited-range BT.2020 Y'CbCr, 10 bits, of an HDR signal."""
    way = (
        f"zscale=pin=bt2020:tin={TRANSFER[target]}:min=gbr:rin=full:p=bt2020:m=bt2020nc:r=limited:t={TRANSFER[target]}"
    )
    flat = np.clip(np.asarray(signal).reshape(-1, 3), 0, 1)
    raw = run(_reading(len(flat), f"{way},format=yuv444p10le"), _planar(flat))
    return np.frombuffer(raw, "<u2").reshape(3, len(flat)).T.astype(np.int64)


def through(signal: Array, chain: str) -> Array:
    """A signal through a filter chain, 16-bit planar RGB on both sides."""
    flat = np.clip(np.asarray(signal, np.float64).reshape(-1, 3), 0, 1)
    raw = run(_reading(len(flat), f"{chain},format=gbrp16le"), _planar(flat))
    green, blue, red = np.frombuffer(raw, "<u2").reshape(3, len(flat))
    return (np.stack([red, green, blue], axis=-1) / 65535).reshape(np.shape(signal))


def _reading(width: int, chain: str) -> list[str]:
    source = ["-f", "rawvideo", "-pix_fmt", "gbrp16le", "-s", f"{width}x1", "-i", "pipe:0"]
    return [*source, "-vf", chain, "-f", "rawvideo", "pipe:1"]


def _planar(flat: Array) -> bytes:
    codes = np.round(flat * 65535).astype("<u2")
    return np.stack([codes[:, 1], codes[:, 2], codes[:, 0]]).tobytes()
