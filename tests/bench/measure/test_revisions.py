from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hfbench.bench.measure import environments
from hfbench.bench.measure.environments import Install, Project
from hfbench.bench.measure.revisions import BuildError, OnStage, Revision, resolve
from hfbench.errors import MachineError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

Git = Callable[..., str]
Commit = Callable[..., str]


def test_a_named_revision(project: Path, commit: Commit, git: Git) -> None:
    (project / "a").write_text("1")
    first = commit("first")
    (project / "a").write_text("2")
    commit("second")
    revision = resolve(project, "HEAD~1")
    assert (revision.commit, revision.uncommitted) == (first, ())
    assert revision.label == f"HEAD~1 ({first[:8]})"
    assert revision.tree == git("rev-parse", f"{first}^{{tree}}")


def test_the_working_tree_with_everything_in_it(project: Path, commit: Commit, git: Git) -> None:
    (project / ".gitignore").write_text("ignored\n")
    (project / "changed").write_text("1")
    (project / "gone").write_text("1")
    head = commit("first")
    (project / "changed").write_text("2")
    (project / "gone").unlink()
    (project / "new name").write_text("3")
    (project / "ignored").write_text("4")
    (project / "staged").write_text("5")
    git("add", "staged")
    status = git("status", "--porcelain")

    revision = resolve(project, ".")

    assert sorted(revision.uncommitted) == ["changed", "gone", "new name", "staged"]
    assert "4 uncommitted files" in revision.label
    assert git("ls-tree", "--name-only", revision.commit).split("\n") == [".gitignore", "changed", "new name", "staged"]
    assert git("show", f"{revision.commit}:changed") == "2"
    assert git("status", "--porcelain") == status  # the user's staging area is as it was
    assert git("rev-parse", "HEAD") == head


def test_a_clean_working_tree_is_the_head(project: Path, commit: Commit) -> None:
    head = commit("first")
    assert resolve(project, ".").commit == head
    assert resolve(project, ".").label == f"working tree, clean ({head[:8]})"


def test_from_a_folder_inside_the_project(project: Path, commit: Commit, git: Git) -> None:
    (project / "inside").mkdir()
    (project / "inside" / "a").write_text("1")
    commit("first")
    (project / "outside").write_text("2")
    revision = resolve(project / "inside", ".")
    assert "outside" in git("ls-tree", "--name-only", revision.commit)


@pytest.mark.parametrize("asked", ["nowhere", "--help", ""])
def test_no_such_revision(project: Path, commit: Commit, asked: str) -> None:
    commit("first")
    with pytest.raises(UsageError, match="no revision"):
        resolve(project, asked)


def test_no_repository(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not in a git repository"):
        resolve(tmp_path, "HEAD")


def test_no_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MachineError, match="install git"):
        resolve(tmp_path, "HEAD")


def environment(
    repository: Path, revision: Revision, store: Path, on_stage: OnStage, install: Install | None = None
) -> Path:
    """The programs of a revision's environment."""
    return environments.environment(Project(repository, store), revision, on_stage, install).programs


def copied(source: Path, place: Path, _: Revision, on_stage: OnStage) -> None:
    on_stage("copying")
    (place / "bin").mkdir(parents=True)
    (place / "bin" / "it").write_text((source / "a").read_text())


def test_an_environment_is_built_once_for_a_content(project: Path, commit: Commit, git: Git, tmp_path: Path) -> None:
    (project / "a").write_text("1")
    commit("first")
    told: list[str] = []
    programs = environment(project, resolve(project, "HEAD"), tmp_path / "store", told.append, copied)
    assert (programs / "it").read_text() == "1"
    commit("the same content")
    assert environment(project, resolve(project, "HEAD"), tmp_path / "store", told.append, copied) == programs
    (project / "a").write_text("2")
    commit("other content")
    assert environment(project, resolve(project, "HEAD"), tmp_path / "store", told.append, copied) != programs
    assert ["kept" in words for words in told] == [False, True, False]
    assert len(git("worktree", "list").splitlines()) == 1


def test_a_broken_build_is_not_kept(project: Path, commit: Commit, git: Git, tmp_path: Path) -> None:
    (project / "a").write_text("1")
    commit("first")

    def broken(source: Path, place: Path, revision: Revision, on_stage: OnStage) -> None:
        copied(source, place, revision, on_stage)
        raise KeyboardInterrupt

    revision = resolve(project, "HEAD")
    with pytest.raises(KeyboardInterrupt):
        environment(project, revision, tmp_path / "store", print, broken)
    assert len(git("worktree", "list").splitlines()) == 1
    assert (environment(project, revision, tmp_path / "store", print, copied) / "it").exists()


@pytest.mark.parametrize("asked", ["HEAD", "."])
def test_a_project_in_a_folder_of_its_repository_builds(
    project: Path, commit: Commit, tmp_path: Path, asked: str
) -> None:
    """Kind: where it stopped short. Two projects of one repository have one tree, and two environments."""
    for name in ("one", "two"):
        (project / name).mkdir()
        (project / name / "a").write_text(name)
    commit("both")
    for name in ("one", "two"):
        revision = resolve(project / name, asked)
        programs = environment(project / name, revision, tmp_path / "store", print, copied)
        assert (programs / "it").read_text() == name
    with pytest.raises(BuildError, match="has no folder three/"):
        environment(project, replace(revision, folder="three/"), tmp_path / "store", print, copied)


def copied_submodules(source: Path, place: Path, revision: Revision, on_stage: OnStage) -> None:
    copied(source, place, revision, on_stage)
    for path in ("library", "library/inner"):
        (place / "bin" / path.replace("/", "-")).write_text((source / path / "b").read_text())


