"""The cache as the engine sees it: look up, adopt, probe results, maintenance.

How a run uses it::

    lease = cache.lookup(key)                       # a hit: the frames are in lease.folder until lease.close()
    if lease is None:
        ...                                         # a miss: render into a folder of your own, then
        lease = cache.adopt(key, folder, payload)   # a lease on the new entry, or NotPublished and why
    ...
    cache.sweep_if_due()                            # once, when the run is over

Frames are rendered in a folder of the run's own and offered to the cache when they are finished: then an error (such
as a full disk) costs the entry and nothing else. With ``link=True`` that is one hard link per frame and no copy. Use it
from a private work folder only: in a folder that people see they might edit a frame in place, and a linked one would
change in the cache too.

All operations are safe in threads and across processes. A lease is one open file, so that a composition of more than
about a thousand clips may meet the limit of open files: from there on look-ups are misses.
"""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hfbench.cache import eviction
from hfbench.cache.documents import DocumentStore
from hfbench.cache.entries import EntryManifest, EntryRefusedError, read_entry
from hfbench.cache.eviction import DEFAULT_MAX_BYTES, DEFAULT_MIN_AGE_SECONDS, EvictionPolicy, SweepReport
from hfbench.cache.identity import IdentityKind, SourceIdentity, content_identity, stat_identity
from hfbench.cache.layout import DIGESTS, PROBES, entry_path, is_current_entry, is_partial, names_in
from hfbench.cache.leases import Lease, Lock, Refusal, lock_folder
from hfbench.cache.publishing import publish
from hfbench.cache.root import make_usable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hfbench.cache.key import CacheKey, KeyValue
    from hfbench.cache.sealed import JsonValue

#: History of what surrounds a probe result: 1: schema, source, reader.
PROBE_SCHEMA: Final = 1


@dataclass(frozen=True, slots=True)
class CacheInfo:
    """What is in the cache now; times in seconds since the epoch, None when there is no entry."""

    root: Path
    entries: int
    entry_bytes: int
    max_bytes: int
    oldest_use: float | None
    newest_use: float | None
    partials: int
    documents: int


@dataclass(frozen=True, slots=True)
class NotPublished:
    """Why frames did not become an entry, for people."""

    reason: str


@dataclass(frozen=True, slots=True)
class EntryProblem:
    """An entry that is not whole: the name of its folder, and what is wrong. It will be a miss and be replaced."""

    name: str
    reason: str


