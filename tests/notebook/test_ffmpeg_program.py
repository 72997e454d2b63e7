from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hfbench.errors import MachineError
from hfbench.notebook.ffmpeg_program import run_ffmpeg

if TYPE_CHECKING:
    from pathlib import Path


def test_it_runs_the_program_that_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text('#!/bin/sh\nfor last; do :; done\ncat > "$last"\n')
    program.chmod(0o755)
    monkeypatch.setenv("HFBENCH_FFMPEG", str(program))
    run_ffmpeg([str(tmp_path / "written")], seconds=60, data=b"data")
    assert (tmp_path / "written").read_bytes() == b"data"


@pytest.mark.parametrize(
    ("script", "message"),
    [("echo first >&2; echo 'no such codec' >&2; exit 1", "failed: no such codec"), ("exit 3", "failed: exit code 3")],
)
def test_a_failure_is_its_last_line(script: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("HFBENCH_FFMPEG", str(program))
    with pytest.raises(MachineError, match=message):
        run_ffmpeg(["x"], seconds=60)
