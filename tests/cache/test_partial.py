from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hfbench.cache import CacheKey, ExtractionCache, Lease, PartialEntry, removal
from hfbench.cache import partial as partial_module
from hfbench.cache.layout import entry_path
from hfbench.cache.leases import Lock, lock_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.makers.cache_world import Publish


def render(folder: Path, frames: int = 3) -> None:
    folder.mkdir(exist_ok=True)
    for index in range(frames):
        (folder / f"frame_{index + 1:05d}.png").write_bytes(bytes([index + 1]) * 50)


def names(cache: ExtractionCache) -> set[str]:
    return {path.name for path in cache.root.iterdir()} - {"CACHEDIR.TAG", ".grown", ".swept"}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_nothing_is_seen_before_the_commit_and_all_of_it_after(cache: ExtractionCache, key: CacheKey) -> None:
    with cache.publish(key) as partial:
        render(partial.folder)
        assert partial.folder.parent == cache.root
        assert cache.lookup(key) is None
        lease = partial.commit({"warnings": [{"kind": "shorter_than_requested", "frames": (3, 60)}]})
        assert lease is not None
        assert not partial.folder.exists()
    with lease:
        assert names(cache) == {lease.folder.name}
        # As a later reader will see it, who has it from JSON.
        assert lease.manifest.payload == {"warnings": [{"kind": "shorter_than_requested", "frames": [3, 60]}]}


def test_leaving_the_block_abandons(cache: ExtractionCache, key: CacheKey) -> None:
    def fail_halfway() -> None:
        with cache.publish(key) as partial:
            render(partial.folder)
            raise KeyError

    with pytest.raises(KeyError):
        fail_halfway()
    assert names(cache) == set()
    assert cache.counters.publish_failures == 0


def test_after_the_end_it_can_not_be_used(cache: ExtractionCache, key: CacheKey) -> None:
    with cache.publish(key) as partial:
        render(partial.folder)
        partial.abandon()
        partial.abandon()
        with pytest.raises(RuntimeError, match="before"):
            partial.commit({})
        with pytest.raises(RuntimeError, match="before"):
            partial.detach()


def test_a_detached_folder_is_the_callers_until_closed(cache: ExtractionCache, key: CacheKey) -> None:
    with cache.publish(key) as partial:
        render(partial.folder)
        own = partial.detach()
    assert cache.sweep().kept_in_use == 1
    assert len(contents(own.folder)) == 3
    own.close()
    own.close()
    assert names(cache) == set()


@pytest.mark.parametrize("kind", ["no frames", "empty frame", "folder", "link", "reserved name"])
def test_what_can_not_be_an_entry_is_refused_and_stays_with_the_render(
    cache: ExtractionCache, key: CacheKey, kind: str
) -> None:
    # Past-EOF and failed clips have no frames; a full disk leaves empty ones.
    with cache.publish(key) as partial:
        if kind != "no frames":
            render(partial.folder)
        extra = partial.folder / ".hf-complete" if kind == "reserved name" else partial.folder / "frame_00009.png"
        if kind in {"empty frame", "reserved name"}:
            extra.touch()
        elif kind == "folder":
            extra.mkdir()
        elif kind == "link":
            extra.symlink_to("frame_00001.png")
        before = sorted(path.name for path in partial.folder.iterdir() if path.name != ".hf-complete")
        assert partial.commit({}) is None
        assert partial.trouble is not None
        assert partial.trouble.endswith("so the folder can't become a cache entry")
        assert sorted(path.name for path in partial.folder.iterdir()) == before
    assert cache.lookup(key) is None
    assert cache.counters.publish_failures == 1
    assert names(cache) == set()


@pytest.mark.parametrize("payload", [{"path": Path("x")}, {"fps": float("nan")}], ids=repr)
def test_a_payload_that_is_not_json_is_misuse(
    cache: ExtractionCache, key: CacheKey, payload: dict[str, object]
) -> None:
    with cache.publish(key) as partial:
        render(partial.folder)
        with pytest.raises((TypeError, ValueError)):
            partial.commit(payload)  # type: ignore[arg-type]
        lease = partial.commit({})
        assert lease is not None
        lease.close()


def test_the_loser_adopts_the_winner(cache: ExtractionCache, key: CacheKey) -> None:
    with cache.publish(key) as first, cache.publish(key) as second:
        render(first.folder)
        render(second.folder)
        winner, loser = first.commit({"by": "first"}), second.commit({"by": "second"})
        assert winner is not None
        assert loser is not None
        with winner, loser:
            assert winner.folder == loser.folder
            assert loser.manifest.payload == {"by": "first"}
            assert names(cache) == {winner.folder.name}
    assert cache.counters.publish_failures == 0


