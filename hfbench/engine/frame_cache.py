"""Phase: look clips up in the cache, and add to it what had to be extracted.

The key is made from the plan itself, the very steps that write the frames, so the two can't drift apart.
"""

from __future__ import annotations

import errno
import functools
import os
from contextlib import ExitStack
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from hfbench._version import __version__
from hfbench.backends import backend_version, probe_version
from hfbench.cache import CacheUnusableError, ExtractionCache, IdentityKind, Lease, cache_key
from hfbench.model.media_document import DOCUMENT_VERSION, from_document, to_document
from hfbench.model.plan import ClipPlan, Pixels
from hfbench.model.result import ClipWarning

if TYPE_CHECKING:
    from pathlib import Path

    from hfbench.backends.base import ProbeReport
    from hfbench.cache import CacheKey, KeyValue, SourceIdentity
    from hfbench.engine.plan import Planned
    from hfbench.model.media import MediaInfo

#: Version of the frames that the engine makes; raise it when the same plan gives other frames. 1: the first.
#: 2: compiled kernels.
_ENGINE_VERSION: Final = 2
#: Fields of plan values that say where they come from, not what is done.
_NOT_IN_KEY: Final = frozenset({"probed", "placement", "warnings", "is_regularized"})


@dataclass(frozen=True, slots=True)
class CachedClip:
    """A planned clip whose frames are in the cache; the lease keeps them there."""

    plan: ClipPlan
    lease: Lease

    @property
    def clip_id(self) -> str:
        """The clip's id."""
        return self.plan.clip_id

    @property
    def frames(self) -> int:
        """The number of frames."""
        return len(self.lease.manifest.files)

    @property
    def pixels(self) -> Pixels:
        """What converted them."""
        return Pixels(self.lease.manifest.payload.get("pixels", Pixels.LIBAVFILTER.value))

    @property
    def warnings(self) -> tuple[ClipWarning, ...]:
        """The warnings that were stored with the frames when they were made."""
        kept: Any = self.lease.manifest.payload.get("warnings", [])
        return tuple(ClipWarning(each["kind"], each["message"], dict(each["counts"])) for each in kept)


#: A planned clip after the look-up: what is still a plan has to be extracted.
Wanted: TypeAlias = "Planned | CachedClip"


@dataclass(frozen=True, slots=True)
class Software:
    """What a backend's frames and the probe results depend on, besides the source and the plan."""

    backend: str
    backend_version: str
    reader: str


def identify_software(backend: str) -> Software:
    """Look up the versions. That costs milliseconds once per process, so it is done before a run is timed."""
    reader = f"{probe_version()} document {DOCUMENT_VERSION} engine {_ENGINE_VERSION}"
    return Software(backend, backend_version(backend), reader)


