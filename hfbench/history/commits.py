"""Commits in order: git is asked once, and only where there is a repository."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_GIT_SECONDS: Final = 30
_NONE: Final[Mapping[str, tuple[float, int]]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Commits:
    """Hash -> (seconds since 1970, place in topological order, oldest first)."""

    places: Mapping[str, tuple[float, int]] = field(default_factory=lambda: _NONE)

    def when(self, commit: str) -> float | None:
        """When it was committed; None for a commit that this repository does not know."""
        found = self.places.get(commit.removesuffix("-dirty"))
        return found[0] if found else None

    def order(self, commit: str) -> tuple[int, bool]:
        """Sorts commits of one second: parents before children, and a dirty tree after its commit."""
        found = self.places.get(commit.removesuffix("-dirty"))
        return (found[1] if found else len(self.places), commit.endswith("-dirty"))


def commits_of(repository: Path | None) -> Commits:
    """The commits of all branches of a repository; none where there is no repository or no git."""
    if repository is None:
        return Commits()
    command = ["git", "-C", str(repository), "log", "--all", "--topo-order", "--reverse", "--format=%H %ct"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=_GIT_SECONDS, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return Commits()
    lines = (line.split() for line in told.splitlines())
    return Commits({sha: (float(seconds), place) for place, (sha, seconds) in enumerate(lines)})
