from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from hfbench.cache import CacheKey, EvictionPolicy, ExtractionCache, cache_key, eviction, removal
from hfbench.cache.eviction import SWEEP_INTERVAL_SECONDS, SweepReport
from hfbench.cache.layout import entry_path
from hfbench.cache.leases import Lock, lock_folder
from tests.makers.cache_world import START, Publish, StandingClock

if TYPE_CHECKING:
    from pathlib import Path

HOUR = 3600.0


@pytest.fixture
def small(cache: ExtractionCache, clock: StandingClock) -> ExtractionCache:
    """Room for two entries of a thousand bytes and their manifests."""
    return ExtractionCache.open(cache.root, max_bytes=3_000, min_age_seconds=HOUR, clock=clock)


def fill(cache: ExtractionCache, clock: StandingClock, publish: Publish, count: int) -> list[CacheKey]:
    """Entries of a thousand bytes, used one hour after another; the clock ends two hours after the last."""
    keys = [cache_key({"number": number}) for number in range(count)]
    for key in keys:
        publish(cache, key, frames=10).close()
        clock.now += HOUR
    clock.now += HOUR
    return keys


def kept(cache: ExtractionCache, keys: list[CacheKey]) -> list[int]:
    return [index for index, key in enumerate(keys) if entry_path(cache.root, key).exists()]


def test_the_least_recently_used_go_until_the_rest_fits(
    small: ExtractionCache, clock: StandingClock, publish: Publish
) -> None:
    keys = fill(small, clock, publish, 5)
    report = small.sweep()
    assert kept(small, keys) == [3, 4]
    assert report.evictions == 3
    assert report.bytes_left == small.info().entry_bytes <= 3_000
    assert report.bytes_freed >= 3_000


def test_a_hit_is_a_use(small: ExtractionCache, clock: StandingClock, publish: Publish) -> None:
    keys = fill(small, clock, publish, 5)
    lease = small.lookup(keys[0])
    assert lease is not None
    lease.close()
    clock.now += 2 * HOUR
    small.sweep()
    assert kept(small, keys) == [0, 4]


