from __future__ import annotations

import errno
import fcntl
import os
from typing import TYPE_CHECKING

import pytest

from hfbench.cache import CacheInfo, CacheKey, CacheUnusableError, EntryProblem, ExtractionCache
from hfbench.cache.layout import entry_path
from hfbench.errors import HfbenchError
from tests.makers.cache_world import START, Publish, RunChild

if TYPE_CHECKING:
    from pathlib import Path


def test_open_creates_the_folder_with_a_tag_for_backup_programs(tmp_path: Path) -> None:
    cache = ExtractionCache.open(tmp_path / "a" / "b")
    assert (cache.root / "CACHEDIR.TAG").read_bytes().startswith(b"Signature: 8a477f597d28d172789f06886806bc55")
    assert (cache.policy.max_bytes, cache.policy.min_age_seconds) == (2 * 1024**3, 3600)


def test_open_puts_no_tag_into_a_folder_of_somebody_else(tmp_path: Path) -> None:
    ExtractionCache.open(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_place_of_the_folder_is_unusable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for root in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(CacheUnusableError, match=r"a file is in its place; remove it or choose another") as caught:
            ExtractionCache.open(root)
        assert isinstance(caught.value, HfbenchError)
        assert str(root) in caught.value.message


def test_a_link_in_a_circle_is_unusable(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "link")
    with pytest.raises(CacheUnusableError):
        ExtractionCache.open(tmp_path / "link")


def test_a_link_to_a_folder_is_as_good_as_the_folder(tmp_path: Path, key: CacheKey, publish: Publish) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    cache = ExtractionCache.open(tmp_path / "link")
    publish(cache, key).close()
    assert cache.sweep().ran
    assert (tmp_path / "real" / f"hfcache-v1-{key}").is_dir()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EBADF, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_unusable(tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(CacheUnusableError, match="has no locks for folders; choose a folder on a local disk"):
        ExtractionCache.open(tmp_path)


def test_a_read_only_disk_is_unusable_and_what_is_open_already_still_serves(run_child_on_small_disk: RunChild) -> None:
    run_child_on_small_disk("read_only.py")


def test_a_full_disk_while_publishing_costs_the_entry_and_nothing_else(
    run_child_on_small_disk: RunChild,
) -> None:
    run_child_on_small_disk("full_disk.py")


def test_a_write_that_the_kernel_refuses_costs_the_entry_and_nothing_else(run_child: RunChild, tmp_path: Path) -> None:
    # Needs no file system of its own: a limit on the size of files refuses the manifest.
    run_child("file_limit.py", tmp_path / "cache")


def test_info_says_what_is_there(cache: ExtractionCache, key: CacheKey, publish: Publish) -> None:
    assert cache.info() == CacheInfo(cache.root, 0, 0, 10_000, None, None, 0, 0)
    publish(cache, key).close()
    cache.probe_put(cache.identify(__file__), {"found": True})
    (cache.root / ".partial-somebody").mkdir()
    found = cache.info()
    assert (found.entries, found.partials, found.documents) == (1, 1, 1)
    assert 300 < found.entry_bytes < 1000
    assert (found.oldest_use, found.newest_use) == (START, START)


def test_verify_names_what_is_wrong_and_changes_nothing(
    cache: ExtractionCache, key: CacheKey, publish: Publish
) -> None:
    publish(cache, key).close()
    assert cache.verify() == []
    (entry_path(cache.root, key) / "frame_00002.jpg").write_bytes(b"")
    expected = [EntryProblem(f"hfcache-v1-{key}", "frame_00002.jpg has 0 bytes instead of 100")]
    assert cache.verify() == expected
    assert cache.verify() == expected
