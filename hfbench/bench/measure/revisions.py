"""A revision of a project and an environment that runs it: git worktree, install, kept by content."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from hfbench.bench.measure.run_root import open_run_root
from hfbench.bench.measure.submodules import changed_inside, fill
from hfbench.errors import HfbenchError, MeasurementError, UsageError
from hfbench.git import GitError, git

#: The name that means "the tree as it is now, uncommitted changes and all".
WORKING_TREE: Final = "."

_GIT_SECONDS: Final = 120
_BUILD_SECONDS: Final = 1800
_READY: Final = "hfbench-ready"
_TAIL_LINES: Final = 15

#: Called with what is going on, in words.
OnStage = Callable[[str], None]


class BuildError(MeasurementError):
    """A revision could not be installed; ``diagnostic`` holds the end of what the installer printed."""


@dataclass(frozen=True, slots=True)
class Revision:
    """A state of the project.

    Attributes:
        asked: how it was asked for (``main``, ``HEAD~1``, ``.``).
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


#: Puts a source tree into an environment folder with a ``bin``; :func:`pip_install` is the one in use.
Install = Callable[[Path, Path, Revision, OnStage], None]


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


def environment(
    repository: Path, revision: Revision, store: Path, on_stage: OnStage, install: Install | None = None
) -> Path:
    """The folder of programs of an environment in which the revision is installed; built once, kept in ``store``.

    An interrupted build is built anew; two at once wait for each other.

    Raises:
        BuildError: it does not install.
        MachineError: no git program.
    """
    from filelock import FileLock

    folder = f"-{hashlib.sha256(revision.folder.encode()).hexdigest()[:8]}" if revision.folder else ""
    name = f"{revision.tree[:20]}{folder}-py{sys.version_info.major}{sys.version_info.minor}"
    place = store / name
    programs = place / "bin"
    store.mkdir(parents=True, exist_ok=True)
    if revision.left_out:
        on_stage(f"{revision.label}: left out what is not committed in {', '.join(revision.left_out)}")
    with FileLock(store / f"{name}.lock"):
        if (place / _READY).exists():
            on_stage(f"{revision.label}: environment kept from before")
            return programs
        shutil.rmtree(place, ignore_errors=True)  # what an interrupted build left
        with _worktree(repository, revision) as source:
            (install or pip_install)(source, place, revision, on_stage)
        (place / _READY).write_text(f"{revision.commit}\n", encoding="utf-8")
    return programs


@contextmanager
def _worktree(repository: Path, revision: Revision) -> Iterator[Path]:
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


def pip_install(source: Path, place: Path, revision: Revision, on_stage: OnStage) -> None:
    """Make a virtual environment at ``place`` and install ``source`` with its dependencies, by uv where it is present.

    Raises:
        BuildError: it does not install; ``diagnostic`` is the end of the installer's output.
    """
    uv = shutil.which("uv")
    python = place / "bin" / "python"
    if uv:
        on_stage(f"{revision.label}: installing with uv")
        _build(revision, [uv, "venv", "--quiet", "--python", sys.executable, str(place)])
        _build(revision, [uv, "pip", "install", "--compile-bytecode", "--python", str(python), str(source)])
    else:
        on_stage(f"{revision.label}: installing with pip")
        _build(revision, [sys.executable, "-m", "venv", str(place)])
        _build(revision, [str(python), "-m", "pip", "install", "--disable-pip-version-check", str(source)])


def _build(revision: Revision, command: list[str]) -> None:
    try:
        subprocess.run(
            command,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_BUILD_SECONDS,
        )
    except subprocess.CalledProcessError as error:
        tail = "\n".join(str(error.stdout).splitlines()[-_TAIL_LINES:])
        raise BuildError(f"{revision.label} does not build: {_last_line(error.stdout)}", diagnostic=tail) from error
    except subprocess.TimeoutExpired as error:
        raise BuildError(f"{revision.label} does not build within {_BUILD_SECONDS} s") from error


def _last_line(text: str | None) -> str:
    lines = [line.strip() for line in (text or "").splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower() or line.startswith("fatal")]
    return (errors or lines or ["no reason given"])[-1]
