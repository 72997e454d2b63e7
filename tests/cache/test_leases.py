from __future__ import annotations

import fcntl
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from hfbench.cache import CacheKey, ExtractionCache
from hfbench.cache.leases import Lock, Refusal, lock_file, lock_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.makers.cache_world import Publish, StandingClock

HOLD = """
import sys
from pathlib import Path
from hfbench.cache import CacheKey, ExtractionCache
lease = ExtractionCache.open(Path(sys.argv[1])).lookup(CacheKey(sys.argv[2]))
print(lease is not None, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other_reader(
    cache: ExtractionCache, key: CacheKey, publish: Publish, child_environment: dict[str, str]
) -> Iterator[subprocess.Popen[str]]:
    """Another process with a lease on the entry of ``key``."""
    publish(cache, key).close()
    command = [sys.executable, "-c", HOLD, str(cache.root), key.digest]
    with subprocess.Popen(
        command, env=child_environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "True\n"
        yield child
        child.kill()


def evict(cache: ExtractionCache, clock: StandingClock) -> int:
    clock.now += 100_000
    return ExtractionCache(cache.root, max_bytes=0, clock=clock).sweep().evictions


def test_eviction_respects_a_lease_and_takes_the_entry_after_it(
    cache: ExtractionCache, key: CacheKey, publish: Publish, clock: StandingClock
) -> None:
    lease = publish(cache, key)
    assert evict(cache, clock) == 0
    assert all((lease.folder / name).stat().st_size == 100 for name in lease.files)
    lease.close()
    lease.close()
    assert lease.closed
    assert evict(cache, clock) == 1
    assert not lease.folder.exists()


def test_each_lease_counts_by_itself(
    cache: ExtractionCache, key: CacheKey, publish: Publish, clock: StandingClock
) -> None:
    first, second = publish(cache, key), cache.lookup(key)
    assert second is not None
    first.close()
    assert evict(cache, clock) == 0
    second.close()
    assert evict(cache, clock) == 1


def test_clear_respects_a_lease(cache: ExtractionCache, key: CacheKey, publish: Publish) -> None:
    with publish(cache, key):
        assert cache.clear().kept_in_use == 1
    assert cache.clear().evictions == 1


def test_a_lease_of_another_thread_counts(
    cache: ExtractionCache, key: CacheKey, publish: Publish, clock: StandingClock
) -> None:
    publish(cache, key).close()
    held, done = threading.Event(), threading.Event()

    def read() -> None:
        lease = cache.lookup(key)
        assert lease is not None
        with lease:
            held.set()
            assert done.wait(30)

    reader = threading.Thread(target=read)
    reader.start()
    assert held.wait(30)
    assert evict(cache, clock) == 0
    done.set()
    reader.join()
    assert evict(cache, clock) == 1


def test_a_lease_of_another_process_counts_until_it_is_killed(
    cache: ExtractionCache, clock: StandingClock, other_reader: subprocess.Popen[str]
) -> None:
    assert evict(cache, clock) == 0
    other_reader.send_signal(signal.SIGKILL)
    other_reader.wait()
    assert evict(cache, clock) == 1


FORK = """
import os, sys
from pathlib import Path
from hfbench.cache import CacheKey, ExtractionCache
cache = ExtractionCache.open(Path(sys.argv[1]), max_bytes=0, min_age_seconds=0)
lease = cache.lookup(CacheKey(sys.argv[2]))
reading, writing = os.pipe()
child = os.fork()
if not child:
    os.close(writing)
    os.read(reading, 1)
    os._exit(0)
os.close(reading)
lease.close()
while_it_lives = cache.sweep().evictions
os.close(writing)
os.waitpid(child, 0)
print(while_it_lives, cache.sweep().evictions)
"""


def test_a_forked_child_keeps_the_lease_of_its_parent(
    cache: ExtractionCache, key: CacheKey, publish: Publish, child_environment: dict[str, str]
) -> None:
    publish(cache, key).close()
    command = [sys.executable, "-W", "error", "-c", FORK, str(cache.root), key.digest]
    assert subprocess.run(command, env=child_environment, capture_output=True, text=True, check=True).stdout == "0 1\n"


def test_a_forgotten_lease_is_given_back_with_a_warning(
    cache: ExtractionCache, key: CacheKey, publish: Publish, clock: StandingClock
) -> None:
    lease = publish(cache, key)
    with pytest.warns(ResourceWarning, match="never closed"):
        del lease
    assert evict(cache, clock) == 1


def test_control_without_the_lock_the_reader_loses_its_frames(
    cache: ExtractionCache, key: CacheKey, publish: Publish, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = publish(cache, key)
    monkeypatch.setattr(fcntl, "flock", lambda *_: None)
    assert evict(cache, clock) == 1
    assert not lease.folder.exists()
    lease.close()


def test_a_folder_replaced_between_open_and_lock_is_not_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    real = fcntl.flock

    def replaced_first(fd: int, how: int) -> Any:
        folder.rename(tmp_path / "moved")
        folder.mkdir()
        return real(fd, how)

    monkeypatch.setattr(fcntl, "flock", replaced_first)
    assert lock_folder(folder, exclusive=True) is Refusal.MISSING
    monkeypatch.undo()
    with lock_folder(folder, exclusive=True) as lock:  # type: ignore[union-attr]
        assert lock.fd >= 0


def test_what_can_not_be_locked_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path)
    assert lock_folder(tmp_path / "missing", exclusive=False) is Refusal.MISSING
    assert lock_folder(tmp_path / "file", exclusive=False) is Refusal.NOT_A_FOLDER
    assert lock_folder(tmp_path / "link", exclusive=False) is Refusal.NOT_A_FOLDER
    shared = lock_file(tmp_path / "file", exclusive=False)
    assert isinstance(shared, Lock)
    with shared:
        assert lock_file(tmp_path / "file", exclusive=True) is Refusal.BUSY
        with lock_file(tmp_path / "file", exclusive=False) as another:  # type: ignore[union-attr]
            assert another.fd != shared.fd
