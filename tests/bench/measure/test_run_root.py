"""Nothing temporary outlives the next run: killed runs, deep trees, registered git worktrees."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from hfbench.bench.measure import run_root
from hfbench.bench.measure.run_root import open_run_root, remove_tree, sweep
from hfbench.errors import MachineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_CHILD = """
import sys
from pathlib import Path
from hfbench.bench.measure.run_root import open_run_root
parent, repository = Path(sys.argv[1]), Path(sys.argv[2])
with open_run_root(parent) as root, root.folder("out-") as out:
    (out / "frame").write_text("1")
    if repository.name:
        with root.worktree(repository, "HEAD"):
            print(root.path, flush=True)
            sys.stdin.read()
    print(root.path, flush=True)
    sys.stdin.read()
"""


@contextmanager
def running(parent: Path, repository: str = ".") -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that has a run's folder and works in it, and that folder; it is killed afterwards."""
    command = [sys.executable, "-c", _CHILD, str(parent), repository]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        try:
            yield child, child.stdout.readline().strip()
        finally:
            child.kill()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"registry"}


def make_deep(folder: Path, levels: int) -> None:
    """Nested folders whose path is longer than the system takes, each with a file in it."""
    before = os.getcwd()
    try:
        os.chdir(folder)
        for _ in range(levels):
            os.mkdir("deeper-and-deeper")
            os.chdir("deeper-and-deeper")
            with open("file", "w"):
                pass
    finally:
        os.chdir(before)


def test_a_run_that_ends_leaves_nothing(tmp_path: Path) -> None:
    with open_run_root(tmp_path) as root, root.folder("out-") as out:
        (out / "frame").write_text("1")
        assert out.parent == root.path
        assert names(tmp_path) == {root.path.name, f"{root.path.name}.lock"}
    assert names(tmp_path) == set()


def test_a_run_that_raises_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), open_run_root(tmp_path) as root, root.folder("out-"):
        raise KeyboardInterrupt
    assert names(tmp_path) == set()


def test_what_a_killed_run_left_goes_with_the_next(tmp_path: Path) -> None:
    with running(tmp_path) as (child, left):
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert os.path.isdir(left)
    with open_run_root(tmp_path) as root:
        assert names(tmp_path) == {root.path.name, f"{root.path.name}.lock"}


def test_a_run_that_still_runs_keeps_its_folder(tmp_path: Path) -> None:
    with running(tmp_path) as (_, other):
        assert sweep(tmp_path) == ()
        with open_run_root(tmp_path):
            assert os.path.isfile(f"{other}.lock")
            assert os.listdir(other)


def test_a_killed_run_leaves_no_worktree_in_the_repository(
    tmp_path: Path, project: Path, commit: Callable[..., str], git: Callable[..., str]
) -> None:
    (project / "file").write_text("1")
    commit("first")
    own = tmp_path / "worktree of the user"
    git("worktree", "add", "--detach", str(own))
    own.rename(tmp_path / "not mounted")  # as on a disk that is taken away for a while
    before = git("worktree", "list")
    runs = tmp_path / "runs"
    for _ in range(3):
        with running(runs, str(project)) as (child, left):
            assert left in git("worktree", "list")
            child.send_signal(signal.SIGKILL)
    with open_run_root(runs):
        assert git("worktree", "list") == before
    assert names(runs) == set()


def test_a_worktree_is_gone_at_the_end(
    tmp_path: Path, project: Path, commit: Callable[..., str], git: Callable[..., str]
) -> None:
    (project / "file").write_text("1")
    sha = commit("first")
    with open_run_root(tmp_path / "runs") as root:
        with root.worktree(project, sha) as source:
            assert (source / "file").read_text() == "1"
            assert str(source) in git("worktree", "list")
        assert git("worktree", "list").count("\n") == 0


@pytest.mark.parametrize("levels", [1, 500, 5000])
def test_trees_of_any_depth_are_removed(tmp_path: Path, levels: int) -> None:
    with open_run_root(tmp_path) as root, root.folder("out-") as out:
        make_deep(out, levels)
    assert names(tmp_path) == set()


def test_folders_that_are_read_only_and_links(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("1")
    top = tmp_path / "top"
    closed = top / "a" / "closed"
    closed.mkdir(parents=True)
    (closed / "file").write_text("1")
    (top / "a" / "link").symlink_to(outside)
    (top / "link").symlink_to(outside)
    closed.chmod(0o500)
    assert remove_tree(top)
    top.symlink_to(outside)
    assert remove_tree(top)
    assert (outside / "kept").read_text() == "1"


def test_what_cannot_be_removed_is_kept_for_the_next_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(run_root, "remove_tree", lambda _: False)
        with open_run_root(tmp_path) as root:
            pass
        assert names(tmp_path) == {root.path.name, f"{root.path.name}.lock"}
    assert sweep(tmp_path) == (root.path,)
    assert names(tmp_path) == set()


def test_a_folder_of_somebody_else_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / f"hfbench-{os.getuid()}").mkdir()
    (tmp_path / f"hfbench-{os.getuid()}").chmod(0o777)
    with pytest.raises(MachineError, match="not a folder of yours alone"), open_run_root():
        pass


def test_no_place_for_temporary_files(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("1")
    with pytest.raises(MachineError, match="name a writable folder in TMPDIR"), open_run_root(tmp_path / "file"):
        pass
