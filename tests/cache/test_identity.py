from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from hfbench.cache import ContentIdentity, ExtractionCache, IdentityKind, StatIdentity, cache_key
from tests.makers.cache_world import START, StandingClock

CONTENT = IdentityKind.CONTENT


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A file that was last changed an hour ago."""
    return written(tmp_path / "a.mp4", b"moving pictures")


def written(path: Path, data: bytes, *, changed: float = START - 3600) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (changed, changed))
    return path


def test_by_stat_it_is_path_time_and_size(cache: ExtractionCache, clip: Path) -> None:
    found = clip.stat()
    assert cache.identify(clip) == StatIdentity(str(clip), found.st_mtime_ns, found.st_size)


def test_by_stat_one_path_has_one_spelling(cache: ExtractionCache, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(clip.parent)
    assert cache.identify("x/../a.mp4") == cache.identify(clip)


@pytest.mark.parametrize("change", ["touched", "longer", "moved"])
def test_by_stat_a_changed_file_is_another(cache: ExtractionCache, clip: Path, change: str) -> None:
    before = cache.identify(clip)
    if change == "touched":
        os.utime(clip, ns=(0, clip.stat().st_mtime_ns + 1))
    elif change == "longer":
        written(clip, b"moving pictures!")
    else:
        clip = clip.rename(clip.with_name("b.mp4"))
    assert cache.identify(clip) != before


@pytest.mark.parametrize("change", ["touched", "moved", "fresh checkout"])
def test_by_content_a_moved_touched_or_freshly_checked_out_file_still_hits(
    cache: ExtractionCache, clip: Path, tmp_path: Path, change: str
) -> None:
    before = cache.identify(clip, CONTENT)
    if change == "touched":
        os.utime(clip, (START - 60, START - 60))
    elif change == "moved":
        clip = clip.rename(clip.with_name("b.mp4"))
    else:
        clip = written(tmp_path / "checkout" / "a.mp4", clip.read_bytes(), changed=START)
    after = cache.identify(clip, CONTENT)
    assert after == before == ContentIdentity(hashlib.sha256(b"moving pictures").hexdigest(), 15)
    assert cache_key(after.described()) == cache_key(before.described())


def test_by_content_other_bytes_are_another_source(cache: ExtractionCache, clip: Path) -> None:
    before = cache.identify(clip, CONTENT)
    written(clip, b"moving pixtures", changed=START - 3599)
    assert cache.identify(clip, CONTENT) != before


def test_by_content_an_unmoved_file_is_not_read_again(cache: ExtractionCache, clip: Path) -> None:
    before = cache.identify(clip, CONTENT)
    written(clip, b"moving pixtures")
    assert cache.identify(clip, CONTENT) == before, "it was read, though path, time and size are the same"


def test_by_content_a_file_changed_just_now_is_read_again(
    cache: ExtractionCache, clip: Path, clock: StandingClock
) -> None:
    # It may change once more within the same tick of the file system's clock.
    clock.now = START - 3600 + 1
    before = cache.identify(clip, CONTENT)
    written(clip, b"moving pixtures")
    assert cache.identify(clip, CONTENT) != before


def test_by_content_a_damaged_memory_heals(cache: ExtractionCache, clip: Path) -> None:
    before = cache.identify(clip, CONTENT)
    (document,) = (cache.root / ".digests").iterdir()
    document.write_bytes(document.read_bytes().replace(before.described()["sha256"].encode(), b"0" * 64))  # type: ignore[union-attr]
    assert cache.identify(clip, CONTENT) == before
    assert document.read_bytes().count(b"0" * 64) == 0


def test_by_content_a_file_that_changes_while_it_is_read_gets_no_digest(
    cache: ExtractionCache, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = hashlib.file_digest

    def read_while_it_grows(file: Any, name: str) -> Any:
        digest = read(file, name)
        with clip.open("ab") as growing:
            growing.write(b"+")
        return digest

    monkeypatch.setattr(hashlib, "file_digest", read_while_it_grows)
    assert isinstance(cache.identify(clip, CONTENT), StatIdentity)
    assert not (cache.root / ".digests").exists()


def test_by_content_what_is_no_file_is_an_error_and_never_a_hang(cache: ExtractionCache, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", tmp_path, tmp_path / "missing", Path(os.devnull)):
        with pytest.raises(OSError, match=r"regular file|directory|No such file"):
            cache.identify(path, CONTENT)


def test_by_content_works_when_the_memory_can_not_be_written(cache: ExtractionCache, clip: Path) -> None:
    (cache.root / ".digests").write_text("a file in its place")
    assert isinstance(cache.identify(clip, CONTENT), ContentIdentity)


def test_a_name_that_is_not_utf8_has_an_identity_and_a_key(cache: ExtractionCache, clip: Path) -> None:
    strange = os.fsdecode(os.fsencode(clip.parent) + b"/\xff\n.mp4")
    shutil.copy2(clip, strange)
    identities = [cache.identify(strange), cache.identify(strange, CONTENT)]
    assert len({cache_key(identity.described()) for identity in identities}) == 2
