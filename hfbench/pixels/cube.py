"""Colour maps into HDR, exact in floating point, and as cube files for FFmpeg's ``lut3d``.

Reference: ITU-R BT.1886 (EOTF of SDR displays), BT.2087 (primaries), BT.2100-2 (PQ and HLG), BT.2408-7 clause 5.1
(display-referred mapping, SDR white at 203 cd/m²), SMPTE ST 2084.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from hfbench.color import HdrTarget, Primaries
from hfbench.errors import MachineError
from hfbench.model.plan import GamutSwap, HdrToHdr, SdrEotf

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hfbench.model.plan import ColorMap

#: Points along each side. With tetrahedral interpolation 65 keep the error below .3 of a just noticeable difference.
CUBE_POINTS: Final = 65
#: Version of what :func:`map_signal` computes; part of a cube's name. 1: the first; 2: white points other than D65.
_CUBE_VERSION: Final = 2
#: What needs no escaping, neither in a filter graph nor in a filter's arguments.
_PLAIN_PATH: Final = re.compile(r"[A-Za-z0-9_./+-]+")

#: cd/m², the nominal peak of BT.2100's HLG reference display, and its system gamma.
HLG_PEAK: Final = 1000.0
HLG_GAMMA: Final = 1.2
_BT2020_LUMA: Final = np.array([0.2627, 0.6780, 0.0593])
_D65: Final = (0.3127, 0.3290)
_ILLUMINANT_C: Final = (0.310, 0.316)
#: CIE xy of red, green, blue and white (H.273 table 2).
_PRIMARIES_XY: Final = {
    Primaries.BT709: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), _D65),
    Primaries.BT470M: ((0.670, 0.330), (0.210, 0.710), (0.140, 0.080), _ILLUMINANT_C),
    Primaries.BT470BG: ((0.640, 0.330), (0.290, 0.600), (0.150, 0.060), _D65),
    Primaries.SMPTE170M: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),
    Primaries.SMPTE240M: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),
    Primaries.FILM: ((0.681, 0.319), (0.243, 0.692), (0.145, 0.049), _ILLUMINANT_C),
    Primaries.BT2020: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),
    Primaries.SMPTE428: ((1.0, 0.0), (0.0, 1.0), (0.0, 0.0), (1 / 3, 1 / 3)),
    Primaries.SMPTE431: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),
    Primaries.SMPTE432: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),
    Primaries.EBU3213: ((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), _D65),
}
#: Bradford's cone responses, as in ICC.1:2022 annex E.
_BRADFORD: Final = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def map_signal(signal: NDArray[np.float64], color: ColorMap) -> NDArray[np.float64]:
    """Map non-linear RGB to the target's non-linear RGB.

    Args:
        signal: shape (..., 3), full range, nominally 0-1; values outside are clamped.
        color: the map; for ``gamut`` there is none, that is a filter.

    Returns:
        The target's signal, 0-1, same shape.
    """
    clamped = np.clip(signal, 0.0, 1.0)
    if isinstance(color, GamutSwap):
        raise TypeError("gamut is a filter, not a map")
    if isinstance(color, HdrToHdr):
        display = _hdr_light(clamped, color)
    else:
        light = light_of(clamped, color.eotf)
        display = color.white * np.clip(light @ primaries_matrix(color.primaries).T, 0.0, None)
    return pq_inverse_eotf(display) if color.target is HdrTarget.PQ else hlg_signal(display)


def _hdr_light(signal: NDArray[np.float64], color: HdrToHdr) -> NDArray[np.float64]:
    """Display light of BT.2020 that an HDR signal of any primaries asks for, cd/m².

    HLG's system gamma works on luminance, so primaries are converted in scene light, before it (BT.2100-2 table 5).
    """
    matrix = primaries_matrix(color.primaries)
    if color.source is HdrTarget.PQ:
        return np.clip(pq_eotf(signal) @ matrix.T, 0.0, None)
    return hlg_ootf(np.clip(hlg_scene_light(signal) @ matrix.T, 0.0, None))


def light_of(signal: NDArray[np.float64], eotf: SdrEotf) -> NDArray[np.float64]:
    """Light relative to white, 0-1, on the display that the picture was made for."""
    if eotf is SdrEotf.BT1886:
        return np.asarray(signal**2.4)
    if eotf is SdrEotf.GAMMA22:
        return np.asarray(signal**2.2)
    return np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4)  # IEC 61966-2-1, 5.2


def pq_inverse_eotf(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """SMPTE ST 2084, clause 5.3: display light in cd/m² to signal."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 4096 * 128, 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    power = np.clip(light / 10000.0, 0.0, 1.0) ** m1
    signal = ((c1 + c2 * power) / (1 + c3 * power)) ** m2
    return np.where(light <= 0.0, 0.0, signal)


