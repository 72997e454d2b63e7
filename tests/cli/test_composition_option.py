"""``--composition FILE`` in run, compare and gate: a composition of one's own is a scenario like the built-in ones."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest

Run = Callable[..., Any]
Engine = Callable[..., str]

WORKER = shlex.join([sys.executable, "-c", "import sys; from hfbench.cli import main; main(sys.argv[1:])", "worker"])
FRAMES = {"a": 6}


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """Six frames of a real clip, in HTML as HyperFrames writes it."""
    source = ["-f", "lavfi", "-i", "testsrc2=size=64x36:rate=6:duration=1"]
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *source, str(tmp_path / "a.mp4")], check=True)
    path = tmp_path / "page.json"
    clips = [{"id": "a", "src": "a.mp4", "start": 0, "end": 1}]
    path.write_text(json.dumps({"schema": "hfbench-composition/1", "fps": 6, "clips": clips}))
    return path


def tell(page: Path, frames: object) -> None:
    page.with_name("page.truth.json").write_text(json.dumps({"schema": "hfbench-truth/1", "frames": frames}))


def test_run(hfbench: Run, page: Path) -> None:
    ended = hfbench("run", "--composition", page, "--backend", "libav", "--scope", "fused", "--record", "r.json")
    assert ended.code == 0, ended.err
    assert "page: the composition page.json" in ended.out
    record = json.loads(Path("r.json").read_text())
    assert {(each["scenario"], each["files"]) for each in record["samples"]} == {("page", 6)}
    assert len(record["fixtures"]["page"]) == 16


@pytest.mark.parametrize(
    ("frames", "code", "words"),
    [
        ({"a": 6}, 0, "6/6"),
        ({"a": 7}, 3, "WRONG FRAMES in page [libav fused jpg]: a: 6 image files found, should be 7"),
        ({"a": [1, 2, 3, 4, 5, 6]}, 3, "a frame 1 shows no barcode, should show 1"),
    ],
)
def test_run_with_a_truth(hfbench: Run, page: Path, frames: object, code: int, words: str) -> None:
    tell(page, frames)
    ended = hfbench("run", "--composition", page, "--backend", "libav", "--scope", "fused", "--rounds", 1)
    assert ended.code == code
    assert words in ended.out + ended.err


def test_compare_and_gate_engines(hfbench: Run, engine: Engine, page: Path) -> None:
    sides = ("--engine", engine("old", frames=FRAMES), "--engine", engine("new", frames=FRAMES, seed=1))
    compared = hfbench("compare", "--composition", page, *sides, "--rounds", 8)
    assert compared.code == 0
    assert "page [libav fused jpg]" in compared.out
    gated = hfbench("gate", "--composition", page, *sides, "--scope", "fused", "--repeat", 1, "--json")
    assert gated.code == 0
    assert {row["scenario"] for row in gated.document["rows"]} == {"page"}
    tell(page, {"a": 5})
    assert hfbench("gate", "--composition", page, *sides, "--scope", "fused", "--repeat", 1).code == 3


def test_a_real_worker_reads_the_composition(hfbench: Run, page: Path) -> None:
    tell(page, {"a": 6})
    sides = (f"a={WORKER}", f"b={WORKER}")
    ended = hfbench("compare", *sides, "--composition", page, "--rounds", 1, "--record", "r.json")
    assert ended.code == 4, ended.err  # one round shows nothing
    assert {each["files"] for each in json.loads(Path("r.json").read_text())["samples"]} == {6}


def test_a_budget_may_be_declared_for_it(hfbench: Run, engine: Engine, page: Path) -> None:
    page.with_name("pyproject.toml").write_text("[tool.hfbench.budgets.page]\ncpuMs = { below = 50 }\n")
    sides = ("--engine", engine("old", frames=FRAMES), "--engine", engine("new", frames=FRAMES, seed=1))
    assert hfbench("gate", "--composition", page, *sides, "--scope", "fused", "--repeat", 1).code == 1
    assert hfbench("gate", *sides, "--scenario", "cfr-sdr-cache", "--repeat", 1).code == 2


@pytest.mark.parametrize("command", ["run", "compare", "gate"])
def test_a_composition_that_cannot_be_read(hfbench: Run, command: str, tmp_path: Path) -> None:
    sides = () if command == "run" else ("--engine", "a=x", "--engine", "b=y")
    ended = hfbench(command, "--composition", tmp_path / "absent.json", *sides)
    assert ended.code not in {0, 70}
    assert "absent.json" in ended.err
