"""The cache as the engine sees it: look up, publish, probe results, care.

How a render uses it::

    lease = cache.lookup(key)                       # a hit: the frames are in lease.folder until lease.close()
    if lease is None:
        with cache.publish(key) as partial:         # a miss: write the frames into partial.folder
            ...
            lease = partial.commit(payload)
            if lease is None:                       # e.g. a full disk: the frames are still in partial.folder
                own = partial.detach()              # and are ours until own.close()
    ...
    cache.sweep_if_due()                            # once, when the run is over

A full disk. ``publish`` writes each frame once and where it will stay, but a disk that is full *while the frames are
written* fails the extraction itself, and the engine has to render that clip again elsewhere. ``adopt`` turns it
around: the clip is rendered in a folder of the render's own (which may be on another disk), and the cache hears of it
when it is finished; then any trouble costs the entry and nothing else. With ``link=True`` that is one hard link a frame
and no copy. Prefer ``adopt(..., link=True)`` from the private work folder of a render, and ``link=False`` from a folder
that people see: they might edit a frame in place, and a linked one would change in the cache too.

All of it is safe in threads and across processes. A lease is one open file, so that a composition of more than about
a thousand clips may meet the limit of open files: from there on look-ups are misses.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hfbench.cache import eviction
from hfbench.cache.documents import DocumentStore
from hfbench.cache.entries import EntryManifest, read_entry
from hfbench.cache.errors import CacheUnusableError
from hfbench.cache.eviction import DEFAULT_MAX_BYTES, DEFAULT_MIN_AGE_SECONDS, EvictionPolicy, SweepReport
from hfbench.cache.identity import IdentityKind, SourceIdentity, content_identity, stat_identity
from hfbench.cache.layout import DIGESTS, PROBES, entry_path, is_current_entry, is_partial, names_in
from hfbench.cache.leases import Lease, Lock, Refusal, lock_folder
from hfbench.cache.partial import PartialEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hfbench.cache.key import CacheKey, KeyValue
    from hfbench.cache.sealed import JsonValue

#: History of what surrounds a probe result: 1: schema, source, reader.
PROBE_SCHEMA: Final = 1

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})

#: https://bford.info/cachedir/: backup programs leave out a folder with this file.
_TAG_NAME: Final = "CACHEDIR.TAG"
_TAG: Final = b"Signature: 8a477f597d28d172789f06886806bc55\n# Frames that hfbench extracted; safe to delete.\n"


@dataclass(frozen=True, slots=True)
class CacheCounters:
    """What one :class:`ExtractionCache` has counted since it was made."""

    hits: int = 0
    misses: int = 0
    publish_failures: int = 0
    evictions: int = 0
    bytes_freed: int = 0
    partials_cleared: int = 0


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
    document_bytes: int


@dataclass(frozen=True, slots=True)
class EntryProblem:
    """An entry that is not whole: the name of its folder, and what is wrong. It will be a miss and be replaced."""

    name: str
    reason: str


class ExtractionCache:
    """A folder of entries, shared by whoever is given the same ``root``. Made by :meth:`open`.

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
        self._counted = CacheCounters()
        self._counting = threading.Lock()

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
        """Create the folder if need be, see that it can be used, and give the cache in it.

        A disk that has become full is no reason against: what is cached can still be read, and a sweep makes room.

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
        _make_usable(cache.root)
        return cache

    @property
    def counters(self) -> CacheCounters:
        """A snapshot."""
        return self._counted

    def owns(self, path: Path) -> bool:
        """Whether a path lies in the cache: a render's clean-up must leave it alone."""
        return Path(os.path.realpath(path)).is_relative_to(self.root)

    def identify(self, path: str | os.PathLike[str], kind: IdentityKind = IdentityKind.STAT) -> SourceIdentity:
        """The identity of a source (see :mod:`hfbench.cache.identity`).

        Raises:
            OSError: the file is missing or can't be read.
        """
        if kind is IdentityKind.STAT:
            return stat_identity(path)
        return content_identity(path, self._digests, now=self._clock())

    def lookup(self, key: CacheKey) -> Lease | None:
        """A lease on the entry of the key if it is whole; None, a miss, for anything else. Never raises for the disk.

        What is not whole stays in its place until somebody publishes the same key or a sweep passes.
        """
        lease = self._find(key)
        if lease is None:
            self._count(misses=1)
        else:
            self._count(hits=1)
        return lease

    def publish(self, key: CacheKey) -> PartialEntry:
        """A fresh partial folder for the frames of the key.

        Raises:
            CacheUnusableError: it can't be made (a full disk): render into a folder of your own. Counted as a publish
                failure.
        """
        try:
            return PartialEntry(self.root, key, fsync=self._fsync, clock=self._clock, when_done=self._published)
        except OSError as error:
            self._published(None)
            advice = "free some space or use --cache off"
            raise CacheUnusableError(
                f"the cache {self.root} can't take another entry: {error.strerror}; {advice}", diagnostic=str(error)
            ) from error

    def adopt(
        self, key: CacheKey, folder: Path, payload: Mapping[str, JsonValue], *, link: bool = False
    ) -> Lease | None:
        """Publish what is already rendered in ``folder``, which is left as it is, whatever happens.

        ``link`` uses hard links where the file system can: only for a folder that nobody edits in place. None when it
        did not work (a full disk, no frames in it): the render goes on from its own folder.

        Raises:
            TypeError, ValueError: the payload is not JSON.
        """
        try:
            partial = self.publish(key)
        except CacheUnusableError:
            return None
        with partial:
            partial.take(folder, link=link)
            return partial.commit(payload)

    def probe_get(self, identity: SourceIdentity, *, reader: str = "") -> Mapping[str, JsonValue] | None:
        """What ``reader`` (name and version of whatever reads metadata) found in the source; None if not known."""
        return self._probes.get(_probe_key(identity, reader), now=self._clock())

    def probe_put(self, identity: SourceIdentity, mapping: Mapping[str, JsonValue], *, reader: str = "") -> bool:
        """Keep a probe result; False when it can't be written, which harms nothing.

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
        documents = [store.measure() for store in (self._probes, self._digests)]
        return CacheInfo(
            root=self.root,
            entries=len(uses),
            entry_bytes=sum(use.bytes_on_disk for use in uses),
            max_bytes=self.policy.max_bytes,
            oldest_use=min(times, default=None),
            newest_use=max(times, default=None),
            partials=sum(map(is_partial, names_in(self.root))),
            documents=sum(count for count, _ in documents),
            document_bytes=sum(size for _, size in documents),
        )

    def sweep(self, now: float | None = None) -> SweepReport:
        """Clean up and evict, now; ``now`` is in seconds since the epoch.

        Raises:
            OSError: the folder can't be read.
        """
        return self._tally(eviction.sweep(self.root, self.policy, self._clock() if now is None else now))

    def sweep_if_due(self) -> SweepReport | None:
        """The same if a sweep is due: the last is a day old, or the cache has outgrown its cap since. Else None.

        Never raises for the disk: it stands at the end of a run that has succeeded.
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
        return self._tally(eviction.clear(self.root))

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

    def _find(self, key: CacheKey) -> Lease | None:
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

    def _note_use(self, lock: Lock) -> None:
        """The time of change of the folder is the time of its last use: no file of an entry is ever touched."""
        now = self._clock()
        with contextlib.suppress(OSError):
            os.utime(lock.fd, (now, now))

    def _published(self, new_bytes: int | None) -> None:
        if new_bytes is None:
            self._count(publish_failures=1)
        elif new_bytes:
            eviction.note_growth(self.root, new_bytes)

    def _tally(self, report: SweepReport) -> SweepReport:
        self._count(
            evictions=report.evictions,
            bytes_freed=report.bytes_freed,
            partials_cleared=report.partials_cleared,
        )
        return report

    def _count(self, **more: int) -> None:
        with self._counting:
            old = self._counted
            self._counted = replace(old, **{name: getattr(old, name) + number for name, number in more.items()})


