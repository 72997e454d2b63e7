"""What is removed, and when: least recently used first, nothing in use, nothing young.

A sweep is one pass over the folder, by one process at a time (an exclusive lock on the cache folder itself, which
nothing else locks). Whether something is still owned is decided by the kernel's lock, never by a process id or an
age. The order: what dead writers left, what was moved aside, entries that are not whole, then the least recently used
ones until the rest fits.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hfbench.cache.documents import DocumentStore
from hfbench.cache.entries import Damage, read_entry
from hfbench.cache.layout import (
    DIGESTS,
    GROWTH,
    PROBES,
    STAMP,
    is_current_entry,
    is_entry,
    is_moved,
    is_partial,
    names_in,
)
from hfbench.cache.leases import Lock, Refusal, lock_folder
from hfbench.cache.removal import delete_tree, take_out, tree_bytes
from hfbench.cache.sealed import read_sealed, seal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

DEFAULT_MAX_BYTES: Final = 2 * 1024**3
DEFAULT_MIN_AGE_SECONDS: Final = 3600.0

#: A sweep is due when the last one is older than this, whatever the size.
SWEEP_INTERVAL_SECONDS: Final = 24 * 3600.0

#: Probe results and digests are small and not counted against the size cap; they are removed when unused for this long.
DOCUMENT_LIFE_SECONDS: Final = 30 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class EvictionPolicy:
    """How much a sweep keeps, and for how long at least.

    Attributes:
        max_bytes: a sweep removes entries until their frames fit in it (young and leased ones stay all the same).
        min_age_seconds: an entry used less than this ago is not evicted.
    """

    max_bytes: int = DEFAULT_MAX_BYTES
    min_age_seconds: float = DEFAULT_MIN_AGE_SECONDS

    def __post_init__(self) -> None:
        if self.max_bytes < 0 or not self.min_age_seconds >= 0:
            kept = f"{self.max_bytes} bytes for at least {self.min_age_seconds} s"
            raise ValueError(f"a cache can't keep {kept}: both must be 0 or more")


@dataclass(frozen=True, slots=True)
class SweepReport:
    """What a sweep did. ``ran`` is False when another process was sweeping.

    Attributes:
        ran: whether this was a sweep at all.
        evictions: whole entries removed to make room.
        damaged_removed: entries that were not whole.
        partials_cleared: folders of dead writers.
        leftovers_removed: folders that had been moved aside to be deleted.
        documents_removed: probe results, digests and unfinished ones.
        kept_in_use: what should have been removed but is in use.
        bytes_freed: of all that was removed.
        bytes_left: of all entries that are left.
    """

    ran: bool = True
    evictions: int = 0
    damaged_removed: int = 0
    partials_cleared: int = 0
    leftovers_removed: int = 0
    documents_removed: int = 0
    kept_in_use: int = 0
    bytes_freed: int = 0
    bytes_left: int = 0

    def __add__(self, other: SweepReport) -> SweepReport:
        return SweepReport(
            ran=self.ran and other.ran,
            evictions=self.evictions + other.evictions,
            damaged_removed=self.damaged_removed + other.damaged_removed,
            partials_cleared=self.partials_cleared + other.partials_cleared,
            leftovers_removed=self.leftovers_removed + other.leftovers_removed,
            documents_removed=self.documents_removed + other.documents_removed,
            kept_in_use=self.kept_in_use + other.kept_in_use,
            bytes_freed=self.bytes_freed + other.bytes_freed,
            bytes_left=self.bytes_left + other.bytes_left,
        )


@dataclass(frozen=True, slots=True)
class EntryUse:
    """An entry on the disk: its folder's name, the bytes in it, its last use (nanoseconds since the epoch)."""

    name: str
    bytes_on_disk: int
    last_use_ns: int

    def age_seconds(self, now: float) -> float:
        """Seconds since its last use.

        A last use in the future counts by its distance, too: a small one comes from another machine's clock, and the
        entry is young; a large one comes from a wrong clock, and must not keep the entry for ever.
        """
        return abs(now - self.last_use_ns / 1e9)

    def is_last_use(self, folder_fd: int) -> bool:
        """Whether the open folder has not been used since."""
        return os.fstat(folder_fd).st_mtime_ns == self.last_use_ns


def entry_uses(root: Path) -> Iterator[EntryUse]:
    """Every entry in the cache, of any layout version, in no order.

    Raises:
        OSError: the cache folder can't be read.
    """
    for name in filter(is_entry, names_in(root)):
        with contextlib.suppress(FileNotFoundError):
            status = os.lstat(root / name)
            yield EntryUse(name, tree_bytes(root / name), status.st_mtime_ns)


def sweep(root: Path, policy: EvictionPolicy, now: float) -> SweepReport:
    """One pass of cleaning; ``now`` in seconds since the epoch.

    Raises:
        OSError: the cache folder can't be read. What can't be removed is left and not an error.
    """
    lock = lock_folder(root, exclusive=True)
    if isinstance(lock, Refusal):
        return SweepReport(ran=False)
    with lock:
        # Before the entries are counted: what is published from now on counts for the next sweep.
        with contextlib.suppress(OSError):
            (root / GROWTH).unlink(missing_ok=True)
        report = _clear_leftovers(root) + _remove_damaged(root) + _evict(root, policy, now)
        report += _sweep_documents(root, now - DOCUMENT_LIFE_SECONDS)
        with contextlib.suppress(OSError):
            (root / STAMP).write_bytes(seal({"swept_at": now, "bytes_left": report.bytes_left}))
    return report


