from __future__ import annotations

import pytest

from hfbench.cli.lines import say, shown, shown_lines
from hfbench.cli.terminal import out, plain_table


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


def test_one_line_however_long(capsys: pytest.CaptureFixture[str]) -> None:
    say("x " * 5000 + "\n[red]end", "red")
    assert capsys.readouterr().err == "x " * 5000 + "\\n[red]end\n"


def test_cells_are_shown_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    table = plain_table("[b]heading", ":smile:")
    table.add_row("[red]x[/y]", "e\x1b[31m")
    out().print(table)
    out().print("[bold]line[/bold] :smile: [/z] \x1b[2J", soft_wrap=True)
    told = capsys.readouterr().out
    for words in ("[b]heading", ":smile:", "[red]x[/y]", r"e\x1b[31m", r"[bold]line[/bold] :smile: [/z] \x1b[2J"):
        assert words in told
    assert "\x1b" not in told
