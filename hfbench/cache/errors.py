"""The one error of the cache that reaches a caller.

It stands here and not in :mod:`hfbench.errors` because only the cache raises it and only the engine catches it.
"""

from __future__ import annotations

from hfbench.errors import MachineError


class CacheUnusableError(MachineError):
    """The cache folder can't be used; the message says why and what to do. The run goes on without a cache."""


class EntryRefusedError(MachineError):
    """A folder that must not become an entry: it has no frames, an empty frame, or something that is not a frame."""
