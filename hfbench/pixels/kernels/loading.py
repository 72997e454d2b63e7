"""Compiles the kernels once per machine, and loads them once per process."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import ModuleType

#: Seconds that another process may take to compile before this one compiles for itself.
_LONGEST_WAIT: Final = 120
_COMPLETE: Final = "complete"


class Kernels(Protocol):
    """The functions of :mod:`hfbench.pixels.kernels.compiled`."""

    picture: Callable[..., None]
    linear_420: Callable[..., None]
    missing_420: Callable[..., int]
    fill_rows: Callable[..., None]
    tabled_420: Callable[..., None]


@dataclass(slots=True)
class _State:
    kernels: ModuleType | None = None
    reason: str = ""


_STATE: Final = _State()
_LOCK: Final = threading.Lock()


def why_not() -> str:
    """Why kernels can't be used; empty where they can, as far as that is known without loading them."""
    if _STATE.kernels is None and not _STATE.reason and importlib.util.find_spec("numba") is None:
        _STATE.reason = "numba is not installed"
    return _STATE.reason


def load(announce: Callable[[], None] = lambda: None) -> Kernels | None:
    """The kernels; None where they can't be used (:func:`why_not` says why).

    The first call on a machine compiles for about ten seconds, the first of a process loads in about half a second.

    Args:
        announce: called before something is compiled.
    """
    with _LOCK:
        if _STATE.kernels is None and not why_not():
            try:
                _STATE.kernels = _load(announce)
            except Exception as error:  # noqa: BLE001  whatever is wrong with a compiler: there is another way
                _STATE.reason = f"numba can't be used here ({type(error).__name__}: {str(error).splitlines()[0]})"
        return _STATE.kernels


def _load(announce: Callable[[], None]) -> ModuleType:
    from hfbench.pixels.kernels import places

    with _only_one_process(places.FOLDER if places.CACHE else None):
        marker = places.FOLDER / _COMPLETE
        if not marker.exists():
            announce()
        kernels = importlib.import_module("hfbench.pixels.kernels.compiled")
        if places.CACHE:
            with contextlib.suppress(OSError):
                marker.touch()
    places.forget()
    return kernels


@contextlib.contextmanager
def _only_one_process(folder: Path | None) -> Iterator[None]:
    """Two processes must not write to numba's index at once; where that can't be ensured, nothing is kept."""
    from filelock import FileLock, Timeout

    if folder is None:
        yield
        return
    try:
        with FileLock(folder / "lock", timeout=_LONGEST_WAIT):
            yield
    except (OSError, Timeout):
        from hfbench.pixels.kernels import places

        places.CACHE = False
        yield


def state_on_disk() -> str:
    """A short description of the kept code, for ``hfbench doctor``."""
    if why_not():
        return why_not()
    from hfbench.pixels.kernels import places

    if not places.CACHE:
        return f"{places.FOLDER} can't be written: compiled in each process"
    if not (places.FOLDER / _COMPLETE).exists():
        return "not compiled yet: the first extraction does that"
    size = sum(path.stat().st_size for path in places.FOLDER.rglob("*") if path.is_file())
    return f"compiled, {size / 2**20:.1f} MB in {places.FOLDER}"
