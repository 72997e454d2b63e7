"""Two environments with one set of dependencies, kept as long as they work; projects that provide no engine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hfbench.bench.measure.environments import (
    Environment,
    Project,
    build_both,
    differences,
    engine_arguments,
    engine_command,
    environment,
)
from hfbench.bench.measure.revisions import BuildError, OnStage, Revision, resolve
from hfbench.errors import UsageError

Commit = Callable[..., str]


class Index:
    """An installer with an index of its own: it installs what a project's ``needs`` names, in the newest version.

    What a constraint file beside the environment names is installed in that version, as pip and uv would.
    """

    def __init__(self, **newest: str) -> None:
        self.newest = newest
        self.installed: list[str] = []

    def __call__(self, source: Path, place: Path, revision: Revision, on_stage: OnStage) -> None:
        on_stage(f"{revision.label}: installing")
        self.installed.append(revision.asked)
        file = place.with_name(f"{place.name}.constraints.txt")
        pinned = dict(line.split("==") for line in file.read_text().split()) if file.exists() else {}
        (place / "bin").mkdir(parents=True)
        (place / "bin" / "hfbench").touch()
        for need in (source / "needs").read_text().split():
            name, _, only = need.partition("==")
            version = pinned.get(name, only or self.newest[name])
            if only and version != only:
                raise BuildError(f"{revision.label} needs {name} {only}")
            (place / "lib" / "python3" / "site-packages" / f"{name}-{version}.dist-info").mkdir(parents=True)


@pytest.fixture
def two(project: Path, commit: Commit) -> Path:
    """A project with two commits that need one dependency."""
    for content in ("first", "second"):
        (project / "code").write_text(content)
        (project / "needs").write_text("dep")
        commit(content)
    return project


def built(folder: Path, store: Path, index: Index, told: list[str] | None = None) -> tuple[Environment, Environment]:
    sides = [resolve(folder, asked) for asked in ("HEAD~1", "HEAD")]
    return build_both(Project(folder, store), sides[0], sides[1], (told if told is not None else []).append, index)


def test_a_release_between_two_builds_is_no_change(two: Path, tmp_path: Path) -> None:
    """Kind: kept environments go stale. The baseline was kept with 1.0; by now the index has 2.0."""
    store = tmp_path / "store"
    old = environment(Project(two, store), resolve(two, "HEAD~1"), print, Index(dep="1.0"))
    assert old.dependencies() == {"dep": "1.0"}
    base, head = built(two, store, index := Index(dep="2.0"))
    assert (base.dependencies(), head.dependencies()) == ({"dep": "2.0"}, {"dep": "2.0"})
    assert differences(base, head) == ()
    assert index.installed == ["HEAD", "HEAD~1"]
    assert built(two, store, index := Index(dep="3.0")) == (base, head)  # both are kept, and alike
    assert index.installed == []


def test_what_is_alike_is_kept(two: Path, tmp_path: Path) -> None:
    index = Index(dep="1.0")
    environment(Project(two, tmp_path / "store"), resolve(two, "HEAD~1"), print, index)
    built(two, tmp_path / "store", index)
    assert index.installed == ["HEAD~1", "HEAD"]


def test_what_cannot_be_alike_is_said(two: Path, commit: Commit, tmp_path: Path) -> None:
    (two / "needs").write_text("dep==1.0")
    commit("pinned")
    (two / "needs").write_text("dep other")
    commit("not pinned any more, and another one")
    told: list[str] = []
    base, head = built(two, tmp_path / "store", Index(dep="2.0", other="7"), told)
    assert differences(base, head) == ("dep 1.0 -> 2.0", "other absent -> 7")
    assert any("does not install with the contender's versions" in each for each in told)


def test_one_tree_is_one_environment(two: Path, tmp_path: Path) -> None:
    head = resolve(two, "HEAD")
    first, second = build_both(Project(two, tmp_path / "store"), head, head, print, index := Index(dep="1"))
    assert first is second
    assert index.installed == ["HEAD"]


@pytest.mark.parametrize("how", ["moved", "no interpreter", "a broken interpreter", "interrupted"])
def test_an_environment_that_does_not_work_any_more_is_built_anew(two: Path, tmp_path: Path, how: str) -> None:
    project, revision = Project(two, tmp_path / "store"), resolve(two, "HEAD")
    kept = environment(project, revision, print, index := Index(dep="1.0"))
    python = kept.programs / "python"
    match how:
        case "moved":
            project.store.rename(tmp_path / "elsewhere")
            project = Project(two, tmp_path / "elsewhere")
        case "no interpreter":
            python.symlink_to(tmp_path / "gone")
        case "a broken interpreter":
            python.write_text("#!/bin/sh\nexit 3\n")
            python.chmod(0o755)
        case "interrupted":
            (kept.place / "hfbench-ready").unlink()
    assert environment(project, revision, print, index).is_usable()
    assert index.installed == ["HEAD", "HEAD"]


def test_a_working_interpreter_is_kept(two: Path, tmp_path: Path) -> None:
    project, revision = Project(two, tmp_path / "store"), resolve(two, "HEAD")
    kept = environment(project, revision, print, index := Index(dep="1.0"))
    (kept.programs / "python").symlink_to(sys.executable)
    assert environment(project, revision, print, index) == kept
    assert index.installed == ["HEAD"]


# --- whose engine? ----------------------------------------------------------------------------------------------------


def described(project: Path, commit: Commit, text: str) -> Revision:
    (project / "pyproject.toml").write_text(text)
    (project / "needs").write_text("")
    commit("described")
    return resolve(project, "HEAD")


@pytest.mark.parametrize(
    "text",
    ["[project]\nname = 'x'\ndependencies = ['hfbench']\n", "[project]\nname = 'x'\n[project.scripts]\ny = 'y:y'\n"],
)
def test_a_project_that_only_depends_on_hfbench_is_refused(
    project: Path, commit: Commit, tmp_path: Path, text: str
) -> None:
    """Kind: ``gate --base`` in a project that depends on hfbench measured hfbench."""
    revision = described(project, commit, text)
    with pytest.raises(UsageError, match=r"provides no program 'hfbench'.*\[tool.hfbench\] engine"):
        build_both(Project(project, tmp_path / "store"), revision, revision, print, Index())


@pytest.mark.parametrize(
    ("text", "asked", "command"),
    [
        ("[tool.hfbench]\nengine = 'python engine.py'\n", "", "python engine.py"),
        ("[tool.hfbench]\nengine = 'python engine.py'\n", "other --fast", "other --fast"),
        ("[project]\nname = 'x'\n", "mine", "mine"),
        ("[project]\nname = 'hfbench'\nscripts = { hfbench = 'a:b' }\n", "", ""),
    ],
)
def test_an_engine_is_named_by_the_project_or_by_the_caller(
    project: Path, commit: Commit, tmp_path: Path, text: str, asked: str, command: str
) -> None:
    revision = described(project, commit, text)
    where = Project(project, tmp_path / "store", asked)
    assert engine_command(where, revision) == command
    build_both(where, revision, revision, print, Index())


def test_an_engine_that_is_no_text(project: Path, commit: Commit, tmp_path: Path) -> None:
    revision = described(project, commit, "[tool.hfbench]\nengine = 3\n")
    with pytest.raises(UsageError, match="write a command, as text"):
        engine_command(Project(project, tmp_path), revision)


def test_a_program_of_the_environment_comes_first(tmp_path: Path) -> None:
    here = Environment(tmp_path)
    here.programs.mkdir()
    (here.programs / "mine").touch()
    assert engine_arguments("mine --x 'a b'", here) == (str(here.programs / "mine"), "--x", "a b")
    assert engine_arguments("python3 engine.py", here) == ("python3", "engine.py")
    with pytest.raises(UsageError, match="No closing quotation"):
        engine_arguments("a 'b", here)


@pytest.mark.parametrize(("origin", "is_own"), [('{"dir_info": {}}', True), ('{"vcs_info": {}}', False), ("", False)])
def test_who_brings_the_program(tmp_path: Path, origin: str, is_own: bool) -> None:
    here = Environment(tmp_path)
    here.programs.mkdir()
    assert not here.provides("hfbench")
    (here.programs / "hfbench").touch()
    assert here.provides("hfbench")  # nobody says otherwise
    info = tmp_path / "lib" / "python3.11" / "site-packages" / "hfbench-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "entry_points.txt").write_text("[console_scripts]\nhfbench = hfbench.cli:main\n")
    (info / "direct_url.json").write_text(origin)
    assert here.provides("hfbench") == is_own
