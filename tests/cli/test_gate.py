from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from hfbench.bench.record_reader import load_record
from tests.makers import fake_engine

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., Any]
Engine = Callable[..., str]

ONE = ("--scenario", "cfr-sdr-cache", "--scope", "fused", "--repeat", 1)
MORE_WORK = {"framesDecoded": 900, "processesSpawned": 0}


def two(base: str, contender: str) -> tuple[str, ...]:
    return ("--engine", base, "--engine", contender)


def test_pass(hfbench: Run, engine: Engine) -> None:
    ended = hfbench("gate", *two(engine("old"), engine("new", seed=1)), *ONE, "--record", "r.json")
    assert ended.code == 0
    assert ended.out.startswith("PASS: no regression, old -> new\n")
    assert re.search(r"^cpuMs +(99|100)\.\d ms +(99|100)\.\d ms .* 15 PASS", ended.out, re.MULTILINE)
    assert "work counters: 2 of 2 exactly equal" in ended.out
    assert "after 15 pairs: PASS" in ended.err
    record = load_record("r.json")
    assert not record.interrupted
    assert "hfbench gate --engine" in record.options["command"]


def test_fail_at_the_first_pair_and_every_file(hfbench: Run, engine: Engine, tmp_path: Path) -> None:
    files = ("--markdown", "m.md", "--junit", "j.xml", "--record", "r.json", "--link", "https://example.org/run/1")
    ended = hfbench("gate", *two(engine("old"), engine("new", counters=MORE_WORK)), *ONE, *files, "--json")
    assert ended.code == 1
    assert (ended.document["verdict"], ended.document["exit_code"]) == ("FAIL", 1)
    assert "framesDecoded went from 60 to 900" in ended.document["reasons"][0]
    assert sum(sample.role == "contender" for sample in load_record("r.json").samples) == 1
    markdown = (tmp_path / "m.md").read_text()
    assert markdown.startswith("## hfbench: FAIL")
    assert "Reproduce: `hfbench gate" in markdown
    assert "[Report](https://example.org/run/1)" in markdown
    suite = ET.parse(tmp_path / "j.xml").getroot()[0]
    assert suite.attrib["failures"] != "0"


def test_could_not_measure(hfbench: Run, engine: Engine) -> None:
    ended = hfbench("gate", *two(engine("old"), engine("new", mode="die")), *ONE)
    assert ended.code == 3
    assert "the disk is on fire" in ended.out


def test_unsure(hfbench: Run, engine: Engine) -> None:
    noisy = {"spread": 0.35}
    sides = two(engine("old", **noisy), engine("new", seed=5, cpu=103.0, **noisy))
    ended = hfbench("gate", *sides, *ONE, "--most-pairs", 15)
    assert ended.code == 4
    assert ended.out.startswith("UNSURE")
    assert "would have been seen" in ended.out


def test_wall_time_decides_beside_cpu_time_when_asked(hfbench: Run, engine: Engine) -> None:
    slow = two(engine("old"), engine("new", wall=120.0))
    assert hfbench("gate", *slow, *ONE, "--block-on", "wall").code == 1
    busy = two(engine("old"), engine("new", cpu=120.0))
    assert hfbench("gate", *busy, *ONE, "--block-on", "wall").code == 1


def test_budgets_of_the_project_in_the_current_folder(hfbench: Run, engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.hfbench.budgets.'*']\nvideoExtractMs = { below = 50 }\n")
    sides = two(engine("old"), engine("new"))
    ended = hfbench("gate", *sides, *ONE)
    assert ended.code == 1
    assert "videoExtractMs < 50.0 ms" in ended.out
    assert hfbench("gate", *sides, *ONE, "--budgets", "nowhere.toml").code == 2


@pytest.mark.parametrize(
    ("slower", "options"),
    [({}, ()), ({"cpu": 130.0}, ()), ({"wall": 120.0}, ("--block-on", "wall")), ({}, ("--budgets", "b.toml"))],
    ids=["nothing", "cpu", "wall", "a budget"],
)
def test_one_record_one_verdict(
    hfbench: Run, engine: Engine, tmp_path: Path, slower: dict[str, float], options: tuple[str, ...]
) -> None:
    (tmp_path / "b.toml").write_text("[tool.hfbench.budgets.'*']\ncpuMs = { below = 50 }\n")
    told = hfbench("gate", *two(engine("old"), engine("new", **slower)), *ONE, *options, "--record", "r.json", "--json")
    (tmp_path / "pyproject.toml").write_text("[tool.hfbench.budgets.'*']\ncpuMs = { below = 1 }\n")  # nobody asked it
    compared = hfbench("compare", "r.json", "--json")
    explained = hfbench("gate", "--explain", "r.json")
    assert {told.code, compared.code, explained.code} == {1 if slower or options else 0}
    (again,) = compared.document["comparisons"]
    assert {**again, "reproduce": ""} == {**told.document, "reproduce": ""}
    assert explained.out.splitlines()[0] == f"{told.document['verdict']}: " + (
        "a regression, old -> new" if slower or options else "no regression, old -> new"
    )


