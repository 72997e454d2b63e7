"""hfbench: did this change make extraction slower, and are the frames still right?

The engine is one function, :func:`extract`; what it takes and gives back are the other names here. They are loaded when
first used, so that ``import hfbench`` and ``hfbench --help`` stay fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hfbench._version import __version__

if TYPE_CHECKING:
    from hfbench.composition import Clip, Composition
    from hfbench.control import CancelToken
    from hfbench.engine import extract
    from hfbench.errors import HfbenchError
    from hfbench.lookup import FrameLookup
    from hfbench.options import ExtractOptions
    from hfbench.plan import ImageFormat, Scope, SdrMapping
    from hfbench.result import ClipFailure, ClipWarning, ExtractedClip, ExtractionResult, FailureKind

__all__ = [
    "CancelToken",
    "Clip",
    "ClipFailure",
    "ClipWarning",
    "Composition",
    "ExtractOptions",
    "ExtractedClip",
    "ExtractionResult",
    "FailureKind",
    "FrameLookup",
    "HfbenchError",
    "ImageFormat",
    "Scope",
    "SdrMapping",
    "__version__",
    "extract",
]

_HOMES = {
    "CancelToken": "hfbench.control",
    "Clip": "hfbench.composition",
    "ClipFailure": "hfbench.result",
    "ClipWarning": "hfbench.result",
    "Composition": "hfbench.composition",
    "ExtractOptions": "hfbench.options",
    "ExtractedClip": "hfbench.result",
    "ExtractionResult": "hfbench.result",
    "FailureKind": "hfbench.result",
    "FrameLookup": "hfbench.lookup",
    "HfbenchError": "hfbench.errors",
    "ImageFormat": "hfbench.plan",
    "Scope": "hfbench.plan",
    "SdrMapping": "hfbench.plan",
    "extract": "hfbench.engine",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        msg = f"module 'hfbench' has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(home), name)
