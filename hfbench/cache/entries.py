"""An entry: a folder of frames and, written last, the manifest that lists its contents.

The manifest is what makes a folder an entry, and the check of :func:`read_entry` is what makes an entry a hit: every
name in it is there as a regular file of its size, nothing else is there, and the key is the whole key. Whatever fails
the check is a miss. There is no flag that says "good": the folder is checked each time.

The cost is one ``stat`` per frame, a few microseconds (relative to the open folder, which spares the kernel the path).
A signature of the folder alone (its time of change) would be cheaper and blind to an emptied frame.

History of the manifest:
    1: schema, key, count, bytes, files (name to bytes), payload, sha256 (the seal).
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from hfbench.cache.layout import MANIFEST_NAME
from hfbench.cache.sealed import JsonValue, read_sealed, seal, unseal
from hfbench.errors import MachineError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hfbench.cache.key import CacheKey

MANIFEST_SCHEMA: Final = 1

#: Errors that say something about the entry, not about this process.
_DAMAGED: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.EACCES, errno.EIO})

#: The bits of a mode that say what a file is: a call of ``S_ISREG`` for each of thousands of frames costs milliseconds.
_TYPE: Final = stat.S_IFMT(0xFFFF)

#: Names that begin so are the cache's own inside an entry.
_RESERVED_PREFIX: Final = ".hf-"


class EntryRefusedError(MachineError):
    """A folder that must not become an entry: it has no frames, an empty frame, or something that is not a frame."""


@dataclass(frozen=True, slots=True)
class EntryManifest:
    """What a whole entry holds.

    Attributes:
        key_digest: the whole key, 64 hexadecimal digits.
        files: name of each frame to its size in bytes (never 0), in order of name.
        payload: the publisher's own document (warnings, the pattern of the names), as it came back from JSON.
    """

    key_digest: str
    files: Mapping[str, int]
    payload: Mapping[str, JsonValue]

    @property
    def count(self) -> int:
        """The number of frames."""
        return len(self.files)

    @property
    def total_bytes(self) -> int:
        """The bytes of the frames, without the manifest's own."""
        return sum(self.files.values())


@dataclass(frozen=True, slots=True)
class Damage:
    """Why a folder is not a whole entry, for people."""

    reason: str


def read_entry(folder_fd: int, key: CacheKey | None) -> EntryManifest | Damage:
    """Check the open folder against its manifest; with a key, also that it is the entry of that whole key.

    Raises:
        OSError: this process can't look (too many open files). What is wrong with the folder itself is a Damage.
    """
    try:
        document = read_sealed(MANIFEST_NAME, folder_fd)
    except OSError as error:
        if error.errno not in _DAMAGED:
            raise
        return Damage(f"its manifest can't be read: {error.strerror}")
    if document is None:
        return Damage("its manifest is damaged")
    manifest = _manifest_from(document)
    if manifest is None:
        return Damage("its manifest is of another version")
    if key is not None and manifest.key_digest != key.digest:
        return Damage("it belongs to another key that begins alike")
    difference = _difference(folder_fd, manifest.files)
    return manifest if difference is None else Damage(difference)


def _manifest_from(document: Mapping[str, JsonValue]) -> EntryManifest | None:
    """The manifest in a document whose seal held: it is as it was written, so only its version is in question."""
    if document.get("schema") != MANIFEST_SCHEMA:
        return None
    digest, files, payload = document.get("key"), document.get("files"), document.get("payload")
    if not (isinstance(digest, str) and isinstance(files, dict) and isinstance(payload, dict)):
        return None
    return EntryManifest(digest, MappingProxyType(files), MappingProxyType(payload))


def _difference(folder_fd: int, files: Mapping[str, int]) -> str | None:
    """The first difference between the folder and the files that it should hold; None when there is none."""
    name, find = "", os.stat
    try:
        for name, size in files.items():
            found = find(name, dir_fd=folder_fd, follow_symlinks=False)
            if found.st_size != size or found.st_mode & _TYPE != stat.S_IFREG:
                return f"{name} has {found.st_size} bytes instead of {size}"
    except FileNotFoundError:
        return f"{name} is missing"
    # All that should be there is there: any difference in number is something more.
    extra = len(os.listdir(folder_fd)) - len(files) - 1
    return f"{extra} files too many" if extra else None


def write_manifest(folder_fd: int, key: CacheKey, payload: Mapping[str, JsonValue], *, fsync: bool) -> EntryManifest:
    """Complete the open folder: list its frames, flush them if asked, and write the manifest.

    Why ``fsync``: the rename that follows makes the entry visible, and after a power cut the file system may have kept
    the rename and the sizes and lost the bytes, which no check of sizes can see. Flushing each frame *before* the
    manifest exists rules that out: a manifest on the disk implies its frames on the disk. The manifest itself and the
    rename need no flush: if they are lost or torn, the entry is a miss, and the seal shows it.

    Raises:
        EntryRefusedError: no frames, an empty one, or something that is not a frame.
        OSError: a full disk, a read-only one.
        TypeError: the payload is not JSON.
        ValueError: the payload has NaN or Infinity.
    """
    files = _frames_in(folder_fd)
    document: dict[str, JsonValue] = {
        "schema": MANIFEST_SCHEMA,
        "key": key.digest,
        "count": len(files),
        "bytes": sum(files.values()),
        "files": files,
        "payload": dict(payload),
    }
    data = seal(document)
    if fsync:
        for name in files:
            _flush(name, folder_fd)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    with open(os.open(MANIFEST_NAME, flags, 0o666, dir_fd=folder_fd), "wb") as file:  # noqa: PTH123  relative to the folder
        file.write(data)
    # As a reader will read it: tuples have become lists.
    manifest = _manifest_from(unseal(data) or {})
    if manifest is None:
        raise AssertionError("a manifest that was just sealed can't be read")
    return manifest


def _frames_in(folder_fd: int) -> dict[str, int]:
    """Name and size of each frame, in order of name; raises :class:`EntryRefusedError` for what can't be an entry."""
    files: dict[str, int] = {}
    for name in sorted(os.listdir(folder_fd)):
        found = os.stat(name, dir_fd=folder_fd, follow_symlinks=False)
        if name.startswith(_RESERVED_PREFIX) or not stat.S_ISREG(found.st_mode):
            raise EntryRefusedError(f"{name!r} is not a frame, so the folder can't become a cache entry")
        if found.st_size == 0:
            raise EntryRefusedError(f"the frame {name!r} is empty, so the folder can't become a cache entry")
        files[name] = found.st_size
    if not files:
        raise EntryRefusedError("there are no frames, so the folder can't become a cache entry")
    return files


def _flush(name: str, folder_fd: int) -> None:
    fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=folder_fd)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
