"""How cost grows along each axis: one panel per axis, both scales logarithmic, so that the slope is the exponent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hfbench.notebook.described import BLUE, GREY, DescribedFigure, Table, logarithmic, new_figure, number

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from hfbench.bench.judge.scaling import Growth


def scale_figure(grown: Collection[Growth], units: Mapping[str, str]) -> DescribedFigure:
    """Medians and the fitted line of each axis.

    Args:
        grown: the fitted axes.
        units: axis name -> unit of its positions.
    """
    figure, axes = new_figure(3.2 * len(grown), 3.4, ncols=len(grown), squeeze=False)
    rows = []
    for axis, each in zip(axes[0], grown, strict=True):
        positions, values = list(each.medians), list(each.medians.values())
        middle = (positions[0] * positions[-1]) ** 0.5
        level = sum(v / (p / middle) ** each.exponent for p, v in each.medians.items()) / len(values)
        axis.plot(positions, [level * (p / middle) ** each.exponent for p in positions], color=GREY, linestyle="--")
        axis.plot(positions, values, color=BLUE, marker="o", linestyle="none")
        axis.set_title(f"{each.axis}: exponent {each.exponent:+.2f}", fontsize=10)
        axis.set_xlabel(f"{each.axis} ({units[each.axis]})")
        axis.set_ylabel(f"{each.metric} (ms)")
        axis.set_ylim(min(values) / 2, max(values) * 2)
        logarithmic(axis, "x")
        logarithmic(axis, "y")
        rows += [
            (each.axis, f"{number(p)} {units[each.axis]}", number(v), f"{each.exponent:+.2f}")
            for p, v in each.medians.items()
        ]
    shown = "; ".join(f"{each.axis} {each.exponent:+.2f} ({each.lowest:+.2f} to {each.highest:+.2f})" for each in grown)
    alt = f"Cost against each axis on logarithmic scales, with a fitted line. Exponents: {shown}."
    return figure.described(alt, Table(("axis", "position", "median ms", "exponent"), tuple(rows)))
