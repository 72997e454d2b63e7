"""Text from outside, made safe to print: no file name can colour, wrap or break the line that it is shown on."""

from __future__ import annotations

import re
from typing import Final

#: What moves the cursor, ends a line or reverses its direction, or is not a character: line and paragraph separators,
#: the marks that override the direction of writing, and surrogates, which are bytes of a file name that are not UTF-8.
_NEVER: Final = "\\x7f-\\x9f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069\\ud800-\\udfff"
_UNSEEN: Final = re.compile(f"[\\x00-\\x1f{_NEVER}]")
_UNSEEN_IN_LINES: Final = re.compile(f"[\\x00-\\x08\\x0b-\\x1f{_NEVER}]")
#: A byte that is not UTF-8, as Python keeps it (PEP 383): this plus the byte.
_ESCAPED_BYTES: Final = range(0xDC80, 0xDD00)


def shown(text: object) -> str:
    r"""A text from outside on one line: itself, with ``\n``, ``\x1b`` and the like in place of what can't be seen."""
    return _UNSEEN.sub(_escape, str(text))


def shown_lines(text: str) -> str:
    """Like :func:`shown`, but line ends and tabs are kept."""
    return _UNSEEN_IN_LINES.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code in _ESCAPED_BYTES:
        return f"\\x{code & 0xFF:02x}"
    return found[0].encode("unicode_escape").decode("ascii")
