"""hfbench: did this change make extraction slower, and are the frames still right?

The engine is one function, :func:`extract`; the other names here are what it takes and returns. They are loaded when
first used, so that ``import hfbench`` and ``hfbench --help`` stay fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hfbench._version import __version__

if TYPE_CHECKING:
    from hfbench.composition import Clip, Composition
    from hfbench.engine.extract import extract
    from hfbench.engine.stream_frames import Frame, FrameStream, iter_frames
    from hfbench.errors import HfbenchError
    from hfbench.model.cancellation import CancelToken
    from hfbench.model.lookup import FrameLookup
    from hfbench.model.options import ExtractOptions
    from hfbench.model.plan import ImageFormat, Scope, SdrMapping
    from hfbench.model.result import ClipFailure, ClipWarning, ExtractedClip, ExtractionResult, FailureKind

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
    "Frame",
    "FrameLookup",
    "FrameStream",
    "HfbenchError",
    "ImageFormat",
    "Scope",
    "SdrMapping",
    "__version__",
    "extract",
    "iter_frames",
]

_HOMES = {
    "CancelToken": "hfbench.model.cancellation",
    "Clip": "hfbench.composition",
    "ClipFailure": "hfbench.model.result",
    "ClipWarning": "hfbench.model.result",
    "Composition": "hfbench.composition",
    "ExtractOptions": "hfbench.model.options",
    "ExtractedClip": "hfbench.model.result",
    "ExtractionResult": "hfbench.model.result",
    "FailureKind": "hfbench.model.result",
    "Frame": "hfbench.engine.stream_frames",
    "FrameLookup": "hfbench.model.lookup",
    "FrameStream": "hfbench.engine.stream_frames",
    "HfbenchError": "hfbench.errors",
    "ImageFormat": "hfbench.model.plan",
    "Scope": "hfbench.model.plan",
    "SdrMapping": "hfbench.model.plan",
    "extract": "hfbench.engine.extract",
    "iter_frames": "hfbench.engine.stream_frames",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'hfbench' has no attribute {name!r}")
    return getattr(import_module(home), name)
