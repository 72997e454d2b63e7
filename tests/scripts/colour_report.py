"""The colours of every backend, scope and format against both oracles.

    python -m tests.scripts.colour_report [--quick]

Exit code 1 where a tolerance does not hold, or a negative control passes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tests.makers import measures, patches, runs
from tests.makers.measures import Workbench
from tests.oracles import reference, zscale_oracle

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMATS = ("png16", "jpg", "png")


@dataclass(frozen=True)
class Judgement:
    """One bound: what was measured, what is allowed, whether it holds."""

    name: str
    found: str
    allowed: str
    holds: bool

    def line(self) -> str:
        return f"{'pass' if self.holds else 'FAIL'}  {self.name:<58} {self.found:<34} {self.allowed}"


def main(arguments: list[str] | None = None) -> int:
    """Print the tables; the number of the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the default backend and scope alone")
    quick = parser.parse_args(arguments).quick
    backends = runs.BACKENDS[:1] if quick else runs.BACKENDS
    scopes = runs.SCOPES[:1] if quick else runs.SCOPES
    failed = 0
    with tempfile.TemporaryDirectory(prefix="colour-report-") as folder:
        bench = Workbench(Path(folder))
        for title, judgements in (
            (_heading(), patch_table(bench, backends, scopes)),
            ("\nother tolerances, 16 bits in the default scope unless said", other_tolerances(bench, backends, scopes)),
            ("\nnegative controls: these must be far off", negative_controls(bench, backends, scopes)),
        ):
            print(title)  # noqa: T201  printing is what it is for
            for each in judgements:
                print(each.line(), flush=True)  # noqa: T201
                failed += not each.holds
    print(f"\n{failed} of the bounds do not hold" if failed else "\nevery bound holds")  # noqa: T201
    return 1 if failed else 0


def _heading() -> str:
    columns = (
        f"{'patches  target  backend  scope  format':<58} {'delta E ITP: mean max (zscale)':<34} allowed mean, max"
    )
    return f"{len(patches.standard().codes)} patches, BT.709 video in 8 bits of 4:2:0\n      {columns}"


def patch_table(bench: Workbench, backends: tuple[str, ...], scopes: tuple[str, ...]) -> Iterator[Judgement]:
    """Sections of patches by target, backend, scope and format; the means of single sections are shown, not judged."""
    made = patches.standard(side=measures.FLAT_SIDE)
    for target in runs.TARGETS:
        closed, other = measures.wanted_of(made, target), measures.zscale_of(made, target)
        for backend in backends:
            for scope in scopes:
                for image_format in FORMATS:
                    found = bench.measured(made, target, backend=backend, scope=scope, format=image_format)
                    limits = measures.delta_e_limits(image_format, scope, target)
                    for name, part in {"all": slice(None), **patches.sections(made)}.items():
                        one = measures.errors(found[part], closed[part], target)
                        two = measures.errors(found[part], other[part], target)
                        judged = limits if name == "all" else (limits[1], limits[1])
                        yield Judgement(
                            f"{name:<13}{target:<4} {backend:<7} {scope:<8} {image_format}",
                            f"{one.mean:7.3f} {one.worst:7.3f}  ({two.mean:.3f} {two.worst:.3f})",
                            f"{limits[0]:g}, {limits[1]:g}" if name == "all" else f"max {limits[1]:g}",
                            one.within(judged) and two.within(judged),
                        )


