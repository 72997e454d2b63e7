"""Which FFmpeg each backend runs: the libraries in PyAV's wheels and the ffmpeg program are released separately."""

from __future__ import annotations

import functools
import re
import subprocess
from typing import TYPE_CHECKING, Final

from hfbench.errors import MachineError

if TYPE_CHECKING:
    from pathlib import Path

_SECONDS: Final = 10
_BANNER: Final = re.compile(r"ffmpeg version (\S+)")
#: The release at the start of a version; a build may add its commit and date: n9.0.2-17-g2a571b6068-20260930.
_RELEASE: Final = re.compile(r"n?(\d+(?:\.\d+)*)")


def ffmpeg_versions() -> dict[str, str]:
    """The FFmpeg version of each backend (``libav``, ``ffmpeg``); a backend that can't be used here is left out.

    The program is the one that the backend runs: ``HFBENCH_FFMPEG`` if set. Imports PyAV and starts the program, once.
    """
    found = {"libav": _library_version(), "ffmpeg": _program_version()}
    return {name: version for name, version in found.items() if version}


def release_of(version: str) -> str:
    """The release in a version: ``9.0.2`` of ``n9.0.2-17-g2a571b6068``; a version without one is returned as it is."""
    match = _RELEASE.match(version)
    return match[1] if match else version


def have_one_release(versions: dict[str, str]) -> bool:
    """Whether all backends run the same FFmpeg release."""
    return len({release_of(version) for version in versions.values()}) <= 1


@functools.cache
def _library_version() -> str | None:
    try:
        import av
    except ImportError:
        return None
    version = getattr(av, "ffmpeg_version_info", None)
    return str(version) if version else None


def _program_version() -> str | None:
    from hfbench.backends.ffmpeg.program import find_ffmpeg

    try:
        path = find_ffmpeg()
        return _ask(path, path.stat().st_mtime_ns)
    except (MachineError, OSError):
        return None


@functools.lru_cache(maxsize=8)
def _ask(path: Path, changed_ns: int) -> str | None:
    del changed_ns  # another build at the same path is asked again
    try:
        answer = subprocess.run(
            [path, "-version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    match = _BANNER.match(answer.stdout)
    return match[1] if match else None
