"""Runs one notebook through papermill; the executed notebook is kept, whatever the outcome."""

from __future__ import annotations

import json
import logging
import re
import shutil
import subprocess
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hfbench.errors import NotInstalledError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hfbench.report.notebooks import Notebook

#: ``(cells done, cells in all)``.
OnCell = Callable[[int, int], None]

_CELL_SECONDS: Final = 900
_START_SECONDS: Final = 120
_ENGINE: Final = "hfbench"
#: Sockets of this user, not ports that others reach.
_KERNEL: Final = {"transport": "ipc"}
#: A kernel that is asked to end is interrupted first, and may log that as an error on the terminal. Errors of cells
#: come as messages, so only critical ones are logged.
_CLIENT: Final = {"extra_arguments": ["--IPKernelApp.log_level=50"]}
_LOGGERS: Final = ("papermill", "traitlets")
#: nbclient leaves out the cells that have this tag.
_LEFT_OUT: Final = "skip-execution"
_COLOURS: Final = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class RunFailure:
    """Why a notebook did not run to its end.

    Attributes:
        cell: the execution count of the cell that failed; 0 where it is not known.
        error: its last error, on one line: ``ValueError: ...``.
        is_wrong_use: whether hfbench rejected what it was given, usually the value of a parameter.
    """

    cell: int
    error: str
    is_wrong_use: bool = False

    @property
    def message(self) -> str:
        """``cell 3: ValueError: ...``."""
        return f"cell {self.cell}: {self.error}" if self.cell else self.error


@dataclass(frozen=True, slots=True)
class Ran:
    """An executed notebook: the notebook, where the executed one is kept, how long it took, and what failed in it."""

    notebook: Notebook
    executed: Path
    seconds: float
    failure: RunFailure | None = None


def run_notebook(notebook: Notebook, parameters: Mapping[str, Any], executed: Path, on_cell: OnCell) -> Ran:
    """Run a notebook and write the executed one to ``executed``; a failing cell is a value, not an exception.

    Raises:
        NotInstalledError: papermill or the kernel is not installed.
    """
    started = time.monotonic()
    started_cells: list[int] = []
    executed.parent.mkdir(parents=True, exist_ok=True)
    with _quiet():
        try:
            _execute(notebook, parameters, executed, on_cell, started_cells)
            failure = _unfinished(executed)
        except ImportError as error:
            raise NotInstalledError('reports need papermill and ipykernel: pip install "hfbench[notebooks]"') from error
        except Exception as error:
            failure = _failure(error, executed, len(started_cells))
            if failure is None:
                raise
            if not executed.exists():  # it failed before its first cell
                shutil.copyfile(notebook.path, executed)
    return Ran(notebook, executed, time.monotonic() - started, failure)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the Jupyter packages: they warn of their own future changes, and log what is a failure here."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.CRITICAL + 1)
        try:
            yield
        finally:
            for logger, level in zip(loggers, before, strict=True):
                logger.setLevel(level)


def _execute(
    notebook: Notebook, parameters: Mapping[str, Any], executed: Path, on_cell: OnCell, started_cells: list[int]
) -> None:
    import papermill
    from papermill.engines import papermill_engines
    from traitlets.config import Config

    papermill_engines.register(_ENGINE, _reporting_engine(on_cell, started_cells))
    papermill.execute_notebook(
        str(notebook.path),
        str(executed),
        dict(parameters),
        engine_name=_ENGINE,
        progress_bar=False,
        kernel_manager_class=_quiet_manager(),
        start_timeout=_START_SECONDS,
        config=Config({"KernelManager": _KERNEL, "PapermillNotebookClient": _CLIENT}),
        execution_timeout=_CELL_SECONDS,
    )


def _quiet_manager() -> type[Any]:
    from jupyter_client.manager import AsyncKernelManager

    class Quiet(AsyncKernelManager):
        """Discards what the kernel itself writes to stderr; what cells print is in the notebook."""

        async def start_kernel(self, **given: Any) -> None:  # type: ignore[override]  # as its parent, which does too
            await self._async_start_kernel(stderr=subprocess.DEVNULL, **given)

    return Quiet


def _reporting_engine(on_cell: OnCell, started_cells: list[int]) -> type[Any]:
    from papermill.engines import NBClientEngine

    class Reporting(NBClientEngine):  # type: ignore[misc]  # papermill has no types
        """papermill's own engine, which reports every finished cell: its progress bar can't be replaced otherwise."""

        @classmethod
        def execute_managed_notebook(cls, nb_man: Any, *arguments: Any, **options: Any) -> Any:
            start, complete = nb_man.cell_start, nb_man.cell_complete
            done = [0]

            def begin(cell: Any, index: int, **named: Any) -> Any:
                if _holds_code(cell):
                    started_cells.append(index)
                return start(cell, index, **named)

            def report(*given: Any, **named: Any) -> Any:
                done[0] += 1
                on_cell(done[0], len(nb_man.nb.cells))
                return complete(*given, **named)

            nb_man.cell_start, nb_man.cell_complete = begin, report
            return super().execute_managed_notebook(nb_man, *arguments, **options)

    return Reporting


def _failure(error: Exception, executed: Path, number: int) -> RunFailure | None:
    """What failed in the notebook; its last cell to start was the ``number``th. None for another kind of error."""
    from jupyter_client.kernelspec import NoSuchKernel
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    if isinstance(error, PapermillExecutionError):
        name = f"{error.ename}: {error.evalue}"
        if not error.traceback:  # a magic that failed by itself raises nothing: it prints
            failed = next(
                (cell for cell in _code_cells(executed) if cell["metadata"].get("papermill", {}).get("exception")), {}
            )
            name = _last_printed(failed) or name
        is_wrong_use = bool(error.traceback) and error.ename == "UsageError"
        return RunFailure(error.exec_count or number, " ".join(_COLOURS.sub("", name).split()), is_wrong_use)
    if isinstance(error, CellTimeoutError):
        return RunFailure(number, f"the cell took more than {_CELL_SECONDS} s")
    if isinstance(error, DeadKernelError):
        return RunFailure(number, "the kernel ended: out of memory, killed, or ended by the cell")
    if isinstance(error, NoSuchKernel):
        return RunFailure(0, f"the kernel {error.name!r} is not installed; `jupyter kernelspec list` shows which are")
    if "No kernel name found" in str(error):  # papermill raises a plain ValueError
        return RunFailure(0, "the notebook names no kernel: open it in Jupyter, choose one, and save it")
    return None


def _unfinished(executed: Path) -> RunFailure | None:
    """The cells that did not run: papermill takes ``sys.exit(0)`` for the end of the notebook, wherever it is."""
    cells = _code_cells(executed)
    left = sum(cell["execution_count"] is None for cell in cells)
    if not left:
        return None
    number = len(cells) - left
    cell_s = "cell after it was" if left == 1 else "cells after it were"
    return RunFailure(number, f"it ended the notebook; {left} {cell_s} not run")


def _last_printed(cell: Mapping[str, Any]) -> str:
    printed = "".join("".join(output.get("text", "")) for output in cell.get("outputs", ()))
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _code_cells(executed: Path) -> list[dict[str, Any]]:
    """The cells of an executed notebook that hold code to run."""
    cells = json.loads(executed.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if _holds_code(cell)]


def _holds_code(cell: Mapping[str, Any]) -> bool:
    """Whether a cell is run: it holds code, is not empty, and is not left out by its tag."""
    return (
        cell["cell_type"] == "code"
        and bool("".join(cell["source"]).strip())
        and _LEFT_OUT not in cell["metadata"].get("tags", ())
    )
