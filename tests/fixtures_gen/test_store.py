from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

from fixtures_gen import FixtureError, Progress, Request, Size, Store, Truth
from fixtures_gen.manifest import file_sha256
from fixtures_gen.program import Program

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "untagged"
FILE = "untagged.mp4"


def leftovers(store: Store) -> list[str]:
    return [p.name for p in store.root.iterdir() if p.name.startswith(".") and p.name != ".locks"]


def test_nothing_is_touched_before_it_is_asked_for(private_store: Store) -> None:
    assert not private_store.is_complete(NAME)
    assert private_store.truth(NAME).files[0].name == FILE
    assert not private_store.root.exists()


def test_builds_once_then_reuses(private_store: Store) -> None:
    events: list[Progress] = []
    [entry] = private_store.ensure([NAME], on_progress=events.append)
    again = private_store.ensure([NAME, Request(NAME, Size.P180)], on_progress=events.append)
    assert [e.state for e in events] == ["building", "built", "reused"]
    assert again == (entry, entry)
    assert entry.folder == private_store.folder(NAME) == private_store.path(NAME).parent
    assert entry.folder.name.startswith("untagged-180p-")
    assert leftovers(private_store) == []


def test_the_manifest_says_how_it_was_made(private_store: Store) -> None:
    [entry] = private_store.ensure([NAME])
    manifest = json.loads((entry.folder / "manifest.json").read_text(encoding="utf-8"))
    media = entry.folder / FILE
    assert manifest["files"] == {FILE: {"bytes": media.stat().st_size, "sha256": file_sha256(media)}}
    assert manifest["ffmpeg"]["version"] == private_store.program.version
    assert len(manifest["ffmpeg"]["sha256"]) == 64
    assert manifest["recipeHash"] == entry.folder.name.rsplit("-", 1)[1]
    assert manifest["buildSeconds"] > 0
    assert manifest["commands"][0][0] == "ffmpeg"
    assert manifest["commands"][0][-1] == FILE
    truth = Truth.from_json(json.loads((entry.folder / "truth.json").read_text(encoding="utf-8")))
    assert truth == private_store.truth(NAME)


def damage_truncate(folder: Path) -> None:
    os.truncate(folder / FILE, 1000)


def damage_remove(folder: Path) -> None:
    (folder / FILE).unlink()


def damage_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text('{"format": 1, "fi', encoding="utf-8")


def damage_no_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def damage_old_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text('{"format": 0, "files": {}}', encoding="utf-8")


@pytest.mark.parametrize(
    "damage", [damage_truncate, damage_remove, damage_manifest, damage_no_manifest, damage_old_manifest]
)
def test_a_damaged_entry_is_found_and_rebuilt(private_store: Store, damage: Callable[[Path], None]) -> None:
    [entry] = private_store.ensure([NAME])
    before = file_sha256(entry.folder / FILE)
    damage(entry.folder)
    assert not private_store.is_complete(NAME)
    with pytest.raises(FixtureError, match="build untagged"):
        private_store.entry(NAME)
    private_store.ensure([NAME])
    assert private_store.problems(NAME, deep=True) == ()
    assert file_sha256(entry.folder / FILE) == before
    assert leftovers(private_store) == []


def test_a_flipped_bit_is_found_by_a_deep_look_only(private_store: Store) -> None:
    [entry] = private_store.ensure([NAME])
    media = entry.folder / FILE
    data = bytearray(media.read_bytes())
    data[len(data) // 2] ^= 1
    media.write_bytes(data)
    assert private_store.is_complete(NAME)
    assert private_store.problems(NAME, deep=True) == (f"{FILE} differs from its sha256",)
    private_store.ensure([NAME])
    assert media.read_bytes() == bytes(data), "a shallow look does not read contents"
    private_store.ensure([NAME], deep=True)
    assert private_store.problems(NAME, deep=True) == ()


def test_a_killed_builder_leaves_nothing_that_counts(private_store: Store) -> None:
    folder = private_store.folder(NAME)
    left = private_store.root / f".building-{folder.name}-1-dead"
    left.mkdir(parents=True)
    (left / FILE).write_bytes(b"half")
    assert not private_store.is_complete(NAME)
    private_store.ensure([NAME])
    assert not left.exists()


def test_a_failure_leaves_nothing_half_built(private_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    private_store.ensure(["full-range"])

    def fail(*_: object) -> None:
        raise FixtureError("no")

    monkeypatch.setattr("fixtures_gen.store.build", fail)
    with pytest.raises(FixtureError, match="no"):
        private_store.ensure([NAME, "bt601", "full-range"])
    assert leftovers(private_store) == []
    assert private_store.is_complete("full-range")
    assert not private_store.is_complete(NAME)


def test_a_read_only_or_blocked_root_is_one_line(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way", encoding="utf-8")
    with pytest.raises(FixtureError, match="cannot write") as caught:
        Store(blocked).ensure([NAME])
    assert "\n" not in caught.value.message


def test_a_missing_encoder_is_one_line(tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    poor = Program(program.path, program.version, frozenset({"png"}))
    monkeypatch.setattr("fixtures_gen.program.load", lambda _: poor)
    with pytest.raises(FixtureError, match=r"no encoder libx264.*pip install imageio-ffmpeg") as caught:
        Store(tmp_path / "store").ensure([NAME])
    assert "\n" not in caught.value.message


def test_an_unknown_name_is_answered_with_near_ones(private_store: Store) -> None:
    with pytest.raises(FixtureError, match=r"did you mean .*vfr-dropped"):
        private_store.folder("vfr-droped")


def test_two_processes_build_one_entry_once(private_store: Store) -> None:
    code = (
        "import sys; from pathlib import Path; from fixtures_gen import Store;"
        "Store(Path(sys.argv[1])).ensure(['bt2020-sdr'], on_progress=lambda e: print(e.state))"
    )
    command = [sys.executable, "-c", code, str(private_store.root)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    pair = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) for _ in range(2)]
    said = sorted(process.communicate(timeout=60)[0].split() for process in pair)
    assert [process.returncode for process in pair] == [0, 0]
    assert said == [["building", "built"], ["reused"]]


def test_gc_removes_the_outdated_and_spares_the_rest(private_store: Store) -> None:
    [entry] = private_store.ensure([NAME])
    old = entry.folder.with_name("untagged-180p-0000000000000000")
    shutil.copytree(entry.folder, old)
    dead = private_store.root / ".building-untagged-180p-0000000000000000-1-x"
    dead.mkdir()
    foreign = private_store.root / "not-ours"
    foreign.mkdir()
    assert set(private_store.gc(dry_run=True)) == {old, dead}
    assert old.exists()
    assert set(private_store.gc()) == {old, dead}
    assert private_store.is_complete(NAME)
    assert foreign.exists()
    assert private_store.gc(everything=True) == (entry.folder,)
    assert not private_store.is_complete(NAME)


def test_gc_leaves_what_is_being_built(private_store: Store) -> None:
    folder = private_store.folder(NAME)
    work = private_store.root / f".building-{folder.name}-1-x"
    work.mkdir(parents=True)
    (private_store.root / ".locks").mkdir()
    with FileLock(private_store.root / ".locks" / f"{folder.name}.lock"):
        assert private_store.gc() == ()
    assert private_store.gc() == (work,)


def test_gc_of_nothing(private_store: Store) -> None:
    assert private_store.gc() == ()
