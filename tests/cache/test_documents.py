from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hfbench.cache import ContentIdentity, ExtractionCache, StatIdentity
from hfbench.cache.leases import Lock, lock_file
from tests.makers.cache_world import START, StandingClock

if TYPE_CHECKING:
    from collections.abc import Callable

CLIP = StatIdentity("/clips/a.mp4", 1, 2)
FOUND = {"streams": [{"codec": "h264", "fps": "30000/1001"}], "duration": None}


def only_document(cache: ExtractionCache) -> Path:
    (document,) = (cache.root / ".probes").iterdir()
    return document


def test_a_probe_result_comes_back(cache: ExtractionCache) -> None:
    assert cache.probe_get(CLIP) is None
    assert cache.probe_put(CLIP, FOUND)
    assert cache.probe_get(CLIP) == FOUND
    assert ExtractionCache.open(cache.root).probe_get(CLIP) == FOUND


@pytest.mark.parametrize(
    "other",
    [
        StatIdentity("/clips/b.mp4", 1, 2),
        StatIdentity("/clips/a.mp4", 2, 2),
        StatIdentity("/clips/a.mp4", 1, 3),
        ContentIdentity("0" * 64, 2),
    ],
    ids=repr,
)
def test_a_changed_file_has_no_probe_result(cache: ExtractionCache, other: StatIdentity | ContentIdentity) -> None:
    # HyperFrames' metadata cache never notices that a file changed.
    cache.probe_put(CLIP, FOUND)
    assert cache.probe_get(other) is None


def test_another_reader_has_another_result(cache: ExtractionCache) -> None:
    cache.probe_put(CLIP, FOUND, reader="PyAV 18.1")
    assert cache.probe_get(CLIP, reader="PyAV 19.0") is None
    assert cache.probe_get(CLIP, reader="PyAV 18.1") == FOUND


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def zeroed(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def one_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[data.index(b"h264") + 1] ^= 1
    path.write_bytes(data)


def a_link(path: Path) -> None:
    path.rename(path.parent / "elsewhere")
    path.symlink_to(path.parent / "elsewhere")


def foreign(path: Path) -> None:
    path.write_text("[]")


@pytest.mark.parametrize("damage", [cut, zeroed, one_bit, a_link, foreign], ids=lambda damage: damage.__name__)
def test_a_damaged_document_is_absent_and_heals(cache: ExtractionCache, damage: Callable[[Path], None]) -> None:
    cache.probe_put(CLIP, FOUND)
    damage(only_document(cache))
    assert cache.probe_get(CLIP) is None
    assert cache.probe_put(CLIP, FOUND)
    assert cache.probe_get(CLIP) == FOUND


def test_a_document_under_the_name_of_another_is_absent(cache: ExtractionCache) -> None:
    cache.probe_put(CLIP, FOUND)
    wrong = only_document(cache)
    other = StatIdentity("/clips/b.mp4", 1, 2)
    cache.probe_put(other, {"other": True})
    (right,) = set((cache.root / ".probes").iterdir()) - {wrong}
    wrong.replace(right)
    assert cache.probe_get(other) is None


def test_a_document_of_another_version_is_absent(cache: ExtractionCache, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.probe_put(CLIP, FOUND)
    monkeypatch.setattr("hfbench.cache.documents.DOCUMENT_SCHEMA", 2)
    assert cache.probe_get(CLIP) is None


def test_what_is_not_json_is_misuse(cache: ExtractionCache) -> None:
    with pytest.raises(TypeError):
        cache.probe_put(CLIP, {"path": Path("x")})  # type: ignore[dict-item]
    with pytest.raises(ValueError, match="Out of range"):
        cache.probe_put(CLIP, {"duration": float("inf")})
    assert not (cache.root / ".probes").exists()


def test_a_document_that_can_not_be_written_is_no_error(cache: ExtractionCache) -> None:
    (cache.root / ".probes").write_text("a file in its place")
    assert not cache.probe_put(CLIP, FOUND)
    assert cache.probe_get(CLIP) is None


def test_documents_unused_for_a_month_are_swept(cache: ExtractionCache, clock: StandingClock) -> None:
    other = StatIdentity("/clips/b.mp4", 1, 2)
    cache.probe_put(CLIP, FOUND)
    cache.probe_put(other, FOUND)
    clock.now = START + 29 * 86400
    cache.probe_get(CLIP)
    assert cache.sweep().documents_removed == 0
    clock.now = START + 31 * 86400
    assert cache.sweep().documents_removed == 1
    assert cache.probe_get(CLIP) == FOUND
    assert cache.probe_get(other) is None


def test_what_a_killed_writer_left_is_swept_and_a_living_one_is_left_alone(cache: ExtractionCache) -> None:
    (cache.root / ".probes").mkdir()
    dead, alive = (cache.root / ".probes" / f".tmp-{name}" for name in ("dead", "alive"))
    dead.write_bytes(b"half")
    alive.write_bytes(b"half")
    lock = lock_file(alive, exclusive=False)
    assert isinstance(lock, Lock)
    with lock:
        assert cache.sweep().documents_removed == 1
        assert (dead.exists(), alive.exists()) == (False, True)
    assert cache.sweep().documents_removed == 1


def test_a_sweep_between_creation_and_lock_of_a_document_costs_nothing(
    cache: ExtractionCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch = Path.touch
    swept: list[int] = []

    def swept_at_once(path: Path, *, exist_ok: bool = True) -> None:
        touch(path, exist_ok=exist_ok)
        if not swept:
            swept.append(cache.sweep().documents_removed)

    monkeypatch.setattr(Path, "touch", swept_at_once)
    assert cache.probe_put(CLIP, FOUND)
    assert swept == [1]
    assert cache.probe_get(CLIP) == FOUND


def test_writers_of_one_document_in_many_threads_leave_one_whole(cache: ExtractionCache) -> None:
    def write(number: int) -> None:
        for _ in range(20):
            cache.probe_put(CLIP, {"by": number, "filler": "x" * 10_000 * number})
            found = cache.probe_get(CLIP)
            assert found is not None
            assert len(str(found["filler"])) == 10_000 * int(str(found["by"]))

    errors: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            write(number)
        except BaseException as error:  # noqa: BLE001  shown by the assertion below
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(list((cache.root / ".probes").iterdir())) == 1
