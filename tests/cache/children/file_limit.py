"""Publish under a limit on the size of files that lets frames through and refuses the manifest."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from hfbench.cache import ExtractionCache, cache_key

cache = ExtractionCache.open(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
with cache.publish(cache_key({})) as partial:
    for index in range(10):
        (partial.folder / f"frame_{index + 1:05d}.png").write_bytes(b"x" * 50)
    assert partial.commit({}) is None
    assert partial.trouble == "the entry could not be written: File too large", partial.trouble
    assert [path.stat().st_size for path in partial.folder.iterdir()] == [50] * 10
    mine = partial.detach()
assert not cache.probe_put(cache.identify(__file__), {})
assert list((cache.root / ".probes").iterdir()) == []
assert cache.lookup(cache_key({})) is None
assert cache.counters.publish_failures == 1
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
lease = cache.adopt(cache_key({}), mine.folder, {})
assert lease is not None
lease.close()
mine.close()
assert cache.verify() == []
