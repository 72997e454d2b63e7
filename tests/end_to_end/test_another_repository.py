"""A fresh repository with an engine of its own, which is no Python package: gated, followed across commits, reported.

The steps are those of docs/gate.md and docs/history.md. The engine of the fast tests hands out frames that are ready
and draws its times; that of the slow ones decodes, and is measured.
"""

from __future__ import annotations

import contextlib
import json
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hfbench.bench.scenarios import build_scenarios, find_scenario
from hfbench.cli import main
from tests.makers.ended import Ended
from tests.makers.repositories import Repository
from tests.makers.workflow_runner import ROOT, Runner, documented_workflow

if TYPE_CHECKING:
    from collections.abc import Callable

ENGINE = Path(__file__).parents[1] / "makers" / "other_engine.py"
SCENARIO = "cfr-sdr-cache"
COMMITS = 12
#: The commit, from 1, at which the engine becomes slower.
PLANTED = 8


@dataclass
class Project:
    """The repository, and the command that starts its engine in a checkout."""

    repository: Repository
    arguments: str
    capture: pytest.CaptureFixture[str]

    def command(self, checkout: str = ".") -> str:
        return f"{sys.executable} {checkout}/engine.py{self.arguments}"

    def commit(self, change: Callable[[Path], object]) -> str:
        change(self.repository.folder)
        self.repository.git("add", "--all")
        return self.repository.commit()

    def hfbench(self, *words: str) -> Ended:
        """Run a command in the repository."""
        self.capture.readouterr()
        with contextlib.chdir(self.repository.folder), pytest.raises(SystemExit) as left:
            main(list(words))
        said = self.capture.readouterr()
        return Ended(int(str(left.value.code)), said.out, said.err)


def slower(folder: Path) -> None:
    """Plant +50%."""
    engine = folder / "engine.py"
    text = engine.read_text(encoding="utf-8")
    assert "PASSES = 1.0" in text
    engine.write_text(text.replace("PASSES = 1.0", "PASSES = 1.5"), encoding="utf-8")


def readme(folder: Path) -> None:
    with (folder / "README.md").open("a", encoding="utf-8") as file:
        file.write("One more line.\n")


@pytest.fixture(params=["fast", pytest.param("measured", marks=pytest.mark.slow)])
def project(
    request: pytest.FixtureRequest,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Project:
    """A repository with one commit."""
    from imageio_ffmpeg import get_ffmpeg_exe

    monkeypatch.setenv("HFBENCH_HOME", str(home))
    (built,) = build_scenarios([find_scenario(SCENARIO)], "180p")
    arguments = ""
    if request.param == "fast":
        prepared = tmp_path / "prepared" / "sdr"
        prepared.mkdir(parents=True)
        source = built.composition.clips[0].src
        frames = [get_ffmpeg_exe(), "-v", "error", "-i", source, "-vf", "fps=30", "-q:v", "2", prepared / "%05d.jpg"]
        subprocess.run(frames, check=True)
        arguments = f" {prepared.parent}"
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "ffmpeg").symlink_to(get_ffmpeg_exe())
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    made = Project(Repository.new(tmp_path / "origin"), arguments, capfd)
    (made.repository.folder / "engine.py").write_text(ENGINE.read_text(encoding="utf-8"), encoding="utf-8")
    declared = f"[tool.hfbench]\nengine = {json.dumps(made.command())}\n"
    (made.repository.folder / "pyproject.toml").write_text(declared, encoding="utf-8")
    made.commit(readme)
    return made


def _pull_request(project: Project, change: Callable[[Path], object]) -> str:
    """A branch with a change, and its merge into main, as GitHub makes it; the merge's branch."""
    project.repository.git("switch", "--quiet", "-c", "change")
    project.commit(change)
    project.repository.git("switch", "--quiet", "-c", "merge", "main")
    project.repository.merge("change")
    project.repository.git("switch", "--quiet", "main")
    return "merge"


@pytest.mark.parametrize(("change", "verdict", "code"), [(slower, "FAIL", 1), (readme, "PASS", 0)])
def test_the_documented_workflow_judges_a_pull_request(
    project: Project, tmp_path: Path, change: Callable[[Path], object], verdict: str, code: int
) -> None:
    runner = Runner(
        workspace=tmp_path / "workspace",
        origin=project.repository.folder,
        ref=_pull_request(project, change),
        replaced={
            "node base/worker.mjs": project.command("base"),
            "node head/worker.mjs": project.command("head"),
            "hdr-sdr-mixed-scope vfr-screen-recording": SCENARIO,
        },
    )
    runner.workspace.mkdir()
    ended = runner.run(documented_workflow(ROOT / "docs" / "gate.md"))
    assert (runner.outputs["verdict"], ended) == (verdict, code)
    summary = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert verdict in summary
    assert "tiny 1" in summary or "engine tiny" in summary
    record = json.loads((Path(runner.outputs["reports"]) / "record.json").read_text(encoding="utf-8"))
    base, head = (project.repository.git("rev-parse", revision) for revision in ("main", "merge"))
    assert {name: facts["revision"] for name, facts in record["engines"].items()} == {
        "baseline": base,
        "contender": head,
    }


def test_the_history_finds_the_commit_and_the_report_names_the_engine(project: Project, tmp_path: Path) -> None:
    commits = [project.repository.git("rev-parse", "HEAD")]
    commits += [project.commit(slower if number == PLANTED else readme) for number in range(2, COMMITS + 1)]
    records = tmp_path / "records"
    for number, commit in enumerate(commits):
        project.repository.git("checkout", "--quiet", commit)
        record = str(records / f"{COMMITS - number:02d}.json")  # the order of names is not that of commits
        engine = ("--engine", f"tiny={project.command()}")
        ended = project.hfbench("run", SCENARIO, *engine, "--size", "180p", "--rounds", "5", "--record", record)
        assert ended.code == 0, ended.err
    project.repository.git("checkout", "--quiet", "main")
    ended = project.hfbench("history", str(records), "--metric", "cpuMs", "--json")
    assert (ended.code, ended.err) == (0, "")
    (step,) = ended.document["steps"]
    assert (step["before"], step["after"]) == (commits[PLANTED - 2], commits[PLANTED - 1])
    assert step["engine"] == "tiny"
    assert 0.3 < step["change"] < 0.7
    program, *confirm = shlex.split(step["confirm"])
    assert program == "hfbench"
    ended = project.hfbench(*confirm, "--record", str(tmp_path / "gate.json"))
    assert ended.code == 1, ended.err
    roles = json.loads((tmp_path / "gate.json").read_text(encoding="utf-8"))["engines"]
    assert [facts["revision"] for facts in roles.values()] == [step["before"], step["after"]]
    report = tmp_path / "report"
    ended = project.hfbench("report", "-n", "history", "-p", f"sources={records}", "--out", str(report))
    assert ended.code == 0, ended.err
    page = (report / "05-history.html").read_text(encoding="utf-8")
    assert "engine: tiny" in page
    assert f"{commits[PLANTED - 2][:8]}..{commits[PLANTED - 1][:8]}" in page
