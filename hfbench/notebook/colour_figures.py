"""Figures of colour: the error of each patch, the light of white, and greys that become equal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from hfbench.notebook.colorimetry import JUST_NOTICEABLE, SDR_WHITE, delta_e_itp
from hfbench.notebook.described import (
    BLUE,
    GREY,
    MARKERS,
    ORANGE,
    PALETTE,
    DescribedFigure,
    Table,
    logarithmic,
    new_figure,
    number,
)

if TYPE_CHECKING:
    from hfbench.notebook.trials import ColourTrial, Floats

_NAMES: Final = {
    "bt2408 png16": "bt2408, 16 bits",
    "gamut png16": "gamut (HyperFrames), 16 bits",
    "bt2408 png": "bt2408, 8 bits",
}
_LEAST: Final = 0.001


def colour_figure(trial: ColourTrial) -> DescribedFigure:
    """Delta E ITP of the named patches, one colour per output; 1 is just noticeable."""
    named = [place for place, patch in enumerate(trial.patches) if not patch.is_grey]
    figure, axis = new_figure(8.5, 5.4)
    found = {output: trial.differences(output) for output in trial.light}
    for kind, (output, values) in enumerate(found.items()):
        style = {"color": PALETTE[kind], "marker": MARKERS[kind], "label": _NAMES[output]}
        axis.scatter(np.maximum(values[named], _LEAST), range(len(named)), s=36, zorder=3, **style)
    axis.axvline(JUST_NOTICEABLE, color=GREY, linestyle="--")
    axis.annotate("just noticeable ", (JUST_NOTICEABLE, -0.8), color=GREY, fontsize=9, ha="right")
    axis.set_yticks(range(len(named)), [trial.patches[place].name for place in named], fontsize=8)
    axis.invert_yaxis()
    logarithmic(axis, "x")
    axis.set_xlabel("ΔE ITP against BT.2408, logarithmic (ITU-R BT.2124)")
    axis.legend(frameon=False, loc="upper left", bbox_to_anchor=(0, 1.13), ncols=3, fontsize=9)
    described = "; ".join(f"{_NAMES[output]} mean {number(float(values.mean()))}" for output, values in found.items())
    rows = [(trial.patches[place].name, *(number(float(found[output][place])) for output in found)) for place in named]
    for title, pick in (("mean of all patches and greys", np.mean), ("largest", np.max)):
        rows.append((title, *(number(float(pick(values))) for values in found.values())))
    headings = ("patch", *(f"ΔE ITP, {_NAMES[output]}" for output in found))
    return figure.described(
        f"Colour error of {len(named)} patches, a dot each: {described}.", Table(headings, tuple(rows))
    )


def white_figure(trial: ColourTrial) -> DescribedFigure:
    """The light of SDR white in the HDR picture, one row per output."""
    place = next(place for place, patch in enumerate(trial.patches) if patch.name == "white")
    whites = {_NAMES[output]: float(light[place].mean()) for output, light in trial.light.items()}
    shown = {"correct (BT.2408)": SDR_WHITE, **whites}
    figure, axis = new_figure(8.5, 2.4)
    for kind, value in enumerate(shown.values()):
        color = ORANGE if value > 2 * SDR_WHITE else BLUE
        axis.plot([value], [kind], marker=MARKERS[kind], markersize=10, color=color)
        axis.annotate(f"{number(value)} cd/m²", (value, kind), xytext=(10, 0), textcoords="offset points", va="center")
    axis.axvline(SDR_WHITE, color=GREY, linestyle="--", zorder=0)
    axis.set_yticks(range(len(shown)), list(shown))
    axis.invert_yaxis()
    axis.margins(x=0.3, y=0.2)
    logarithmic(axis, "x")
    axis.set_xlabel("light of SDR white (cd/m²), logarithmic")
    described = "; ".join(f"{name} {number(value)}" for name, value in shown.items())
    rows = tuple((name, number(value), f"{value / SDR_WHITE:.2f}") for name, value in shown.items())
    table = Table(("output", "SDR white (cd/m²)", "times the correct light"), rows)
    return figure.described(f"Light of SDR white in cd/m², a dot per output: {described}.", table)


def banding_figure(trial: ColourTrial) -> DescribedFigure:
    """The step from each grey to the next: at 0 two greys have become one, and a large step is seen as a band."""
    greys = [place for place, patch in enumerate(trial.patches) if patch.is_grey]
    codes = [int(trial.patches[place].name.split()[1]) for place in greys][1:]
    figure, axis = new_figure(8.5, 3.4)
    outputs = sorted(
        output for output in trial.light if output.startswith("bt2408")
    )  # the fine line over the coarse one
    rows, described = [], []
    for kind, output in enumerate(outputs):
        steps = _grey_steps(trial.light[output][greys])
        axis.step(codes, steps, where="mid", color=PALETTE[kind], linewidth=1.2 + kind, label=_NAMES[output])
        distinct = int((steps > 0).sum()) + 1
        rows.append(
            (_NAMES[output], str(len(greys)), str(distinct), number(float(steps.max())), number(float(steps.mean())))
        )
        described.append(
            f"{_NAMES[output]} keeps {distinct} of {len(greys)} greys apart, largest step {number(float(steps.max()))}"
        )
    axis.axhline(JUST_NOTICEABLE, color=GREY, linestyle="--")
    axis.annotate(" just noticeable", (codes[-1], JUST_NOTICEABLE), color=GREY, fontsize=9, va="center")
    axis.set_xlabel("SDR grey (8-bit code, 16 is black)")
    axis.set_ylabel("step to the next grey (ΔE ITP)")
    axis.legend(frameon=False, loc="best")
    headings = ("output", "greys in", "greys out", "largest step (ΔE ITP)", "mean step (ΔE ITP)")
    return figure.described(
        f"Step between neighbouring greys, a line per output: {'; '.join(described)}.", Table(headings, tuple(rows))
    )


def _grey_steps(light: Floats) -> Floats:
    return delta_e_itp(light[1:], light[:-1])
