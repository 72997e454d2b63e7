"""What is right, in closed form: written from the standards, importing nothing of what it judges.

Signals are non-linear RGB, nominally 0-1, shape (..., 3); light is linear RGB of BT.2020 in cd/m². Sources: ITU-R
BT.1886 (EOTF of SDR displays), IEC 61966-2-1 (sRGB), BT.709-6, BT.601-7, BT.2020-2 (primaries and matrices), BT.2087-0
(BT.709 into BT.2020), BT.2100-2 (PQ, HLG, ICtCp), BT.2408-7 (SDR white at 203 cd/m²), BT.2124-0 (delta E ITP).
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

SDR_WHITE = 203.0
PQ_PEAK = 10_000.0
HLG_PEAK = 1_000.0
HLG_GAMMA = 1.2

#: BT.2087-0 as the standard prints it (six decimals, the project's own reference).
BT709_TO_BT2020 = np.array(
    [[0.627404, 0.329283, 0.043313], [0.069097, 0.919540, 0.011362], [0.016391, 0.088013, 0.895595]]
)
#: CIE xy of red, green and blue; the white point of all is D65. "525" and "625" are BT.601-7's two systems.
XY = {
    "bt709": ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)),
    "525": ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    "625": ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06)),
    "p3": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    "bt2020": ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
}
XY["dci"] = XY["p3"]
D65 = (0.3127, 0.3290)
#: White points other than D65 (SMPTE RP 431-2).
WHITE = {"dci": (0.314, 0.351)}
#: Bradford's cone responses (ICC.1:2022, annex E): how a white point is carried into another.
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
#: (Kr, Kb) of the luma equations.
LUMA = {"bt709": (0.2126, 0.0722), "bt601": (0.299, 0.114), "bt2020": (0.2627, 0.0593)}


# --- from a source's codes to its own display -----------------------------------------------------------------------


def rgb_of_codes(codes: Array, matrix: str, depth: int = 8, *, is_full_range: bool = False) -> Array:
    """Y'CbCr codes to the R'G'B' signal, unclamped (BT.709-6 clause 3, BT.601-7, BT.2020-2; BT.2100 full range)."""
    scale, top = 2.0 ** (depth - 8), 2.0**depth - 1
    y, cb, cr = np.moveaxis(np.asarray(codes, np.float64), -1, 0)
    if is_full_range:
        luma, blue, red = y / top, (cb - 128 * scale) / top, (cr - 128 * scale) / top
    else:
        luma, blue, red = (y / scale - 16) / 219, (cb / scale - 128) / 224, (cr / scale - 128) / 224
    kr, kb = LUMA[matrix]
    r = luma + 2 * (1 - kr) * red
    b = luma + 2 * (1 - kb) * blue
    return np.stack([r, (luma - kr * r - kb * b) / (1 - kr - kb), b], axis=-1)


def codes_of_rgb(signal: Array, matrix: str, depth: int = 8, *, is_full_range: bool = False) -> Array:
    """The nearest Y'CbCr codes of an R'G'B' signal."""
    kr, kb = LUMA[matrix]
    r, g, b = np.moveaxis(np.asarray(signal, np.float64), -1, 0)
    luma = kr * r + (1 - kr - kb) * g + kb * b
    chroma = np.stack([(b - luma) / (2 * (1 - kb)), (r - luma) / (2 * (1 - kr))])
    scale, top = 2.0 ** (depth - 8), 2.0**depth - 1
    if is_full_range:
        rows = (luma * top, *(chroma * top + 128 * scale))
    else:
        rows = ((luma * 219 + 16) * scale, *((chroma * 224 + 128) * scale))
    return np.clip(np.floor(np.stack(rows, axis=-1) + 0.5), 0, top).astype(np.int64)


def light_of_sdr(signal: Array, eotf: str = "bt1886") -> Array:
    """Light relative to white: BT.1886 with black at zero, IEC 61966-2-1 or a pure 2.2 power."""
    v = np.clip(signal, 0.0, 1.0)
    if eotf == "bt1886":
        return v**2.4
    if eotf == "gamma22":
        return v**2.2
    assert eotf == "srgb"
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def to_bt2020(primaries: str) -> Array:
    """Linear RGB of these primaries to linear RGB of BT.2020 (SMPTE RP 177, through XYZ; white stays white)."""
    if primaries == "bt709":
        return BT709_TO_BT2020
    white = WHITE.get(primaries, D65)
    cones = [BRADFORD @ _point(point) for point in (D65, white)]
    adaptation = np.linalg.solve(BRADFORD, np.diag(cones[0] / cones[1]) @ BRADFORD)
    return np.linalg.solve(_xyz(XY["bt2020"]), adaptation @ _xyz(XY[primaries], white))


def _xyz(xy: tuple[tuple[float, float], ...], white: tuple[float, float] = D65) -> Array:
    columns = np.array([_point(each) for each in xy]).T
    return columns * np.linalg.solve(columns, _point(white))


def _point(xy: tuple[float, float]) -> Array:
    x, y = xy
    return np.array([x / y, 1.0, (1.0 - x - y) / y])


# --- the two HDR transfers ------------------------------------------------------------------------------------------

M1, M2 = 2610 / 16384, 2523 / 32
C2, C3 = 2413 / 128, 2392 / 128
C1 = C3 - C2 + 1
A = 0.17883277
B = 1 - 4 * A
C = 0.5 - A * np.log(4 * A)
Y2020 = np.array([0.2627, 0.6780, 0.0593])


def pq_of_light(light: Array) -> Array:
    """BT.2100-2 table 4, inverse EOTF."""
    y = np.clip(np.asarray(light, np.float64) / PQ_PEAK, 0.0, 1.0)
    power = y**M1
    return np.where(y > 0, ((C1 + C2 * power) / (1 + C3 * power)) ** M2, 0.0)


def light_of_pq(signal: Array) -> Array:
    """BT.2100-2 table 4, EOTF."""
    power = np.clip(np.asarray(signal, np.float64), 0.0, 1.0) ** (1 / M2)
    return PQ_PEAK * (np.maximum(power - C1, 0.0) / (C2 - C3 * power)) ** (1 / M1)


def hlg_of_light(light: Array) -> Array:
    """BT.2100-2 table 5 backwards: display light of the 1000 cd/m² display to scene light to signal."""
    light = np.asarray(light, np.float64)
    yd = (light @ Y2020)[..., None] / HLG_PEAK
    scene = np.where(yd > 0, np.power(np.where(yd > 0, yd, 1.0), (1 - HLG_GAMMA) / HLG_GAMMA) * light / HLG_PEAK, 0.0)
    return np.where(
        scene <= 1 / 12, np.sqrt(3 * np.clip(scene, 0, None)), A * np.log(np.maximum(12 * scene - B, 1e-9)) + C
    )


def light_of_hlg(signal: Array) -> Array:
    """BT.2100-2 table 5, EOTF: inverse OETF, then the OOTF of a 1000 cd/m² display."""
    v = np.clip(np.asarray(signal, np.float64), 0.0, 1.0)
    scene = np.where(v <= 0.5, v * v / 3, (np.exp((v - C) / A) + B) / 12)
    return HLG_PEAK * (scene @ Y2020)[..., None] ** (HLG_GAMMA - 1) * scene


def light_of(signal: Array, target: str) -> Array:
    """Display light of a PQ or HLG signal."""
    return light_of_pq(signal) if target == "pq" else light_of_hlg(signal)


# --- the maps -------------------------------------------------------------------------------------------------------


def sdr_light(signal: Array, *, primaries: str = "bt709", eotf: str = "bt1886", white: float = SDR_WHITE) -> Array:
    """Display light of an SDR signal with its white at ``white`` cd/m² (BT.2408-7, clause 5.1)."""
    return white * np.clip(light_of_sdr(signal, eotf) @ to_bt2020(primaries).T, 0.0, None)


def sdr_to_hdr(signal: Array, target: str, **options: Any) -> Array:
    """An SDR signal as PQ or HLG."""
    light = sdr_light(signal, **options)
    return pq_of_light(light) if target == "pq" else hlg_of_light(light)


def hlg_to_pq(signal: Array) -> Array:
    """An HLG signal as PQ, as the 1000 cd/m² display shows it."""
    return pq_of_light(light_of_hlg(signal))


def hdr_to_bt2020(signal: Array, source: str, target: str, primaries: str) -> Array:
    """An HDR signal of any primaries as BT.2020 with the target's transfer; HLG shown on the 1000 cd/m² display."""
    matrix = to_bt2020(primaries)
    if source == "pq":
        light = np.clip(light_of_pq(signal) @ matrix.T, 0.0, None)
    else:
        v = np.clip(np.asarray(signal, np.float64), 0.0, 1.0)
        scene = np.clip(np.where(v <= 0.5, v * v / 3, (np.exp((v - C) / A) + B) / 12) @ matrix.T, 0.0, None)
        light = HLG_PEAK * (scene @ Y2020)[..., None] ** (HLG_GAMMA - 1) * scene
    return pq_of_light(light) if target == "pq" else np.clip(hlg_of_light(light), 0.0, 1.0)


