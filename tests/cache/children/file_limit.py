"""Publish under a limit on the size of files that lets frames through and refuses the manifest."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from hfbench.cache import ExtractionCache, Lease, NotPublished, cache_key

cache = ExtractionCache.open(Path(sys.argv[1]))
own = Path(sys.argv[1]).with_name("own")
own.mkdir()
for index in range(10):
    (own / f"frame_{index + 1:05d}.png").write_bytes(b"x" * 50)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
refused = cache.adopt(cache_key({}), own, {})
assert refused == NotPublished("the entry could not be written: File too large"), refused
assert [path.stat().st_size for path in own.iterdir()] == [50] * 10
assert not cache.probe_put(cache.identify(__file__), {})
assert list((cache.root / ".probes").iterdir()) == []
assert cache.lookup(cache_key({})) is None
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
lease = cache.adopt(cache_key({}), own, {})
assert isinstance(lease, Lease)
lease.close()
assert cache.verify() == []
