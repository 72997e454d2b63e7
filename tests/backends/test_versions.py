"""The FFmpeg of each backend is named, and it is the one that the backend runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
import pytest

from hfbench.backends.versions import ffmpeg_versions, have_one_release, release_of

if TYPE_CHECKING:
    from pathlib import Path


def make_program(path: Path, version: str) -> Path:
    path.write_text(f"#!/bin/sh\necho 'ffmpeg version {version} Copyright (c)'\n")
    path.chmod(0o755)
    return path


def test_the_program_is_the_one_that_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = ffmpeg_versions()
    program = make_program(tmp_path / "other", "4.2-test")
    monkeypatch.setenv("HFBENCH_FFMPEG", str(program))
    assert ffmpeg_versions() == {**shipped, "ffmpeg": "4.2-test"}
    make_program(program, "4.3-test")  # an upgrade in place, while a long-lived process runs
    assert ffmpeg_versions()["ffmpeg"] == "4.3-test"
    monkeypatch.delenv("HFBENCH_FFMPEG")
    assert ffmpeg_versions() == shipped


def test_the_libraries_are_those_of_pyav() -> None:
    assert ffmpeg_versions()["libav"] == av.ffmpeg_version_info


@pytest.mark.parametrize("content", [None, "#!/bin/sh\nexit 1\n", "#!/bin/sh\necho something else\n"])
def test_a_program_that_does_not_answer_is_left_out(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "program"
    if content is not None:
        program.write_text(content)
        program.chmod(0o755)
    monkeypatch.setenv("HFBENCH_FFMPEG", str(program))
    assert set(ffmpeg_versions()) == {"libav"}


@pytest.mark.parametrize(
    ("version", "release"),
    [
        ("8.1.2", "8.1.2"),
        ("n9.0.2-17-g2a571b6068-20260930", "9.0.2"),
        ("7.0.2-static", "7.0.2"),
        ("N-1-gabc", "N-1-gabc"),
    ],
)
def test_releases(version: str, release: str) -> None:
    assert release_of(version) == release


def test_one_release_or_two() -> None:
    assert have_one_release({"libav": "8.1", "ffmpeg": "n8.1-3-gabc"})
    assert not have_one_release({"libav": "8.1.2", "ffmpeg": "n9.0.2-17"})