class FrameCache:
    """The cache as the phases use it. Without a store every look-up misses and nothing is kept.

    Args:
        store: None for no cache.
        identity: how sources are identified.
        software: what makes the frames: those of one backend or version are never served for another.
    """

    def __init__(self, store: ExtractionCache | None, identity: IdentityKind, software: Software) -> None:
        self._store = store
        self._identity = identity
        self._software = software
        self._identities: dict[Path, SourceIdentity | None] = {}

    def probe_of(self, path: Path) -> MediaInfo | None:
        """What an earlier run found in a source; None where it must be opened."""
        identity = self._identify(path)
        if self._store is None or identity is None:
            return None
        document = self._store.probe_get(identity, reader=self._software.reader)
        if document is None:
            return None
        try:
            return from_document(document, path)
        except (KeyError, TypeError, ValueError):
            return None

    def keep_probe(self, path: Path, report: ProbeReport) -> None:
        """Store what a probe found."""
        identity = self._identify(path)
        if self._store is not None and identity is not None:
            self._store.probe_put(identity, to_document(report.media), reader=self._software.reader)

    def look_up(self, plans: tuple[Planned, ...]) -> tuple[Wanted, ...]:
        """Replace each plan whose frames are in the cache by the cached clip."""
        return tuple(self._found(plan) if isinstance(plan, ClipPlan) else plan for plan in plans)

    def keep(
        self, plan: ClipPlan, folder: Path, warnings: tuple[ClipWarning, ...], pixels: Pixels, *, in_place: bool
    ) -> Lease | None:
        """Add a clip's frames to the cache; None where that is not possible, which is not an error.

        Args:
            plan: what the frames were made from.
            folder: the folder of the frames, in the work folder.
            warnings: stored with the frames.
            pixels: what converted them, stored too.
            in_place: whether the caller reads the frames from the cache. If not, they are copied: the user may edit
                those in the output folder.
        """
        key = self._key(plan)
        if self._store is None or key is None or self._has_changed(plan.media.path):
            return None
        kept: list[dict[str, Any]] = [
            {"kind": each.kind, "message": each.message, "counts": dict(each.counts)} for each in warnings
        ]
        lease = self._store.adopt(key, folder, {"warnings": kept, "pixels": pixels.value}, link=in_place)
        return lease if isinstance(lease, Lease) else None

    def close(self) -> None:
        """Sweep the cache if a sweep is due."""
        if self._store is not None:
            self._store.sweep_if_due()

    def _found(self, plan: ClipPlan) -> ClipPlan | CachedClip:
        key = self._key(plan)
        lease = self._store.lookup(key) if self._store is not None and key is not None else None
        return plan if lease is None else CachedClip(plan, lease)

    def _key(self, plan: ClipPlan) -> CacheKey | None:
        identity = self._identify(plan.media.path)
        return None if identity is None else cache_key(describe_plan(plan, identity, self._software))

    def _has_changed(self, path: Path) -> bool:
        """Whether a source changed after the run first looked: then its frames can't be attributed to a version."""
        try:
            return self._store is None or self._store.identify(path, self._identity) != self._identify(path)
        except OSError:
            return True

    def _identify(self, path: Path) -> SourceIdentity | None:
        """The identity of a source as it was when the run first looked."""
        if self._store is None:
            return None
        if path not in self._identities:
            try:
                self._identities[path] = self._store.identify(path, self._identity)
            except OSError:
                self._identities[path] = None
        return self._identities[path]


def no_cache() -> FrameCache:
    """The cache of a run without one."""
    return FrameCache(None, IdentityKind.STAT, Software("", "", ""))


def open_cache(root: Path, identity: IdentityKind, software: Software) -> tuple[FrameCache, tuple[ClipWarning, ...]]:
    """Open the cache in a folder. If that is not possible, the run goes on without one, and a warning says why."""
    try:
        return FrameCache(ExtractionCache.open(root), identity, software), ()
    except CacheUnusableError as error:
        return no_cache(), (ClipWarning("cache_unusable", error.message),)


def describe_plan(plan: ClipPlan, identity: SourceIdentity, software: Software) -> dict[str, KeyValue]:
    """Everything that determines a plan's frames: the source, the steps, and the software that performs them."""
    return {
        "source": identity.described(),
        "steps": _described(plan),
        "backend": software.backend,
        "backend_version": software.backend_version,
        "hfbench": __version__,
        "engine": _ENGINE_VERSION,
    }


def _described(value: object) -> KeyValue:
    """A plan value as text, numbers and mappings; the members of a union are distinguished by name."""
    if isinstance(value, Enum):
        return str(value.value)
    if is_dataclass(value) and not isinstance(value, type):
        parts = {name: _described(getattr(value, name)) for name in _names_in_key(type(value))}
        return {"is": type(value).__name__, **parts}
    if value is None or isinstance(value, bool | int | float | Fraction | str):
        return value
    raise TypeError(f"a plan holds {value!r}, which the cache can't describe")


@functools.cache
def _names_in_key(kind: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind) if field.name not in _NOT_IN_KEY)


def copy_frames(lease: Lease, folder: Path) -> None:
    """Copy a cached clip's frames to an empty folder.

    Relative to open folders and without looking at each file again, which takes half the time of ``shutil.copyfile``.

    Raises:
        OSError: they can't be written, or a cached frame has become shorter.
    """
    with ExitStack() as opened:
        from_fd = os.open(lease.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        opened.callback(os.close, from_fd)
        to_fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        opened.callback(os.close, to_fd)
        for name, size in lease.manifest.files.items():
            _copy(name, size, from_fd, to_fd)


def _copy(name: str, size: int, from_fd: int, to_fd: int) -> None:
    source = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=from_fd)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        target = os.open(name, flags, 0o666, dir_fd=to_fd)
        try:
            while size:
                data = os.read(source, size)
                if not data:
                    raise OSError(errno.EIO, "a cached frame has become shorter")
                while data:
                    written = os.write(target, data)
                    data, size = data[written:], size - written
        finally:
            os.close(target)
    finally:
        os.close(source)
