"""On a disk of its own of 1 MB and 100 files, beside a large one: fill it at every stage of publishing."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import pytest

from hfbench.cache import CacheKey, CacheUnusableError, ExtractionCache, Lease, NotPublished, cache_key

disk, own, small = Path(sys.argv[1]), Path(sys.argv[2]) / "own", Path(sys.argv[2]) / "small"
cache = ExtractionCache.open(disk / "cache", min_age_seconds=0)
good = cache_key({"clip": "good"})


def render(folder: Path, frames: int, size: int) -> dict[str, bytes]:
    folder.mkdir(exist_ok=True)
    for index in range(frames):
        (folder / f"frame_{index + 1:05d}.png").write_bytes(bytes([index + 1]) * size)
    return contents(folder)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def fill_bytes() -> None:
    """Until the last page is gone."""
    with (disk / "filler").open("ab", buffering=0) as file, pytest.raises(OSError, match="No space left"):  # noqa: PT012
        while True:
            file.write(b"x" * 4096)


def fill_files() -> None:
    """Until not even an empty file can be made."""
    with pytest.raises(OSError, match="No space left"):  # noqa: PT012  one of the many must fail
        for number in itertools.count():
            (disk / f"filler {number}").touch(exist_ok=False)


def free() -> None:
    for path in disk.glob("filler*"):
        path.unlink()


def assert_unharmed() -> None:
    lease = ExtractionCache.open(cache.root).lookup(good)
    assert lease is not None
    lease.close()
    assert cache.verify() == []
    assert cache.info().partials == 0


def assert_publishes(key: CacheKey) -> None:
    render(small, 2, 100)
    lease = cache.adopt(key, small, {})
    assert isinstance(lease, Lease), lease.reason
    lease.close()


def assert_full(refused: Lease | NotPublished) -> None:
    assert refused == NotPublished("the entry could not be written: No space left on device")


assert_publishes(good)

# 1. Rendered elsewhere, and the frames don't fit into the cache.
before = render(own, 20, 100_000)
assert_full(cache.adopt(cache_key({"case": 1}), own, {}, link=True))
assert contents(own) == before
assert_unharmed()

# 2. The frames fit, as links, and the manifest does not: the render still has its own folder.
beside = disk / "own"
before = render(beside, 3, 10_000)
fill_bytes()
assert_full(cache.adopt(cache_key({"case": 2}), beside, {}, link=True))
assert contents(beside) == before
assert_unharmed()

# 3. A full disk is no reason against opening, looking up and sweeping; a probe result is just not kept.
fill_bytes()
assert not cache.probe_put(cache.identify(__file__), {"found": "x" * 5000})
assert cache.probe_get(cache.identify(__file__)) is None
assert cache.sweep().ran
cache.sweep_if_due()
assert_unharmed()
free()

# 4. Not even a folder can be made.
fill_files()
assert_full(cache.adopt(cache_key({"case": 4}), own, {}))
with pytest.raises(CacheUnusableError, match="the disk is full; free some space"):
    ExtractionCache.open(disk / "new")
assert_unharmed()
free()

# 5. With room again everything works.
for case in range(1, 5):
    assert_publishes(cache_key({"case": case}))
assert_unharmed()
assert cache.sweep().partials_cleared == 0