def test_a_saved_gate_can_be_judged_by_other_terms_when_asked(hfbench: Run, engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "b.toml").write_text("[tool.hfbench.budgets.'*']\ncpuMs = { below = 50 }\n")
    assert hfbench("gate", *two(engine("old"), engine("new", wall=120.0)), *ONE, "--record", "r.json").code == 0
    assert hfbench("compare", "r.json").code == 0
    assert hfbench("compare", "r.json", "--block-on", "wall").code == 1
    assert hfbench("compare", "r.json", "--budgets", "b.toml").code == 1


def test_repeats_are_merged_into_one_sample(hfbench: Run, engine: Engine) -> None:
    ended = hfbench("gate", *two(engine("old"), engine("new")), *ONE[:-1], 3, "--record", "r.json")
    assert ended.code == 0
    samples = load_record("r.json").samples
    assert {sample.runs for sample in samples} == {3}
    assert len(samples) == 46


@pytest.mark.parametrize("mode", ["nan", "huge", "long"])
def test_infinity_leaves_the_failure_that_was_shown_and_every_report(
    hfbench: Run, engine: Engine, tmp_path: Path, mode: str
) -> None:
    """The first case fails by a counter; then the engine answers with a number that is none."""
    bad = engine("new", counters=MORE_WORK, mode=mode, after=3)
    several = ("--scenario", "cfr-sdr-cache", "--scope", "fused", "--scope", "segment", "--repeat", 1, "--limit", 60)
    files = ("--markdown", "m.md", "--junit", "j.xml", "--record", "r.json")
    ended = hfbench("gate", *two(engine("old"), bad), *several, *files)
    assert ended.code == 1
    assert "engine 'new' does not keep to the protocol" in load_record("r.json").notes[0]
    assert (tmp_path / "m.md").exists() and (tmp_path / "j.xml").exists()
    assert hfbench("compare", "r.json").code == 1


def test_no_cpu_time_at_all_says_what_to_do(hfbench: Run, engine: Engine) -> None:
    ended = hfbench("gate", *two(engine("old"), engine("new", cpu=0)), *ONE)
    assert ended.code == 3
    assert "cpuMs is missing or zero in 1 of 1 pairs; the kernel counts" in ended.out
    assert "--repeat" in ended.out


@pytest.mark.parametrize(("event", "code"), [("push", 4), ("pull_request", 0), ("merge_group", 0)])
def test_unsure_in_a_merge_queue(
    hfbench: Run, engine: Engine, monkeypatch: pytest.MonkeyPatch, event: str, code: int
) -> None:
    monkeypatch.setenv("GITHUB_EVENT_NAME", event)
    noisy = {"spread": 0.35}
    sides = two(engine("old", **noisy), engine("new", seed=5, cpu=103.0, **noisy))
    assert hfbench("gate", *sides, *ONE, "--most-pairs", 15).code == code


@pytest.mark.parametrize("place", ["summary", "--markdown", "--junit"])
def test_a_place_that_cannot_be_written_does_not_hide_a_failure(
    hfbench: Run, engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, place: str
) -> None:
    nowhere = tmp_path / "file" / "below"
    (tmp_path / "file").touch()
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(nowhere if place == "summary" else tmp_path / "s.md"))
    files = () if place == "summary" else (place, nowhere)
    ended = hfbench("gate", *two(engine("old"), engine("new", counters=MORE_WORK)), *ONE, *files)
    assert ended.code == 1
    assert "can't" in ended.err
    fine = hfbench("gate", *two(engine("old"), engine("new")), *ONE, *files)
    assert fine.code == (0 if place == "summary" else 6)


def test_in_a_workflow(hfbench: Run, engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    ended = hfbench("gate", *two(engine("old"), engine("new", counters=MORE_WORK)), *ONE, "--json")
    assert ended.document["verdict"] == "FAIL"
    assert "::error title=hfbench FAIL::" in ended.err
    assert (tmp_path / "summary.md").read_text().startswith("## hfbench: FAIL")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "say --base"),
        (("--engine", "a=x"), "twice"),
        (("--engine", "a=x", "--engine", "b=y", "--base", "main"), "not both"),
        (("--engine", "a", "--engine", "b=y"), "NAME=COMMAND"),
        (("--base", "main", "--scenario", "hdr-sdr-mixed-skope"), "did you mean hdr-sdr-mixed-scope"),
        (("--base", "main", "--most-pairs", "7"), "7"),
        (("--base", "main"), "repository"),
    ],
)
def test_wrong_use(hfbench: Run, options: tuple[str, ...], words: str) -> None:
    ended = hfbench("gate", *options)
    assert ended.code == 2
    assert words in ended.err
    assert "Traceback" not in ended.err


