"""The machine and the software that a number was measured with. No host name, user name or path is recorded."""

from __future__ import annotations

import os
import platform
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hfbench.backends.versions import ffmpeg_versions
from hfbench.bench.record import Load
from hfbench.errors import HfbenchError
from hfbench.git import git

if TYPE_CHECKING:
    from collections.abc import Iterable

_GIT_SECONDS: Final = 10


def load() -> Load:
    """The current load averages."""
    return Load(*(round(value, 2) for value in os.getloadavg()))


def machine_facts() -> dict[str, str | int]:
    """CPU model, cores, threads usable by this process, memory, system, release, architecture."""
    import psutil

    return {
        "cpu": _cpu_model(),
        "cores": psutil.cpu_count(logical=False) or 0,
        "threads": _usable_threads(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "system": platform.system(),
        "release": platform.release(),
        "architecture": platform.machine(),
    }


def versions() -> dict[str, str]:
    """Versions of hfbench (with its git revision), Python, PyAV, and the FFmpeg of each backend (they may differ).

    ``ffmpeg`` is the program that the backend of that name runs (``HFBENCH_FFMPEG`` if set), ``ffmpeg_libav`` the
    release that PyAV's libraries come from, whose own versions follow. What is not installed is left out. Takes some
    tens of milliseconds the first time: it imports PyAV and starts the program.
    """
    release = ffmpeg_versions()
    keys = {"ffmpeg": release.get("ffmpeg"), "ffmpeg_libav": release.get("libav")}
    return {**_own_versions(), **_library_versions(), **{key: value for key, value in keys.items() if value}}


def _own_versions() -> dict[str, str]:
    from hfbench._version import __version__

    found = {"version": __version__, "python": platform.python_version()}
    revision = _own_revision()
    return found | ({"revision": revision} if revision else {})


@cache
def _own_revision() -> str | None:
    """The commit of the source that this process runs; looked up once, because the loaded code does not change."""
    return source_revision(Path(__file__).resolve().parents[2])


def source_revision(folder: Path) -> str | None:
    """The git commit of a source tree, with ``-dirty`` for uncommitted changes; None where it is not a work tree."""
    if not (folder / ".git").exists():
        return None
    try:
        sha = git(folder, "rev-parse", "HEAD", seconds=_GIT_SECONDS)
        changed = git(folder, "status", "--porcelain", seconds=_GIT_SECONDS)
    except HfbenchError:  # no git, no commits yet, another user's tree: the revision is not known
        return None
    return f"{sha}-dirty" if changed else sha


def _library_versions() -> dict[str, str]:
    try:
        import av
    except ImportError:
        return {}
    libraries = {name: ".".join(map(str, number)) for name, number in sorted(av.library_versions.items())}
    return {"av": str(av.__version__), **libraries}


def _usable_threads() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 0


def _cpu_model() -> str:
    try:
        lines: Iterable[str] = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = ()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model")))
    return next(names, "") or platform.processor() or platform.machine()
