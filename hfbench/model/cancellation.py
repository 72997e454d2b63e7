"""Stopping work: a cancellation token and a time limit, checked by everything that can take long."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hfbench.model.profile import ProfileRecorder


class StopWork(Exception):  # noqa: N818  a signal inside hfbench, never seen by a caller
    """Raised inside a clip's work when it must end; ``kind`` is ``cancelled`` or ``timeout``."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


class CancelToken:
    """Shared by the caller and the workers; once cancelled it stays so."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask all work under this token to end as soon as it can. Safe in a signal handler."""
        self._event.set()

    @property
    def is_cancelled(self) -> bool:
        """Whether :meth:`cancel` was called."""
        return self._event.is_set()


@dataclass(frozen=True, slots=True)
class Control:
    """When a piece of work must stop: the caller's token, and a time limit of its own in seconds.

    ``recorder`` takes its profile, where one was asked for.
    """

    token: CancelToken = field(default_factory=CancelToken)
    limit_seconds: float = 300.0
    started: float = field(default_factory=time.monotonic)
    recorder: ProfileRecorder | None = None

    def restarted(self) -> Control:
        """The same token and limit, with the time starting now: one for each clip."""
        return Control(self.token, self.limit_seconds, recorder=self.recorder)

    def check(self) -> None:
        """Do nothing, or raise :class:`StopWork` when the work must end."""
        if self.token.is_cancelled:
            raise StopWork("cancelled", "cancelled before it was finished")
        if time.monotonic() - self.started > self.limit_seconds:
            raise StopWork(
                "timeout", f"took longer than {self.limit_seconds:g} s; raise the time limit or shorten the clip"
            )
