"""What the sinks that write files share: the path in a spec, checked before anything runs."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING

from hfbench.errors import OutputError, UsageError

if TYPE_CHECKING:
    from hfbench.telemetry.base import SinkSpec


def path_in(spec: SinkSpec) -> Path:
    """Return the absolute path that ``spec`` names, ``~`` resolved; later changes of folder do not move it.

    Raises:
        UsageError: The spec names no path.
        OutputError: The folder is missing, or there is something other than a regular file.
    """
    if not spec.target or "\0" in spec.target:
        raise UsageError(f"sink {spec.scheme}: needs a file, as in {spec.scheme}:runs.{spec.scheme}")
    try:
        path = Path(spec.target).expanduser().absolute()
    except RuntimeError:  # ~somebody who does not exist
        path = Path(spec.target).absolute()
    if not path.parent.is_dir():
        raise OutputError(f"sink {spec.label}: there is no folder {str(path.parent)!r}; make it first")
    check_regular(path, spec.label)
    return path


def check_regular(path: Path, label: str) -> None:
    """Look before opening: opening a pipe waits for its other end, opening a device may act on it.

    Raises:
        OutputError: ``path`` is something other than a regular file, or may not be looked at.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise OutputError(f"sink {label}: {error.strerror or type(error).__name__}", diagnostic=str(error)) from error
    if not stat.S_ISREG(mode):
        raise OutputError(f"sink {label}: it is not a regular file; name a file")
