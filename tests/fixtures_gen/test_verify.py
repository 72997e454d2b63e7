from __future__ import annotations

from dataclasses import replace

import pytest

from fixtures_gen import CATALOGUE, Progress, Size, Store
from fixtures_gen.manifest import file_sha256
from fixtures_gen.recipe import Encode
from fixtures_gen.sums import Sums, read
from fixtures_gen.verify import verify

NOTHING = Sums("", {})


def test_small_recipes_give_the_same_bytes_in_two_surroundings(private_store: Store) -> None:
    names = ["untagged", "alpha-vp9", "bt2020-sdr", "mkv-no-duration", "odd-size"]
    events: list[Progress] = []
    results = verify(private_store, names, on_progress=events.append, expected=NOTHING)
    assert [r.name for r in results] == names
    assert all(r.ok for r in results)
    assert all(f.first == f.second and f.stored is None for r in results for f in r.files)
    assert [e.done for e in events] == [1, 2, 3, 4, 5]
    assert [p for p in private_store.root.iterdir() if p.name.startswith(".verify")] == []


def test_bytes_are_those_that_were_committed(private_store: Store) -> None:
    [result] = verify(private_store, ["untagged"])
    same_version = read().ffmpeg_version == private_store.program.version
    assert [f.pinned for f in result.files] == ["match" if same_version else "other ffmpeg version"]


def test_a_recipe_that_does_not_reproduce_is_found(private_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    base = CATALOGUE["untagged"]
    # x264 takes its threads from the machine and writes their number into the stream
    careless = ("-c:v", "libx264", "-preset", "veryfast", "-threads", "0")
    [step] = base.steps(Size.P720)
    assert isinstance(step, Encode)
    recipe = replace(base, steps=lambda _: (replace(step, args=careless),))
    monkeypatch.setattr("fixtures_gen.verify.find_recipe", lambda _: recipe)
    [result] = verify(private_store, ["untagged"], expected=NOTHING)
    assert not result.ok


def test_other_committed_bytes_are_a_difference_and_another_version_is_not(private_store: Store) -> None:
    wrong = {"untagged-180p/untagged.mp4": "0" * 64}
    [result] = verify(private_store, ["untagged"], expected=Sums(private_store.program.version, wrong))
    assert [f.pinned for f in result.files] == ["differs"]
    assert not result.ok
    [result] = verify(private_store, ["untagged"], expected=Sums("n0", wrong))
    assert [f.pinned for f in result.files] == ["other ffmpeg version"]
    assert result.ok


def test_a_corrupted_entry_fails(private_store: Store) -> None:
    [entry] = private_store.ensure(["untagged"])
    media = entry.folder / "untagged.mp4"
    [whole] = verify(private_store, ["untagged"], expected=NOTHING)
    assert whole.ok
    assert whole.files[0].stored == file_sha256(media)
    data = bytearray(media.read_bytes())
    data[-1] ^= 1
    media.write_bytes(data)
    [result] = verify(private_store, ["untagged"], expected=NOTHING)
    assert not result.ok
    assert result.store_problems == ("untagged.mp4 differs from its sha256",)


@pytest.mark.slow
def test_the_whole_catalogue_reproduces(store: Store) -> None:
    results = verify(store, list(CATALOGUE))
    assert [r.name for r in results if not r.ok] == []
