"""Look up with ever fewer file descriptors left: always a hit or a miss, never an error, and nothing is removed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hfbench.cache import CacheKey, ExtractionCache

cache = ExtractionCache.open(Path(sys.argv[1]))
key = CacheKey(sys.argv[2])
import resource  # noqa: E402  after everything that opens files by itself

resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
held = []
try:
    while True:
        held.append(os.open(os.devnull, os.O_RDONLY))
except OSError:
    pass
answers = []
while held:
    lease = cache.lookup(key)
    answers.append(lease is not None)
    if lease is not None:
        lease.close()
    os.close(held.pop())
assert answers[0] is False, answers
assert answers[-1] is True, answers
