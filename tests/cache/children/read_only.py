"""On a disk of its own, which becomes read-only under an open cache."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hfbench.cache import CacheUnusableError, ExtractionCache, cache_key

disk = Path(sys.argv[1])
cache = ExtractionCache.open(disk / "cache", max_bytes=0, min_age_seconds=0)
key = cache_key({})
with cache.publish(key) as partial:
    (partial.folder / "frame_00001.jpg").write_bytes(b"x")
    lease = partial.commit({})
assert lease is not None
lease.close()
subprocess.run(["mount", "-o", "remount,bind,ro", str(disk)], check=True)

for root in (cache.root, disk / "new"):
    with pytest.raises(CacheUnusableError, match="choose a folder that can be written, or --cache off"):
        ExtractionCache.open(root)

lease = cache.lookup(key)
assert lease is not None
lease.close()
with pytest.raises(CacheUnusableError, match="Read-only"):
    cache.publish(key)
assert not cache.probe_put(cache.identify(__file__), {})
report = cache.sweep()
assert (report.evictions, report.kept_in_use) == (0, 1), report
assert cache.sweep_if_due() is not None
assert cache.clear().kept_in_use == 1
assert cache.verify() == []
assert cache.counters.publish_failures == 1
