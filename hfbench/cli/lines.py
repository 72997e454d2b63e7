"""Lines on stderr, and streams that can be written to whatever the text is.

This is imported for every command and for ``--help``, so it imports little.
"""

from __future__ import annotations

import io
import os
import sys
from typing import IO

from hfbench.cli.escaping import shown


def say(line: object, style: str = "") -> None:
    """One line on stderr, however long; ``style`` (a colour of rich's) is used only where stderr is a terminal."""
    text = shown(line)
    if style and sys.stderr.isatty():
        from rich.text import Text

        from hfbench.cli.terminal import err

        err().print(Text(text, style=style), soft_wrap=True)
    else:
        sys.stderr.write(text + "\n")


def prepare_streams() -> None:
    """Make writing safe whatever the text is, and whichever streams the caller has closed.

    What a terminal can't show (``LC_ALL=C``, bytes in a file name that are not UTF-8) is written as an escape.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # "2>&-"; the lowest descriptor is given out first, so that it is this one
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115  for good
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def flush_or_discard(stream: IO[str]) -> None:
    """Write what is buffered; where that fails, discard it, or the interpreter would print an error when it ends."""
    try:
        stream.flush()
    except (OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
