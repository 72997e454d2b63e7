"""Backends: the two ways to decode, re-encode and write frames, behind one protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hfbench.backends.base import Backend


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
