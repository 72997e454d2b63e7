"""Options of the command line. Imports next to nothing: the commands of hfbench use them, too."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pathlib import Path


class NamedPath(click.Path):
    """A path that is not the empty text, which an unset variable of a script gives and which is the current folder."""

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | Path:
        """As :class:`click.Path`, but the empty text is wrong use."""
        if not os.fspath(value):
            self.fail("the name is empty; name a path, . is the current folder", param, ctx)
        return super().convert(value, param, ctx)  # type: ignore[return-value]


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of a table.")
