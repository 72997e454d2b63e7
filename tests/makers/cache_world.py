"""Names that the cache tests share: a clock that stands still, and the shapes of the fixtures."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from hfbench.cache import Lease

#: Seconds since the epoch.
START = 1_700_000_000.0

Publish: TypeAlias = Callable[..., Lease]
RunChild: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]


@dataclass
class StandingClock:
    now: float = START

    def __call__(self) -> float:
        return self.now
