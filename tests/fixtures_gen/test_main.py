from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from fixtures_gen import CATALOGUE
from fixtures_gen.__main__ import main

if TYPE_CHECKING:
    from pathlib import Path


Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def call(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["--root", str(tmp_path / "store"), *arguments])

    return call


def test_list_names_everything(run: Run) -> None:
    assert [row["name"] for row in json.loads(run("list", "--json").stdout)] == list(CATALOGUE)
    text = run("list", "--tag", "alpha").stdout
    assert "alpha-vp9" in text
    assert "untagged" not in text


def test_build_path_and_gc(run: Run) -> None:
    built = json.loads(run("build", "--only", "untagged", "--json").stdout)
    assert [b["name"] for b in built] == ["untagged"]
    assert "untagged-180p-" in run("build", "untagged").stdout
    assert run("path", "untagged").stdout.strip() == f"{built[0]['folder']}/untagged.mp4"
    assert json.loads(run("list", "--json", "--tag", "sdr").stdout) != []
    assert "would remove" in run("gc", "--all", "--dry-run").stdout
    assert "removed" in run("gc", "--all").stdout
    assert run("gc", "--all").stdout == ""


def test_show_prints_command_and_truth_and_draws(run: Run, tmp_path: Path) -> None:
    shown = run("show", "vfr-dropped", "--size", "180p", "--sheet", str(tmp_path / "s.png"))
    assert shown.exit_code == 0
    assert "Camera frames | ffmpeg" in shown.stdout
    assert "between(mod(n,37),10,12)" in shown.stdout
    assert '"is_vfr": true' in shown.stdout
    assert (tmp_path / "s.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads(run("show", "vfr-dropped", "--json").stdout)["size"] == "360p"


def test_verify_wants_names_and_prints_hashes(run: Run) -> None:
    assert run("verify").exit_code == 2
    result = run("verify", "untagged")
    assert result.exit_code == 0
    assert "identical" in result.stdout
    [row] = json.loads(run("verify", "untagged", "--json").stdout)
    assert row["ok"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("build", "nope"), "there is no fixture 'nope': there are hdr-sdr-mixed-scope, cfr-sdr-cache,"),
        (("build", "vfr-droped"), "there is no fixture 'vfr-droped': did you mean vfr-dropped"),
        (("show", "nope\x1b[2J\n"), "there is no fixture 'nope\\x1b[2J\\n'"),
        (("build", "--tag", "nope"), "there is no tag 'nope'"),
        (("build", "untagged", "--tag", "alpha"), "no fixture has that name"),
        (("path", "untagged", "absent.mp4"), "has no file 'absent.mp4'"),
    ],
)
def test_mistakes_are_one_line(run: Run, arguments: tuple[str, ...], words: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


@pytest.mark.parametrize("arguments", [("build", "untagged"), ("path", "untagged"), ("hostile", "bad")])
def test_a_machine_without_ffmpeg_is_another_code(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HFBENCH_FFMPEG", str(tmp_path / "gone"))
    result = run(*arguments)
    assert result.exit_code == 6
    assert "HFBENCH_FFMPEG" in result.stderr
    assert result.stderr.count("\n") == 1


def test_what_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for arguments in (
        ("--root", str(tmp_path / "file" / "store"), "build", "untagged"),
        ("show", "untagged", "--sheet", str(tmp_path / "file" / "s.png")),
        ("hostile", str(tmp_path / "file" / "bad")),
    ):
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 6, result.stderr
        assert result.stderr.count("\n") == 1
        assert str(tmp_path / "file") in result.stderr


@pytest.mark.parametrize("arguments", [("--root", "", "list"), ("show", "untagged", "--sheet", ""), ("hostile", "")])
def test_an_empty_path_is_wrong_use(arguments: tuple[str, ...]) -> None:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert "the name is empty" in result.stderr


def test_a_relative_home_is_wrong_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HFBENCH_HOME", "somewhere")
    result = CliRunner().invoke(main, ["list"])
    assert result.exit_code == 2
    assert "HFBENCH_HOME is 'somewhere', a relative path" in result.stderr
    assert result.stderr.count("\n") == 1


def test_short_help() -> None:
    assert CliRunner().invoke(main, ["build", "-h"]).exit_code == 0


def test_hostile_writes_them(run: Run, tmp_path: Path) -> None:
    result = run("hostile", str(tmp_path / "bad"))
    assert result.exit_code == 0
    assert (tmp_path / "bad" / "zero-byte.mp4").stat().st_size == 0
