"""Every number of colour that has a bound, measured: tests assert them, ``tests.scripts.colour_report`` prints them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.makers import patches, runs
from tests.makers.patches import Patches
from tests.oracles import reference, zscale_oracle

if TYPE_CHECKING:
    from pathlib import Path

Array = np.ndarray[Any, Any]

#: 48 pixels: a whole 16-pixel MCU of JPEG and a whole macroblock of H.264 lie inside each patch, away from its edges.
FLAT_SIDE = 48

# --- tolerances -----------------------------------------------------------------------------------------------------

#: Delta E ITP (mean, max) against the closed form. The tight bound is for 16 bits all the way: ``fused``.
#: The intermediate of ``source`` and ``segment`` holds 10 bits of 4:2:0: exactly rounded that is mean .47, max 1.1 (PQ)
#: or .25, .87 (HLG) on these patches, and x264 at crf 16 adds less than .02 to it. 8 bits hold 1.17, 3.0 or .63, 1.6 as
#: RGB and 1.91, 7.1 or 1.02, 3.0 as JFIF planes; FFmpeg's own rounding to 8 bits adds up to 1 code to that.
DELTA_E_LIMITS = {
    ("png16", "fused", "pq"): (0.05, 0.5),
    ("png16", "fused", "hlg"): (0.05, 0.5),
    ("png16", "intermediate", "pq"): (0.6, 1.5),
    ("png16", "intermediate", "hlg"): (0.35, 1.0),
    ("png", "fused", "pq"): (1.7, 4.5),
    ("png", "fused", "hlg"): (1.1, 2.5),
    ("png", "intermediate", "pq"): (1.8, 5.0),
    ("png", "intermediate", "hlg"): (1.2, 3.0),
    ("jpg", "fused", "pq"): (2.4, 8.0),
    ("jpg", "fused", "hlg"): (1.3, 3.5),
    ("jpg", "intermediate", "pq"): (3.5, 18.0),
    ("jpg", "intermediate", "hlg"): (1.9, 5.0),
}
GAMUT_LEAST_MEAN = 30.0
NO_NPL_LEAST_MEAN = 30.0
WHITE_CODE = {"pq": 38055, "hlg": 49143}
WHITE_TOLERANCE = 20
GREY_SPREAD, GREY_DELTA_E, GREY_LEAST_LIGHT = 2, 0.3, 0.01
RANDOM_DELTA_E = 0.6
JPG_PNG_MEAN, JPG_PNG_MAX = 1.0, 4
ROUND_TRIP_EXACT, ROUND_TRIP_WORST = 0.98, 4


def delta_e_limits(image_format: str, scope: str, target: str) -> tuple[float, float]:
    """The bound on (mean, max) of a combination."""
    return DELTA_E_LIMITS[image_format, "fused" if scope == "fused" else "intermediate", target]


# --- measurements ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Workbench:
    """A folder with source clips, each made once."""

    folder: Path

    @functools.cache  # noqa: B019  lives as long as the session
    def hdr(self, target: str) -> Path:
        return patches.hdr_clip(self.folder, target)

    def clip_of(self, made: Patches) -> Path:
        return _video(self.folder, made)

    def out(self) -> Path:
        """A fresh folder name."""
        return self.folder / f"out-{len(list(self.folder.iterdir()))}"

    def measured(self, made: Patches, target: str = "", **options: Any) -> Array:
        """Signals of the centres of patches after extraction, shape (patches, pixels, channels)."""
        beside = [self.hdr(target)] if target else []
        clip = runs.extract(self.out(), self.clip_of(made), *beside, **options)
        return made.centres(patches.signal_of(clip.path_of(0)))

    def measured_all(self, made: dict[str, Patches], target: str, **options: Any) -> dict[str, Array]:
        """The same for several sources in one composition."""
        sources = {name: self.clip_of(each) for name, each in made.items()}
        clips = runs.extract_all(self.out(), sources, self.hdr(target), **options)
        return {name: each.centres(patches.signal_of(clips[name].path_of(0))) for name, each in made.items()}


_MADE: dict[tuple[Path, str, bytes, int], Path] = {}


def _video(folder: Path, made: Patches) -> Path:
    key = (folder, made.kind.name, made.codes.tobytes(), made.side)
    if key not in _MADE:
        _MADE[key] = made.video(folder)
    return _MADE[key]


@dataclass(frozen=True)
class Errors:
    """Delta E ITP of a set of patches, over all measured pixels."""

    mean: float
    worst: float

    def within(self, limits: tuple[float, float]) -> bool:
        return self.mean <= limits[0] and self.worst <= limits[1]


def errors(measured: Array, wanted: Array, target: str) -> Errors:
    """Of (patches, pixels, 3 or 4) against (patches, 3)."""
    found = reference.delta_e(measured[..., :3], wanted[:, None], target)
    return Errors(float(found.mean()), float(found.max()))


def wanted_of(made: Patches, target: str, **options: Any) -> Array:
    """The closed form, from the source's exact codes."""
    if made.kind.hdr:
        return reference.hlg_to_pq(made.signal) if made.kind.hdr != target else np.clip(made.signal, 0, 1)
    return reference.sdr_to_hdr(made.signal, target, primaries=made.kind.primaries, **options)


