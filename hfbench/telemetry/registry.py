"""The known sinks: built-in ones by a literal dict, third parties' by entry point; imported when requested."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from hfbench.errors import MachineError, UsageError
from hfbench.telemetry.base import ENTRY_POINT_GROUP, SinkFactory

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.metadata import EntryPoint

#: Scheme -> module whose ``FACTORY`` makes its sinks.
BUILT_IN: Final[Mapping[str, str]] = {
    "jsonl": "hfbench.telemetry.jsonl",
    "sqlite": "hfbench.telemetry.sqlite",
    "posthog": "hfbench.telemetry.posthog",
    "otlp": "hfbench.telemetry.otlp",
    "stdout": "hfbench.telemetry.stdout",
    "memory": "hfbench.telemetry.memory",
}


def find_factory(scheme: str) -> SinkFactory:
    """Return the factory for ``scheme``. A built-in scheme can't be taken over by a third party.

    Raises:
        UsageError: The scheme is unknown; the message lists those that are known.
        MachineError: The package that offers it can't be imported, or offers something else.
    """
    if scheme in BUILT_IN:
        factory: SinkFactory = import_module(BUILT_IN[scheme]).FACTORY
        return factory
    offered = {point.name: point for point in _entry_points()}
    if scheme not in offered:
        known = ", ".join(f"{name}:" for name in (*BUILT_IN, *sorted(offered.keys() - BUILT_IN.keys())))
        raise UsageError(f"unknown sink {scheme!r}; known are {known}")
    return _load(offered[scheme])


def _entry_points() -> tuple[EntryPoint, ...]:
    from importlib.metadata import entry_points  # slow to import, and rarely needed

    return tuple(entry_points(group=ENTRY_POINT_GROUP))


def _load(point: EntryPoint) -> SinkFactory:
    try:
        factory = point.load()
    except Exception as error:  # whatever a third party's import may raise
        kind = type(error).__name__
        raise MachineError(
            f"sink {point.name!r} ({point.value}) can't be imported: {kind}; reinstall its package",
            diagnostic=str(error),
        ) from error
    if not isinstance(factory, SinkFactory):
        raise MachineError(
            f"sink {point.name!r} ({point.value}) is no SinkFactory; its package does not fit this hfbench"
        )
    return factory
