"""Options that several commands share, in one place and with one wording."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from fixtures_gen.options import NamedPath

_Command = TypeVar("_Command", bound=Callable[..., Any])

BACKENDS = ("libav", "ffmpeg")
SCOPES = ("source", "segment", "fused")
FORMATS = ("jpg", "png", "png16")
SDR_MAPPINGS = ("bt2408", "gamut")


#: Where something is, or will be; whether it can be used is said by whoever uses it.
PLACE = NamedPath(path_type=Path)
#: The same, and no folder.
FILE = NamedPath(path_type=Path, dir_okay=False)
#: A folder that is there.
FOLDER = NamedPath(path_type=Path, file_okay=False, exists=True)


class _Seconds(click.FloatRange):
    """A time that can pass: above 0, and a number."""

    name = "seconds"

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found: float = super().convert(value, param, ctx)
        if math.isnan(found):  # it is neither below a limit nor above one
            self.fail(f"{value!r} is not a number of seconds.", param, ctx)
        return found


SECONDS = _Seconds()


def picture_options(function: _Command) -> _Command:
    """How frames are made, whatever the command does with them."""
    for option in (
        click.option(
            "--sdr-mapping",
            type=click.Choice(SDR_MAPPINGS),
            default=None,
            help="How SDR is brought into an HDR composition: bt2408 is right, gamut is what HyperFrames does.",
        ),
        click.option("--sdr-eotf", type=click.Choice(("bt1886", "srgb", "gamma22")), help="Of SDR displays.  [bt1886]"),
        click.option("--sdr-white", type=float, help="Luminance of SDR white in HDR, cd/m².  [default: 203]"),
        click.option("--quality", type=int, default=95, show_default=True, help="Of jpg: libjpeg's scale, 1-100."),
        click.option("--workers", type=int, default=0, help="Clips worked on at once.  [default: one a core]"),
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
            "beside those that --backend names; repeatable.",
        ),
    ):
        function = option(function)
    return function
