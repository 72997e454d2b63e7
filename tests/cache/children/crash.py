"""Kill a process before every change that it makes on the disk, one after another, and look at what is left.

For the scenario that is the second argument: fork; the child does it under a profiler that kills it (SIGKILL, no
clean-up of any kind) before system call number 1, 2, 3 ... of those that change something, be it called by the cache
or by the standard library for it; the parent then plays the next run. Ends when a child gets to the end. Writes how
many points of death there were.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hfbench.cache import ExtractionCache, Lease, StatIdentity, cache_key
from hfbench.cache.sealed import seal

#: Functions in C that change a disk or a lock; between two of them a death leaves what it leaves before the second.
CHANGES = frozenset(
    {
        "open",
        "mkdir",
        "rename",
        "replace",
        "link",
        "unlink",
        "remove",
        "rmdir",
        "utime",
        "write",
        "truncate",
        "ftruncate",
        "fsync",
        "sendfile",
        "flock",
        "close",
    }
)
KEY = cache_key({"clip": "one"})
OTHER = cache_key({"clip": "other"})
CLIP = StatIdentity("/clips/a.mp4", 1, 2)
FRAMES = {f"frame_{index:05d}.jpg": bytes([index]) * 100 for index in (1, 2, 3)}


def opened(root: Path, *, max_bytes: int = 2**31) -> ExtractionCache:
    # A killed process leaves what it wrote to the kernel: flushing is for power cuts, and would only take time here.
    return ExtractionCache.open(root, max_bytes=max_bytes, min_age_seconds=0, fsync=False)


def break_entry(cache: ExtractionCache) -> None:
    render(cache)
    (cache.root / f"hfcache-v1-{KEY}" / "frame_00002.jpg").unlink()


def adopt(cache: ExtractionCache, *, link: bool = True) -> None:
    own = cache.root.with_name("own")
    own.mkdir(exist_ok=True)
    for name, data in FRAMES.items():
        (own / name).write_bytes(data)
    lease = cache.adopt(KEY, own, {}, link=link)
    assert isinstance(lease, Lease), lease.reason
    lease.close()


def render(cache: ExtractionCache) -> None:
    adopt(cache, link=False)


def evict(cache: ExtractionCache) -> None:
    assert opened(cache.root, max_bytes=0).sweep().evictions == 1


def read(cache: ExtractionCache) -> None:
    lease = cache.lookup(KEY)
    assert lease is not None
    lease.close()


def render_in_place(cache: ExtractionCache) -> None:
    """The control: sizes and manifest are right from the start, the bytes come later."""
    folder = cache.root / f"hfcache-v1-{KEY}"
    folder.mkdir()
    for name, data in FRAMES.items():
        (folder / name).write_bytes(bytes(len(data)))
    sizes = {name: len(data) for name, data in FRAMES.items()}
    manifest = seal({"schema": 1, "key": KEY.digest, "files": sizes, "payload": {}})
    (folder / ".hf-complete").write_bytes(manifest)
    for name, data in FRAMES.items():
        with (folder / name).open("r+b") as file:
            file.write(data)


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
    "in place": (nothing, render_in_place),
}


def die_at(count: int) -> Any:
    """Called by the interpreter before each function written in C: SIGKILL before change number ``count``."""
    left = count

    def watch(_: Any, event: str, function: Any) -> None:
        nonlocal left
        if event == "c_call" and function.__name__ in CHANGES:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return watch


def survived(root: Path, work: Step, count: int) -> bool:
    """Do the work in a child that dies before its change number ``count``; True when it had fewer."""
    child = os.fork()
    if not child:
        sys.setprofile(die_at(count))
        work(opened(root))
        sys.setprofile(None)
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
            sys.stdout.write(f"{count - 1}\n")
            return
        look_at(root, f"killed before change {count}")


main()