def pq_to_sdr(signal: Array) -> Array:
    """The way back of :func:`sdr_to_hdr` for PQ, BT.1886 and BT.709."""
    light = light_of_pq(signal) @ np.linalg.inv(BT709_TO_BT2020).T / SDR_WHITE
    return np.clip(light, 0.0, 1.0) ** (1 / 2.4)


# --- differences ----------------------------------------------------------------------------------------------------

_LMS = np.array([[1688, 2146, 262], [683, 2951, 462], [99, 309, 3688]]) / 4096
_ICTCP = np.array([[2048, 2048, 0], [6610, -13613, 7003], [17933, -17390, -543]]) / 4096


def itp(light: Array) -> Array:
    """BT.2124-0: I, T = Ct / 2, P of display light."""
    return pq_of_light(np.asarray(light) @ _LMS.T) @ _ICTCP.T * np.array([1.0, 0.5, 1.0])


def delta_e_of_light(one: Array, other: Array) -> Array:
    """BT.2124-0: 1 is just noticeable."""
    return 720 * np.sqrt(((itp(one) - itp(other)) ** 2).sum(axis=-1))


def delta_e(one: Array, other: Array, target: str) -> Array:
    """Delta E ITP of two signals of one transfer."""
    return delta_e_of_light(light_of(one, target), light_of(other, target))
