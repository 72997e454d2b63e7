"""The names in a cache folder. Files with other names are never touched.

::

    hfcache-v1-<16 hex>/                      an entry: frames and a manifest
    .partial-<16 hex>-<host>-<pid>-<random>/  a writer at work, or what a dead one left
    .moved-<random>/                          moved aside in order to be deleted
    .probes/  .digests/                       small documents
    .swept  .grown                            when the last sweep was, and what was published since
    CACHEDIR.TAG                              for backup programs, if we made the folder

The version in the name of an entry is that of the *layout*: sweeping treats entries of any version alike (least
recently used, leases), so that an upgrade does not leave the old ones behind for ever.

History of the entry layout:
    1: the first.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from hfbench.cache.key import CacheKey

MANIFEST_NAME: Final = ".hf-complete"
PROBES: Final = ".probes"
DIGESTS: Final = ".digests"
STAMP: Final = ".swept"
GROWTH: Final = ".grown"

_ENTRY_PREFIX: Final = "hfcache-v1-"
_PARTIAL_PREFIX: Final = ".partial-"
_MOVED_PREFIX: Final = ".moved-"
_ENTRY: Final = re.compile(r"hfcache-v[0-9]+-[0-9a-f]{16}")


def entry_path(root: Path, key: CacheKey) -> Path:
    """Where the entry of a key is, if there is one."""
    return root / f"{_ENTRY_PREFIX}{key.short}"


def is_entry(name: str) -> bool:
    """Whether a name is that of an entry, of this layout or another."""
    return _ENTRY.fullmatch(name) is not None


def is_current_entry(name: str) -> bool:
    """Whether a name is that of an entry of this layout."""
    return is_entry(name) and name.startswith(_ENTRY_PREFIX)


def new_partial_path(root: Path, key: CacheKey) -> Path:
    """A fresh name for a writer's folder. Host and process are for people to read; no decision depends on them."""
    host = re.sub(r"[^A-Za-z0-9]", "", os.uname().nodename)[:32] or "host"
    return root / f"{_PARTIAL_PREFIX}{key.short}-{host}-{os.getpid()}-{os.urandom(6).hex()}"


def names_in(root: Path) -> list[str]:
    """Every name in the cache folder, ours or not, in no order.

    Raises:
        OSError: it can't be read.
    """
    return [path.name for path in root.iterdir()]


def is_partial(name: str) -> bool:
    """Whether a name is that of a writer's folder."""
    return name.startswith(_PARTIAL_PREFIX)


def new_moved_path(root: Path) -> Path:
    """A fresh name for what is about to be deleted."""
    return root / f"{_MOVED_PREFIX}{os.urandom(8).hex()}"


def is_moved(name: str) -> bool:
    """Whether a name is that of something moved aside."""
    return name.startswith(_MOVED_PREFIX)