def test_a_use_between_the_decision_and_the_lock_keeps_the_entry(
    small: ExtractionCache, clock: StandingClock, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = fill(small, clock, publish, 3)
    real = removal.take_out

    def used_just_before(root: Path, name: str, **how: object) -> object:
        lease = small.lookup(keys[0])
        if lease is not None:
            lease.close()
        return real(root, name, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(eviction, "take_out", used_just_before)
    report = small.sweep()
    assert (report.kept_in_use, report.evictions) == (1, 1)
    assert kept(small, keys) == [0, 2]


def test_young_entries_stay_whatever_the_size(small: ExtractionCache, clock: StandingClock, publish: Publish) -> None:
    keys = [cache_key({"number": number}) for number in range(4)]
    for key in keys:
        publish(small, key, frames=10).close()
        clock.now += 60
    clock.now = START + HOUR - 1
    assert small.sweep().evictions == 0
    clock.now = START + HOUR + 1
    small.sweep()
    assert kept(small, keys) == [1, 2, 3], "only the first is old enough, though two are too many"


def test_nothing_goes_while_all_fits(cache: ExtractionCache, clock: StandingClock, publish: Publish) -> None:
    keys = fill(cache, clock, publish, 3)
    assert cache.sweep() == SweepReport(bytes_left=cache.info().entry_bytes)
    assert kept(cache, keys) == [0, 1, 2]


def test_a_wrong_clock_neither_loses_nor_pins_an_entry(
    small: ExtractionCache, clock: StandingClock, publish: Publish
) -> None:
    keys = fill(small, clock, publish, 3)
    for key, ahead in zip(keys, (HOUR / 2, 10**9, 0), strict=True):
        os.utime(entry_path(small.root, key), (clock.now + ahead, clock.now + ahead))
    small.sweep()
    assert kept(small, keys) == [0, 2], "30 minutes ahead is another machine's clock, 30 years ahead was a wrong one"


def test_entries_of_another_layout_are_evicted_alike_but_not_judged(
    small: ExtractionCache, clock: StandingClock, publish: Publish
) -> None:
    keys = fill(small, clock, publish, 2)
    old = small.root / f"hfcache-v0-{'0' * 16}"
    old.mkdir()
    (old / "frame").write_bytes(b"x" * 1000)
    os.utime(old, (START, START))
    assert small.verify() == []
    report = small.sweep()
    assert (report.evictions, report.damaged_removed) == (1, 0)
    assert kept(small, keys) == [0, 1]


def test_files_of_others_are_never_touched(cache: ExtractionCache, clock: StandingClock, publish: Publish) -> None:
    fill(cache, clock, publish, 1)
    mine = [cache.root / name for name in ("thesis.txt", "hfcache-v1-notours", ".git", "partial-work")]
    for path in mine[:1]:
        path.write_text("years of work")
    for path in mine[1:]:
        path.mkdir()
    cache.sweep()
    cache.clear()
    assert all(path.exists() for path in mine)
    assert cache.info().entries == 0


def test_clear_takes_everything_of_any_age(cache: ExtractionCache, clock: StandingClock, publish: Publish) -> None:
    fill(cache, clock, publish, 2)
    publish(cache, cache_key({"number": "young"})).close()
    (entry_path(cache.root, cache_key({"number": 0})) / "frame_00001.jpg").unlink()
    (cache.root / f"hfcache-v1-{'0' * 16}").mkdir()
    cache.probe_put(cache.identify(__file__), {})
    cache.sweep()
    report = cache.clear()
    assert (report.bytes_left, report.documents_removed) == (0, 1)
    left = {path.name for path in cache.root.iterdir()}
    assert left == {"CACHEDIR.TAG", ".probes"}


ABANDON = """
import signal, sys
from pathlib import Path
from hfbench.cache import CacheKey, ExtractionCache, publishing
own = Path(sys.argv[3])
own.mkdir()
(own / "frame_00001.jpg").write_bytes(b"x" * 1000)
def stop(*_, **__):
    print("ready", flush=True)
    signal.pause()
publishing.write_manifest = stop
ExtractionCache.open(Path(sys.argv[1])).adopt(CacheKey(sys.argv[2]), own, {})
"""


def test_a_partial_is_abandoned_when_its_writer_is_dead_and_not_before(
    cache: ExtractionCache, key: CacheKey, child_environment: dict[str, str], tmp_path: Path
) -> None:
    command = [sys.executable, "-c", ABANDON, str(cache.root), key.digest, str(tmp_path / "own")]
    with subprocess.Popen(command, env=child_environment, stdout=subprocess.PIPE, text=True) as writer:
        try:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
            assert cache.sweep().partials_cleared == 0
            assert cache.info().partials == 1
        finally:
            writer.send_signal(signal.SIGKILL)
    report = cache.sweep()
    assert (report.partials_cleared, report.bytes_freed) == (1, 1000)
    assert cache.info().partials == 0


def test_what_was_moved_aside_is_removed_unless_its_remover_lives(cache: ExtractionCache) -> None:
    for name in ("dead", "alive"):
        (cache.root / f".moved-{name}").mkdir()
    (cache.root / ".moved-file").touch()
    lock = lock_folder(cache.root / ".moved-alive", exclusive=True)
    assert isinstance(lock, Lock)
    with lock:
        report = cache.sweep()
    assert (report.leftovers_removed, report.kept_in_use) == (2, 1)
    assert cache.sweep().leftovers_removed == 1


def test_one_sweeper_at_a_time(cache: ExtractionCache, clock: StandingClock, publish: Publish) -> None:
    fill(cache, clock, publish, 1)
    lock = lock_folder(cache.root, exclusive=True)
    assert isinstance(lock, Lock)
    with lock:
        assert cache.sweep() == SweepReport(ran=False)
        # Nobody else needs that lock.
        ExtractionCache.open(cache.root)
        publish(cache, cache_key({"meanwhile": True})).close()
    assert cache.sweep().ran


def test_a_sweep_is_due_once_a_day(cache: ExtractionCache, clock: StandingClock) -> None:
    assert cache.sweep_if_due() is not None, "never swept"
    assert cache.sweep_if_due() is None
    clock.now += SWEEP_INTERVAL_SECONDS - 1
    assert cache.sweep_if_due() is None
    clock.now += 1
    assert cache.sweep_if_due() is not None
    clock.now -= 10
    assert cache.sweep_if_due() is not None, "the last sweep can't have been in the future"
    (cache.root / ".swept").write_bytes(b"")
    assert cache.sweep_if_due() is not None, "a damaged stamp"


def test_a_sweep_is_due_when_the_cap_was_outgrown_by_whoever(
    small: ExtractionCache, clock: StandingClock, publish: Publish
) -> None:
    small.sweep()
    other = ExtractionCache.open(small.root, clock=clock)
    keys = [cache_key({"number": number}) for number in range(4)]
    for key in keys[:3]:
        publish(other, key, frames=10).close()
    assert small.sweep_if_due() is None
    publish(other, keys[3], frames=10).close()
    report = small.sweep_if_due()
    assert report is not None
    assert report.evictions == 0, "all are young"
    assert small.sweep_if_due() is None, "and a warm run after that does not sweep again"
    clock.now += 2 * HOUR
    publish(other, cache_key({"number": 4}), frames=10).close()
    assert small.sweep_if_due() is not None
    assert kept(small, keys) != [0, 1, 2, 3]


def test_adopting_a_winner_is_no_growth(cache: ExtractionCache, key: CacheKey, publish: Publish) -> None:
    publish(cache, key).close()
    publish(cache, key).close()
    assert (cache.root / ".grown").read_text() == "300\n"


def test_an_unreadable_cache_does_not_end_a_run(cache: ExtractionCache) -> None:
    cache.root.rename(cache.root.with_name("gone"))
    assert cache.sweep_if_due() is not None
    assert cache.lookup(cache_key({})) is None


@pytest.mark.parametrize(("max_bytes", "min_age"), [(-1, 0.0), (0, -1.0), (0, math.nan)])
def test_an_impossible_policy_is_refused(max_bytes: int, min_age: float) -> None:
    with pytest.raises(ValueError, match="both must be 0 or more"):
        EvictionPolicy(max_bytes, min_age)


def test_reports_add_up() -> None:
    one = SweepReport(True, 1, 2, 3, 4, 5, 6, 7, 8)
    assert one + one == SweepReport(True, 2, 4, 6, 8, 10, 12, 14, 16)
    assert not (one + SweepReport(ran=False)).ran
