"""The limits of one download while it runs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from hfbench.sources.policy import SourceProblem, SourceProblemKind
from hfbench.sources.urls import failed, shown_url

if TYPE_CHECKING:
    from collections.abc import Callable

    from hfbench.sources.policy import SourcePolicy


class Budget:
    """The time that is left to one download, and whether the caller still wants it."""

    def __init__(self, url: str, policy: SourcePolicy, stop: Callable[[], bool]) -> None:
        self.url = url
        self.policy = policy
        self._stop = stop
        self._deadline = time.monotonic() + policy.max_download_seconds

    def check(self) -> float:
        """Seconds left, above 0.

        Raises:
            SourceProblem: no time is left, or the caller wants to stop.
        """
        if self._stop():
            raise SourceProblem(
                SourceProblemKind.CANCELLED, f"source {shown_url(self.url)}: the download was cancelled"
            )
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise failed(self.url, f"it took more than {self.policy.max_download_seconds:g} s", retryable=True)
        return left