def other_tolerances(bench: Workbench, backends: tuple[str, ...], scopes: tuple[str, ...]) -> Iterator[Judgement]:
    """White, black, greys, random colours: the tolerances beside those of the patches."""
    for backend in backends:
        for target in runs.TARGETS:
            what = f"{target} {backend}"
            code = int(measures.white_codes(bench, target, backend).max())
            right = measures.WHITE_CODE[target]
            yield Judgement(f"white {what}", f"{code}", f"{right} ± 20", abs(code - right) <= measures.WHITE_TOLERANCE)
            grey = measures.greys(bench, target, backend)
            yield Judgement(f"black {what}", f"{grey.black}", "0", grey.black == 0)
            yield Judgement(f"every grey rises {what}", str(grey.is_increasing), "True", grey.is_increasing)
            spread = f"{grey.spread:.0f}/65535, delta E {grey.worst:.3f}"
            is_neutral = grey.spread <= measures.GREY_SPREAD and grey.worst <= measures.GREY_DELTA_E
            yield Judgement(f"greys are neutral and right {what}", spread, "2/65535, 0.3", is_neutral)
            random = measures.random_errors(bench, target, backend)
            is_right = random.worst <= measures.RANDOM_DELTA_E
            yield Judgement(f"900 random colours {what}", f"max {random.worst:.3f}", "max 0.6", is_right)
            yield from _intermediates(bench, backend, target, scopes)
        exact, worst = measures.round_trip(bench, backend)
        holds = exact >= measures.ROUND_TRIP_EXACT and worst <= measures.ROUND_TRIP_WORST
        yield Judgement(f"SDR to PQ and back {backend}", f"{exact:.2%} exact, rest ≤ {worst}", "98%, 4", holds)
        mean, most = measures.jpg_against_png(bench, backend, patches.standard(side=measures.FLAT_SIDE))
        holds = mean <= measures.JPG_PNG_MEAN and most <= measures.JPG_PNG_MAX
        yield Judgement(f"jpg against png, of 255 {backend}", f"mean {mean:.2f} max {most}", "mean 1, max 4", holds)
        hlg = patches.standard(patches.HLG, side=measures.FLAT_SIDE)
        for scope in scopes:
            found = bench.measured(hlg, "pq", backend=backend, scope=scope, format="png16")
            error = measures.errors(found, measures.wanted_of(hlg, "pq"), "pq")
            limits = measures.delta_e_limits("png16", scope, "pq")
            shown = f"{error.mean:.3f} {error.worst:.3f}"
            name = f"HLG clip in PQ {backend} {scope}"
            yield Judgement(name, shown, f"{limits[0]:g}, {limits[1]:g}", error.within(limits))


def _intermediates(bench: Workbench, backend: str, target: str, scopes: tuple[str, ...]) -> Iterator[Judgement]:
    made = patches.standard(side=measures.FLAT_SIDE)
    wanted = zscale_oracle.yuv420p10(measures.wanted_of(made, target), target)
    for scope in (each for each in scopes if each != "fused"):
        off = measures.intermediate_codes(bench, made, target, backend, scope) - wanted[:, None]
        name = f"yuv420p10 of the intermediate {target} {backend} {scope}"
        yield Judgement(name, f"within {abs(off).max()} code", "1 code of zscale", abs(off).max() <= 1)


def negative_controls(bench: Workbench, backends: tuple[str, ...], scopes: tuple[str, ...]) -> Iterator[Judgement]:
    """What is known to be wrong must be found wrong, by a wide margin."""
    for backend in backends:
        for scope in scopes:
            for target in runs.TARGETS:
                mean = measures.gamut_errors(bench, target, backend, scope).mean
                yield _far_off(f"gamut, the peer's filter {target} {backend} {scope}", mean, measures.GAMUT_LEAST_MEAN)
    signal = np.clip(patches.standard().signal, 0, 1)
    for target in runs.TARGETS:
        wrong = zscale_oracle.sdr_to_hdr(signal, target, npl="")
        mean = float(reference.delta_e(wrong, reference.sdr_to_hdr(signal, target), target).mean())
        yield _far_off(f"zscale without npl {target}", mean, measures.NO_NPL_LEAST_MEAN)


def _far_off(name: str, mean: float, least: float) -> Judgement:
    return Judgement(name, f"mean {mean:.1f}", f"mean above {least:g}", mean > least)


if __name__ == "__main__":
    sys.exit(main())
