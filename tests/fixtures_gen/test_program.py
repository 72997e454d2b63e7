from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

import pytest

from fixtures_gen.errors import FixtureError
from fixtures_gen.program import Program, Runner, Surroundings, find_ffmpeg, load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_the_environment_names_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = script(tmp_path / "mine", "exit 0")
    monkeypatch.setenv("HFBENCH_FFMPEG", str(named))
    assert find_ffmpeg() == named


def test_a_missing_program_is_one_line_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HFBENCH_FFMPEG", "/nowhere/ffmpeg")
    with pytest.raises(FixtureError, match=r"HFBENCH_FFMPEG names /nowhere/ffmpeg.*pip install") as caught:
        find_ffmpeg()
    assert "\n" not in caught.value.message


def test_another_program_is_not_taken_for_ffmpeg(tmp_path: Path) -> None:
    with pytest.raises(FixtureError, match="does not answer like ffmpeg"):
        load(script(tmp_path / "ffmpeg", "echo hello"))
    with pytest.raises(FixtureError, match="cannot be run"):
        load(script(tmp_path / "broken", "exit 3"))


def test_version_and_encoders_are_read(program: Program) -> None:
    assert {"libx264", "libx265", "libvpx-vp9", "prores_ks"} <= program.encoders
    assert program.version
    assert " " not in program.version


def test_a_failure_tells_the_last_words(program: Program, tmp_path: Path) -> None:
    with pytest.raises(FixtureError, match=r"failed to make out\.mp4") as caught:
        Runner(program, tmp_path).run(["-hide_banner", "-i", "absent.mp4", "out.mp4"])
    assert "\n" not in caught.value.message
    assert "absent.mp4" in caught.value.diagnostic


def test_a_painter_whose_reader_died_is_a_failure(program: Program, tmp_path: Path) -> None:
    frames = ([bytes(1 << 20)] for _ in range(100))
    with pytest.raises(FixtureError, match="failed to make"):
        Runner(program, tmp_path).run(["-f", "rawvideo", "-nosuchoption", "-i", "pipe:0", "out.mp4"], frames)


def test_stopping_takes_the_child_along(program: Program, tmp_path: Path) -> None:
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    endless = ["-v", "error", "-nostdin", "-re", "-f", "lavfi", "-i", "color=s=16x16", "-f", "null", "-"]
    before = time.monotonic()
    with pytest.raises(FixtureError, match="stopped"):
        Runner(program, tmp_path, stop=stop).run(endless)
    assert time.monotonic() - before < 60  # the program is endless


def test_an_error_while_painting_takes_the_child_along(program: Program, tmp_path: Path) -> None:
    def frames() -> Iterator[list[bytes]]:
        yield [bytes(16 * 16 * 3 // 2)]
        raise ZeroDivisionError

    raw = ["-v", "error", "-f", "rawvideo", "-video_size", "16x16", "-pix_fmt", "yuv420p", "-i", "pipe:0"]
    with pytest.raises(ZeroDivisionError):
        Runner(program, tmp_path).run([*raw, "-f", "null", "-"], frames())


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system has no CPU affinity")
def test_surroundings_reach_the_child_and_leave_this_thread_alone(program: Program, tmp_path: Path) -> None:
    told = script(tmp_path / "tell", 'echo "$TZ $(nproc)" > told; echo ffmpeg version x')
    other = Surroundings(cores=1, variables={"TZ": "Asia/Kathmandu"})
    before = os.sched_getaffinity(0)
    Runner(Program(told, "x", program.encoders), tmp_path, other).run(["out"])
    assert (tmp_path / "told").read_text(encoding="utf-8").split() == ["Asia/Kathmandu", "1"]
    assert os.sched_getaffinity(0) == before


def test_less_assembler_is_asked_of_every_encoder() -> None:
    plain = ["-i", "x", "-x264-params", "a=1", "-x265-params", "b=2", "out"]
    assert Surroundings().adapted(plain) == plain
    adapted = Surroundings(limit_asm=True).adapted(plain)
    assert adapted[0] == "-cpuflags"
    assert sum(":asm=" in a for a in adapted) == 2
