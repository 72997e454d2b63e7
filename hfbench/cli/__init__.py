"""The command line: parse, choose implementations, print, exit code. Commands are imported when they are called."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Final

import click

from hfbench._version import __version__
from hfbench.cli.exit_codes import ExitCode
from hfbench.errors import HfbenchError, MeasurementError, RecordError, UsageError

#: Command -> (module, help). The help stands here so that ``--help`` imports none of the modules.
_COMMANDS: Final = {
    "run": ("hfbench.cli.run", "Measure scenarios: scopes and backends side by side."),
    "compare": ("hfbench.cli.compare", "Compare records, or engines side by side."),
    "gate": ("hfbench.cli.gate", "Judge a change: two revisions, measured in pairs."),
    "history": ("hfbench.cli.history", "Find the steps in metrics across commits."),
    "report": ("hfbench.cli.report", "Run the notebooks, and write them as pages."),
    "extract": ("hfbench.cli.extract", "Extract the frames of a composition."),
    "probe": ("hfbench.cli.probe", "Say what media files are: rates, colours, traps."),
    "fixtures": ("hfbench.cli.fixtures", "Build and look at test media that are the same everywhere."),
    "cache": ("hfbench.cli.cache", "Look at the extraction cache, and keep it tidy."),
    "metrics": ("hfbench.cli.metrics", "List every metric with its unit and meaning."),
    "worker": ("hfbench.cli.worker", "Be an engine under test: requests on stdin, answers on stdout."),
    "doctor": ("hfbench.cli.doctor", "Check this machine, and say how to mend what is missing."),
}


class _LazyGroup(click.Group):
    """Loads a command's module when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(_COMMANDS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]}, epilog=ExitCode.table())
@click.version_option(__version__, prog_name="hfbench")
def cli() -> None:
    """Did this change make extraction slower, and are the frames still right?

    Start with: hfbench run
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit; trouble is one line on stderr and a code of :class:`ExitCode`."""
    try:
        code = cli.main(args=arguments, prog_name="hfbench", standalone_mode=False)
    except click.exceptions.Exit as leave:
        code = leave.exit_code
    except click.ClickException as error:
        error.show(sys.stderr)
        code = ExitCode.WRONG_USE
    except (click.Abort, KeyboardInterrupt):
        click.echo("hfbench: interrupted", err=True)
        code = ExitCode.INTERRUPTED
    except HfbenchError as error:
        click.echo(f"hfbench: {error.message}", err=True)
        code = _code_of(error)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output is gone: there is nobody to tell
        code = ExitCode.MACHINE
    sys.exit(int(code or 0))


def _code_of(error: HfbenchError) -> ExitCode:
    if isinstance(error, UsageError):
        return ExitCode.WRONG_USE
    if isinstance(error, MeasurementError | RecordError):
        return ExitCode.COULD_NOT_MEASURE
    return ExitCode.MACHINE