class ExtractionCache:
    """A folder of entries, shared by all processes that use the same ``root``. Made by :meth:`open`.

    Attributes:
        root: the folder, absolute and without links.
        policy: what eviction may do.
    """

    def __init__(
        self,
        root: Path,
        *,
        max_bytes: int = DEFAULT_MAX_BYTES,
        min_age_seconds: float = DEFAULT_MIN_AGE_SECONDS,
        fsync: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        # Without links: locks are taken on what a name itself is, and the root may well be a link to a larger disk.
        self.root = Path(os.path.realpath(root))
        self.policy = EvictionPolicy(max_bytes, min_age_seconds)
        self._fsync = fsync
        self._clock = clock
        self._probes = DocumentStore(self.root / PROBES)
        self._digests = DocumentStore(self.root / DIGESTS)

    @classmethod
    def open(
        cls,
        root: Path,
        *,
        max_bytes: int = DEFAULT_MAX_BYTES,
        min_age_seconds: float = DEFAULT_MIN_AGE_SECONDS,
        fsync: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> ExtractionCache:
        """Create the folder if need be, check that it can be used, and open the cache in it.

        A full disk does not prevent it: what is cached can still be read, and a sweep makes room.

        Args:
            root: the folder; it may hold files of others, which are never touched.
            max_bytes: what a sweep leaves at most.
            min_age_seconds: an entry used less than this ago is not evicted.
            fsync: flush frames before an entry becomes visible (:func:`hfbench.cache.entries.write_manifest`).
            clock: seconds since the epoch.

        Raises:
            CacheUnusableError: a file is in its place, it is read-only, it can't be created, it has no locks.
        """
        cache = cls(root, max_bytes=max_bytes, min_age_seconds=min_age_seconds, fsync=fsync, clock=clock)
        make_usable(cache.root)
        return cache

    def identify(self, path: str | os.PathLike[str], kind: IdentityKind = IdentityKind.STAT) -> SourceIdentity:
        """The identity of a source (see :mod:`hfbench.cache.identity`).

        Raises:
            OSError: the file is missing or can't be read.
        """
        if kind is IdentityKind.STAT:
            return stat_identity(path)
        return content_identity(path, self._digests, now=self._clock())

    def lookup(self, key: CacheKey) -> Lease | None:
        """A lease on the entry of the key if it is whole; else None, a miss. Never raises for errors of the disk.

        A damaged entry stays in its place until the same key is published or a sweep removes it.
        """
        path = entry_path(self.root, key)
        try:
            lock = lock_folder(path, exclusive=False)
        except OSError:
            return None
        if isinstance(lock, Refusal):
            return None
        lease = None
        try:
            found = read_entry(lock.fd, key)
            if isinstance(found, EntryManifest):
                self._note_use(lock)
                lease = Lease(lock, path, found)
        except OSError:
            pass
        finally:
            if lease is None:
                lock.close()
        return lease

    def adopt(
        self, key: CacheKey, folder: Path, payload: Mapping[str, JsonValue], *, link: bool = False
    ) -> Lease | NotPublished:
        """Publish the frames in ``folder``, which is never changed.

        Args:
            key: the entry's.
            folder: a flat folder of frames and nothing else.
            payload: stored with the frames, JSON.
            link: hard links where the file system can: only for a folder in which no file is edited in place.

        Returns:
            A lease on the entry, or on the whole one that another writer had made first.

        Raises:
            TypeError, ValueError: the payload is not JSON.
        """
        try:
            done = publish(self.root, key, folder, payload, link=link, fsync=self._fsync, now=self._clock())
        except EntryRefusedError as error:
            return NotPublished(error.message)
        except OSError as error:
            return NotPublished(f"the entry could not be written: {error.strerror}")
        if done.new_bytes:
            eviction.note_growth(self.root, done.new_bytes)
        return done.lease

    def probe_get(self, identity: SourceIdentity, *, reader: str = "") -> Mapping[str, JsonValue] | None:
        """What ``reader`` (name and version of whatever reads metadata) found in the source; None if not known."""
        return self._probes.get(_probe_key(identity, reader), now=self._clock())

    def probe_put(self, identity: SourceIdentity, mapping: Mapping[str, JsonValue], *, reader: str = "") -> bool:
        """Store a probe result; False when it can't be written, which is not an error.

        Raises:
            TypeError, ValueError: the mapping is not JSON.
        """
        return self._probes.put(_probe_key(identity, reader), mapping, now=self._clock())

    def info(self) -> CacheInfo:
        """What is in the cache now.

        Raises:
            OSError: the folder can't be read.
        """
        uses = list(eviction.entry_uses(self.root))
        times = [use.last_use_ns / 1e9 for use in uses]
        return CacheInfo(
            root=self.root,
            entries=len(uses),
            entry_bytes=sum(use.bytes_on_disk for use in uses),
            max_bytes=self.policy.max_bytes,
            oldest_use=min(times, default=None),
            newest_use=max(times, default=None),
            partials=sum(map(is_partial, names_in(self.root))),
            documents=self._probes.count() + self._digests.count(),
        )

    def sweep(self, now: float | None = None) -> SweepReport:
        """Clean up and evict, now; ``now`` is in seconds since the epoch.

        Raises:
            OSError: the folder can't be read.
        """
        return eviction.sweep(self.root, self.policy, self._clock() if now is None else now)

    def sweep_if_due(self) -> SweepReport | None:
        """Sweep if it is due: the last one is a day old, or the cache has outgrown its cap since. Else None.

        Never raises for errors of the disk, because it is called at the end of a run that has succeeded.
        """
        now = self._clock()
        with contextlib.suppress(OSError):
            if eviction.is_due(self.root, self.policy, now):
                return self.sweep(now)
        return None

    def clear(self) -> SweepReport:
        """Remove all that is not in use, of any age.

        Raises:
            OSError: the folder can't be read.
        """
        return eviction.clear(self.root)

    def verify(self) -> list[EntryProblem]:
        """The entries that are not whole, in order of name; changes nothing.

        Raises:
            OSError: the folder can't be read.
        """
        problems = []
        for name in sorted(filter(is_current_entry, names_in(self.root))):
            damage = eviction.damage_of(self.root / name)
            if damage is not None:
                problems.append(EntryProblem(name, damage.reason))
        return problems

    def _note_use(self, lock: Lock) -> None:
        """The time of change of the folder is the time of its last use: no file of an entry is ever touched."""
        now = self._clock()
        with contextlib.suppress(OSError):
            os.utime(lock.fd, (now, now))


def _probe_key(identity: SourceIdentity, reader: str) -> dict[str, KeyValue]:
    return {"schema": PROBE_SCHEMA, "source": identity.described(), "reader": reader}
