"""A writer's folder on its way to become an entry.

The folder is in the cache itself (one file system, so that the rename is atomic), under a name that no reader looks
at, and locked by its writer for as long as it lives.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import time
from typing import TYPE_CHECKING, Final, Self

from hfbench.cache.entries import Damage, EntryManifest, read_entry, remove_manifest, write_manifest
from hfbench.cache.errors import EntryRefusedError
from hfbench.cache.layout import entry_path, new_partial_path
from hfbench.cache.leases import Lease, Lock, Refusal, lock_folder
from hfbench.cache.removal import delete_tree, take_out

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType

    from hfbench.cache.key import CacheKey
    from hfbench.cache.sealed import JsonValue

#: How long a writer waits for others that are just now moving, checking or evicting the entry of its key: 0.2 s in
#: all. A reader of a damaged entry may hold its lease for minutes; a render does not wait for that.
_ATTEMPTS: Final = 20
_PAUSE_SECONDS: Final = 0.01

_TAKEN: Final = frozenset({errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR})


class OwnFolder:
    """A folder of frames that did not become an entry and belongs to its caller until it is closed.

    Attributes:
        folder: where the frames are.
    """

    __slots__ = ("_lock", "folder")

    def __init__(self, lock: Lock, folder: Path) -> None:
        self._lock = lock
        self.folder = folder

    def close(self) -> None:
        """Delete the folder. A second call does nothing."""
        if self._lock.fd >= 0:
            delete_tree(self.folder)
            self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class PartialEntry:
    """A folder to write frames in, and the ways out: ``commit``, ``detach``, ``abandon``.

    Leaving the ``with`` block without one of the first two abandons it. After a ``commit`` that gave None the folder
    still stands with all its frames, and ``detach`` keeps it past the block.

    Attributes:
        folder: where the frames are written; flat, and nothing but frames.
        trouble: why it did not become an entry, for people; None as long as there is none.
    """

    def __init__(
        self,
        root: Path,
        key: CacheKey,
        *,
        fsync: bool,
        clock: Callable[[], float],
        when_done: Callable[[int | None], None],
    ) -> None:
        self._root = root
        self._key = key
        self._fsync = fsync
        self._clock = clock
        self._when_done = when_done
        self.trouble: str | None = None
        self.folder, self._lock = _new_folder(root, key)

    def take(self, folder: Path, *, link: bool) -> None:
        """Fill the partial folder with the files of ``folder``: hard links if asked and possible, else copies.

        Never raises for trouble of the disk: that is kept in ``trouble`` and ``commit`` gives None.
        """
        try:
            for source in sorted(folder.iterdir()):
                _place(source, self.folder / source.name, link=link)
        except OSError as error:
            self.trouble = f"the frames could not be put into the cache: {error.strerror}"

    def commit(self, payload: Mapping[str, JsonValue]) -> Lease | None:
        """Make the folder the entry of its key and give a lease on it, or on the whole entry that was there first.

        Then the frames are at ``lease.folder`` and no longer at ``folder``. None when it can't become an entry (a full
        disk, no frames, an empty frame, a damaged entry that somebody still reads): the reason is in ``trouble``, the
        folder stays as it is, and the render goes on from it.

        Raises:
            TypeError, ValueError: the payload is not JSON.
            RuntimeError: it was committed, detached or abandoned before.
        """
        self._expect_open()
        try:
            lease, published = self._publish(payload)
        except EntryRefusedError as error:
            self.trouble = error.message
        except OSError as error:
            self.trouble = self.trouble or f"the entry could not be written: {error.strerror}"
        else:
            self._when_done(published)
            return lease
        with contextlib.suppress(OSError):
            remove_manifest(self._lock.fd)
        self._when_done(None)
        return None

    def detach(self) -> OwnFolder:
        """Keep the folder: it is the caller's until closed, and a dead caller's is swept.

        Raises:
            RuntimeError: it was committed, detached or abandoned before.
        """
        self._expect_open()
        return OwnFolder(self._give_lock(), self.folder)

    def abandon(self) -> None:
        """Delete the folder, if it is still here."""
        if self._lock.fd >= 0:
            self.detach().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.abandon()

    def _expect_open(self) -> None:
        if self._lock.fd < 0:
            raise RuntimeError("this partial entry was committed, detached or abandoned before")

    def _give_lock(self) -> Lock:
        """The lock, for somebody else to close; ours is closed from now on."""
        lock, self._lock = self._lock, Lock(-1)
        return lock

    def _publish(self, payload: Mapping[str, JsonValue]) -> tuple[Lease, int]:
        """The lease, and how many bytes are new in the cache (0 when the winner was adopted)."""
        if self.trouble is not None:
            raise OSError(errno.EIO, self.trouble)
        manifest = write_manifest(self._lock.fd, self._key, payload, fsync=self._fsync)
        now = self._clock()
        os.utime(self._lock.fd, (now, now))
        target = entry_path(self._root, self._key)
        for _ in range(_ATTEMPTS):
            if self._move_to(target):
                return Lease(self._give_lock(), target, manifest), manifest.total_bytes
            winner = self._adopt_or_clear(target)
            if winner is not None:
                self.abandon()
                return winner, 0
        raise OSError(errno.EBUSY, "a damaged entry is in its place and somebody still reads it")

    def _move_to(self, target: Path) -> bool:
        """Rename into place if the name is free.

        The look before the rename matters: POSIX lets a rename replace an *empty* folder, which somebody may hold the
        lock on in order to move it aside.
        """
        if os.path.lexists(target):
            return False
        try:
            self.folder.rename(target)
        except OSError as error:
            if error.errno in _TAKEN:
                return False
            raise
        return True

    def _adopt_or_clear(self, target: Path) -> Lease | None:
        """A lease on the entry at the target if it is whole; otherwise try to move it aside, and None."""
        lock = lock_folder(target, exclusive=False)
        if isinstance(lock, Lock):
            try:
                found = read_entry(lock.fd, self._key)
            except OSError:
                lock.close()
                raise
            if isinstance(found, EntryManifest):
                return Lease(lock, target, found)
            lock.close()
        if lock is Refusal.BUSY or take_out(self._root, target.name, only_if=self._is_in_the_way) is Refusal.BUSY:
            time.sleep(_PAUSE_SECONDS)
        return None

    def _is_in_the_way(self, folder_fd: int) -> bool:
        return isinstance(read_entry(folder_fd, self._key), Damage)


def _new_folder(root: Path, key: CacheKey) -> tuple[Path, Lock]:
    """A new empty folder and its lock. A sweep may take the folder between the two steps: then once more."""
    while True:
        path = new_partial_path(root, key)
        path.mkdir()
        lock = lock_folder(path, exclusive=False)
        if isinstance(lock, Lock):
            return path, lock


def _place(source: Path, target: Path, *, link: bool) -> None:
    if link:
        # Another file system, one without hard links, too many of them: all are reasons to copy, none to fail.
        with contextlib.suppress(OSError):
            os.link(source, target, follow_symlinks=False)
            return
    shutil.copyfile(source, target, follow_symlinks=False)
