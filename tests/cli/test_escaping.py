from __future__ import annotations

import pytest

from hfbench.cli.escaping import shown, shown_lines


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain [red]x[/red] :smile: ö ☃ \u00a0 \\n", "plain [red]x[/red] :smile: ö ☃ \u00a0 \\n"),
        ("two\nlines\r\n", r"two\nlines\r\n"),
        ("\x1b[31m\x07\x9b", r"\x1b[31m\x07\x9b"),
        ("a\u202egpj.exe\u2028\u2066", r"a\u202egpj.exe\u2028\u2066"),
        ("o-\udcff", r"o-\xff"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_is_shown(text: str, seen: str) -> None:
    assert shown(text) == seen
    assert "\n" not in shown(text)


def test_lines_keep_their_ends() -> None:
    assert shown_lines("a\n\tb\x1b\r") == "a\n\tb\\x1b\\r"
