"""On a disk of its own, which becomes read-only under an open cache."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hfbench.cache import CacheUnusableError, ExtractionCache, Lease, NotPublished, cache_key

disk = Path(sys.argv[1])
cache = ExtractionCache.open(disk / "cache", max_bytes=0, min_age_seconds=0)
key = cache_key({})
own = Path(sys.argv[2]) / "own"
own.mkdir()
(own / "frame_00001.jpg").write_bytes(b"x")
lease = cache.adopt(key, own, {})
assert isinstance(lease, Lease)
lease.close()
subprocess.run(["mount", "-o", "remount,bind,ro", str(disk)], check=True)

for root in (cache.root, disk / "new"):
    with pytest.raises(CacheUnusableError, match="choose a folder that can be written, or --cache off"):
        ExtractionCache.open(root)

lease = cache.lookup(key)
assert lease is not None
lease.close()
refused = cache.adopt(cache_key({"another": True}), own, {})
assert refused == NotPublished("the entry could not be written: Read-only file system")
assert not cache.probe_put(cache.identify(__file__), {})
report = cache.sweep()
assert (report.evictions, report.kept_in_use) == (0, 1), report
assert cache.sweep_if_due() is not None
assert cache.clear().kept_in_use == 1
assert cache.verify() == []