def _probe_key(identity: SourceIdentity, reader: str) -> dict[str, KeyValue]:
    return {"schema": PROBE_SCHEMA, "source": identity.described(), "reader": reader}


def _make_usable(root: Path) -> None:
    """Create the folder and try what the cache needs of it; raises :class:`CacheUnusableError`."""
    try:
        if not root.is_dir():
            root.mkdir(parents=True, exist_ok=True)
            # Only in a folder that we made: the tag keeps backup programs out, and must not do so in somebody's home.
            with contextlib.suppress(OSError):
                (root / _TAG_NAME).write_bytes(_TAG)
        # Asks the file system and not only the mode: root may write everywhere but to a read-only mount.
        if not os.access(root, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, "it can't be written")
        # Refused because somebody is sweeping is as good as given: there are locks.
        lock = lock_folder(root, exclusive=True)
        if isinstance(lock, Lock):
            lock.close()
    except OSError as error:
        raise _unusable(root, error) from error


def _unusable(root: Path, error: OSError) -> CacheUnusableError:
    if isinstance(error, FileExistsError | NotADirectoryError):
        reason, advice = "a file is in its place", "remove it or choose another folder"
    elif error.errno in _FULL:
        reason, advice = "the disk is full", "free some space or choose a folder on another disk"
    elif error.errno in {errno.ENOLCK, errno.EBADF, errno.ENOTSUP}:
        reason, advice = "its file system has no locks for folders", "choose a folder on a local disk"
    else:
        reason, advice = str(error.strerror), "choose a folder that can be written, or --cache off"
    msg = f"the cache folder {root} can't be used: {reason}; {advice}"
    return CacheUnusableError(msg, diagnostic=str(error))
