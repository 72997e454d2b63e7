"""A trial of colour: known patches are extracted with different mappings, and the resulting light is measured."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hfbench.notebook.colorimetry import delta_e_itp, pq_to_light, sdr_to_light

Floats = NDArray[np.float64]

_PATCH: Final = 16  # pixels per side; the middle is read, so that no filter's edge is
_COLUMNS: Final = 16
_FRAMES: Final = 4
_RATE: Final = 30
_ENCODE_SECONDS: Final = 60
#: Signal (8 bits) of ColorChecker-like patches, and of primaries and secondaries at full and at half.
_NAMED: Final = {
    "white": (255, 255, 255),
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "cyan": (0, 255, 255),
    "magenta": (255, 0, 255),
    "yellow": (255, 255, 0),
    "dark skin": (115, 82, 68),
    "light skin": (194, 150, 130),
    "sky": (98, 122, 157),
    "foliage": (87, 108, 67),
    "flower": (133, 128, 177),
    "bluish green": (103, 189, 170),
    "orange": (214, 126, 44),
    "purplish blue": (80, 91, 166),
    "moderate red": (193, 90, 99),
    "purple": (94, 60, 108),
    "yellow green": (157, 188, 64),
    "orange yellow": (224, 163, 46),
}


@dataclass(frozen=True, slots=True)
class Patch:
    """A patch: its name, and its SDR signal (0-1, as the file really holds it)."""

    name: str
    signal: tuple[float, float, float]
    is_grey: bool


@dataclass(frozen=True, slots=True)
class ColourTrial:
    """Patches, and their light after extraction.

    Attributes:
        patches: the 19 named ones, then greys.
        right: the light (cd/m², BT.2020) that BT.2408 requires, shape (patches, 3).
        light: mapping and format (``bt2408 png16``) -> the light that was measured, same shape.
    """

    patches: tuple[Patch, ...]
    right: Floats
    light: dict[str, Floats]

    def differences(self, output: str) -> Floats:
        """Delta E ITP of every patch; 1 is just noticeable."""
        return delta_e_itp(self.light[output], self.right)


def colour_trial(size: str | None = "180p") -> ColourTrial:
    """Extract patches together with the headline's HDR10 clip: mapped right, mapped as HyperFrames does, and in 8 bits.

    Raises:
        MachineError: the fixture or the patches can't be made.
        MeasurementError: a clip failed.
    """
    from hfbench.notebook.loading import entries

    codes, patches = _patches()
    hdr = entries(["hdr-sdr-mixed-scope"], size)["hdr-sdr-mixed-scope"].folder / "hdr-2s.mp4"
    right = sdr_to_light(np.array([patch.signal for patch in patches]))
    with tempfile.TemporaryDirectory(prefix="hfbench-colour-") as work:
        chart = _encode(codes, Path(work) / "patches.mp4")
        outputs = (("bt2408", "png16"), ("gamut", "png16"), ("bt2408", "png"))
        light = {
            f"{mapping} {format_}": pq_to_light(_extracted(chart, hdr, mapping, format_, len(patches)))
            for mapping, format_ in outputs
        }
    return ColourTrial(patches, right, light)


def _patches() -> tuple[NDArray[np.uint8], tuple[Patch, ...]]:
    """Codes in BT.709 Y'CbCr, limited range, shape (patches, 3), and the signals that these codes mean."""
    greys = {f"grey {code}": (code,) * 3 for code in range(16, 236)}
    wanted = np.array(list(_NAMED.values()), np.float64) / 255
    luma = wanted @ np.array([0.2126, 0.7152, 0.0722])
    blue, red = (wanted[:, 2] - luma) / 1.8556, (wanted[:, 0] - luma) / 1.5748
    named = np.stack((16 + 219 * luma, 128 + 224 * blue, 128 + 224 * red), axis=1)
    neutral = np.array([(code, 128, 128) for code, *_ in greys.values()], np.float64)
    codes = np.rint(np.concatenate((named, neutral))).astype(np.uint8)
    y, cb, cr = (codes.astype(np.float64) - (16, 128, 128)).T / np.array([[219], [224], [224]])
    # BT.709-6, item 3: the inverse of the matrix above
    signals = np.clip(np.stack((y + 1.5748 * cr, y - 0.187324 * cb - 0.468124 * cr, y + 1.8556 * cb), axis=1), 0, 1)
    names = (*_NAMED, *greys)
    return codes, tuple(
        Patch(name, (float(r), float(g), float(b)), name.startswith("grey"))
        for name, (r, g, b) in zip(names, signals, strict=True)
    )


def _encode(codes: NDArray[np.uint8], into: Path) -> Path:
    """A few frames of all patches, without loss, in 4:4:4, so that every code arrives as it is."""
    from hfbench.notebook.ffmpeg_program import run_ffmpeg

    lines = -(-len(codes) // _COLUMNS)
    grid = np.full((lines * _COLUMNS, 3), (16, 128, 128), np.uint8)
    grid[: len(codes)] = codes
    planes = grid.reshape(lines, _COLUMNS, 3).repeat(_PATCH, axis=0).repeat(_PATCH, axis=1).transpose(2, 0, 1)
    shape = f"{planes.shape[2]}x{planes.shape[1]}"
    raw = ["-f", "rawvideo", "-pix_fmt", "yuv444p", "-s", shape, "-r", str(_RATE), "-i", "-"]
    tags = "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv"
    exact = ["-vf", tags, "-c:v", "libx264", "-qp", "0", "-pix_fmt", "yuv444p"]
    run_ffmpeg([*raw, *exact, str(into)], seconds=_ENCODE_SECONDS, data=planes.tobytes() * _FRAMES)
    return into


def _extracted(chart: Path, hdr: Path, mapping: str, format_: str, count: int) -> Floats:
    """The PQ signal (0-1) of every patch in the extracted file."""
    from hfbench import Clip, Composition, ExtractOptions, ImageFormat, SdrMapping, extract
    from hfbench.errors import MeasurementError
    from hfbench.notebook.extraction_figures import read_rgb

    shown = Fraction(_FRAMES, _RATE)
    clips = (
        Clip("patches", str(chart), Fraction(0), shown, Fraction(0)),
        Clip("hdr", str(hdr), shown, 2 * shown, Fraction(0)),
    )
    options = ExtractOptions(sdr_mapping=SdrMapping(mapping), format=ImageFormat(format_))
    with tempfile.TemporaryDirectory(dir=chart.parent) as out:
        result = extract(Composition(clips, fps=Fraction(_RATE), root=chart.parent), Path(out) / "frames", options)
        if not result.success:
            raise MeasurementError(f"{mapping} {format_}: {result.failures[0].message}")
        picture = read_rgb(result.clips[0].path_of(1))
    middles = picture[_PATCH // 2 :: _PATCH, _PATCH // 2 :: _PATCH]
    signal: Floats = middles.reshape(-1, 3)[:count]
    return signal