def zscale_of(made: Patches, target: str) -> Array:
    """The other oracle, from the same codes."""
    return zscale_oracle.sdr_to_hdr(made.signal, target, made.kind.primaries)


@dataclass(frozen=True)
class Greys:
    is_increasing: bool
    spread: float
    worst: float
    black: int


def greys(bench: Workbench, target: str, backend: str, kind: patches.Kind = patches.BT709) -> Greys:
    """Every grey of the source: order, neutrality (in 65535ths), delta E above .01 cd/m², the code of black."""
    made = patches.greys(kind)
    centre = bench.measured(made, target, backend=backend, format="png16")
    codes = np.round(centre * 65535).astype(int)
    wanted = wanted_of(made, target)
    light = reference.light_of(wanted, target)
    bright = light[:, 1] > GREY_LEAST_LIGHT
    return Greys(
        is_increasing=bool((np.diff(codes[:, 0], axis=0) > 0).all()),
        spread=float(np.ptp(codes, axis=-1).max()),
        worst=errors(centre[bright], wanted[bright], target).worst,
        black=int(codes[0].max()),
    )


def white_codes(bench: Workbench, target: str, backend: str) -> Array:
    """16-bit codes of SDR white."""
    made = patches.of_rgb(patches.BT709, np.ones((1, 3)), side=64)
    return np.round(bench.measured(made, target, backend=backend, format="png16") * 65535).astype(int)


def random_errors(bench: Workbench, target: str, backend: str) -> Errors:
    made = patches.random_colours()
    return errors(bench.measured(made, target, backend=backend, format="png16"), wanted_of(made, target), target)


def round_trip(bench: Workbench, backend: str) -> tuple[float, int]:
    """8-bit codes after SDR to PQ in 16 bits and back by closed form: share that is exact, worst difference.

    Codes whose R'G'B' lies outside 0-1 are left out: no display shows them, and the map clamps them.
    """
    made = patches.random_colours()
    shown = ((made.signal >= 0) & (made.signal <= 1)).all(axis=-1)
    returned = reference.pq_to_sdr(bench.measured(made, "pq", backend=backend, format="png16"))[shown]
    difference = np.abs(reference.codes_of_rgb(returned, made.kind.matrix) - made.codes[shown][:, None])
    return float((difference == 0).mean()), int(difference.max())


def jpg_against_png(bench: Workbench, backend: str, made: Patches) -> tuple[float, int]:
    """Mean and max difference, of 255, in the middle of patches that are flat over a whole MCU: no DCT loss there."""
    jpg = bench.measured(made, backend=backend, format="jpg", quality=100) * 255
    png = bench.measured(made, backend=backend, format="png") * 255
    return float(np.abs(jpg - png).mean()), int(np.abs(jpg - png).max())


def gamut_errors(bench: Workbench, target: str, backend: str, scope: str) -> Errors:
    """The peer's filter, which must be far off."""
    made = patches.standard(side=FLAT_SIDE)
    found = bench.measured(made, target, backend=backend, scope=scope, format="png16", sdr_mapping="gamut")
    return errors(found, wanted_of(made, target), target)


def intermediate_codes(bench: Workbench, made: Patches, target: str, backend: str, scope: str) -> Array:
    """Codes of the intermediate's patches as its decoder hands them out: what ``source`` and ``segment`` hold."""
    from hfbench import Clip, ExtractOptions
    from hfbench.backends import create_backend
    from hfbench.color import HdrTarget
    from hfbench.engine.plan import plan_clip
    from hfbench.model.cancellation import Control
    from hfbench.model.plan import ClipPlan, ProbedClip, ResolvedClip

    path = bench.clip_of(made)
    engine = create_backend(backend, 2)
    try:
        probed = ProbedClip(
            ResolvedClip(Clip("patches", str(path), 0, "0.04"), path), engine.probe(path, Control()).media
        )
        options = ExtractOptions(backend=backend, scope=scope)
        plan = plan_clip(probed, fps=25, timeline_end=None, target=HdrTarget(target), options=options)
        assert isinstance(plan, ClipPlan)
        engine.prepare([plan])
        folder = bench.out()
        folder.mkdir()
        written = engine.normalize(plan, folder / "one", Control()).intermediate
    finally:
        engine.close()
    luma, *chroma = patches.decoded_planes(written.path)
    full = [each.repeat(luma.shape[0] // each.shape[0], 0).repeat(luma.shape[1] // each.shape[1], 1) for each in chroma]
    return made.centres(np.stack([luma, *full], axis=-1)).astype(np.int64)
