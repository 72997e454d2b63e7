"""One locked folder for everything temporary of a run; the next run removes what a killed one left.

The kernel releases the lock of a process that dies, however it dies, so a folder whose lock can be taken belongs to no
run. The folders are in the system's temporary folder (``TMPDIR``), in a folder that only this user can write.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import tempfile
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filelock import FileLock, Timeout

from hfbench.errors import HfbenchError, MachineError
from hfbench.git import git

if TYPE_CHECKING:
    from collections.abc import Iterator

_RUN: Final = "run-"
_LOCK_SUFFIX: Final = ".lock"
#: Held while a run's lock is created or its file is removed, so that no sweep runs in between.
_REGISTRY: Final = "registry"
#: In a run's folder: the git worktrees that it has added, as a JSON line each.
_WORKTREES: Final = "worktrees.jsonl"
_CHECKOUT_SECONDS: Final = 120
#: Programs put sockets into their temporary folder, whose whole path may have 104 characters (sockaddr_un of macOS); a
#: browser adds 45.
_LONGEST_TEMPORARY: Final = 56


class RunRoot:
    """The folder of one run. Made by :func:`open_run_root`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def folder(self, prefix: str) -> Iterator[Path]:
        """An empty folder, removed afterwards with all that is in it."""
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=self.path))
        try:
            yield folder
        finally:
            remove_tree(folder)

    def environment(self) -> dict[str, str]:
        """Environment variables for a child: its temporary files are in this run's folder, where the path allows."""
        folder = self.path / "tmp"
        if len(os.fspath(folder)) > _LONGEST_TEMPORARY:
            return {}
        folder.mkdir(exist_ok=True)
        return {"TMPDIR": os.fspath(folder)}

    @contextmanager
    def worktree(self, repository: Path, commit: str) -> Iterator[Path]:
        """The files of a commit, as a git worktree; afterwards the repository has no trace of it.

        Raises:
            GitError: The commit can't be checked out.
        """
        with self.folder("worktree-") as folder:
            place = folder / "source"
            # Written first: a run that is killed during the checkout leaves a registered worktree, too.
            entry = json.dumps({"repository": os.fspath(repository.absolute()), "worktree": os.fspath(place)})
            with (self.path / _WORKTREES).open("a", encoding="utf-8") as journal:
                journal.write(entry + "\n")
            try:
                git(repository, "worktree", "add", "--detach", "--force", str(place), commit, seconds=_CHECKOUT_SECONDS)
                yield place
            finally:
                _forget_worktree(repository, place)


@contextmanager
def open_run_root(parent: Path | None = None) -> Iterator[RunRoot]:
    """A new, locked folder for one run; first, what killed runs left is removed.

    Args:
        parent: Where runs have their folders; by default one of this user's in the system's temporary folder.

    Raises:
        MachineError: There is no writable place for temporary files.
    """
    try:
        place = _own_parent() if parent is None else parent
        place.mkdir(parents=True, exist_ok=True)
        sweep(place)
        path = place / f"{_RUN}{uuid.uuid4().hex[:8]}"
        lock = FileLock(f"{path}{_LOCK_SUFFIX}")
        with FileLock(place / _REGISTRY):
            lock.acquire(blocking=False)
        path.mkdir()
    except OSError as error:
        advice = "name a writable folder in TMPDIR"
        raise MachineError(
            f"no place for temporary files ({error.strerror}): {advice}", diagnostic=str(error)
        ) from error
    try:
        yield RunRoot(path)
    finally:
        _remove_run(place, path, lock)


def sweep(parent: Path) -> tuple[Path, ...]:
    """Remove the folders of runs that have ended without doing so; returns those that were removed.

    What can't be removed is left for the next sweep.
    """
    removed = []
    for lock_file in sorted(parent.glob(f"{_RUN}*{_LOCK_SUFFIX}")):
        path = lock_file.with_suffix("")
        lock = FileLock(lock_file)
        try:
            with FileLock(parent / _REGISTRY):
                if not lock_file.exists():  # another sweep was here
                    continue
                lock.acquire(blocking=False)
        except (Timeout, OSError):
            continue  # it runs
        if _remove_run(parent, path, lock):
            removed.append(path)
    return tuple(removed)


def remove_tree(folder: Path) -> bool:
    """Remove a folder with all that is in it, of any depth; returns whether it is gone. Follows no link.

    Each folder inside is moved up to the top before it is emptied: no path grows beyond what the system takes, and
    nothing recurses.
    """
    if folder.is_symlink():  # a program has put it in the folder's place
        folder.unlink()
        return True
    folders = [folder]
    number = 0
    for current in folders:  # grows while it is walked
        with contextlib.suppress(OSError):
            current.chmod(stat.S_IRWXU)  # a program may have made it read-only
        try:
            with os.scandir(current) as listed:
                entries = list(listed)
        except OSError:
            continue
        for entry in entries:
            with contextlib.suppress(OSError):
                if not entry.is_dir(follow_symlinks=False):
                    Path(entry.path).unlink()
                elif current == folder:
                    folders.append(Path(entry.path))
                else:
                    number += 1
                    moved = folder / f".removing-{os.getpid()}-{number}"
                    Path(entry.path).chmod(stat.S_IRWXU)
                    folders.append(Path(entry.path).rename(moved))
    for current in reversed(folders):
        with contextlib.suppress(OSError):
            current.rmdir()
    return not os.path.lexists(folder)


def _own_parent() -> Path:
    """A folder in the temporary folder that no other user can write: names there can be guessed.

    Raises:
        MachineError: Another user has a folder of that name.
    """
    place = Path(tempfile.gettempdir()) / f"hfbench-{os.getuid()}"
    with contextlib.suppress(FileExistsError):
        place.mkdir(mode=stat.S_IRWXU)
    found = place.lstat()
    others = stat.S_IWGRP | stat.S_IWOTH
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & others:
        raise MachineError(f"{place} is not a folder of yours alone: remove it, or name another folder in TMPDIR")
    return place


def _remove_run(parent: Path, path: Path, lock: FileLock) -> bool:
    """Remove a run's folder under its lock; the lock's file goes last, and stays where the folder does."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        for line in (path / _WORKTREES).read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            _forget_worktree(Path(entry["repository"]), Path(entry["worktree"]))
    is_gone = remove_tree(path) or not os.path.lexists(path)
    with contextlib.suppress(OSError), FileLock(parent / _REGISTRY):
        if is_gone:
            Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()
    return is_gone


def _forget_worktree(repository: Path, place: Path) -> None:
    """Remove a worktree's files and its registration.

    Not ``git worktree prune``: that would also forget worktrees of the user's on a disk that is not mounted now.
    """
    with contextlib.suppress(HfbenchError):  # it was removed before, or the repository is gone
        git(repository, "worktree", "remove", "--force", "--force", str(place), seconds=_CHECKOUT_SECONDS)
