"""Options that several commands share, in one place and with one wording."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from fixtures_gen.options import NamedPath
from hfbench.bench.case import KNOWN_VALUES

_Command = TypeVar("_Command", bound=Callable[..., Any])

BACKENDS, SCOPES, FORMATS, CACHES = (KNOWN_VALUES[axis] for axis in ("backend", "scope", "format", "cache"))
SDR_MAPPINGS = ("bt2408", "gamut")
PIXELS = ("kernel", "libavfilter")


#: A path that need not exist; the code that uses it reports what is wrong with it.
PLACE = NamedPath(path_type=Path)
#: The same, but not a folder.
FILE = NamedPath(path_type=Path, dir_okay=False)
#: A folder that exists.
FOLDER = NamedPath(path_type=Path, file_okay=False, exists=True)


class _Seconds(click.FloatRange):
    """A time above 0 s; NaN is rejected."""

    name = "seconds"

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found: float = super().convert(value, param, ctx)
        if math.isnan(found):  # click compares with the limits, and NaN is neither below nor above
            self.fail(f"{value!r} is not a number of seconds.", param, ctx)
        return found


SECONDS = _Seconds()


class _Size(click.ParamType):  # type: ignore[type-arg]  # generic in new versions of click only
    """Two whole numbers with an x between them."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        found = re.fullmatch(r"([1-9]\d{0,5})x([1-9]\d{0,5})", str(value))
        if found is None:
            self.fail(f"{value!r} is not WIDTHxHEIGHT, as in 1280x720.", param, ctx)
        return int(found[1]), int(found[2])


PIXELS_BY_PIXELS = _Size()


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureArguments:
    """Values of :func:`picture_options`; None where the default is the library's."""

    quality: int
    workers: int
    sdr_mapping: str | None
    sdr_eotf: str | None
    sdr_white: float | None
    pixels: str | None

    def picture(self) -> dict[str, Any]:
        """Arguments of :class:`~hfbench.model.options.ExtractOptions`, and options of an engine's requests."""
        values = {
            "quality": self.quality,
            "workers": self.workers,
            "sdr_mapping": self.sdr_mapping,
            "sdr_eotf": self.sdr_eotf,
            "sdr_white": self.sdr_white,
            "pixels": self.pixels,
        }
        return {name: value for name, value in values.items() if value is not None}


composition_option = click.option(
    "--composition",
    "compositions",
    type=FILE,
    multiple=True,
    metavar="FILE",
    help="Measure this composition (JSON or HTML) as a scenario named after the file; repeatable. What its frames must "
    "show may be declared next to it, in NAME.truth.json (docs/gate.md).",
)


def picture_options(function: _Command) -> _Command:
    """How frames are made, whatever the command does with them."""
    for option in (
        click.option(
            "--sdr-mapping",
            type=click.Choice(SDR_MAPPINGS),
            default=None,
            help="How SDR is brought into an HDR composition: bt2408 is correct, gamut is what HyperFrames does.  "
            "[default: bt2408]",
        ),
        click.option(
            "--sdr-eotf",
            type=click.Choice(("bt1886", "srgb", "gamma22")),
            help="Transfer function of the displays that SDR clips were made for.  [default: bt1886]",
        ),
        click.option(
            "--sdr-white", type=float, help="Luminance of SDR white in an HDR composition, cd/m².  [default: 203]"
        ),
        click.option(
            "--pixels",
            type=click.Choice(PIXELS),
            help="What converts pixels in libav: compiled kernels, or the reference, libavfilter.  [default: kernel]",
        ),
        click.option(
            "--quality", type=int, default=95, show_default=True, help="JPEG quality, libjpeg's scale, 1-100."
        ),
        click.option("--workers", type=int, default=0, help="Clips worked on at once; 0: one per core.  [default: 0]"),
    ):
        function = option(function)
    return function


def engine_options(function: _Command) -> _Command:
    """Engines behind the worker protocol, for a command that measures."""
    for option in (
        click.option(
            "--limit",
            type=SECONDS,
            default=300.0,
            show_default=True,
            help="Seconds that one run of an engine may take.",
        ),
        click.option(
            "--engine",
            "engines",
            multiple=True,
            metavar="NAME=COMMAND",
            help="Measure an engine over the worker protocol (docs/protocol.md) instead of the built-in backends, or "
            "in addition to those that --backend names; repeatable.",
        ),
    ):
        function = option(function)
    return function
