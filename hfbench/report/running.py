"""Running one notebook through papermill; whatever becomes of it, the executed notebook is kept."""

from __future__ import annotations

import re
import subprocess
import time
import warnings
from collections.abc import Callable
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
#: A kernel that is told to end is interrupted first, and may log that as an error on the terminal. What matters of a
#: kernel comes through its messages, so it logs critical things only.
_CLIENT: Final = {"extra_arguments": ["--IPKernelApp.log_level=50"]}
_COLOURS: Final = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class RunFailure:
    """The cell that failed (its execution count) and its last error, one line."""

    cell: int
    error: str

    @property
    def told(self) -> str:
        """``cell 3: ValueError: ...``."""
        return f"cell {self.cell}: {self.error}" if self.cell else self.error


@dataclass(frozen=True, slots=True)
class Ran:
    """An executed notebook: where it is kept, how long it took, and what failed in it."""

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
    failure = None
    executed.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the Jupyter stack warns of its own coming changes, which is no news here
        try:
            _execute(notebook, parameters, executed, on_cell)
        except ImportError as error:
            raise NotInstalledError('reports need papermill and ipykernel: pip install "hfbench[notebooks]"') from error
        except Exception as error:
            failure = _failure(error)
            if failure is None:
                raise
    return Ran(notebook, executed, time.monotonic() - started, failure)


def _execute(notebook: Notebook, parameters: Mapping[str, Any], executed: Path, on_cell: OnCell) -> None:
    import papermill
    from jupyter_client.manager import AsyncKernelManager
    from papermill.engines import NBClientEngine, papermill_engines
    from traitlets.config import Config

    class Quiet(AsyncKernelManager):
        """What cells print stands in the notebook; what a kernel logs itself, above all when stopped, is noise."""

        async def start_kernel(self, **given: Any) -> None:  # type: ignore[override]  # as its parent, which does too
            await self._async_start_kernel(stderr=subprocess.DEVNULL, **given)

    class Told(NBClientEngine):  # type: ignore[misc]  # papermill has no types
        """papermill's own engine, with a word after every cell: its progress bar can't be replaced otherwise."""

        @classmethod
        def execute_managed_notebook(cls, nb_man: Any, *arguments: Any, **options: Any) -> Any:
            complete = nb_man.cell_complete
            done = [0]

            def tell(*given: Any, **named: Any) -> Any:
                done[0] += 1
                on_cell(done[0], len(nb_man.nb.cells))
                return complete(*given, **named)

            nb_man.cell_complete = tell
            return super().execute_managed_notebook(nb_man, *arguments, **options)

    papermill_engines.register(_ENGINE, Told)
    papermill.execute_notebook(
        str(notebook.path),
        str(executed),
        dict(parameters),
        engine_name=_ENGINE,
        progress_bar=False,
        kernel_manager_class=Quiet,
        start_timeout=_START_SECONDS,
        config=Config({"KernelManager": _KERNEL, "PapermillNotebookClient": _CLIENT}),
        execution_timeout=_CELL_SECONDS,
    )


def _failure(error: Exception) -> RunFailure | None:
    """What failed in the notebook; None for trouble that is not the notebook's."""
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    if isinstance(error, PapermillExecutionError):
        said = _COLOURS.sub("", f"{error.ename}: {error.evalue}")
        return RunFailure(error.exec_count or 0, " ".join(said.split()))
    if isinstance(error, CellTimeoutError):
        return RunFailure(0, f"a cell took more than {_CELL_SECONDS} s")
    if isinstance(error, DeadKernelError):
        return RunFailure(0, "the kernel died: out of memory, or killed")
    return None
