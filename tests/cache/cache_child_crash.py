"""Kill a process at every line of the cache's code, one after another, and look at what is left.

For the scenario that is the second argument: fork; the child does it under a tracer that kills it (SIGKILL, no
clean-up of any kind) at line number 1, 2, 3 ... that it executes in the cache's modules; the parent then plays the
next run. Ends when a child gets to the end. Prints how many points of death there were.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hfbench.cache
from hfbench.cache import ExtractionCache, StatIdentity, cache_key

CODE = str(Path(hfbench.cache.__file__).parent)
KEY = cache_key({"clip": "one"})
OTHER = cache_key({"clip": "other"})
CLIP = StatIdentity("/clips/a.mp4", 1, 2)
FRAMES = {f"frame_{index:05d}.jpg": bytes([index]) * 100 for index in (1, 2, 3)}


def opened(root: Path, *, max_bytes: int = 2**31) -> ExtractionCache:
    return ExtractionCache.open(root, max_bytes=max_bytes, min_age_seconds=0)


def render(cache: ExtractionCache) -> None:
    with cache.publish(KEY) as partial:
        for name, data in FRAMES.items():
            (partial.folder / name).write_bytes(data)
        lease = partial.commit({})
        assert lease is not None, partial.trouble
        lease.close()


def break_entry(cache: ExtractionCache) -> None:
    render(cache)
    (cache.root / f"hfcache-v1-{KEY}" / "frame_00002.jpg").unlink()


def adopt(cache: ExtractionCache) -> None:
    own = cache.root.with_name("own")
    own.mkdir(exist_ok=True)
    for name, data in FRAMES.items():
        (own / name).write_bytes(data)
    lease = cache.adopt(KEY, own, {}, link=True)
    assert lease is not None
    lease.close()


def evict(cache: ExtractionCache) -> None:
    assert opened(cache.root, max_bytes=0).sweep().evictions == 1


def read(cache: ExtractionCache) -> None:
    lease = cache.lookup(KEY)
    assert lease is not None
    lease.close()


def nothing(_: ExtractionCache) -> None:
    pass


def remember(cache: ExtractionCache) -> None:
    assert cache.probe_put(CLIP, {"found": True})


Step = Callable[[ExtractionCache], object]
#: What is there before, and what the process is at when it dies.
SCENARIOS: dict[str, tuple[Step, Step]] = {
    "publish": (nothing, render),
    "lose": (render, render),
    "heal": (break_entry, render),
    "adopt": (nothing, adopt),
    "read": (render, read),
    "evict": (render, evict),
    "sweep damage": (break_entry, ExtractionCache.sweep),
    "clear": (render, ExtractionCache.clear),
    "probe": (nothing, remember),
}


def die_at(count: int) -> Any:
    left = count

    def trace(frame: Any, event: str, _: Any) -> Any:
        nonlocal left
        if not frame.f_code.co_filename.startswith(CODE):
            return None
        if event == "line":
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    return trace


def survived(root: Path, work: Step, count: int) -> bool:
    """Do the work in a child that dies at its line number ``count``; True when it had fewer."""
    child = os.fork()
    if not child:
        sys.settrace(die_at(count))
        work(opened(root))
        sys.settrace(None)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) in {0, -signal.SIGKILL}, status
    return status == 0


def look_at(root: Path, where: str) -> None:
    """What the next run finds: whole or nothing, and nothing leaks past one sweep."""
    cache = opened(root)
    lease = cache.lookup(KEY)
    if lease is not None:
        with lease:
            assert {name: (lease.folder / name).read_bytes() for name in lease.files} == FRAMES, where
    found = cache.probe_get(CLIP)
    assert found in (None, {"found": True}), where
    cache.sweep()
    allowed = {"CACHEDIR.TAG", ".swept", ".grown", ".probes", f"hfcache-v1-{KEY}"}
    left = {path.name for path in root.iterdir()}
    assert left <= allowed, (where, left)
    assert not list(root.glob(".probes/.tmp-*")), where
    assert cache.verify() == [], where
    # And it works.
    render(cache)
    read(cache)


def main() -> None:
    root = Path(sys.argv[1])
    before, work = SCENARIOS[sys.argv[2]]
    for count in range(1, 100_000):
        shutil.rmtree(root, ignore_errors=True)
        before(opened(root))
        if survived(root, work, count):
            print(count - 1)
            return
        look_at(root, f"killed at line {count}")


main()