def hlg_signal(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """BT.2100-2 table 5: display light in cd/m² to signal, by the inverse OOTF of a 1000 cd/m² display and the OETF."""
    luminance = np.maximum(light @ _BT2020_LUMA, 1e-12)[..., None] / HLG_PEAK
    return hlg_oetf(luminance ** ((1 - HLG_GAMMA) / HLG_GAMMA) * light / HLG_PEAK)


def hlg_oetf(scene: NDArray[np.float64]) -> NDArray[np.float64]:
    """BT.2100-2 table 5: scene light of 0-1 to signal; values above 1 are clipped."""
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
    low = np.sqrt(3 * np.clip(scene, 0.0, 1 / 12))
    high = a * np.log(np.maximum(12 * np.clip(scene, 0.0, 1.0) - b, 1e-12)) + c
    signal: NDArray[np.float64] = np.where(scene <= 1 / 12, low, high)
    return signal


def pq_eotf(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """SMPTE ST 2084, clause 5.2: signal to display light in cd/m²."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 4096 * 128, 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    power = np.clip(signal, 0.0, 1.0) ** (1 / m2)
    return np.asarray(10000.0 * (np.maximum(power - c1, 0.0) / (c2 - c3 * power)) ** (1 / m1))


def hlg_scene_light(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """BT.2100-2 table 5, inverse OETF: HLG signal to scene light, 0-1."""
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)


def hlg_ootf(scene: NDArray[np.float64]) -> NDArray[np.float64]:
    """BT.2100-2 table 5, OOTF: scene light to light of a 1000 cd/m² display, in cd/m²."""
    luminance = np.maximum(scene @ _BT2020_LUMA, 1e-12)[..., None]
    return np.asarray(HLG_PEAK * luminance ** (HLG_GAMMA - 1) * scene)


@functools.cache
def primaries_matrix(primaries: Primaries) -> NDArray[np.float64]:
    """Linear RGB of these primaries to linear RGB of BT.2020 (BT.2087 for BT.709), shape (3, 3).

    White stays white: another white point is adapted to D65 by Bradford's transform.
    """
    matrix: NDArray[np.float64]
    if primaries is Primaries.BT709:  # as the standard rounds it
        return np.array(
            [[0.627404, 0.329283, 0.043313], [0.069097, 0.919540, 0.011362], [0.016391, 0.088013, 0.895595]]
        )
    if primaries is Primaries.BT2020:
        return np.eye(3)
    matrix = np.linalg.inv(_to_xyz(Primaries.BT2020)) @ _to_xyz(primaries)
    return matrix


def _to_xyz(primaries: Primaries) -> NDArray[np.float64]:
    """Linear RGB to XYZ under D65."""
    *colors, white = _PRIMARIES_XY[primaries]
    columns = np.array([_xyz(*color) for color in colors]).T
    scaled: NDArray[np.float64] = columns * np.linalg.solve(columns, _xyz(*white))
    if white == _D65:
        return scaled
    gains = (_BRADFORD @ _xyz(*_D65)) / (_BRADFORD @ _xyz(*white))
    adapted: NDArray[np.float64] = np.linalg.inv(_BRADFORD) @ np.diag(gains) @ _BRADFORD @ scaled
    return adapted


def _xyz(x: float, y: float) -> NDArray[np.float64]:
    """XYZ of a chromaticity with Y = 1; SMPTE ST 428-1's red and blue are where y = 0, with a sum of 1."""
    return np.array([x / y, 1.0, (1 - x - y) / y] if y else [x, y, 1 - x - y])


def cube_file(color: ColorMap, folder: Path) -> Path:
    """The map's cube file, made where it is missing (about 7 MB, under a second); its path needs no escaping.

    Args:
        color: the map.
        folder: where cubes are kept; the system's folder for temporary files serves where it can't be used.

    Raises:
        MachineError: neither folder can be used.
    """
    name = f"{hashlib.sha256(repr((_CUBE_VERSION, CUBE_POINTS, color)).encode()).hexdigest()[:16]}.cube"
    for place in (folder, Path(tempfile.gettempdir()) / "hfbench-cubes"):
        path = place / name
        if not _PLAIN_PATH.fullmatch(str(path)):
            continue
        try:
            if not path.exists():
                _write_cube(path, color)
        except OSError:
            continue
        return path
    raise MachineError(
        f"colour maps can't be kept under {folder}: name a writable folder, of plain letters, in HFBENCH_HOME"
    )


def _write_cube(path: Path, color: ColorMap) -> None:
    """Write a temporary file next to it and rename that: a reader never sees half a cube."""
    axis = np.linspace(0.0, 1.0, CUBE_POINTS)
    blue, green, red = np.meshgrid(axis, axis, axis, indexing="ij")  # red runs fastest
    rows = map_signal(np.stack([red, green, blue], axis=-1).reshape(-1, 3), color)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(f"LUT_3D_SIZE {CUBE_POINTS}\n")
            file.write("%.7f %.7f %.7f\n" * len(rows) % tuple(rows.ravel()))
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
