"""The command line: parse, choose implementations, print, exit code. Commands are imported when they are called."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import click

from hfbench._version import __version__
from hfbench.cli.exit_codes import ExitCode
from hfbench.cli.lines import flush_or_discard, prepare_streams, say
from hfbench.errors import HfbenchError, MeasurementError, RecordError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Environment variable: with any value, the traceback of an error is printed before its line.
_TRACEBACK: Final = "HFBENCH_TRACEBACK"
#: Environment variable in which a shell asks for completions.
_COMPLETION: Final = "_HFBENCH_COMPLETE"

#: Command -> (module, help). The help is here so that ``--help`` imports none of the modules.
_COMMANDS: Final = {
    "run": ("hfbench.cli.run", "Measure scenarios: scopes and backends side by side."),
    "scale": ("hfbench.cli.scale", "Measure how cost grows with length, clips, pixels and workers."),
    "compare": ("hfbench.cli.compare", "Compare records, or engines side by side."),
    "gate": ("hfbench.cli.gate", "Judge a change: two revisions, measured in pairs."),
    "history": ("hfbench.cli.history", "Find the steps in metrics across commits."),
    "report": ("hfbench.cli.report", "Run the notebooks and write them as HTML pages."),
    "extract": ("hfbench.cli.extract", "Extract the frames of a composition."),
    "probe": ("hfbench.cli.probe", "Describe media files: rates, colours, known traps."),
    "fixtures": ("hfbench.cli.fixtures", "Build and inspect reproducible test media."),
    "cache": ("hfbench.cli.cache", "Inspect the extraction cache, and clean it up."),
    "metrics": ("hfbench.cli.metrics", "List every metric with its unit and meaning."),
    "worker": ("hfbench.cli.worker", "Serve as an engine under test: requests on stdin, answers on stdout."),
    "doctor": ("hfbench.cli.doctor", "Check this machine, and say how to fix what is missing."),
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

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As in click, whose suggestions know loaded commands only."""
        name = args[0]
        if name not in _COMMANDS and not name.startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(name, _COMMANDS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(f"No such command {name!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

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
    """Run the command line and exit: errors are one line on stderr and a code of :class:`ExitCode`."""
    prepare_streams()
    try:
        with _sigterm_interrupts():
            code = _run(arguments)
            if code != ExitCode.MACHINE:  # else the command has reported its own failure to write
                sys.stdout.flush()  # here, where a failure can still be reported
    except BaseException as error:  # noqa: BLE001  every error is one line and a documented code
        code = _report(error)
    for stream in (sys.stdout, sys.stderr):
        flush_or_discard(stream)
    sys.exit(code)


def _run(arguments: list[str] | None) -> int:
    """Run without ``cli.main``, except for completions: it exits with 1 at a closed pipe."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if _COMPLETION in os.environ:
        cli.main(args=given, prog_name="hfbench", complete_var=_COMPLETION)
    try:
        with cli.make_context("hfbench", given) as context:
            return int(cli.invoke(context) or 0)
    except click.exceptions.Exit as leave:
        return leave.exit_code


def _report(error: BaseException) -> int:
    """Report an error on one line, if stderr can be written, and return its exit code."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else ExitCode.OK
    if isinstance(error, BrokenPipeError):
        return ExitCode.NOBODY_READS  # nobody reads what is printed
    with contextlib.suppress(OSError):
        if isinstance(error, click.exceptions.NoArgsIsHelpError):
            error.show(sys.stderr)
            return ExitCode.WRONG_USE
        if os.environ.get(_TRACEBACK):
            import traceback

            traceback.print_exception(error)
        say(f"hfbench: {_line(error)}")
    return _code_of(error)


def _line(error: BaseException) -> str:
    match error:
        case HfbenchError():
            message = error.message
        case click.UsageError():
            where = error.ctx.command_path if error.ctx else "hfbench"
            message = f"{_joined(error.format_message())} (see {where} --help)"
        case click.ClickException():
            message = _joined(error.format_message())
        case KeyboardInterrupt() | click.Abort():
            message = "interrupted"
        case MemoryError():
            message = "there is not enough memory: try fewer --workers"
        case OSError():
            place = error.filename
            where = f": {os.fsdecode(place)}" if isinstance(place, str | bytes) else ""
            message = f"{error.strerror or error}{where}"
        case _:
            what = f"{type(error).__name__}: {error}".removesuffix(": ")
            message = f"a bug: {what}; please report it with what {_TRACEBACK}=1 shows"
    return message


def _joined(message: str) -> str:
    """Join the lines of a message: click lists choices one per line. A user's value is quoted and keeps its blanks."""
    return " ".join(line.strip() for line in message.splitlines() if line.strip())


def _code_of(error: BaseException) -> ExitCode:
    match error:
        case UsageError() | click.ClickException():
            return ExitCode.WRONG_USE
        case MeasurementError() | RecordError():
            return ExitCode.COULD_NOT_MEASURE
        case HfbenchError() | OSError() | MemoryError():
            return ExitCode.MACHINE
        case KeyboardInterrupt() | click.Abort():
            return ExitCode.INTERRUPTED
        case _:
            return ExitCode.BUG


@contextlib.contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    """SIGTERM ends as Ctrl-C does: engines and programs are stopped, folders removed, records stay readable."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: Any = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
