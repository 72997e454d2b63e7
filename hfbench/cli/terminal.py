"""What every command shares: consoles, progress, JSON, and stopping on a signal."""

from __future__ import annotations

import json
import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import FrameType

    from rich.progress import TaskID

    from hfbench.control import CancelToken

#: Characters in a line where stdout is no terminal: a log, a pipe.
_WIDTH_OF_A_FILE = 120
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def out() -> Console:
    """Results: stdout."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH_OF_A_FILE)


def err() -> Console:
    """Everything that is not the result: stderr."""
    return Console(stderr=True, highlight=False)


def print_json(document: Mapping[str, Any]) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False))


class Bar:
    """A progress bar on stderr; nothing is drawn where stderr is no terminal."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None

    def show(self, phase: str, done: int, total: int) -> None:
        """``done`` of ``total`` things of a phase."""
        if self._task is None:
            self._task = self._progress.add_task(phase, total=total)
        self._progress.update(self._task, description=phase, completed=done, total=total)


@contextmanager
def progress_bar() -> Iterator[Bar]:
    """A bar that disappears when it is done."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err(), transient=True, disable=not sys.stderr.isatty()) as progress:
        yield Bar(progress)


@contextmanager
def cancelled_by_signals(token: CancelToken, *, interrupts: bool = False) -> Iterator[None]:
    """SIGINT and SIGTERM cancel the token; a second one ends the process as usual.

    With ``interrupts`` the first one also raises KeyboardInterrupt here, for what waits without looking at the token.
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
