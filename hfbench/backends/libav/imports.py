"""What is imported before it is needed, so that no metric holds an import."""

from __future__ import annotations

from importlib import import_module
from typing import Final

_PROBING: Final = (
    "av.subtitles.stream",  # PyAV imports it with the first file that it opens
    "hfbench.backends.libav.decode",
    "hfbench.backends.libav.probe",
)
_WORKING: Final = (
    "hfbench.backends.libav.extract",
    "hfbench.backends.libav.normalize",
    "hfbench.backends.libav.pictures",
    "hfbench.backends.libav.pipeline",
    "hfbench.pixels.cube_files",
    "hfbench.pixels.jpeg",
    "hfbench.pixels.png",
)


def import_for_probing() -> None:
    """Import what reading a source needs."""
    for name in _PROBING:
        import_module(name)


def import_for_working() -> None:
    """Import what writing frames and re-encoding need, the kernels aside."""
    for name in _WORKING:
        import_module(name)


def import_for_kernels() -> None:
    """Import what pictures are made with where the kernels can be used."""
    import_module("hfbench.pixels.kernels.pictures")
