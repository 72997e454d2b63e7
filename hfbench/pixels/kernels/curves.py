"""Colour maps as tables for the kernels: EOTF, matrix, OOTF and OETF of a display-referred map (see pixels.cube).

A curve over light is a table whose place is made of a float's exponent and the first bits of its mantissa: equal steps
of relative difference, as the eye has them, without a power or a root in the kernel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from hfbench.color import HdrTarget
from hfbench.model.plan import HdrToHdr, SdrToHdr
from hfbench.pixels import cube
from hfbench.pixels.kernels.reading import jfif_chroma_weights

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

#: Bits of a mantissa that lie in a float of 32 bits.
_MANTISSA: Final = 23
#: cd/m², SMPTE ST 2084.
_PQ_PEAK: Final = 10_000.0
#: Light is relative to PQ's peak; what is below 2**-40 of it is black in 16 bits.
_DARKEST: Final = -40
#: ... and nothing is brighter than 16 times the target's peak (PQ's, shown on HLG's display).
_TOP: Final = 4


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """What :func:`~hfbench.pixels.kernels.compiled.picture` needs to map colours.

    Attributes:
        eotf: light for each code of R', G' or B' from 0 to ``top``; one entry where no colours are mapped.
        parameters: row 0 a 3 x 3 matrix, rows 1 and 2 the domains of ``oetf`` and ``ootf``: lowest and highest value,
            bits dropped, place of the lowest.
        ootf: factor of light for each luminance, one entry where there is none.
        oetf: output value for each light.
        chroma: JFIF's weights.
    """

    eotf: NDArray[np.float32]
    parameters: NDArray[np.float32]
    ootf: NDArray[np.float32]
    oetf: NDArray[np.float32]
    chroma: NDArray[np.float32]

    @property
    def top(self) -> int:
        """The highest code of ``eotf``."""
        return self.eotf.size - 1

    def for_kernel(self) -> tuple[NDArray[np.float32], ...]:
        """The arrays in the kernel's order, read-only."""
        arrays = (self.eotf, self.parameters, self.ootf, self.oetf, self.chroma)
        for array in arrays:
            array.flags.writeable = False
        return arrays


def no_curves() -> Curves:
    """For pictures whose colours stay."""
    one = np.zeros(1, np.float32)
    return Curves(one, np.zeros((3, 9), np.float32), one.copy(), one.copy(), jfif_chroma_weights())


def curves_of(color: SdrToHdr | HdrToHdr, *, top_out: int, is_precise: bool) -> Curves:
    """The tables of a map; a few milliseconds.

    Args:
        color: the map.
        top_out: what an output signal of 1 is: 255 or 65535.
        is_precise: for 16 bits of output: within 2 of 65535. Else within .05 of 255, and small enough for L1 caches.
    """
    codes = np.arange(65536 if is_precise else 8192) / (65535 if is_precise else 8191)
    # HLG is a root at its dark end, twice as steep for its size as PQ
    bits = (13 if color.target is HdrTarget.HLG else 12) if is_precise else 9
    light, matrix = _light_and_matrix(color, codes)
    ootf, ootf_domain = np.zeros(1, np.float32), np.zeros(4)
    is_scene = isinstance(color, HdrToHdr) and color.source is HdrTarget.HLG
    if is_scene and color.target is HdrTarget.PQ:
        ootf, ootf_domain = _curve(lambda x: cube.HLG_PEAK / _PQ_PEAK * x ** (cube.HLG_GAMMA - 1), bits, _TOP)
    elif not is_scene and color.target is HdrTarget.HLG:
        ootf, ootf_domain = _curve(lambda x: x ** ((1 - cube.HLG_GAMMA) / cube.HLG_GAMMA), bits, _TOP)
    pq, hlg = (lambda x: top_out * cube.pq_inverse_eotf(_PQ_PEAK * x)), (lambda x: top_out * cube.hlg_oetf(x))
    oetf, domain = _curve(pq if color.target is HdrTarget.PQ else hlg, bits, _TOP)
    oetf[0] = 0  # what is no light is black
    parameters = np.zeros((3, 9))
    parameters[0] = matrix.ravel()
    parameters[1, :4], parameters[2, :4] = domain, ootf_domain
    return Curves(light.astype(np.float32), parameters.astype(np.float32), ootf, oetf, jfif_chroma_weights())


def _light_and_matrix(
    color: SdrToHdr | HdrToHdr, codes: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Light of each code and the matrix to BT.2020. HLG's is scene light; of all else 1 is the target's peak."""
    matrix = cube.primaries_matrix(color.primaries)
    peak = _PQ_PEAK if color.target is HdrTarget.PQ else cube.HLG_PEAK
    if isinstance(color, SdrToHdr):
        return cube.light_of(codes, color.eotf), matrix * color.white / peak
    if color.source is HdrTarget.HLG:
        return cube.hlg_scene_light(codes), matrix
    return cube.pq_eotf(codes) / peak, matrix


def _curve(
    function: Callable[[NDArray[np.float64]], NDArray[np.float64]], bits: int, top: int
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """A function's values from 2**-40 to 2**``top``, 2**``bits`` of them an octave, and the table's domain."""
    shift = _MANTISSA - bits
    first = int(np.float32(2.0**_DARKEST).view(np.int32)) >> shift
    last = int(np.float32(2.0**top).view(np.int32)) >> shift
    edges = (np.arange(first, last + 2, dtype=np.int64) << shift).astype(np.int32).view(np.float32).astype(np.float64)
    middles = (edges[:-1] + edges[1:]) / 2
    middles[-1] = edges[-2]
    values = function(middles)
    return values.astype(np.float32), np.array([2.0**_DARKEST, 2.0**top, shift, first])
