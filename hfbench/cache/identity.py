"""What makes two sources the same source.

By ``stat``: path, time of change and size. One system call; a file that was moved, touched or checked out
again is a different source.
By ``content``: the digest of the bytes. Reads the file once and remembers the digest by path, time and size, so that an
unmoved file is not read again.
"""

from __future__ import annotations

import enum
import errno
import hashlib
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hfbench.cache.documents import DocumentStore
    from hfbench.cache.key import KeyValue
    from hfbench.cache.sealed import JsonValue

#: A file changed this recently (seconds) may change again under the same time of change: the clock of a file system
#: ticks in milliseconds, on some in seconds (two on FAT). Its digest is used but not remembered.
_RECENT_SECONDS: Final = 2.0

_ATTEMPTS: Final = 2


class IdentityKind(enum.StrEnum):
    """How sources are identified; the values of ``--cache-identity``."""

    STAT = "stat"
    CONTENT = "content"


@dataclass(frozen=True, slots=True)
class StatIdentity:
    """A source by its absolute path, its time of change (nanoseconds since the epoch) and its size (bytes)."""

    path: str
    mtime_ns: int
    size: int

    def described(self) -> Mapping[str, KeyValue]:
        """The identity as part of a cache key."""
        return {"by": "stat", "path": self.path, "mtime_ns": self.mtime_ns, "size": self.size}


@dataclass(frozen=True, slots=True)
class ContentIdentity:
    """A source by the SHA-256 of its bytes (64 hexadecimal digits) and its size (bytes), wherever it is."""

    sha256: str
    size: int

    def described(self) -> Mapping[str, KeyValue]:
        """The identity as part of a cache key."""
        return {"by": "content", "sha256": self.sha256, "size": self.size}


SourceIdentity: TypeAlias = StatIdentity | ContentIdentity


def stat_identity(path: str | os.PathLike[str]) -> StatIdentity:
    """The identity of a file by one ``stat``; a link counts as the file that it leads to now, under the link's name.

    Raises:
        OSError: the file is missing or can't be reached.
    """
    absolute = os.path.abspath(path)  # noqa: PTH100  "a/../b" must be one path with "b"
    return _by_stat(absolute, os.stat(absolute))  # noqa: PTH116  one call on the warm path, without a Path


def content_identity(path: str | os.PathLike[str], digests: DocumentStore, *, now: float) -> SourceIdentity:
    """The identity of a file by its bytes, remembered in ``digests``; ``now`` is in seconds since the epoch.

    A file that changes while it is read has no well-defined content: it gets its identity by stat, which no later run
    will find again.

    Raises:
        OSError: the file is missing, can't be read, or is not a regular file.
    """
    current = stat_identity(path)
    for _ in range(_ATTEMPTS):
        remembered = digests.get({"path": current.path}, now=now)
        if remembered is not None and remembered.get("stat") == _remembered_stat(current):
            return ContentIdentity(str(remembered["sha256"]), current.size)
        digest, before, after = _digest_of(current.path)
        if before == after:
            if abs(now - after.mtime_ns / 1e9) > _RECENT_SECONDS:
                digests.put({"path": after.path}, {"stat": _remembered_stat(after), "sha256": digest}, now=now)
            return ContentIdentity(digest, after.size)
        current = after
    return current


def _by_stat(path: str, found: os.stat_result) -> StatIdentity:
    return StatIdentity(path, found.st_mtime_ns, found.st_size)


def _remembered_stat(identity: StatIdentity) -> list[JsonValue]:
    return [identity.mtime_ns, identity.size]


def _digest_of(path: str) -> tuple[str, StatIdentity, StatIdentity]:
    """The digest of the bytes, and the file's stat before and after reading them."""
    # O_NONBLOCK: a FIFO in the place of a file must not block.
    with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:  # noqa: PTH123
        before = os.fstat(file.fileno())
        if not stat.S_ISREG(before.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        after = os.fstat(file.fileno())
    return digest, _by_stat(path, before), _by_stat(path, after)
