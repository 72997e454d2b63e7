"""Taking folders out of the cache: locked, moved aside, deleted.

The one rule that all of the cache relies on: a folder is moved away from the name of an entry only by the holder of the
exclusive lock on it. So a lease (a shared lock) keeps its folder in place, and a writer that sees a free name and
renames onto it can't have its fresh entry taken for the old one.

First the rename, then the deletion: a process killed in the middle leaves a ``.moved-`` folder, which the next sweep
deletes, and never an entry with half of its frames.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING

from hfbench.cache.layout import new_moved_path
from hfbench.cache.leases import Refusal, lock_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def take_out(root: Path, name: str, *, only_if: Callable[[int], bool] | None = None) -> int | Refusal:
    """Remove ``root/name`` and return the bytes of its files; a refusal when it is in use or gone.

    ``only_if`` is asked once more under the lock, with the open folder: between the decision and the lock another
    process may have used the folder, or put a whole one in its place. When it says no, that is :attr:`Refusal.BUSY`.

    Raises:
        OSError: it can't be moved (a read-only file system).
    """
    path = root / name
    lock = lock_folder(path, exclusive=True)
    if lock is Refusal.NOT_A_FOLDER:
        return _take_out_file(root, path)
    if isinstance(lock, Refusal):
        return lock
    with lock:
        if only_if is not None and not only_if(lock.fd):
            return Refusal.BUSY
        moved = new_moved_path(root)
        path.rename(moved)
        # Deleted under the lock, so that a sweep leaves it to us as long as we live.
        return delete_tree(moved)


def _take_out_file(root: Path, path: Path) -> int | Refusal:
    """Remove a file or link that is in the place of a folder: there can be no lease on it."""
    moved = new_moved_path(root)
    try:
        path.rename(moved)
    except FileNotFoundError:
        return Refusal.MISSING
    return delete_tree(moved)


def delete_tree(path: Path) -> int:
    """Delete a folder that was moved aside, or a file; returns its bytes. What can't be deleted is left to a sweep."""
    freed = tree_bytes(path)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()
    return freed


def tree_bytes(path: Path) -> int:
    """Bytes of the files in a folder (entries are flat) or of a file; 0 for what is gone meanwhile."""
    total = 0
    try:
        with os.scandir(path) as found:
            for entry in found:
                with contextlib.suppress(FileNotFoundError):
                    total += entry.stat(follow_symlinks=False).st_size
    except NotADirectoryError:
        with contextlib.suppress(FileNotFoundError):
            total = os.lstat(path).st_size
    except FileNotFoundError:
        pass
    return total
