"""Git is called in one way, and every ordinary condition of a repository has a typed error that says what to do."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from hfbench.bench.machine import source_revision
from hfbench.bench.measure.revisions import resolve
from hfbench.errors import MachineError, UsageError
from hfbench.git import GitError, NotARepositoryError, git
from hfbench.history import commits_of

if TYPE_CHECKING:
    from pathlib import Path


def run_git(folder: Path, *arguments: str, stdin: str = "") -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=test", "-c", "user.email=test@localhost", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, input=stdin).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    run_git(folder, "init", "--initial-branch=main")
    (folder / "file").write_text("1")
    run_git(folder, "add", "--all")
    run_git(folder, "commit", "-m", "first")
    return folder


def sign_head(repository: Path, program: Path) -> str:
    """Put a signature on the last commit, which ``program`` "verifies", and ask for signatures in every log."""
    program.write_text("#!/bin/sh\necho 'gpg: Good signature' >&2\necho '[GNUPG:] GOODSIG 1 test'\n")
    program.chmod(0o755)
    header, _, body = run_git(repository, "cat-file", "commit", "HEAD").partition("\n\n")
    signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n AAAA\n -----END PGP SIGNATURE-----"
    signed = run_git(
        repository, "hash-object", "-t", "commit", "-w", "--stdin", stdin=f"{header}\n{signature}\n\n{body}\n"
    )
    run_git(repository, "reset", "--soft", signed)
    for name, value in {"log.showSignature": "true", "gpg.program": str(program), "color.ui": "always"}.items():
        run_git(repository, "config", name, value)
    return signed


def test_settings_of_the_user_change_nothing(repository: Path, tmp_path: Path) -> None:
    signed = sign_head(repository, tmp_path / "verify")
    assert "Good signature" in run_git(repository, "log", "--format=%H")  # what plain git prints
    assert git(repository, "log", "--format=%H") == signed
    assert commits_of(repository).find(signed) is not None
    assert source_revision(repository) == signed


def test_a_surrounding_git_is_not_followed(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other"
    other.mkdir()
    run_git(other, "init")
    head = run_git(repository, "rev-parse", "HEAD")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    assert git(repository, "rev-parse", "HEAD") == head


def test_paths_are_whole(repository: Path) -> None:
    names = ["with space", "line\nend", "ümlaut", '"quoted"', os.fsdecode(b"not-utf8-\xff")]
    for name in names:
        (repository / name).write_text("1")
    assert sorted(resolve(repository, ".").uncommitted) == sorted(names)


@pytest.mark.parametrize("committed", [False, True], ids=["without commits", "with commits"])
@pytest.mark.parametrize("name", ["nested", "ne[s]t*d", "a/b"])
def test_a_nested_repository_is_left_out_by_name(repository: Path, name: str, *, committed: bool) -> None:
    nested = repository / name
    nested.mkdir(parents=True)
    run_git(nested, "init")
    (nested / "inside").write_text("1")
    if committed:
        run_git(nested, "add", "--all")
        run_git(nested, "commit", "-m", "nested")
    assert resolve(repository, ".").uncommitted == ()  # nothing else has changed
    (repository / "beside").write_text("1")

    revision = resolve(repository, ".")

    assert (revision.uncommitted, revision.left_out) == (("beside",), (f"{name}/",))
    assert run_git(repository, "ls-tree", "--name-only", "-r", revision.tree).splitlines() == ["beside", "file"]


def test_no_repository(tmp_path: Path) -> None:
    with pytest.raises(NotARepositoryError, match="is not in a git repository: run this in one"):
        git(tmp_path, "rev-parse", "HEAD")
    assert "is not in a git repository" in commits_of(tmp_path).problem


def test_a_repository_without_commits(tmp_path: Path) -> None:
    run_git(tmp_path, "init")
    with pytest.raises(UsageError, match="there is no commit in .* yet: commit something first"):
        resolve(tmp_path, ".")
    assert source_revision(tmp_path) is None


def test_a_bare_repository_has_no_working_tree(repository: Path, tmp_path: Path) -> None:
    run_git(tmp_path, "clone", "--bare", str(repository), "bare")
    with pytest.raises(UsageError, match="no files checked out: name a revision"):
        resolve(tmp_path / "bare", ".")
    assert resolve(tmp_path / "bare", "main").commit == run_git(repository, "rev-parse", "HEAD")


def test_a_shallow_clone_says_how_to_get_the_rest(repository: Path, tmp_path: Path) -> None:
    (repository / "file").write_text("2")
    run_git(repository, "commit", "-am", "second")
    run_git(tmp_path, "clone", "--depth=1", f"file://{repository}", "shallow")
    with pytest.raises(UsageError, match=r"no revision 'HEAD~1' .*shallow: .*git fetch --unshallow"):
        resolve(tmp_path / "shallow", "HEAD~1")


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_a_tree_of_another_user_says_how_to_trust_it(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, os.devnull)
    for place in (repository, repository / ".git"):
        os.chown(place, 12345, 12345)
    with pytest.raises(GitError, match=r"git config --global --add safe\.directory"):
        git(repository, "status")


def test_a_failing_command_gives_its_reason(repository: Path) -> None:
    with pytest.raises(GitError, match="git show failed in .*: fatal: .*nowhere") as caught:
        git(repository, "show", "nowhere")
    assert "nowhere" in caught.value.diagnostic


def test_a_command_that_takes_too_long_is_ended(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = tmp_path / "programs" / "git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}:{os.environ['PATH']}")
    with pytest.raises(GitError, match="git status did not end within"):
        git(repository, "status", seconds=0.2)


def test_no_git_program(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))
    with pytest.raises(MachineError, match="there is no git program: install git"):
        git(repository, "status")
