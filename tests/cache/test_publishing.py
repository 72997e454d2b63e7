from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hfbench.cache import CacheKey, ExtractionCache, Lease, NotPublished, publishing, removal
from hfbench.cache.entries import write_manifest
from hfbench.cache.layout import entry_path
from hfbench.cache.leases import Lock, lock_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.makers.cache_world import Publish


def render(folder: Path, frames: int = 3) -> Path:
    folder.mkdir(exist_ok=True)
    for index in range(frames):
        (folder / f"frame_{index + 1:05d}.png").write_bytes(bytes([index + 1]) * 50)
    return folder


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The folder of a render: three frames."""
    return render(tmp_path / "own")


def names(cache: ExtractionCache) -> set[str]:
    return {path.name for path in cache.root.iterdir()} - {"CACHEDIR.TAG", ".grown", ".swept"}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_nothing_is_seen_before_the_entry_is_whole_and_all_of_it_after(
    cache: ExtractionCache, key: CacheKey, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def looked_at(*given, **named):
        (partial,) = names(cache)
        assert partial.startswith(".partial-")
        assert contents(cache.root / partial) == contents(own)
        assert cache.lookup(key) is None
        return write_manifest(*given, **named)

    monkeypatch.setattr(publishing, "write_manifest", looked_at)
    lease = cache.adopt(key, own, {"warnings": [{"kind": "shorter_than_requested", "frames": (3, 60)}]})
    assert isinstance(lease, Lease)
    with lease:
        assert names(cache) == {lease.folder.name}
        # As a later reader will see it, who has it from JSON.
        assert lease.manifest.payload == {"warnings": [{"kind": "shorter_than_requested", "frames": [3, 60]}]}


@pytest.mark.parametrize("link", [True, False])
def test_the_rendered_folder_is_left_as_it_is(cache: ExtractionCache, key: CacheKey, own: Path, *, link: bool) -> None:
    before = contents(own)
    lease = cache.adopt(key, own, {"pattern": "frame_%05d.png"}, link=link)
    assert isinstance(lease, Lease)
    with lease:
        assert contents(own) == before
        assert {name: (lease.folder / name).read_bytes() for name in lease.files} == before
        linked = (own / "frame_00001.png").samefile(lease.folder / "frame_00001.png")
        assert linked is link


def test_whatever_happens_no_partial_folder_is_left(
    cache: ExtractionCache, key: CacheKey, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_given, **_named):
        raise KeyboardInterrupt

    monkeypatch.setattr(publishing, "write_manifest", fail)
    with pytest.raises(KeyboardInterrupt):
        cache.adopt(key, own, {})
    assert names(cache) == set()


@pytest.mark.parametrize("kind", ["no frames", "empty frame", "link", "reserved name"])
def test_what_can_not_be_an_entry_is_refused_and_stays_with_the_render(
    cache: ExtractionCache, key: CacheKey, tmp_path: Path, kind: str
) -> None:
    # Past-EOF and failed clips have no frames; a full disk leaves empty ones.
    own = render(tmp_path / "own", 0 if kind == "no frames" else 3)
    extra = own / ".hf-complete" if kind == "reserved name" else own / "frame_00009.png"
    if kind in {"empty frame", "reserved name"}:
        extra.touch()
    elif kind == "link":
        extra.symlink_to("frame_00001.png")
    before = contents(own)
    refused = cache.adopt(key, own, {})
    assert isinstance(refused, NotPublished)
    assert refused.reason.endswith("so the folder can't become a cache entry")
    assert contents(own) == before
    assert cache.lookup(key) is None
    assert names(cache) == set()


@pytest.mark.parametrize("kind", ["missing", "holds a folder"])
def test_what_can_not_be_read_is_refused_with_the_reason(
    cache: ExtractionCache, key: CacheKey, tmp_path: Path, kind: str
) -> None:
    if kind == "holds a folder":
        (render(tmp_path / "own") / "frame_00009.png").mkdir()
    refused = cache.adopt(key, tmp_path / "own", {}, link=True)
    assert isinstance(refused, NotPublished)
    assert refused.reason.startswith("the entry could not be written: ")
    assert names(cache) == set()


@pytest.mark.parametrize("payload", [{"path": Path("x")}, {"fps": float("nan")}], ids=repr)
def test_a_payload_that_is_not_json_is_misuse(
    cache: ExtractionCache, key: CacheKey, own: Path, payload: dict[str, object]
) -> None:
    with pytest.raises((TypeError, ValueError)):
        cache.adopt(key, own, payload)  # type: ignore[arg-type]
    assert names(cache) == set()


def test_the_loser_adopts_the_winner(cache: ExtractionCache, key: CacheKey, publish: Publish) -> None:
    with publish(cache, key, payload={"by": "first"}) as winner, publish(cache, key, payload={"by": "second"}) as loser:
        assert winner.folder == loser.folder
        assert loser.manifest.payload == {"by": "first"}
        assert names(cache) == {winner.folder.name}


def test_a_damaged_entry_is_replaced_and_not_adopted(cache: ExtractionCache, key: CacheKey, publish: Publish) -> None:
    publish(cache, key, payload={"by": "first"}).close()
    (entry_path(cache.root, key) / "frame_00002.jpg").unlink()
    with publish(cache, key, payload={"by": "second"}) as lease:
        assert lease.manifest.payload == {"by": "second"}
        assert names(cache) == {lease.folder.name}


def test_a_damaged_entry_that_is_being_read_is_not_pulled_away(
    cache: ExtractionCache, key: CacheKey, publish: Publish, own: Path
) -> None:
    reader = publish(cache, key)
    (reader.folder / "frame_00002.jpg").unlink()
    refused = cache.adopt(key, own, {})
    assert isinstance(refused, NotPublished)
    assert "is still being read" in refused.reason
    assert len(contents(own)) == 3, "the render goes on from its own folder"
    assert len(contents(reader.folder)) == 3, "two frames and the manifest are where the reader has them"
    reader.close()
    publish(cache, key).close()
    assert cache.verify() == []


def test_of_two_that_heal_one_entry_the_second_adopts_the_first(
    cache: ExtractionCache, key: CacheKey, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(cache, key, payload={"by": "nobody"}).close()
    (entry_path(cache.root, key) / "frame_00002.jpg").unlink()

    def overtaken(root: Path, name: str, **how: Callable[[int], bool]) -> object:
        # The other one comes between our look at the damage and our lock on it.
        monkeypatch.undo()
        publish(cache, key, payload={"by": "first"}).close()
        return removal.take_out(root, name, **how)

    monkeypatch.setattr(publishing, "take_out", overtaken)
    with publish(cache, key, payload={"by": "second"}) as lease:
        assert lease.manifest.payload == {"by": "first"}
    assert names(cache) == {lease.folder.name}


def test_an_emptied_entry_that_is_just_being_moved_is_not_renamed_over(
    cache: ExtractionCache, key: CacheKey, own: Path
) -> None:
    # POSIX would let it, and then the mover would take our fresh entry for the empty one.
    target = entry_path(cache.root, key)
    target.mkdir()
    lock = lock_folder(target, exclusive=True)
    assert isinstance(lock, Lock)
    with lock:
        assert isinstance(cache.adopt(key, own, {}), NotPublished)
        assert contents(target) == {}


def test_eight_threads_publish_one_key_and_all_get_whole_entries(
    cache: ExtractionCache, key: CacheKey, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leases: list[Lease | NotPublished] = []
    start = threading.Barrier(8)

    def all_at_once(*given, **named):
        start.wait(60)
        return write_manifest(*given, **named)

    monkeypatch.setattr(publishing, "write_manifest", all_at_once)
    threads = [threading.Thread(target=lambda: leases.append(cache.adopt(key, own, {}))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(leases) == 8
    for lease in leases:
        assert isinstance(lease, Lease)
        assert sum(map(len, contents(lease.folder).values())) > 150
    assert names(cache) == {entry_path(cache.root, key).name}
    for lease in leases:
        lease.close()


def test_a_sweep_between_creation_and_lock_of_a_partial_costs_nothing(
    cache: ExtractionCache, key: CacheKey, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mkdir = Path.mkdir
    swept: list[int] = []

    def swept_at_once(path: Path) -> None:
        mkdir(path)
        if not swept:
            swept.append(cache.sweep().partials_cleared)

    monkeypatch.setattr(Path, "mkdir", swept_at_once)
    lease = cache.adopt(key, own, {})
    assert isinstance(lease, Lease)
    lease.close()
    assert swept == [1]
    assert cache.verify() == []


@pytest.mark.parametrize("fsync", [True, False])
def test_frames_are_flushed_before_the_manifest_exists(
    tmp_path: Path, key: CacheKey, own: Path, monkeypatch: pytest.MonkeyPatch, *, fsync: bool
) -> None:
    cache = ExtractionCache.open(tmp_path / "cache", fsync=fsync)
    flushed: list[bool] = []
    monkeypatch.setattr(
        "hfbench.cache.entries.os.fsync", lambda _: flushed.append(bool([*cache.root.glob(".partial-*/.hf-complete")]))
    )
    lease = cache.adopt(key, own, {})
    assert isinstance(lease, Lease)
    lease.close()
    assert flushed == ([False] * 3 if fsync else [])
