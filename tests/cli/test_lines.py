from __future__ import annotations

import pytest

from hfbench.cli.lines import say
from hfbench.cli.terminal import out, plain_table


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