def test_a_revision_that_does_not_build(hfbench: Run, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text("[build-system]\nrequires = []\nbuild-backend = 'gone'\n")
    identity = ("-c", "user.name=t", "-c", "user.email=t")
    for words in (("init", "-q"), ("add", "-A"), (*identity, "commit", "-qm", "x")):
        subprocess.run(["git", "-C", project, *words], check=True)
    ended = hfbench("gate", "--repository", project, "--base", "HEAD", *ONE)
    assert ended.code == 3
    assert "does not build" in ended.out


def in_git(project: Path, message: str) -> None:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    for words in (("add", "-A"), (*identity, "commit", "-qm", message)):
        subprocess.run(["git", "-C", project, *words], check=True)


@pytest.fixture
def own_engine(tmp_path: Path) -> Path:
    """A repository with an engine in one file, and no Python package."""
    project = tmp_path / "project"
    project.mkdir()
    subprocess.run(["git", "-C", project, "init", "-q"], check=True)
    shutil.copyfile(fake_engine.__file__, project / "engine.py")
    (project / "pyproject.toml").write_text("[tool.hfbench]\nengine = 'python3 start.py'\n")
    start = "import runpy, sys\nsys.argv[1:] = [open('config.json').read()]\n"
    start += "runpy.run_path('engine.py', run_name='__main__')\n"
    (project / "start.py").write_text(start)
    (project / "config.json").write_text("{}")
    in_git(project, "an engine")
    return project


@pytest.mark.parametrize(
    ("file", "text", "code"),
    [("README.md", "words", 0), ("config.json", '{"cpu": 150.0}', 1)],
    ids=["a README", "half as much again"],
)
def test_a_repository_with_an_engine_in_one_file(
    hfbench: Run, own_engine: Path, file: str, text: str, code: int
) -> None:
    (own_engine / file).write_text(text)
    in_git(own_engine, "a change")
    ended = hfbench(
        "gate", "--repository", own_engine, "--base", "HEAD~1", "--head", "HEAD", *ONE, "--record", "r.json"
    )
    assert ended.code == code, ended.err
    assert {each["engine"] for each in load_record("r.json").engines.values()} == {"fake"}
    # The same with the engine named by the caller, and nothing declared.
    (own_engine / "pyproject.toml").unlink()
    in_git(own_engine, "undeclared")
    asked = ("--engine", "x=python3 start.py")
    ended = hfbench("gate", "--repository", own_engine, "--base", "HEAD~2", "--head", "HEAD", *asked, *ONE)
    assert ended.code == code, ended.err


def test_a_project_that_only_depends_on_hfbench_is_refused(hfbench: Run, own_engine: Path) -> None:
    (own_engine / "pyproject.toml").write_text("[project]\nname = 'mine'\nversion = '1'\ndependencies = ['hfbench']\n")
    in_git(own_engine, "it only depends on it")
    ended = hfbench("gate", "--repository", own_engine, "--base", "HEAD", *ONE)
    assert ended.code == 2
    assert "provides no program 'hfbench'" in ended.err
    assert "--engine NAME=COMMAND" in ended.err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130)])
def test_an_interrupted_gate(hfbench: Run, engine: Engine, tmp_path: Path, number: int, code: int) -> None:
    record = tmp_path / "r.json"
    lines = [
        "import signal, sys, hfbench.bench.scenarios as s",
        "from hfbench.composition import Clip, Composition",
        "signal.signal(signal.SIGINT, signal.default_int_handler)",  # a background job of a shell ignores it
        "one = lambda each: s.BuiltScenario(each, Composition([Clip('a', '/a.mp4')]), 'f', None)",
        "s.build_scenarios = lambda wanted, size, **_: tuple(map(one, wanted))",
        "from hfbench.cli import main",
        "main(sys.argv[1:])",
    ]
    sides = two(engine("old"), engine("new", mode="hang", after=4))  # a warm-up, three pairs, then nothing more
    command = [sys.executable, "-c", "\n".join(lines), "gate", *sides, *map(str, ONE), "--record", str(record)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (record.exists() and pairs(record) == 3):
        time.sleep(0.05)
    os.kill(child.pid, number)
    out, err = child.communicate(timeout=120)
    assert child.returncode == code, err
    assert not out
    # The third pair is on disk; the signal may come before it is judged.
    assert re.search(r"interrupted after [23] pairs, UNSURE so far; record: ", err)
    assert load_record(record).interrupted
    assert hfbench("compare", record).code == 4


def pairs(record: Path) -> int:
    """Whole pairs: in the last one either side may have come first."""
    roles = [sample.role for sample in load_record(record).samples]
    return min(roles.count("contender"), roles.count("baseline"))


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; from hfbench.cli import main\ntry: main(['gate', '--help'])\nexcept SystemExit: pass\n"
    check = "sys.exit(any(name in sys.modules for name in ('numpy', 'av', 'rich.live', 'subprocess', 'psutil')))"
    done = subprocess.run([sys.executable, "-c", code + check], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
