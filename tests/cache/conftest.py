"""A cache in a temporary folder, a clock that stands still, and child processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cache_world import Publish, RunChild, StandingClock

import hfbench
from hfbench.cache import CacheKey, ExtractionCache, Lease, cache_key

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).parent


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def cache(tmp_path: Path, clock: StandingClock) -> ExtractionCache:
    return ExtractionCache.open(tmp_path / "cache", max_bytes=10_000, min_age_seconds=3600, clock=clock)


@pytest.fixture
def key() -> CacheKey:
    return cache_key({"clip": "one"})


@pytest.fixture
def publish() -> Publish:
    """Publish an entry of ``frames`` frames of ``size`` bytes; give the lease."""

    def publish_frames(
        cache: ExtractionCache,
        key: CacheKey,
        *,
        frames: int = 3,
        size: int = 100,
        payload: Mapping[str, str] | None = None,
    ) -> Lease:
        with cache.publish(key) as partial:
            for index in range(frames):
                (partial.folder / f"frame_{index + 1:05d}.jpg").write_bytes(bytes([index % 255 + 1]) * size)
            lease = partial.commit(payload or {})
        assert lease is not None, partial.trouble
        return lease

    return publish_frames


@pytest.fixture(scope="session")
def child_environment() -> dict[str, str]:
    """For child processes: they import the hfbench that the tests import."""
    assert hfbench.__file__ is not None
    return {**os.environ, "PYTHONPATH": str(Path(hfbench.__file__).parents[1])}


@pytest.fixture
def run_child(child_environment: dict[str, str]) -> RunChild:
    """Run one of the programs beside this file to its end, and show what it said if it failed."""

    def run(name: str, *arguments: object, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-W", "error", str(HERE / name), *map(str, arguments)]
        return _run(command, child_environment, timeout)

    return run


@pytest.fixture
def run_child_on_small_disk(tmp_path: Path, child_environment: dict[str, str]) -> RunChild:
    """The same, with a file system of its own of 1 MB and 100 files at the path that is its first argument.

    It is mounted in a name space of the child, so that it is gone with the child, however that ends.
    """
    disk = tmp_path / "disk"
    disk.mkdir()
    enter = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    mount = 'mount -t tmpfs -o size=1m,nr_inodes=100 tmpfs "$0" && exec "$@"'
    enter += ["sh", "-c", mount, str(disk)]
    if shutil.which("unshare") is None or subprocess.run([*enter, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine lets us mount no file system, not even in a name space of our own")

    def run(name: str, *arguments: object, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-W", "error", str(HERE / name), str(disk), *map(str, arguments)]
        return _run([*enter, *command], child_environment, timeout)

    return run


def _run(command: list[str], environment: dict[str, str], timeout: float) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done
