from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from fixtures_gen import FixtureError, Request, Size, Store
from fixtures_gen.edits import HideBox, SetColr, find, walk
from tests.oracles import boxes

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def media(store: Store) -> bytes:
    [entry] = store.ensure([Request("bt601", Size.P180)])
    return (entry.folder / "bt601-525.mp4").read_bytes()


def test_walk_sees_what_the_other_reader_sees(media: bytes) -> None:
    kinds = [box.kind.decode() for box in walk(media)]
    assert [k for k, _ in boxes.children(media)] == [k for k in kinds if k in {"ftyp", "free", "mdat", "moov"}]
    for needed in ("trak", "stsd", "avc1", "avcC", "colr", "stts"):
        assert needed in kinds


def test_set_colr_changes_seven_bytes_at_most(media: bytes, tmp_path: Path) -> None:
    edited = SetColr(9, 16, 9, full_range=True)(media)
    assert len(edited) == len(media)
    assert sum(a != b for a, b in zip(media, edited, strict=True)) <= 7
    (tmp_path / "x.mp4").write_bytes(edited)
    assert boxes.read(tmp_path / "x.mp4").colr == (9, 16, 9, True)


def test_hide_box_hides_it(media: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.mp4").write_bytes(HideBox("colr")(media))
    assert boxes.read(tmp_path / "x.mp4").colr is None


def test_what_is_not_there_cannot_be_edited(media: bytes) -> None:
    with pytest.raises(FixtureError, match="no uuid box"):
        find(media, b"uuid")
    quicktime = media.replace(b"nclx", b"nclc")
    with pytest.raises(FixtureError, match="not of type nclx"):
        SetColr(1, 1, 1, full_range=False)(quicktime)


def test_walk_stops_at_a_bad_size() -> None:
    good = struct.pack(">I4s", 8, b"free")
    assert [b.kind for b in walk(good + struct.pack(">I4s", 4, b"free") + good)] == [b"free"]
    assert [b.kind for b in walk(good + struct.pack(">I4s", 99, b"free"))] == [b"free"]
    assert [(b.kind, b.size) for b in walk(struct.pack(">I4sQ", 1, b"free", 16))] == [(b"free", 16)]
