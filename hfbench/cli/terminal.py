"""What every command shares: consoles, progress, JSON, and stopping on a signal."""

from __future__ import annotations

import json
import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from hfbench.cli.escaping import shown, shown_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import FrameType

    from rich.progress import TaskID
    from rich.text import Text

    from hfbench.model.cancellation import CancelToken

#: Width where stdout is not a terminal: lines are not wrapped there, and a row of a table is one line.
_WIDTH_OF_A_FILE = 100_000
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _Console(Console):
    """Prints every text literally: no markup, no emoji codes, no control characters."""

    def render_str(self, text: str, **styling: Any) -> Text:
        return super().render_str(shown_lines(text), **styling)

    def on_broken_pipe(self) -> None:
        """Leave the exit code to ``main``: rich's own is 1, which means a regression here."""
        raise  # noqa: PLE0704  called while BrokenPipeError is handled


def out() -> Console:
    """Results: stdout."""
    width = None if sys.stdout.isatty() else _WIDTH_OF_A_FILE
    return _Console(highlight=False, markup=False, emoji=False, width=width)


def err() -> Console:
    """Progress displays: stderr. Single lines there are written by :func:`hfbench.cli.lines.say`."""
    return _Console(stderr=True, highlight=False, markup=False, emoji=False)


def plain_table(*headings: str) -> Table:
    """A table without lines; a text that is too long for a terminal is wrapped, never truncated."""
    return Table(*(Column(heading, overflow="fold") for heading in headings), box=None, header_style="bold")


def print_json(document: Mapping[str, Any]) -> None:
    """Print one JSON document, with escapes where the encoding of stdout lacks a character."""
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:  # a stream for ASCII, or a file name that is not UTF-8
        text = json.dumps(document, indent=1, allow_nan=False)
    sys.stdout.write(text + "\n")


class Bar:
    """A progress bar on stderr; nothing is drawn where stderr is not a terminal."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None

    def show(self, phase: str, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` steps of a phase are finished."""
        phase = shown(phase)
        if self._task is None:
            self._task = self._progress.add_task(phase, total=total)
        self._progress.update(self._task, description=phase, completed=done, total=total)


@contextmanager
def progress_bar() -> Iterator[Bar]:
    """A bar that disappears when it is done."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err(), transient=True, disable=not sys.stderr.isatty()) as progress:
        yield Bar(progress)


@contextmanager
def cancelled_by_signals(token: CancelToken, *, interrupts: bool = False) -> Iterator[None]:
    """SIGINT and SIGTERM cancel the token; a second one ends the process as usual.

    With ``interrupts`` the first one also raises KeyboardInterrupt, for code that waits without checking the token.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        token.cancel()
        signal.signal(number, before[number])
        if interrupts:
            signal.default_int_handler(number, frame)

    before: dict[int, Any] = {number: signal.signal(number, stop) for number in _STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
