"""A cache in a temporary folder, a clock that stands still, and child processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import hfbench
from hfbench.cache import CacheKey, ExtractionCache, Lease, cache_key
from tests.makers.cache_world import Publish, RunChild, StandingClock

if TYPE_CHECKING:
    from collections.abc import Mapping

CHILDREN = Path(__file__).with_name("children")


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
        with tempfile.TemporaryDirectory() as folder:
            for index in range(frames):
                (Path(folder) / f"frame_{index + 1:05d}.jpg").write_bytes(bytes([index % 255 + 1]) * size)
            lease = cache.adopt(key, Path(folder), payload or {})
        assert isinstance(lease, Lease), lease.reason
        return lease

    return publish_frames


@pytest.fixture(scope="session")
def child_environment() -> dict[str, str]:
    """For child processes: they import the hfbench that the tests import."""
    assert hfbench.__file__ is not None
    return {**os.environ, "PYTHONPATH": str(Path(hfbench.__file__).parents[1])}


@pytest.fixture
def run_child(child_environment: dict[str, str]) -> RunChild:
    """Run one of the programs in ``children`` to its end, and show what it said if it failed."""

    def run(name: str, *arguments: object, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-W", "error", str(CHILDREN / name), *map(str, arguments)]
        return _run(command, child_environment, timeout)

    return run


@pytest.fixture
def run_child_on_small_disk(tmp_path: Path, child_environment: dict[str, str]) -> RunChild:
    """The same, with a file system of 1 MB and 100 files at its first argument and a large one at its second.

    They are mounted in a name space of the child, so that they are gone with the child, however that ends, and
    nothing that it wrote (as root, it may be) is left for us to clean up.
    """
    small, large = tmp_path / "small", tmp_path / "large"
    for folder in (small, large):
        folder.mkdir()
    mount = 'mount -t tmpfs -o size=1m,nr_inodes=100 tmpfs "$0" && mount -t tmpfs tmpfs "$1" && shift && exec "$@"'
    inside = ["sh", "-c", mount, str(small), str(large), "env", "PYTHONDONTWRITEBYTECODE=1"]
    inside.append(f"PYTHONPATH={child_environment['PYTHONPATH']}")  # sudo lets none through
    enter = next((way for way in _ways_to_mount() if _works([*way, *inside, "true"])), None)
    if enter is None:
        pytest.skip("this machine lets us mount no file system, not even in a name space of our own")

    def run(name: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-W", "error", str(CHILDREN / name), str(small), str(large)]
        return _run([*enter, *inside, *command], child_environment, timeout)

    return run


def _ways_to_mount() -> list[list[str]]:
    if os.geteuid() == 0:
        return [["unshare", "--mount"]]
    return [["unshare", "--mount", "--map-root-user"], ["sudo", "--non-interactive", "unshare", "--mount"]]


def _works(command: list[str]) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, check=False, capture_output=True, timeout=60).returncode == 0


def _run(command: list[str], environment: dict[str, str], timeout: float) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done
