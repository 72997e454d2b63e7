"""``memory:NAME``: events in a list of this process, for tests."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from hfbench.errors import HfbenchError
from hfbench.telemetry.base import CLOSE_SECONDS, SinkFactory, SinkSpec, TelemetryEvent

if TYPE_CHECKING:
    from collections.abc import Mapping

_LOCK: Final = threading.Lock()
_RECORDED: Final[dict[str, list[TelemetryEvent]]] = {}


def recorded(name: str = "") -> tuple[TelemetryEvent, ...]:
    """Return what ``memory:NAME`` sinks of this process received so far, oldest first."""
    with _LOCK:
        return tuple(_RECORDED.get(name, ()))


def forget(name: str = "") -> None:
    """Empty the list of ``memory:NAME``."""
    with _LOCK:
        _RECORDED.pop(name, None)


class MemorySink:
    """Appends to the list of ``name``; read it with :func:`recorded`."""

    def __init__(self, name: str = "") -> None:
        self._name = name
        self._is_closed = False

    def emit(self, event: TelemetryEvent) -> None:
        """Append ``event``.

        Raises:
            HfbenchError: The sink is closed.
        """
        if self._is_closed:
            raise HfbenchError("the sink is closed")
        with _LOCK:
            _RECORDED.setdefault(self._name, []).append(event)

    def close(self, timeout_seconds: float = CLOSE_SECONDS) -> None:
        """Take no more events; what was received stays."""
        del timeout_seconds  # nothing here takes time
        self._is_closed = True


def _open(spec: SinkSpec, environ: Mapping[str, str]) -> MemorySink:
    del environ
    return MemorySink(spec.target)


FACTORY: Final = SinkFactory(_open, network=False)