@pytest.fixture
def nested(project: Path, commit: Commit, tmp_path: Path) -> Path:
    """A project with a submodule that has a submodule, both at their second commits."""
    (project / "a").write_text("1")
    above = project
    allowed = ("-c", "protocol.file.allow=always", "-c", "user.name=Test", "-c", "user.email=test@example.org")

    def git_in(folder: Path, *words: str) -> None:
        subprocess.run(["git", *allowed, *words], cwd=folder, check=True, capture_output=True)

    made = {}
    for name in ("inner", "library"):
        made[name] = tmp_path / "origins" / name
        made[name].mkdir(parents=True)
        git_in(made[name], "init", "--initial-branch=main")
        for content in ("first", "second"):
            (made[name] / "b").write_text(f"{name} {content}")
            git_in(made[name], "add", "--all")
            git_in(made[name], "commit", "-m", content)
    git_in(made["library"], "submodule", "add", str(made["inner"]), "inner")
    git_in(made["library"], "commit", "-m", "with the inner one")
    git_in(above, "submodule", "add", str(made["library"]), "library")
    git_in(above, "submodule", "update", "--init", "--recursive")
    commit("with submodules")
    for folder in made.values():  # what is checked out must be enough: there may be no network
        folder.rename(folder.with_name(f"{folder.name}-gone"))
    return project


@pytest.mark.parametrize("asked", ["HEAD", "."])
def test_submodules_are_filled_from_the_checkout_and_theirs_too(nested: Path, tmp_path: Path, asked: str) -> None:
    """Kind: where it stopped short."""
    revision = resolve(nested, asked)
    programs = environment(nested, revision, tmp_path / "store", print, copied_submodules)
    assert (programs / "library").read_text() == "library second"
    assert (programs / "library-inner").read_text() == "inner second"


def test_an_older_revision_has_the_submodule_of_then(nested: Path, commit: Commit, tmp_path: Path) -> None:
    subprocess.run(["git", "checkout", "--quiet", "HEAD~2"], cwd=nested / "library", check=True, capture_output=True)
    commit("the first one again")

    def install(source: Path, place: Path, revision: Revision, on_stage: OnStage) -> None:
        copied(source, place, revision, on_stage)
        (place / "bin" / "library").write_text((source / "library" / "b").read_text())

    found = {}
    for asked in ("HEAD~1", "HEAD"):
        programs = environment(nested, resolve(nested, asked), tmp_path / "store", print, install)
        found[asked] = (programs / "library").read_text()
    assert found == {"HEAD~1": "library second", "HEAD": "library first"}


def test_what_is_not_committed_in_a_submodule_is_left_out_by_name(nested: Path, tmp_path: Path) -> None:
    (nested / "library" / "b").write_text("changed")
    revision = resolve(nested, ".")
    assert (revision.uncommitted, revision.left_out) == ((), ("library",))
    told: list[str] = []
    programs = environment(nested, revision, tmp_path / "store", told.append, copied_submodules)
    assert (programs / "library").read_text() == "library second"
    assert "left out what is not committed in library" in told[0]


def test_a_submodule_that_cannot_be_had_says_what_to_run(nested: Path, git: Git, tmp_path: Path) -> None:
    git("submodule", "deinit", "--force", "library")
    with pytest.raises(BuildError, match="run `git submodule update --init --recursive`"):
        environment(nested, resolve(nested, "HEAD"), tmp_path / "store", print, copied_submodules)
    assert len(git("worktree", "list").splitlines()) == 1


def test_a_bare_repository_has_revisions_too(project: Path, commit: Commit, tmp_path: Path) -> None:
    (project / "a").write_text("1")
    commit("first")
    bare = tmp_path / "bare.git"
    subprocess.run(["git", "clone", "--bare", "--quiet", str(project), str(bare)], check=True)
    programs = environment(bare, resolve(bare, "HEAD"), tmp_path / "store", print, copied)
    assert (programs / "it").read_text() == "1"


def test_what_a_record_holds_of_a_revision_is_a_commit_that_stays(project: Path, commit: Commit) -> None:
    head = commit("first")
    assert resolve(project, "HEAD").reported == resolve(project, ".").reported == head
    (project / "a").write_text("1")
    revision = resolve(project, ".")
    assert revision.reported == f"{head}-dirty"
    assert revision.commit != head


# A build backend of its own, so that pip needs nothing from anywhere.
BACKEND = """
import zipfile
def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    source = open("engine.py").read()
    compile(source, "engine.py", "exec")
    name = "tiny-1-py3-none-any.whl"
    info = "tiny-1.dist-info"
    with zipfile.ZipFile(f"{wheel_directory}/{name}", "w") as wheel:
        wheel.writestr("tiny_engine.py", source)
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: tiny\\nVersion: 1\\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{info}/entry_points.txt", "[console_scripts]\\ntiny = tiny_engine:main\\n")
        wheel.writestr(f"{info}/RECORD", "")
    return name
"""


def test_a_real_installation_and_one_that_fails(project: Path, commit: Commit, tmp_path: Path) -> None:
    (project / "backend.py").write_text(BACKEND)
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    (project / "engine.py").write_text("def main():\n    print('built from', __name__)\n")
    commit("good")
    told: list[str] = []
    programs = environment(project, resolve(project, "HEAD"), tmp_path / "store", told.append)
    printed = subprocess.run([programs / "tiny"], capture_output=True, text=True, check=True).stdout
    assert printed == "built from tiny_engine\n"
    assert "installing with" in told[0]

    (project / "engine.py").write_text("def main(:\n")
    commit("bad")
    with pytest.raises(BuildError, match="does not build") as caught:
        environment(project, resolve(project, "HEAD"), tmp_path / "store", told.append)
    assert "SyntaxError" in caught.value.diagnostic
