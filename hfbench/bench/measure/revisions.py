"""A revision of a project: found by name or as the working tree, and checked out."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from hfbench.bench.measure.run_root import open_run_root
from hfbench.bench.measure.submodules import changed_inside, fill
from hfbench.errors import HfbenchError, MeasurementError, UsageError
from hfbench.git import GitError, git

#: The name of the working tree, including uncommitted changes.
WORKING_TREE: Final = "."

_GIT_SECONDS: Final = 120

#: Called with a description of each stage.
OnStage = Callable[[str], None]


class BuildError(MeasurementError):
    """A revision could not be installed; ``diagnostic`` holds the end of what the installer printed."""


@dataclass(frozen=True, slots=True)
class Revision:
    """A state of the project.

    Attributes:
        asked: as the user wrote it (``main``, ``HEAD~1``, ``.``).
        commit: the commit that holds it; for uncommitted changes, a snapshot that no branch points to.
        tree: hash of its content alone: two commits with one tree are one build.
        head: with ``.``, the commit that the changes were made on.
        uncommitted: paths that differ from HEAD, with ``.``.
        left_out: with ``.``, what is in the working tree and in no revision: untracked repositories inside this one,
            and submodules with changes that are not committed there.
        folder: where the project is in its repository: ``engine/``; empty at the top.
    """

    asked: str
    commit: str
    tree: str
    head: str = ""
    uncommitted: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    folder: str = ""

    @property
    def reported(self) -> str:
        """The full hash, with ``-dirty`` for uncommitted changes: the ``revision`` that a record holds of an engine."""
        return f"{self.head}-dirty" if self.uncommitted else self.commit

    @property
    def label(self) -> str:
        """For people: ``main (1a2b3c4d)``, ``1a2b3c4d``, ``working tree with 2 uncommitted files (1a2b3c4d)``."""
        short = self.commit[:8]
        if not self.uncommitted:
            if self.commit.startswith(self.asked):
                return short
            return f"{'working tree, clean' if self.asked == WORKING_TREE else self.asked} ({short})"
        count = len(self.uncommitted)
        return f"working tree with {count} uncommitted file{'s' if count > 1 else ''} ({short})"


def resolve(repository: Path, asked: str) -> Revision:
    """Find a revision; ``.`` is the working tree, with its uncommitted and untracked (not ignored) files.

    Raises:
        UsageError: not a git repository, or no such revision.
        MachineError: there is no git program.
    """
    if asked == WORKING_TREE:
        return _working_tree(repository)
    try:
        commit = git(repository, "rev-parse", "--verify", "--end-of-options", f"{asked}^{{commit}}")
    except GitError as error:
        raise UsageError(_no_revision(repository, asked), diagnostic=error.diagnostic) from error
    folder = git(repository, "rev-parse", "--show-prefix")
    return Revision(asked, commit, git(repository, "rev-parse", f"{commit}^{{tree}}"), folder=folder)


def _working_tree(repository: Path) -> Revision:
    head = resolve(repository, "HEAD")
    if git(repository, "rev-parse", "--is-inside-work-tree") != "true":
        raise UsageError(f"{repository} has no files checked out: name a revision with --head")
    top = Path(git(repository, "rev-parse", "--show-toplevel"))
    status = git(top, "status", "--porcelain=v1", "--no-renames", "--untracked-files=all", "-z", seconds=_GIT_SECONDS)
    entries = [entry for entry in status.split("\0") if entry]
    # With --untracked-files=all only a repository inside this one is listed as a folder. Its files are not this
    # repository's, and git can't add it at all while it has no commit.
    nested = tuple(entry[3:] for entry in entries if entry.startswith("??") and entry.endswith("/"))
    changed = tuple(entry[3:] for entry in entries if entry[3:] not in nested)
    left_out = (*nested, *changed_inside(top, "HEAD"))
    clean = replace(head, asked=WORKING_TREE, left_out=left_out)
    if not changed:
        return clean
    # A second index, so that the user's own staging area is not touched.
    with open_run_root() as root, root.folder("index-") as folder:
        index = {"GIT_INDEX_FILE": str(folder / "index")}
        git(top, "read-tree", "HEAD", extra=index)
        excluded = [f":(top,exclude,literal){path}" for path in nested]
        git(top, "add", "--all", "--", ":/", *excluded, extra=index, seconds=_GIT_SECONDS)
        tree = git(top, "write-tree", extra=index)
    if tree == head.tree:  # only files inside submodules have changes
        return clean
    author = {f"GIT_{who}_{what}": "hfbench" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    commit = git(top, "commit-tree", tree, "-p", head.commit, "-m", "uncommitted changes, as measured", extra=author)
    return replace(clean, commit=commit, tree=tree, head=head.commit, uncommitted=changed)


def _no_revision(repository: Path, asked: str) -> str:
    try:
        is_shallow = git(repository, "rev-parse", "--is-shallow-repository") == "true"
        has_commits = bool(git(repository, "rev-list", "--max-count=1", "--all"))
    except HfbenchError:
        is_shallow, has_commits = False, True
    if not has_commits:
        return f"there is no commit in {repository} yet: commit something first"
    advice = "; this clone is shallow: fetch the rest (git fetch --unshallow)" if is_shallow else ""
    return f"no revision {asked!r} in this repository{advice or ': name a branch, a tag or a commit'}"


@contextmanager
def worktree(repository: Path, revision: Revision) -> Iterator[Path]:
    """The project's files at the revision, submodules included; afterwards the repository has no trace of them.

    Raises:
        BuildError: they can't be checked out.
    """
    try:
        with open_run_root() as root, root.worktree(repository, revision.commit) as source:
            fill(_top(repository), source)
            yield _project(source, revision)
    except (GitError, UsageError) as error:
        raise BuildError(
            f"{revision.label} can't be checked out: {error.message}", diagnostic=error.diagnostic
        ) from error


def _top(repository: Path) -> Path:
    try:
        return Path(git(repository, "rev-parse", "--show-toplevel"))
    except GitError:  # a bare repository
        return repository


def _project(place: Path, revision: Revision) -> Path:
    folder = place / revision.folder
    if not folder.is_dir():
        raise BuildError(f"{revision.label} has no folder {revision.folder}")
    return folder


def settings(repository: Path, revision: Revision) -> dict[str, Any]:
    """The pyproject.toml of a project at a revision; empty where there is none.

    Raises:
        UsageError: it is not TOML.
    """
    try:
        text = git(repository, "show", f"{revision.commit}:{revision.folder}pyproject.toml")
    except GitError:
        return {}
    try:
        document: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"pyproject.toml of {revision.label} is no TOML: {error}") from error
    return document
