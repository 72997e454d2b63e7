"""The cache folder itself: created where it is missing, and checked before it is used."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING, Final

from hfbench.cache.leases import Lock, lock_folder
from hfbench.errors import MachineError

if TYPE_CHECKING:
    from pathlib import Path

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})

#: https://bford.info/cachedir/: backup programs leave out a folder with this file.
_TAG_NAME: Final = "CACHEDIR.TAG"
_TAG: Final = b"Signature: 8a477f597d28d172789f06886806bc55\n# Frames that hfbench extracted; safe to delete.\n"


class CacheUnusableError(MachineError):
    """The cache folder can't be used; the message says why and what to do. The run goes on without a cache."""


def make_usable(root: Path) -> None:
    """Create the folder if it is missing, and check what the cache needs of it.

    Raises:
        CacheUnusableError: a file is in its place, it is read-only, it can't be created, it has no locks.
    """
    try:
        if not root.is_dir():
            root.mkdir(parents=True, exist_ok=True)
            # Only in a folder that we created: the tag keeps backup programs out, which a home folder must not have.
            with contextlib.suppress(OSError):
                (root / _TAG_NAME).write_bytes(_TAG)
        # Asks the file system and not only the mode: root may write everywhere but to a read-only mount.
        if not os.access(root, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, "it can't be written")
        # A lock that is refused because a sweep is running is enough: the file system has locks.
        lock = lock_folder(root, exclusive=True)
        if isinstance(lock, Lock):
            lock.close()
    except OSError as error:
        raise _unusable(root, error) from error


def _unusable(root: Path, error: OSError) -> CacheUnusableError:
    if isinstance(error, FileExistsError | NotADirectoryError):
        reason, advice = "a file is in its place", "remove it or choose another folder"
    elif error.errno in _FULL:
        reason, advice = "the disk is full", "free some space or choose a folder on another disk"
    elif error.errno in {errno.ENOLCK, errno.EBADF, errno.ENOTSUP}:
        reason, advice = "its file system has no locks for folders", "choose a folder on a local disk"
    else:
        reason, advice = str(error.strerror), "choose a folder that can be written, or --cache off"
    return CacheUnusableError(f"the cache folder {root} can't be used: {reason}; {advice}", diagnostic=str(error))