def clear(root: Path) -> SweepReport:
    """Remove everything of ours that is not in use, of any age; files of others in the folder stay.

    Raises:
        OSError: the cache folder can't be read.
    """
    report = _clear_leftovers(root)
    for use in list(entry_uses(root)):
        freed = _take_out(root, use.name)
        kept = use.bytes_on_disk if freed is Refusal.BUSY else 0
        report += _removed(freed, SweepReport(evictions=1)) + SweepReport(bytes_left=kept)
    for name in (STAMP, GROWTH):
        with contextlib.suppress(OSError):
            (root / name).unlink(missing_ok=True)
    return report + _sweep_documents(root, None)


def is_due(root: Path, policy: EvictionPolicy, now: float) -> bool:
    """Whether a sweep is due: none in the last day, or what was published since no longer fits with the rest."""
    try:
        stamp = read_sealed(str(root / STAMP))
    except OSError:
        return True
    swept_at, left = (stamp or {}).get("swept_at"), (stamp or {}).get("bytes_left")
    if not isinstance(swept_at, int | float) or not isinstance(left, int):
        return True
    if not 0 <= now - swept_at < SWEEP_INTERVAL_SECONDS:
        return True
    grown = _growth(root)
    return grown > 0 and left + grown > policy.max_bytes


def note_growth(root: Path, published_bytes: int) -> None:
    """Record that an entry was published, so that a full cache is noticed before the daily sweep."""
    # One short append, which is atomic. Lost on a full disk, which then waits for the daily sweep.
    with contextlib.suppress(OSError), (root / GROWTH).open("ab", buffering=0) as file:
        file.write(f"{published_bytes}\n".encode("ascii"))


def _growth(root: Path) -> int:
    try:
        lines = (root / GROWTH).read_bytes().split()
    except OSError:
        return 0
    return sum(int(line) for line in lines if line.isdigit())


def _clear_leftovers(root: Path) -> SweepReport:
    """Remove what dead writers and deleters left: as long as they live, they hold a lock on it."""
    report = SweepReport()
    for name in names_in(root):
        if not (is_partial(name) or is_moved(name)):
            continue
        freed = _delete_moved(root / name) if is_moved(name) else _take_out(root, name)
        if isinstance(freed, Refusal):
            report += SweepReport(kept_in_use=int(freed is Refusal.BUSY))
        elif is_moved(name):
            report += SweepReport(leftovers_removed=1, bytes_freed=freed)
        else:
            report += SweepReport(partials_cleared=1, bytes_freed=freed)
    return report


def _delete_moved(path: Path) -> int | Refusal:
    try:
        lock = lock_folder(path, exclusive=True)
    except OSError:
        return Refusal.BUSY
    if isinstance(lock, Lock):
        with lock:
            return delete_tree(path)
    return delete_tree(path) if lock is Refusal.NOT_A_FOLDER else lock


def _remove_damaged(root: Path) -> SweepReport:
    """Remove entries that are not whole: whatever their age, they can never be a hit again."""
    report = SweepReport()
    for name in filter(is_current_entry, names_in(root)):
        if damage_of(root / name) is not None:
            freed = _take_out(root, name, only_if=_is_damaged)
            report += _removed(freed, SweepReport(damaged_removed=1))
    return report


def _is_damaged(folder_fd: int) -> bool:
    return isinstance(read_entry(folder_fd, None), Damage)


def damage_of(path: Path) -> Damage | None:
    """What is wrong with the entry at ``path``; None when it is whole, gone, or just being removed."""
    try:
        lock = lock_folder(path, exclusive=False)
        if isinstance(lock, Lock):
            with lock:
                found = read_entry(lock.fd, None)
            return found if isinstance(found, Damage) else None
    except OSError:
        # Not to be looked at by us (too many open files, another user's): no reason to call it damaged.
        return None
    return Damage(lock.value) if lock is Refusal.NOT_A_FOLDER else None


def _evict(root: Path, policy: EvictionPolicy, now: float) -> SweepReport:
    """Remove the least recently used entries, until the rest fits."""
    report = SweepReport()
    uses = sorted(entry_uses(root), key=lambda use: use.age_seconds(now), reverse=True)
    left = sum(use.bytes_on_disk for use in uses)
    for use in uses:
        if left <= policy.max_bytes or use.age_seconds(now) < policy.min_age_seconds:
            break
        freed = _take_out(root, use.name, only_if=use.is_last_use)
        report += _removed(freed, SweepReport(evictions=1))
        if not isinstance(freed, Refusal):
            left -= use.bytes_on_disk
    return report + SweepReport(bytes_left=left)


def _removed(freed: int | Refusal, done: SweepReport) -> SweepReport:
    if isinstance(freed, Refusal):
        return SweepReport(kept_in_use=int(freed is Refusal.BUSY))
    return done + SweepReport(bytes_freed=freed)


def _take_out(root: Path, name: str, *, only_if: Callable[[int], bool] | None = None) -> int | Refusal:
    """Like :func:`take_out`; what can't be moved (another user's) counts as in use."""
    try:
        return take_out(root, name, only_if=only_if)
    except OSError:
        return Refusal.BUSY


def _sweep_documents(root: Path, oldest_use: float | None) -> SweepReport:
    found: Iterable[tuple[int, int]] = [DocumentStore(root / name).sweep(oldest_use) for name in (PROBES, DIGESTS)]
    return SweepReport(
        documents_removed=sum(count for count, _ in found),
        bytes_freed=sum(freed for _, freed in found),
    )
