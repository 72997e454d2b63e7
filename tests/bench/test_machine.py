from __future__ import annotations

import getpass
import json
import platform
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from hfbench.bench import machine
from hfbench.bench.judge.comparability import IDENTITY, Side, unlike_machines

if TYPE_CHECKING:
    import av
import av
import pytest


def test_facts_name_the_machine_and_nobody() -> None:
    facts = machine.machine_facts()
    assert set(IDENTITY) <= set(facts)
    assert facts["cpu"]
    assert int(facts["threads"]) >= 1
    words = set(json.dumps(facts).replace('"', " ").split())
    assert not words & {platform.node(), getpass.getuser(), str(Path.home())}


def test_differences_are_named() -> None:
    facts = machine.machine_facts()
    one, other = (Side("x", (), machine=each) for each in (facts, {**facts, "cpu": "other", "release": "other"}))
    assert unlike_machines(one, one) == ()
    assert [unlike.fact for unlike in unlike_machines(one, other)] == ["cpu"]


def test_versions() -> None:
    found = machine.versions()
    assert found["python"] == platform.python_version()
    assert "version" in found
    found["version"] = "changed"
    assert machine.versions()["version"] != "changed"


def test_the_ffmpeg_of_each_backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = machine.versions()
    assert shipped["ffmpeg_libav"] == av.ffmpeg_version_info
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\necho 'ffmpeg version 4.2-test Copyright'\n")
    program.chmod(0o755)
    monkeypatch.setenv("HFBENCH_FFMPEG", str(program))
    assert machine.versions() == {**shipped, "ffmpeg": "4.2-test"}


def test_load() -> None:
    assert machine.load().one_minute >= 0


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


def test_revision_and_dirtiness(tmp_path: Path) -> None:
    assert machine.source_revision(tmp_path) is None
    git(tmp_path, "init")
    assert machine.source_revision(tmp_path) is None  # no commit yet
    git(tmp_path, "commit", "--allow-empty", "-m", "first")
    clean = machine.source_revision(tmp_path)
    assert clean is not None
    assert len(clean) == 40
    (tmp_path / "new").touch()
    assert machine.source_revision(tmp_path) == f"{clean}-dirty"


def test_no_git_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert machine.source_revision(tmp_path) is None
