"""The commits of a repository: their topological order, and the branch that each one belongs to."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from hfbench.errors import HfbenchError
from hfbench.git import GitError, git

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_GIT_SECONDS: Final = 60
_DIRTY: Final = "-dirty"
#: Git itself abbreviates to 7 digits at least; fewer are ambiguous in any but the smallest repository.
_ABBREVIATED: Final = re.compile(r"[0-9a-f]{7,39}")
_SHORT: Final = 8


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit of the repository.

    Attributes:
        when: committer date, in seconds since 1970.
        place: position in topological order, oldest first; parents always come before their children.
        branch: the branch whose first-parent line holds the commit; the current branch takes precedence.
    """

    sha: str
    when: float
    place: int
    branch: str


@dataclass(frozen=True, slots=True)
class Commits:
    """The commits that a repository knows.

    Attributes:
        known: full hash -> commit, for all that any branch or tag reaches.
        repository: the name of its folder; empty where there is none.
        branch: the current branch, ``HEAD`` where none is checked out.
        problem: why the order of commits is not, or not fully, known; empty where it is.
    """

    known: Mapping[str, Commit] = field(default_factory=lambda: MappingProxyType({}))
    repository: str = ""
    branch: str = ""
    problem: str = "no repository was named"
    _sorted: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Sort the hashes, so that an abbreviated one is found quickly."""
        object.__setattr__(self, "_sorted", tuple(sorted(self.known)))

    def find(self, revision: str) -> Commit | None:
        """The commit of a full hash, or of an abbreviated one (7 digits or more) that fits one commit only.

        ``-dirty`` at the end is ignored. None for a commit that the repository does not know.
        """
        text = revision.removesuffix(_DIRTY).lower()
        if text in self.known:
            return self.known[text]
        if not _ABBREVIATED.fullmatch(text):
            return None
        place = bisect_left(self._sorted, text)
        fitting = [sha for sha in self._sorted[place : place + 2] if sha.startswith(text)]
        return self.known[fitting[0]] if len(fitting) == 1 else None


def commits_of(folder: Path | None) -> Commits:
    """The commits of the repository that ``folder`` is in.

    Where there is none, or git fails, the result knows no commit and says why in ``problem``. A shallow clone knows
    some of them, and ``problem`` says how to get the rest.
    """
    if folder is None:
        return Commits()
    try:
        top = Path(git(folder, "rev-parse", "--show-toplevel"))
        order = ("--topo-order", "--reverse", "--timestamp", "--parents")
        lines = git(top, "rev-list", *order, *_EVERYTHING, seconds=_GIT_SECONDS)
        is_shallow = git(top, "rev-parse", "--is-shallow-repository") == "true"
        branch, tips = _tips(top)
    except HfbenchError as error:
        return Commits(problem=f"{error.message}; name the repository that was measured with --repo")
    problem = "this is a shallow clone: run `git fetch --unshallow` (actions/checkout: fetch-depth: 0)"
    return Commits(_assigned(_parsed(lines), branch, tips), top.name, branch, problem if is_shallow else "")


_EVERYTHING: Final = ("HEAD", "--branches", "--remotes", "--tags")


@dataclass(frozen=True, slots=True)
class _Node:
    """A commit as git lists it."""

    when: float
    parents: tuple[str, ...]


def _parsed(lines: str) -> dict[str, _Node]:
    """Full hash -> node, in topological order, oldest first."""
    found = {}
    for line in lines.splitlines():
        seconds, sha, *parents = line.split()
        found[sha] = _Node(float(seconds), tuple(parents))
    return found


def _tips(top: Path) -> tuple[str, list[tuple[str, str]]]:
    """The current branch, and (name, hash) of every tip: HEAD, then branches, remote branches and tags."""
    head = git(top, "rev-parse", "HEAD")
    try:
        branch = git(top, "symbolic-ref", "--quiet", "--short", "HEAD")
    except GitError:  # a detached HEAD
        branch = "HEAD"
    listed = git(top, "for-each-ref", "--format=%(objectname) %(*objectname) %(refname)", *_REFS)
    tips = [(branch, head)]
    for line in listed.splitlines():
        sha, peeled, name = line.split(" ", 2)
        tips.append((name.split("/", 2)[2], peeled or sha))
    return branch, tips


_REFS: Final = ("refs/heads", "refs/remotes", "refs/tags")


def _assigned(nodes: Mapping[str, _Node], branch: str, tips: Iterable[tuple[str, str]]) -> dict[str, Commit]:
    """Give each commit to the first branch whose first-parent line reaches it; what a merge brought in comes last."""
    branches: dict[str, str] = {}
    waiting = deque(tips)
    merged: deque[tuple[str, str]] = deque()
    while waiting or merged:
        name, sha = (waiting or merged).popleft()
        for each in _first_parents(nodes, sha):
            if each in branches:
                break
            branches[each] = name
            merged.extend((f"merged by {each[:_SHORT]}", parent) for parent in nodes[each].parents[1:])
    return {
        sha: Commit(sha, node.when, place, branches.get(sha, branch)) for place, (sha, node) in enumerate(nodes.items())
    }


def _first_parents(nodes: Mapping[str, _Node], sha: str) -> Iterator[str]:
    while sha in nodes:
        yield sha
        parents = nodes[sha].parents
        if not parents:
            return
        sha = parents[0]
