"""One of many processes that render, sweep, break and abandon on one cache, at random but from a seed.

Arguments: the cache folder, a log file, a seed, the number of rounds, how to publish and evict, and the share of rounds
in which it gets itself killed a moment later. How to publish and evict:

* ``right``: as the cache does it;
* ``in place``: a publisher that writes under the final name, the manifest first (a control);
* ``no leases``: an evictor that does not ask for leases (a control).

Each finished round is a line in the log; a process started again under the same log goes on where its killed
predecessor was. What a reader must never see is a line that begins with ``VIOLATION``.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

from hfbench.cache import CacheKey, ExtractionCache, Lease, StatIdentity, cache_key
from hfbench.cache.layout import MANIFEST_NAME, entry_path
from hfbench.cache.leases import Lock, lock_folder
from hfbench.cache.sealed import seal

KEYS = [cache_key({"clip": number}) for number in range(10)]
MAX_BYTES = 25_000


def expected(key: CacheKey) -> dict[str, bytes]:
    """What the frames of a key are: the oracle, which knows nothing of manifests."""
    number = KEYS.index(key)
    return {f"frame_{index + 1:05d}.jpg": f"{number}/{index} ".encode() * 100 for index in range(3 + number)}


class Worker:
    def __init__(self, root: Path, log: Path, seed: str, mode: str, *, deadly: float) -> None:
        self.deadly = deadly
        self.root = root
        self.log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.random = random.Random(seed)
        self.mode = mode
        self.cache = ExtractionCache.open(root, max_bytes=MAX_BYTES, min_age_seconds=0, fsync=False)

    def say(self, line: str) -> None:
        os.write(self.log, f"{line}\n".encode())

    def round(self) -> None:
        if self.random.random() < self.deadly:
            # From another thread, at a moment that has nothing to do with what this one does: SIGKILL, no clean-up.
            death = threading.Timer(self.random.random() * 0.01, os.kill, (os.getpid(), signal.SIGKILL))
            death.daemon = True
            death.start()
        key = self.random.choice(KEYS)
        actions = {"render": 70, "sweep": 10, "break": 8, "adopt": 5, "abandon": 4, "probe": 3}
        (action,) = self.random.choices(list(actions), list(actions.values()))
        getattr(self, f"do_{action}")(key)
        self.say(action)

    def do_render(self, key: CacheKey) -> None:
        lease = self.cache.lookup(key)
        if lease is not None:
            self.say("hit")
            self.read(key, lease)
        elif self.mode == "in place":
            self.publish_in_place(key)
        else:
            self.adopt(key, link=False)

    def do_adopt(self, key: CacheKey) -> None:
        self.adopt(key, link=self.random.random() < 0.5)

    def adopt(self, key: CacheKey, *, link: bool) -> None:
        own = self.root.with_name(f"own-{os.getpid()}")
        own.mkdir(exist_ok=True)
        self.write(key, own)
        lease = self.cache.adopt(key, own, {"clip": KEYS.index(key)}, link=link)
        shutil.rmtree(own)
        self.say("published" if isinstance(lease, Lease) else f"unpublished: {lease.reason}")
        if isinstance(lease, Lease):
            self.read(key, lease)

    def do_sweep(self, _: CacheKey) -> None:
        if self.mode == "no leases":
            for path in self.root.glob("hfcache-*"):
                shutil.rmtree(path, ignore_errors=True)
            return
        report = self.cache.sweep()
        self.say(f"swept {report.evictions} {report.partials_cleared} {report.damaged_removed}")

    def do_break(self, key: CacheKey) -> None:
        """Damage an entry that nobody reads, as a bad disk would."""
        lock = lock_folder(entry_path(self.root, key), exclusive=True)
        if not isinstance(lock, Lock):
            return
        with lock:
            victim = entry_path(self.root, key) / self.random.choice([*expected(key), MANIFEST_NAME])
            with contextlib.suppress(FileNotFoundError):
                if self.random.random() < 0.5:
                    victim.unlink()
                else:
                    os.truncate(victim, 0)

    def do_abandon(self, key: CacheKey) -> None:
        """Offer what can't be an entry: its partial folder is abandoned."""
        own = self.root.with_name(f"own-{os.getpid()}")
        own.mkdir(exist_ok=True)
        self.write(key, own)
        (own / "frame_99999.jpg").touch()
        if isinstance(self.cache.adopt(key, own, {}), Lease):
            self.say("VIOLATION an empty frame was taken")
        shutil.rmtree(own)

    def do_probe(self, key: CacheKey) -> None:
        clip = StatIdentity(f"/clips/{KEYS.index(key)}", 0, 0)
        found = self.cache.probe_get(clip)
        if found not in (None, {"clip": KEYS.index(key)}):
            self.say(f"VIOLATION probe {found}")
        self.cache.probe_put(clip, {"clip": KEYS.index(key)})

    def write(self, key: CacheKey, folder: Path) -> None:
        for name, data in expected(key).items():
            (folder / name).write_bytes(data)
            self.pause()

    def read(self, key: CacheKey, lease: Lease) -> None:
        """Read all frames, twice, and compare: they must be whole and stay so under the lease."""
        with lease:
            for _ in range(2):
                try:
                    seen = {path.name: path.read_bytes() for path in lease.folder.iterdir()}
                except FileNotFoundError as error:
                    self.say(f"VIOLATION gone {error.filename}")
                    return
                seen.pop(MANIFEST_NAME, None)
                if seen != expected(key):
                    self.say(f"VIOLATION not whole {lease.folder.name} {sorted(seen)}")
                    return
                self.pause()

    def pause(self) -> None:
        if self.random.random() < 0.3:
            time.sleep(self.random.random() * 0.002)

    def publish_in_place(self, key: CacheKey) -> None:
        """The control: sizes and manifest are right from the start, the bytes come later."""
        folder, files = entry_path(self.root, key), expected(key)
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            folder.mkdir()
            for name, data in files.items():
                (folder / name).write_bytes(bytes(len(data)))
            sizes = {name: len(data) for name, data in files.items()}
            manifest = seal({"schema": 1, "key": key.digest, "files": sizes, "payload": {}})
            (folder / MANIFEST_NAME).write_bytes(manifest)
            for name, data in files.items():
                time.sleep(0.001)
                with (folder / name).open("r+b") as file:
                    file.write(data)


def main() -> None:
    root, log, seed, rounds, mode, deadly = sys.argv[1:]
    done = Path(log).read_text().split("\n") if Path(log).exists() else []
    left = int(rounds) - sum(line in {"render", "sweep", "break", "adopt", "abandon", "probe"} for line in done)
    # Another seed after each death, or the same rounds would be played again.
    worker = Worker(Path(root), Path(log), f"{seed}/{left}", mode, deadly=float(deadly))
    for _ in range(left):
        worker.round()
    worker.say("finished")


main()
