"""From a folder of rendered frames to an entry of the cache.

The frames are linked or copied to a *partial* folder in the cache itself (one file system, so that the rename is
atomic), under a name that no reader looks at, and locked by its writer for as long as it lives. Its manifest makes it
whole; the rename makes it an entry. The writer's lock becomes the reader's lease without a gap.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hfbench.cache.entries import Damage, EntryManifest, read_entry, write_manifest
from hfbench.cache.layout import entry_path, new_partial_path
from hfbench.cache.leases import Lease, Lock, Refusal, lock_folder
from hfbench.cache.removal import delete_tree, take_out

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hfbench.cache.key import CacheKey
    from hfbench.cache.sealed import JsonValue

#: How long a writer waits for others that are just now moving, checking or evicting the entry of its key: 0.2 s in
#: all. A reader of a damaged entry may hold its lease for minutes; a render does not wait for that.
_ATTEMPTS: Final = 20
_PAUSE_SECONDS: Final = 0.01

_TAKEN: Final = frozenset({errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR})


@dataclass(frozen=True, slots=True)
class Published:
    """A lease on the entry, and how many bytes are new in the cache: 0 where another writer was first."""

    lease: Lease
    new_bytes: int


def publish(
    root: Path,
    key: CacheKey,
    frames: Path,
    payload: Mapping[str, JsonValue],
    *,
    link: bool,
    fsync: bool,
    now: float,
) -> Published:
    """Make the frames in a folder the entry of a key. The folder is never changed, and the cache stays clean.

    Args:
        root: the cache folder.
        key: the entry's.
        frames: a flat folder of frames and nothing else.
        payload: stored with the frames.
        link: hard links where the file system can, instead of copies.
        fsync: flush the frames before the entry becomes visible (:func:`hfbench.cache.entries.write_manifest`).
        now: seconds since the epoch, the entry's first use.

    Raises:
        EntryRefusedError: there are no frames, an empty one, or something that is not a frame.
        OSError: a full disk, a read-only one, or a damaged entry in its place that is still being read.
        TypeError, ValueError: the payload is not JSON.
    """
    partial, lock = _new_partial(root, key)
    try:
        for source in sorted(frames.iterdir()):
            _place(source, partial / source.name, link=link)
        manifest = write_manifest(lock.fd, key, payload, fsync=fsync)
        os.utime(lock.fd, (now, now))
        target = entry_path(root, key)
        for _ in range(_ATTEMPTS):
            if _move(partial, target):
                lease, lock = Lease(lock, target, manifest), Lock(-1)
                return Published(lease, manifest.total_bytes)
            winner = _adopt_or_clear(root, target, key)
            if winner is not None:
                return Published(winner, 0)
        raise OSError(errno.EBUSY, "a damaged entry is in its place and is still being read")
    finally:
        if lock.fd >= 0:
            delete_tree(partial)
            lock.close()


def _new_partial(root: Path, key: CacheKey) -> tuple[Path, Lock]:
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


def _move(partial: Path, target: Path) -> bool:
    """Rename into place if the name is free.

    The look before the rename matters: POSIX lets a rename replace an *empty* folder, which another
    process may have locked in order to move it aside.
    """
    if os.path.lexists(target):
        return False
    try:
        partial.rename(target)
    except OSError as error:
        if error.errno in _TAKEN:
            return False
        raise
    return True


def _adopt_or_clear(root: Path, target: Path, key: CacheKey) -> Lease | None:
    """A lease on the entry at the target if it is whole; otherwise try to move it aside, and None."""
    lock = lock_folder(target, exclusive=False)
    if isinstance(lock, Lock):
        try:
            found = read_entry(lock.fd, key)
        except OSError:
            lock.close()
            raise
        if isinstance(found, EntryManifest):
            return Lease(lock, target, found)
        lock.close()

    def is_in_the_way(folder_fd: int) -> bool:
        return isinstance(read_entry(folder_fd, key), Damage)

    if lock is Refusal.BUSY or take_out(root, target.name, only_if=is_in_the_way) is Refusal.BUSY:
        time.sleep(_PAUSE_SECONDS)
    return None
