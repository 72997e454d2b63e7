"""Leases: which folders of the cache are in use, by locks of the kernel.

A lease is a shared ``flock`` on the folder itself. Moving or deleting a folder needs the exclusive lock, without
waiting for it. Why the folder and not a separate lock file:

* the lock belongs to the inode, so that it is kept when a partial folder is renamed into an entry: the writer's
  lock *is* the reader's lease from the first moment, without a gap in which eviction could step in;
* there is no lock file to leak, to lose, or to recreate under another inode while another process holds the old one;
* when a process dies, for whatever reason, the kernel releases its locks: no process id is ever interpreted.

``flock`` locks belong to the open file, not to the process: two threads that hold leases don't know of each other's,
and a forked child keeps its parent's leases alive until it closes them or ends. Each lease is one open file.

Some network file systems have no locks for folders (NFS needs a file open for writing): opening the cache there fails
with a message instead of working without leases.
"""

from __future__ import annotations

import enum
import errno
import fcntl
import os
import warnings
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from hfbench.cache.entries import EntryManifest

_OPEN_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_NOT_A_FOLDER: Final = frozenset({errno.ENOTDIR, errno.ELOOP})


class Refusal(enum.Enum):
    """Why a lock was not obtained."""

    MISSING = "there is no folder of that name, or it was replaced meanwhile"
    NOT_A_FOLDER = "a file or a link is in its place"
    BUSY = "another process or thread holds a lock that excludes this one"


class Lock:
    """A held lock on an open folder or file, from :func:`lock_folder` or :func:`lock_file`; closing releases it."""

    __slots__ = ("_fd",)

    def __init__(self, fd: int) -> None:
        self._fd = fd

    @property
    def fd(self) -> int:
        """The open folder or file, for calls that take ``dir_fd``; -1 when closed."""
        return self._fd

    def close(self) -> None:
        """Release the lock. A second call does nothing."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            # Closing and not LOCK_UN: an explicit unlock would also take the lease from a forked child or its parent.
            os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __del__(self) -> None:
        if self._fd >= 0:
            warnings.warn("a lock of the cache was never closed", ResourceWarning, stacklevel=2, source=self)
            self.close()


def lock_folder(path: Path, *, exclusive: bool) -> Lock | Refusal:
    """Lock a folder without waiting; the lock is on what is *now* at ``path``.

    Raises:
        OSError: the folder can't be opened (permission, too many open files) or its file system has no locks.
    """
    return _lock(path, _OPEN_FLAGS | os.O_DIRECTORY, exclusive=exclusive)


def lock_file(path: Path, *, exclusive: bool) -> Lock | Refusal:
    """The same for a file.

    Raises:
        OSError: it can't be opened, or its file system has no locks.
    """
    return _lock(path, _OPEN_FLAGS, exclusive=exclusive)


def _lock(path: Path, flags: int, *, exclusive: bool) -> Lock | Refusal:
    try:
        fd = os.open(path, flags)
    except FileNotFoundError:
        return Refusal.MISSING
    except OSError as error:
        if error.errno in _NOT_A_FOLDER:
            return Refusal.NOT_A_FOLDER
        raise
    try:
        fcntl.flock(fd, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        current = is_at(fd, path)
    except BlockingIOError:
        os.close(fd)
        return Refusal.BUSY
    except BaseException:
        os.close(fd)
        raise
    if not current:
        # Between the open and the lock it was moved or replaced: the lock would protect something else.
        os.close(fd)
        return Refusal.MISSING
    return Lock(fd)


def is_at(fd: int, path: Path) -> bool:
    """Whether the open folder or file is still the one that ``path`` names."""
    try:
        named = os.lstat(path)
    except FileNotFoundError:
        return False
    return os.path.samestat(named, os.fstat(fd))


class Lease:
    """Holds a whole entry: its frames stay where they are until the lease is closed.

    Attributes:
        folder: the folder of the frames; read only, other processes read it too.
        manifest: what the entry holds, with the caller's own ``payload``.
    """

    __slots__ = ("_lock", "folder", "manifest")

    def __init__(self, lock: Lock, folder: Path, manifest: EntryManifest) -> None:
        self._lock = lock
        self.folder = folder
        self.manifest = manifest

    @property
    def files(self) -> tuple[str, ...]:
        """The names of the frames in order of name; text and not paths, which would cost more than the check did."""
        return tuple(self.manifest.files)

    @property
    def closed(self) -> bool:
        """Whether the lease was released."""
        return self._lock.fd < 0

    def close(self) -> None:
        """Release the entry: from now on it may be evicted. A second call does nothing."""
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
