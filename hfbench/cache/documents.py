"""Small documents next to the entries: probe results and digests of files.

One file per document, named after the digest of its key, sealed (:mod:`hfbench.cache.sealed`), written under another
name and renamed into place. A document only saves finding something out again, so nothing is
flushed to the disk, a damaged one is absent, and a failed write is not an error.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from typing import TYPE_CHECKING, Final

from hfbench.cache.key import canonical_json
from hfbench.cache.leases import Lock, Refusal, lock_file
from hfbench.cache.sealed import read_sealed, seal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hfbench.cache.key import KeyValue
    from hfbench.cache.sealed import JsonValue

#: History of the document format: 1: schema, key, body, sha256 (the seal).
DOCUMENT_SCHEMA: Final = 1

_TEMPORARY_PREFIX: Final = ".tmp-"
_NAME_DIGITS: Final = 32


class DocumentStore:
    """A folder of documents, created at the first write. Safe for any number of threads and processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: Mapping[str, KeyValue], *, now: float) -> Mapping[str, JsonValue] | None:
        """The document of a key, or None; ``now`` (seconds since the epoch) is noted as its last use.

        Raises:
            TypeError, ValueError: the key has no canonical form.
        """
        digest = _digest(key)
        path = self._path(digest)
        try:
            document = read_sealed(str(path))
        except OSError:
            return None
        if document is None or document.get("schema") != DOCUMENT_SCHEMA or document.get("key") != digest:
            return None
        body = document.get("body")
        with contextlib.suppress(OSError):
            os.utime(path, (now, now))
        return body if isinstance(body, dict) else None

    def put(self, key: Mapping[str, KeyValue], body: Mapping[str, JsonValue], *, now: float) -> bool:
        """Store a document; False when it can't be written (a full or read-only disk), which is not an error.

        Raises:
            TypeError, ValueError: the key has no canonical form, or the body is not JSON.
        """
        digest = _digest(key)
        data = seal({"schema": DOCUMENT_SCHEMA, "key": digest, "body": dict(body)})
        try:
            self._folder.mkdir(exist_ok=True)
            self._write(self._path(digest), data, now)
        except OSError:
            return False
        return True

    def sweep(self, oldest_use: float | None) -> tuple[int, int]:
        """Remove what dead writers left and documents last used before ``oldest_use`` (seconds since the epoch).

        None removes all. Returns how many files were removed, and their bytes.
        """
        removed = freed = 0
        for name, status in self._files():
            path = self._folder / name
            with contextlib.suppress(OSError):
                if name.startswith(_TEMPORARY_PREFIX):
                    lock = lock_file(path, exclusive=True)
                    if isinstance(lock, Refusal):
                        continue
                    with lock:
                        path.unlink()
                elif oldest_use is None or status.st_mtime < oldest_use:
                    path.unlink()
                else:
                    continue
                removed += 1
                freed += status.st_size
        return removed, freed

    def count(self) -> int:
        """The number of files."""
        return len(self._files())

    def _path(self, digest: str) -> Path:
        return self._folder / f"{digest[:_NAME_DIGITS]}.json"

    def _files(self) -> list[tuple[str, os.stat_result]]:
        files = []
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(self._folder) as found:
            for entry in found:
                with contextlib.suppress(FileNotFoundError):
                    files.append((entry.name, entry.stat(follow_symlinks=False)))
        return files

    def _write(self, path: Path, data: bytes, now: float) -> None:
        """Write under a temporary name, under a lock that shows the sweep that the writer is alive, and rename."""
        temporary, lock = self._new_temporary()
        with lock:
            try:
                temporary.write_bytes(data)
                os.utime(temporary, (now, now))
                temporary.replace(path)
            except OSError:
                with contextlib.suppress(OSError):
                    temporary.unlink()
                raise

    def _new_temporary(self) -> tuple[Path, Lock]:
        """A new empty file and its lock. A sweep may take the file between the two steps: then once more."""
        while True:
            path = self._folder / f"{_TEMPORARY_PREFIX}{os.urandom(8).hex()}"
            path.touch(exist_ok=False)
            lock = lock_file(path, exclusive=False)
            if isinstance(lock, Lock):
                return path, lock


def _digest(key: Mapping[str, KeyValue]) -> str:
    return hashlib.sha256(canonical_json(key)).hexdigest()
