"""The parameters of each command are the fields of its dataclass, whether or not a test runs it."""

from __future__ import annotations

from dataclasses import fields

import click
import pytest

from hfbench.cli import _COMMANDS, cli
from hfbench.cli.arguments import typed

#: Commands whose few values are parameters of the function, checked by the type checker.
DIRECT = {"cache", "doctor", "fixtures", "metrics"}


def commands() -> dict[str, click.Command]:
    context = click.Context(cli)
    found = {name: cli.get_command(context, name) for name in _COMMANDS}
    return {name: command for name, command in found.items() if command is not None and name not in DIRECT}


@pytest.mark.parametrize("name", commands())
def test_parameters_are_the_fields(name: str) -> None:
    command = commands()[name]
    kind = command.callback.arguments  # type: ignore[union-attr]
    parameters = {parameter.name for parameter in command.params if parameter.expose_value}
    assert parameters == {field.name for field in fields(kind)}
    assert kind.__dataclass_params__.frozen


def test_a_parameter_without_a_field_is_an_error() -> None:
    @typed(dict)
    def takes_a_dict(arguments: dict[str, int]) -> dict[str, int]:
        return arguments

    assert takes_a_dict(number=1) == {"number": 1}

    class Empty:
        pass

    with pytest.raises(TypeError):
        typed(Empty)(lambda _: None)(number=1)
