"""Which sources are allowed, and the error for those that can't be used."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hfbench.errors import HfbenchError, OptionsError

#: Bytes.
DEFAULT_MAX_DOWNLOAD_BYTES: Final = 4 * 2**30


class SourceProblemKind(StrEnum):
    """Why a source can't be used; the values are the kinds of clip failures."""

    #: There is no such file, or the link to it leads nowhere.
    SOURCE_MISSING = "source_missing"
    #: It is a folder, a FIFO, a socket or a device.
    NOT_A_REGULAR_FILE = "not_a_regular_file"
    #: The policy does not allow it, whether it exists or not.
    SOURCE_REFUSED = "source_refused"
    #: It was asked for over the network and did not come whole.
    FETCH_FAILED = "fetch_failed"
    #: The caller stopped the download.
    CANCELLED = "cancelled"


class SourceProblem(HfbenchError):  # noqa: N818  a failure of one clip, which the engine turns into a value
    """One clip's source can't be used.

    Attributes:
        kind: why.
        message: one line; it names the source, without the secrets that a URL may hold.
        retryable: whether the same call may succeed later.
    """

    def __init__(self, kind: SourceProblemKind, message: str, *, retryable: bool = False, diagnostic: str = "") -> None:
        super().__init__(message, diagnostic=diagnostic)
        self.kind = kind
        self.retryable = retryable

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions pickle by their arguments; these cross process borders with everything that they say.
        return _rebuilt, (self.kind, self.message, self.retryable, self.diagnostic)


def _rebuilt(kind: SourceProblemKind, message: str, retryable: bool, diagnostic: str) -> SourceProblem:  # noqa: FBT001
    return SourceProblem(kind, message, retryable=retryable, diagnostic=diagnostic)


@dataclass(frozen=True, slots=True)
class SourcePolicy:
    """Which sources are allowed, and the limits of a download.

    Attributes:
        confined: refuse everything outside the project root: absolute paths, links that lead out, URLs.
        allow_network: whether ``https://`` sources are fetched at all.
        allow_http: whether ``http://`` is as good as ``https://``.
        allow_private_addresses: whether a host may have an address that is not public: loopback, private, link-local,
            reserved, multicast.
        max_download_bytes: of one source, at least 1.
        max_download_seconds: wall-clock time of one source, redirects included, above 0. Looking up a name is bounded
            by the system's resolver.
        max_stall_seconds: how long a server may stay silent, above 0.
        max_redirects: of one source, at least 0.

    Raises:
        OptionsError: a limit outside its allowed values.
    """

    confined: bool = False
    allow_network: bool = True
    allow_http: bool = False
    allow_private_addresses: bool = False
    max_download_bytes: int = DEFAULT_MAX_DOWNLOAD_BYTES
    max_download_seconds: float = 600.0
    max_stall_seconds: float = 30.0
    max_redirects: int = 5

    def __post_init__(self) -> None:
        _require("max_download_bytes", self.max_download_bytes, "1 or more bytes", ok=self.max_download_bytes >= 1)
        for name in ("max_download_seconds", "max_stall_seconds"):
            value = getattr(self, name)
            _require(name, value, "seconds above 0", ok=value > 0 and math.isfinite(value))
        _require("max_redirects", self.max_redirects, "0 or more", ok=self.max_redirects >= 0)


def _require(name: str, value: object, allowed: str, *, ok: bool) -> None:
    if not ok:
        raise OptionsError(f"{name}: {value!r}; allowed: {allowed}")
