from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hfbench.cache import CacheKey, ExtractionCache, KeyValue, cache_key
from hfbench.cache.layout import MANIFEST_NAME, entry_path

if TYPE_CHECKING:
    from tests.makers.cache_world import Publish, RunChild

FRAME = "frame_00002.jpg"


def emptied(entry: Path) -> None:
    for file in entry.iterdir():
        file.unlink()


def emptied_but_for_the_manifest(entry: Path) -> None:
    for file in entry.glob("frame*"):
        file.unlink()


def one_frame_gone(entry: Path) -> None:
    (entry / FRAME).unlink()


def one_frame_zero_bytes(entry: Path) -> None:
    os.truncate(entry / FRAME, 0)


def one_frame_cut(entry: Path) -> None:
    os.truncate(entry / FRAME, 99)


def one_frame_longer(entry: Path) -> None:
    os.truncate(entry / FRAME, 101)


def one_frame_renamed(entry: Path) -> None:
    (entry / FRAME).rename(entry / "frame_00009.jpg")


def one_frame_a_link(entry: Path) -> None:
    (entry / FRAME).rename(entry.parent / "elsewhere")
    (entry / FRAME).symlink_to("../" + "./" * 44 + "elsewhere")
    assert (entry / FRAME).lstat().st_size == 100, "the size of the frame"


def one_frame_a_folder(entry: Path) -> None:
    (entry / FRAME).unlink()
    (entry / FRAME).mkdir()


def a_file_too_many(entry: Path) -> None:
    (entry / "frame_00004.jpg").write_bytes(b"x" * 100)


def manifest_gone(entry: Path) -> None:
    (entry / MANIFEST_NAME).unlink()


def manifest_empty(entry: Path) -> None:
    os.truncate(entry / MANIFEST_NAME, 0)


def manifest_cut(entry: Path) -> None:
    os.truncate(entry / MANIFEST_NAME, (entry / MANIFEST_NAME).stat().st_size // 2)


def manifest_zeroed(entry: Path) -> None:
    (entry / MANIFEST_NAME).write_bytes(bytes((entry / MANIFEST_NAME).stat().st_size))


def manifest_edited(entry: Path) -> None:
    document = json.loads((entry / MANIFEST_NAME).read_bytes())
    document["payload"] = {"warnings": []}
    (entry / MANIFEST_NAME).write_text(json.dumps(document, separators=(",", ":")))


def manifest_not_json(entry: Path) -> None:
    (entry / MANIFEST_NAME).write_bytes(b"\xff" * 500)


def manifest_a_folder(entry: Path) -> None:
    (entry / MANIFEST_NAME).unlink()
    (entry / MANIFEST_NAME).mkdir()


def manifest_a_link(entry: Path) -> None:
    (entry / MANIFEST_NAME).rename(entry.parent / "elsewhere")
    (entry / MANIFEST_NAME).symlink_to(entry.parent / "elsewhere")


def manifest_a_fifo(entry: Path) -> None:
    (entry / MANIFEST_NAME).unlink()
    os.mkfifo(entry / MANIFEST_NAME)


def entry_a_file(entry: Path) -> None:
    shutil.rmtree(entry)
    entry.write_text("a file in its place")


def entry_a_dangling_link(entry: Path) -> None:
    shutil.rmtree(entry)
    entry.symlink_to("nowhere")


def entry_a_link(entry: Path) -> None:
    entry.rename(entry.parent / "elsewhere folder")
    entry.symlink_to(entry.parent / "elsewhere folder")


DAMAGES = [
    emptied,
    emptied_but_for_the_manifest,
    one_frame_gone,
    one_frame_zero_bytes,
    one_frame_cut,
    one_frame_longer,
    one_frame_renamed,
    one_frame_a_link,
    one_frame_a_folder,
    a_file_too_many,
    manifest_gone,
    manifest_empty,
    manifest_cut,
    manifest_zeroed,
    manifest_edited,
    manifest_not_json,
    manifest_a_folder,
    manifest_a_link,
    manifest_a_fifo,
    entry_a_file,
    entry_a_dangling_link,
    entry_a_link,
]
every_damage = pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)

Damage = Callable[[Path], None]


