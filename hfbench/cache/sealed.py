"""Small JSON documents that carry a checksum of themselves.

A sealed document is one JSON object whose last member, ``sha256``, is the digest of everything before it. It stays
plain JSON for people and tools. A file that was cut, emptied, zeroed or edited no longer matches its seal and reads
as absent, which is what makes the cache heal itself after a crash without any journal.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: What a document may hold. Fractions are the caller's to spell (``"30000/1001"``): plain JSON has none.
JsonValue: TypeAlias = "bool | int | float | str | Sequence[JsonValue] | Mapping[str, JsonValue] | None"

_MEMBER: Final = b',"sha256":"'
_END: Final = b'"}\n'
_TAIL_BYTES: Final = len(_MEMBER) + hashlib.sha256().digest_size * 2 + len(_END)

#: Larger than any manifest of ours (a million frames is about 30 MB): a bound on what a foreign file can make us read.
_MAX_BYTES: Final = 64 * 1024 * 1024


def seal(document: Mapping[str, JsonValue]) -> bytes:
    """The document as sealed JSON in ASCII, at least one member.

    Raises:
        TypeError: a value that JSON does not have.
        ValueError: NaN or Infinity, which JSON does not have either.
    """
    body = json.dumps(dict(document), separators=(",", ":"), allow_nan=False).encode("ascii")
    digest = hashlib.sha256(body).hexdigest().encode("ascii")
    return b"".join((body[:-1], _MEMBER, digest, _END))


def unseal(data: bytes) -> dict[str, JsonValue] | None:
    """The document without its seal; None when the bytes are not a whole sealed document."""
    body = data[:-_TAIL_BYTES] + b"}"
    tail = data[-_TAIL_BYTES:]
    digest = hashlib.sha256(body).hexdigest().encode("ascii")
    if tail != b"".join((_MEMBER, digest, _END)):
        return None
    document = json.loads(body)
    return document if isinstance(document, dict) else None


def read_sealed(path: str, folder_fd: int | None = None) -> dict[str, JsonValue] | None:
    """Read the sealed document at ``path``, relative to an open folder if one is given; None when damaged.

    A link is not followed: a document is a file that we wrote in that place.

    Raises:
        OSError: it is missing or can't be read.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder_fd)
    try:
        size = os.fstat(fd).st_size
        data = os.read(fd, size) if size <= _MAX_BYTES else b""
    finally:
        os.close(fd)
    return unseal(data)
