"""``--help`` of every command: ``-h`` is the same, lines fit 80 columns, each option says what it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from hfbench.cli import cli, main

if TYPE_CHECKING:
    from collections.abc import Iterator

COLUMNS = 80


def every_command(command: click.Command, *names: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield names, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from every_command(inner, *names, name)


COMMANDS = dict(every_command(cli))


@pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
def test_help_fits_a_terminal(names: tuple[str, ...]) -> None:
    runner = CliRunner(env={"COLUMNS": str(COLUMNS)})
    long, short = (runner.invoke(cli, [*names, option], terminal_width=COLUMNS) for option in ("--help", "-h"))
    assert (long.exit_code, long.stdout) == (0, short.stdout)
    assert long.stdout.startswith("Usage: ")
    assert [line for line in long.stdout.splitlines() if len(line) > COLUMNS] == []


@pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
def test_everything_is_described(names: tuple[str, ...]) -> None:
    command = COMMANDS[names]
    assert command.help
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    assert [option.name for option in options if not option.help and not option.show_default] == []


@pytest.mark.parametrize(("name", "hint"), [("gat", " Did you mean 'gate'?"), ("zzzz", "")])
def test_a_misspelt_command(name: str, hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name])
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"hfbench: No such command '{name}'.{hint} (see hfbench --help)\n"