def test_a_whole_entry_is_a_hit_and_says_what_it_holds(cache: ExtractionCache, key: CacheKey, publish: Publish) -> None:
    publish(cache, key, payload={"pattern": "frame_%05d.jpg"}).close()
    lease = cache.lookup(key)
    assert lease is not None
    with lease:
        assert lease.folder == cache.root / f"hfcache-v1-{key}"
        assert lease.files == ("frame_00001.jpg", FRAME, "frame_00003.jpg")
        assert (lease.manifest.count, lease.manifest.total_bytes) == (3, 300)
        assert lease.manifest.payload == {"pattern": "frame_%05d.jpg"}
        assert lease.manifest.key_digest == key.digest


@every_damage
def test_a_damaged_entry_is_a_miss_and_heals(
    cache: ExtractionCache, key: CacheKey, publish: Publish, damage: Damage
) -> None:
    publish(cache, key).close()
    damage(entry_path(cache.root, key))
    assert cache.lookup(key) is None
    assert [problem.name for problem in cache.verify()] == [f"hfcache-v1-{key}"]

    with publish(cache, key) as healed:
        assert sum((healed.folder / name).stat().st_size for name in healed.files) == 300
    again = cache.lookup(key)
    assert again is not None
    again.close()
    assert cache.verify() == []
    assert {path.name for path in cache.root.iterdir()} - {"elsewhere", "elsewhere folder"} == {
        "CACHEDIR.TAG",
        ".grown",
        f"hfcache-v1-{key}",
    }


@every_damage
def test_a_damaged_entry_that_nobody_asks_for_is_swept(
    cache: ExtractionCache, key: CacheKey, publish: Publish, damage: Damage
) -> None:
    publish(cache, key).close()
    damage(entry_path(cache.root, key))
    report = cache.sweep()
    assert (report.damaged_removed, report.evictions) == (1, 0)
    assert not os.path.lexists(entry_path(cache.root, key))


def test_control_a_sentinel_alone_would_serve_what_is_broken(
    cache: ExtractionCache, key: CacheKey, publish: Publish
) -> None:
    # HyperFrames' check. It sees only the damages to the sentinel itself.
    seen = []
    for damage in DAMAGES:
        publish(cache, key).close()
        damage(entry_path(cache.root, key))
        if not (entry_path(cache.root, key) / MANIFEST_NAME).exists():
            seen.append(damage.__name__)
    assert seen == ["emptied", "manifest_gone", "entry_a_file", "entry_a_dangling_link"]


def test_keys_that_begin_alike_are_never_a_hit(cache: ExtractionCache, key: CacheKey, publish: Publish) -> None:
    publish(cache, key).close()
    alike = CacheKey(key.short + "0" * 48)
    assert cache.lookup(alike) is None
    publish(cache, alike, frames=1).close()
    assert cache.lookup(key) is None
    assert cache.verify() == []


def test_a_manifest_of_another_version_is_a_miss(
    cache: ExtractionCache, key: CacheKey, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as later:
        later.setattr("hfbench.cache.entries.MANIFEST_SCHEMA", 2)
        publish(cache, key).close()
    assert cache.lookup(key) is None
    assert [problem.reason for problem in cache.verify()] == ["its manifest is of another version"]


@pytest.mark.parametrize(
    "changed",
    [{"format": "png"}, {"quality": 80}, {"steps": ["bt709 to pq"]}, {"schema": 2}, {"versions": {"av": "19"}}],
    ids=repr,
)
def test_never_a_hit_across_format_quality_mapping_or_version(
    cache: ExtractionCache, publish: Publish, changed: dict[str, KeyValue]
) -> None:
    # "JPEG quality: wrong quality served", "SDR frames cached, then the clip used beside HDR: poisoned both ways".
    plan: dict[str, KeyValue] = {"format": "jpg", "quality": 95, "steps": [], "schema": 1, "versions": {"av": "18.1"}}
    publish(cache, cache_key(plan)).close()
    assert cache.lookup(cache_key({**plan, **changed})) is None
    publish(cache, cache_key({**plan, **changed}), frames=2).close()
    lease = cache.lookup(cache_key(plan))
    assert lease is not None
    assert lease.manifest.count == 3
    lease.close()


def test_too_many_open_files_is_a_miss_and_harms_nothing(
    cache: ExtractionCache, key: CacheKey, publish: Publish, run_child: RunChild
) -> None:
    publish(cache, key).close()
    run_child("few_files.py", cache.root, key.digest)
    assert cache.verify() == []
