from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hfbench.cache import ExtractionCache
from hfbench.cache.layout import MANIFEST_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator

PROCESSES = 8
ROUNDS = 200
#: The share of rounds in which a worker gets itself killed: about 50 of the 1600.
DEADLY = 1 / 32
#: A bound on a hang, not a measurement.
DEADLINE_SECONDS = 300.0
WORKER = Path(__file__).parent / "children" / "stress.py"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """In memory where there is such a place: what is tried is order, not the disk, which others may keep busy."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else tmp_path) as name:
        yield Path(name)


class Crowd:
    """Processes at work on one cache, each with a log of its own; whoever dies is started again."""

    def __init__(self, folder: Path, environment: dict[str, str], mode: str, *, rounds: int, deadly: float) -> None:
        self.deadly = deadly
        self.root = folder / "cache"
        self.root.mkdir()
        self.folder = folder
        self.environment = environment
        self.mode = mode
        self.rounds = rounds
        self.running = {number: self.start(number) for number in range(PROCESSES)}

    def start(self, number: int) -> subprocess.Popen[bytes]:
        arguments = [str(self.root), str(self.log(number)), str(number), str(self.rounds), self.mode, str(self.deadly)]
        command = [sys.executable, "-W", "error", str(WORKER), *arguments]
        return subprocess.Popen(command, env=self.environment)

    def log(self, number: int) -> Path:
        return self.folder / f"worker-{number}.log"

    def work(self) -> int:
        """Until all have finished. Gives how many were killed on the way."""
        killed, give_up = 0, time.monotonic() + DEADLINE_SECONDS
        try:
            while self.running:
                assert time.monotonic() < give_up, "a worker hangs"
                time.sleep(0.01)
                killed += self.bury_and_replace()
        finally:
            for child in self.running.values():
                child.kill()
                child.wait()
        return killed

    def bury_and_replace(self) -> int:
        killed = 0
        for number, child in list(self.running.items()):
            code = child.poll()
            if code == 0:
                del self.running[number]
            elif code is not None:
                assert code == -signal.SIGKILL, f"worker {number} ended with {code}"
                killed += 1
                self.running[number] = self.start(number)
        return killed

    def lines(self) -> list[str]:
        return [line for number in range(PROCESSES) for line in self.log(number).read_text().splitlines()]


def violations(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith("VIOLATION")]


def test_eight_processes_and_random_kills_and_no_reader_sees_a_broken_entry(
    folder: Path, child_environment: dict[str, str]
) -> None:
    crowd = Crowd(folder, child_environment, "right", rounds=ROUNDS, deadly=DEADLY)
    killed = crowd.work()
    lines = crowd.lines()
    assert violations(lines) == []

    # It was a test: all of it happened, and often.
    said = Counter(line.split()[0].rstrip(":") for line in lines)
    rounds = sum(said[action] for action in ("render", "sweep", "break", "adopt", "abandon", "probe"))
    assert rounds == PROCESSES * ROUNDS
    assert said["finished"] == PROCESSES
    assert killed > 10
    assert said["hit"] > 100
    assert said["published"] > 100
    sweeps = [list(map(int, line.split()[1:])) for line in lines if line.startswith("swept")]
    # Whether a kill hits a process while its entry is unfinished is chance: test_crash.py kills at every such place.
    evictions, _, damaged = map(sum, zip(*sweeps, strict=True))
    assert min(evictions, damaged) > 0

    assert_nothing_leaks_past_one_sweep(crowd.root)


def assert_nothing_leaks_past_one_sweep(root: Path) -> None:
    cache = ExtractionCache.open(root, min_age_seconds=0)
    report = cache.sweep()
    assert report.ran
    assert report.kept_in_use == 0
    names = {path.name for path in root.iterdir() if not path.name.startswith("hfcache-v1-")}
    assert names <= {".grown", ".probes", ".swept"}
    assert not list(root.glob(".probes/.tmp-*"))
    assert cache.verify() == []
    for entry in root.glob("hfcache-v1-*"):
        assert all(path.stat().st_size > 0 for path in entry.iterdir())
        assert (entry / MANIFEST_NAME).is_file()
    assert cache.clear().bytes_left == 0
    assert not list(root.glob("hfcache-v1-*"))


@pytest.mark.parametrize("mode", ["in place", "no leases"])
def test_control_the_readers_notice_a_cache_that_is_wrong(
    folder: Path, child_environment: dict[str, str], mode: str
) -> None:
    crowd = Crowd(folder, child_environment, mode, rounds=80, deadly=0.0)
    crowd.work()
    assert violations(crowd.lines()) != []
