"""Lines of text for people: an error is one line, and no file name can colour, wrap or break it.

This is imported for every command and for ``--help``, so it imports little.
"""

from __future__ import annotations

import io
import os
import re
import sys
from typing import IO, Final

#: What moves the cursor, ends a line or reverses its direction, or is no character: line and paragraph separators, the
#: marks that override the direction of writing, and surrogates, which are bytes of a file name that are no UTF-8.
_NEVER: Final = "\\x7f-\\x9f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069\\ud800-\\udfff"
_UNSEEN: Final = re.compile(f"[\\x00-\\x1f{_NEVER}]")
_UNSEEN_IN_LINES: Final = re.compile(f"[\\x00-\\x08\\x0b-\\x1f{_NEVER}]")
#: A byte that is no UTF-8, as Python keeps it (PEP 383): this and the byte.
_ESCAPED_BYTES: Final = range(0xDC80, 0xDD00)


def shown(text: object) -> str:
    r"""A text from outside on one line: itself, with ``\n``, ``\x1b`` and the like where something can't be seen."""
    return _UNSEEN.sub(_escape, str(text))


def shown_lines(text: str) -> str:
    """As :func:`shown`, but line ends and tabs stay what they are."""
    return _UNSEEN_IN_LINES.sub(_escape, text)


def say(line: object, style: str = "") -> None:
    """One line on stderr, however long; ``style`` (a colour of rich's) only where stderr is a terminal."""
    text = shown(line)
    if style and sys.stderr.isatty():
        from rich.text import Text

        from hfbench.cli.terminal import err

        err().print(Text(text, style=style), soft_wrap=True)
    else:
        sys.stderr.write(text + "\n")


def prepare_streams() -> None:
    """Make writing safe whatever the text is, and whichever streams the caller has closed.

    What a terminal can't show (``LC_ALL=C``, bytes in a file name that are no UTF-8) is written as an escape.
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


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code in _ESCAPED_BYTES:
        return f"\\x{code & 0xFF:02x}"
    return found[0].encode("unicode_escape").decode("ascii")
