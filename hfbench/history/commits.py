"""Commits in order: git is asked once, and only where there is a repository."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from hfbench.errors import HfbenchError
from hfbench.git import git

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

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
    try:
        listed = git(repository, "log", "--all", "--topo-order", "--reverse", "--format=%H %ct")
    except HfbenchError:
        return Commits()
    lines = (line.split() for line in listed.splitlines())
    return Commits({sha: (float(seconds), place) for place, (sha, seconds) in enumerate(lines)})
