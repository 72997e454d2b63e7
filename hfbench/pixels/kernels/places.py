"""Where compiled kernels are kept. Importing this tells numba, and so has to come before :mod:`.compiled`."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Final

import numba

from hfbench.home import kernels_folder


def _version() -> str:
    """What compiled code depends on, besides the processor, which numba checks: its source and numba."""
    digest = hashlib.sha256(numba.__version__.encode())
    for name in ("blocks", "compiled", "rows", "shapes"):
        digest.update(Path(__file__).with_name(f"{name}.py").read_bytes())
    return digest.hexdigest()[:16]


def _usable(folder: Path) -> bool:
    """Whether the folder can be written: then code is kept there, else it is compiled again in each process."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".probe"
        probe.touch()
        probe.unlink(missing_ok=True)
    except OSError:
        return False
    return True


_CONFIG: Final[Any] = numba.config
_BEFORE: Final = _CONFIG.CACHE_DIR
#: Where the code of this version is kept: ``NUMBA_CACHE_DIR`` if set, else a folder in hfbench's home.
FOLDER: Final = Path(_BEFORE or kernels_folder()) / _version()
#: Whether numba keeps what it compiles.
CACHE = _usable(FOLDER)
if CACHE:
    _CONFIG.CACHE_DIR = str(FOLDER)


def forget() -> None:
    """Restore numba's setting: other code in this process may use it too."""
    _CONFIG.CACHE_DIR = _BEFORE
