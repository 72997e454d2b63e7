"""Figures with a text alternative, and a table of their values below.

Colours are those of Okabe & Ito, "Color Universal Design" (2008), which differ for every common kind of colour vision;
nothing is shown by colour alone: markers and labels repeat it.
"""

from __future__ import annotations

import base64
import io
import re
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Final, Literal

from hfbench.errors import NotInstalledError

try:
    from matplotlib.figure import Figure
except ImportError as error:
    _MESSAGE = 'figures need matplotlib: pip install "hfbench[notebooks]"'
    raise NotInstalledError(_MESSAGE) from error

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE: Final = "#0072B2"
ORANGE: Final = "#D55E00"
GREEN: Final = "#009E73"
PURPLE: Final = "#CC79A7"
SKY: Final = "#56B4E9"
YELLOW: Final = "#E69F00"
GREY: Final = "#595959"
PALETTE: Final = (BLUE, ORANGE, GREEN, PURPLE, SKY, YELLOW)
MARKERS: Final = ("o", "s", "^", "D", "v", "P")

_DOTS_PER_INCH: Final = 144
#: Tables with more rows are folded behind a summary.
_FOLDED_ABOVE: Final = 14
_NUMBER: Final = re.compile(r"(below )?[\[+-]?\d[\d,.]*(%|, | \w+$|$)")
_NEARLY_GONE: Final = -0.9995
#: An axis that spans less than these factors has too few powers of ten to be read by: below the first every minor tick
#: is labelled, below the second 2 and 5 are.
_FEW_TICKS: Final = 15
_SOME_TICKS: Final = 300


@dataclass(frozen=True, slots=True)
class Table:
    """Headings and rows of texts; columns of numbers are right-aligned.

    Attributes:
        folded: the summary behind which the table is folded; long tables always are.
    """

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""
    folded: str = ""

    def _repr_html_(self) -> str:
        sides = [_side([row[place] for row in self.rows]) for place in range(len(self.headings))]
        head = "".join(
            f'<th scope="col" style="text-align:{side}">{escape(heading)}</th>'
            for heading, side in zip(self.headings, sides, strict=True)
        )
        body = "".join(
            f"<tr>{''.join(_cell(text, side) for text, side in zip(row, sides, strict=True))}</tr>" for row in self.rows
        )
        caption = f"<caption>{escape(self.caption)}</caption>" if self.caption else ""
        table = f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        if not self.folded and len(self.rows) <= _FOLDED_ABOVE:
            return table
        summary = self.folded or f"All {len(self.rows)} rows"
        return f"<details><summary>{escape(summary)}</summary>{table}</details>"

    def __repr__(self) -> str:
        widths = [max(len(row[place]) for row in (self.headings, *self.rows)) for place in range(len(self.headings))]
        lines = (
            "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
            for row in (self.headings, *self.rows)
        )
        return "\n".join(lines)


class DescribedFigure(Figure):
    """A matplotlib figure with ``alt`` (a text alternative) and ``numbers`` (a table of its values)."""

    alt: str = ""
    numbers: Table | None = None

    def described(self, alt: str, numbers: Table) -> DescribedFigure:
        """Set the text alternative and the table; returns the figure."""
        self.alt, self.numbers = alt, numbers
        return self

    def _repr_html_(self) -> str:
        """The picture with its text alternative, followed by the table."""
        picture = io.BytesIO()
        self.savefig(picture, format="png", dpi=_DOTS_PER_INCH)
        data = base64.b64encode(picture.getvalue()).decode("ascii")
        width = round(self.get_figwidth() * 100)
        image = (
            f'<img src="data:image/png;base64,{data}" alt="{escape(self.alt, quote=True)}" '
            f'style="width:{width}px;max-width:100%;height:auto">'
        )
        table = self.numbers._repr_html_() if self.numbers else ""
        return f'<figure style="margin:0">{image}</figure>{table}'


def new_figure(width: float = 8.5, height: float = 4.0, **subplots: Any) -> tuple[DescribedFigure, Any]:
    """A figure (inches) and its axes, as ``matplotlib.pyplot.subplots`` gives them, without pyplot's global state."""
    figure = DescribedFigure(figsize=(width, height), layout="constrained", facecolor="white")
    axes = figure.subplots(**subplots)
    for each in figure.axes:
        quiet(each)
    return figure, axes


def quiet(axes: Axes) -> None:
    """Remove the upper and the right border, and put a light grid behind the data."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, color="#dddddd", linewidth=0.7)
    axes.set_axisbelow(True)


def number(value: float, digits: int = 3) -> str:
    """A number to be read: ``1,234``, ``12.3``, ``0.0123``; never with an exponent."""
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    text = f"{value:.{digits}g}"
    return text if "e" not in text else f"{value:.6f}".rstrip("0")


def percent(value: float | None) -> str:
    """``+4.2%``; empty for None. A change that rounds to -100% without being it is ``below -99.9%``."""
    if value is None:
        return ""
    return "below -99.9%" if -1 < value < _NEARLY_GONE else f"{value:+.1%}"


def logarithmic(axes: Axes, which: Literal["x", "y"]) -> None:
    """Make the x or the y axis logarithmic, labelled with plain numbers: 0.1, 1, 10, 100. Call it after drawing."""
    axes.set(**{f"{which}scale": "log"})
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_formatter(lambda value, _: number(value))
    low, high = axis.get_view_interval()
    labelled = "123456789" if high < low * _FEW_TICKS else "25" if high < low * _SOME_TICKS else ""
    axis.set_minor_formatter(lambda value, _: number(value, 2) if f"{value:e}"[0] in labelled else "")
    axis.set_tick_params(which="minor", labelsize=8)


def _cell(text: str, side: str) -> str:
    plain = f"<code>{escape(text)}</code>" if text.startswith("hfbench ") else escape(text)
    return f'<td style="text-align:{side}">{plain}</td>'


def _side(column: list[str]) -> str:
    """The alignment of a column: numbers to the right, so that their digits can be compared."""
    return "right" if all(_NUMBER.match(text) for text in column if text) else "left"
