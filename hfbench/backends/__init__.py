"""Backends: the two ways to decode, re-encode and write frames, behind one protocol."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hfbench.backends.base import Backend


@functools.cache
def probe_version() -> str:
    """Name and version of what reads metadata: PyAV, whose wheels hold the FFmpeg libraries. Does not import it."""
    from importlib.metadata import version

    return f"av {version('av')}"


def backend_version(name: str) -> str:
    """What a backend's frames depend on, besides the plan. Does not start or import it."""
    if name == "libav":
        return probe_version()
    from hfbench.backends.ffmpeg.program import program_identity

    return program_identity()


def create_backend(name: str, workers: int) -> Backend:
    """The backend of that name, with room for ``workers`` frames to be encoded at once.

    Raises:
        MachineError: the ffmpeg program is asked for and can't be found.
    """
    if name == "ffmpeg":
        from hfbench.backends.ffmpeg import FfmpegBackend

        return FfmpegBackend()
    from hfbench.backends.libav import LibavBackend

    return LibavBackend(workers)
