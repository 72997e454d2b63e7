"""Submodules of a revision: a git worktree has their folders, and nothing in them.

They are cloned from the user's own checkout, which needs no network and no access rights. Only a commit that the
checkout does not hold is fetched, as ``git submodule update`` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hfbench.errors import UsageError
from hfbench.git import GitError, git

if TYPE_CHECKING:
    from pathlib import Path

_CLONE_SECONDS: Final = 600
#: The mode of a submodule in a tree (git-fast-import(1): "a Git link").
_LINK_MODE: Final = "160000"
#: Git rejects local paths as addresses of submodules, because somebody else may have chosen the address. Here it is
#: the user's own checkout.
_LOCAL: Final = ("-c", "protocol.file.allow=always")


def fill(checkout: Path, place: Path) -> None:
    """Put the files of all submodules of a worktree into it, and of the submodules in these.

    Args:
        checkout: The top folder of the repository that the user has.
        place: The worktree of a revision of it.

    Raises:
        UsageError: A submodule's commit is neither in the checkout nor can it be fetched.
    """
    for path, commit in submodules(place):
        _fill_one(checkout, place, path, commit)
        fill(checkout / path, place / path)


def submodules(folder: Path, commit: str = "HEAD") -> tuple[tuple[str, str], ...]:
    """Path and commit of every submodule of a commit."""
    listed = git(folder, "ls-tree", "-r", "-z", "--full-tree", commit)
    entries = (entry.partition("\t") for entry in listed.split("\0") if entry)
    return tuple((path, facts.split()[2]) for facts, _, path in entries if facts.startswith(_LINK_MODE))


def changed_inside(checkout: Path, commit: str) -> tuple[str, ...]:
    """Paths of submodules whose own files have changes that are not committed there: no revision can hold these."""
    found = []
    for path, _ in submodules(checkout, commit):
        if (checkout / path / ".git").exists() and git(checkout / path, "status", "--porcelain=v1", "-z"):
            found.append(path)
    return tuple(found)


def _fill_one(checkout: Path, place: Path, path: str, commit: str) -> None:
    if (checkout / path / ".git").exists() and _holds(checkout / path, commit):
        git(
            place,
            *_LOCAL,
            "clone",
            "--quiet",
            "--no-checkout",
            "--shared",
            str(checkout / path),
            path,
            seconds=_CLONE_SECONDS,
        )
        git(place / path, "checkout", "--quiet", "--detach", commit, seconds=_CLONE_SECONDS)
        return
    try:
        git(place, "submodule", "update", "--init", "--quiet", "--", path, seconds=_CLONE_SECONDS)
    except GitError as error:
        raise UsageError(
            f"the submodule {path} is not checked out at {commit[:8]}, and can't be fetched: "
            "run `git submodule update --init --recursive`",
            diagnostic=error.diagnostic,
        ) from error


def _holds(folder: Path, commit: str) -> bool:
    try:
        git(folder, "cat-file", "-e", f"{commit}^{{commit}}")
    except GitError:
        return False
    return True