def test_a_damaged_entry_is_replaced_and_not_adopted(cache: ExtractionCache, key: CacheKey, publish: Publish) -> None:
    publish(cache, key, payload={"by": "first"}).close()
    (entry_path(cache.root, key) / "frame_00002.jpg").unlink()
    with publish(cache, key, payload={"by": "second"}) as lease:
        assert lease.manifest.payload == {"by": "second"}
        assert names(cache) == {lease.folder.name}


def test_a_damaged_entry_that_is_being_read_is_not_pulled_away(
    cache: ExtractionCache, key: CacheKey, publish: Publish
) -> None:
    reader = publish(cache, key)
    (reader.folder / "frame_00002.jpg").unlink()
    with cache.publish(key) as partial:
        render(partial.folder)
        assert partial.commit({}) is None
        assert partial.trouble is not None
        assert "somebody still reads it" in partial.trouble
        assert len(contents(partial.folder)) == 3, "the render goes on from its own folder"
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

    monkeypatch.setattr(partial_module, "take_out", overtaken)
    with publish(cache, key, payload={"by": "second"}) as lease:
        assert lease.manifest.payload == {"by": "first"}
    assert names(cache) == {lease.folder.name}


def test_an_emptied_entry_that_is_just_being_moved_is_not_renamed_over(cache: ExtractionCache, key: CacheKey) -> None:
    # POSIX would let it, and then the mover would take our fresh entry for the empty one.
    target = entry_path(cache.root, key)
    target.mkdir()
    lock = lock_folder(target, exclusive=True)
    assert isinstance(lock, Lock)
    with lock, cache.publish(key) as partial:
        render(partial.folder)
        assert partial.commit({}) is None
        assert contents(target) == {}


def test_eight_threads_publish_one_key_and_all_get_whole_entries(cache: ExtractionCache, key: CacheKey) -> None:
    leases: list[Lease | None] = []
    start = threading.Barrier(8)

    def work() -> None:
        with cache.publish(key) as partial:
            render(partial.folder)
            start.wait(30)
            leases.append(partial.commit({}))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(leases) == 8
    for lease in leases:
        assert lease is not None
        assert sum(map(len, contents(lease.folder).values())) > 150
    assert names(cache) == {entry_path(cache.root, key).name}
    for lease in filter(None, leases):
        lease.close()


def test_a_sweep_between_creation_and_lock_of_a_partial_costs_nothing(
    cache: ExtractionCache, key: CacheKey, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    mkdir = Path.mkdir
    swept: list[int] = []

    def swept_at_once(path: Path) -> None:
        mkdir(path)
        if not swept:
            swept.append(cache.sweep().partials_cleared)

    monkeypatch.setattr(Path, "mkdir", swept_at_once)
    publish(cache, key).close()
    assert swept == [1]
    assert cache.verify() == []


@pytest.mark.parametrize("link", [True, False])
def test_adopt_leaves_the_rendered_folder_as_it_is(
    cache: ExtractionCache, key: CacheKey, tmp_path: Path, *, link: bool
) -> None:
    own = tmp_path / "own"
    render(own)
    before = contents(own)
    lease = cache.adopt(key, own, {"pattern": "frame_%05d.png"}, link=link)
    assert lease is not None
    with lease:
        assert contents(own) == before
        assert {name: (lease.folder / name).read_bytes() for name in lease.files} == before
        linked = (own / "frame_00001.png").samefile(lease.folder / "frame_00001.png")
        assert linked is link
    assert cache.owns(lease.folder)
    assert not cache.owns(own)


def test_adopt_of_nothing_is_none_and_counted(cache: ExtractionCache, key: CacheKey, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert cache.adopt(key, tmp_path / "empty", {}) is None
    assert cache.adopt(key, tmp_path / "missing", {}) is None
    assert cache.counters.publish_failures == 2
    assert names(cache) == set()


def test_trouble_while_taking_is_kept_until_the_commit(cache: ExtractionCache, key: CacheKey, tmp_path: Path) -> None:
    with cache.publish(key) as partial:
        partial.take(tmp_path / "missing", link=True)
        assert partial.commit({}) is None
        assert partial.trouble == "the frames could not be put into the cache: No such file or directory"


@pytest.mark.parametrize("fsync", [True, False])
def test_frames_are_flushed_before_the_manifest_exists(
    tmp_path: Path, key: CacheKey, monkeypatch: pytest.MonkeyPatch, *, fsync: bool
) -> None:
    cache = ExtractionCache.open(tmp_path / "cache", fsync=fsync)
    partial: PartialEntry
    flushed: list[bool] = []
    monkeypatch.setattr(
        "hfbench.cache.entries.os.fsync", lambda _: flushed.append((partial.folder / ".hf-complete").exists())
    )
    with cache.publish(key) as partial:
        render(partial.folder)
        lease = partial.commit({})
        assert lease is not None
        lease.close()
    assert flushed == ([False] * 3 if fsync else [])
