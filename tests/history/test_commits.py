"""Kinds: commits in the wrong order without a word, and commits of other branches and repositories among them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hfbench.cli import main
from hfbench.history import commits_of, find_steps, load_history
from tests.makers.repositories import Repository, record, save


def _history(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, dict[str, Any], str]:
    """Exit code, JSON document and standard error of ``hfbench history``."""
    with pytest.raises(SystemExit) as left:
        main(["history", *map(str, words), "--json"])
    printed = capsys.readouterr()
    return int(str(left.value.code)), json.loads(printed.out or "{}"), printed.err


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.new(tmp_path / "repository")


def _measured_backwards(repository: Repository, records: Path, values: list[float]) -> list[str]:
    """A commit per value, measured from the newest to the oldest: the order of measuring turns a step's sign round."""
    commits = [repository.commit() for _ in values]
    for place, (commit, value) in enumerate(zip(commits, values, strict=True)):
        measured = datetime.fromtimestamp(1_800_000_000 - 60 * place, UTC).isoformat()
        save(record(commit, value, created=measured), records / f"{place}.json")
    return commits


@pytest.mark.parametrize("depth", [None, 1, 3])
def test_unknown_order_never_changes_the_sign_of_a_step(
    repository: Repository, tmp_path: Path, capsys: pytest.CaptureFixture[str], depth: int | None
) -> None:
    """The last two commits hold a step of +50%; actions/checkout clones with depth 1 by default."""
    commits = _measured_backwards(repository, tmp_path / "records", [100.0] * 5 + [150.0])
    clone = tmp_path / "clone"
    deep = [f"--depth={depth}"] if depth else []
    repository.git("clone", "--quiet", *deep, f"file://{repository.folder}", str(clone))
    code, document, said = _history(capsys, tmp_path / "records", "--repo", clone)
    assert code == 0
    shown = [point["commit"] for point in document["points"]]
    assert shown == (commits[-depth:] if depth else commits)
    assert [step["change"] for step in document["steps"]] == ([] if depth == 1 else [0.5])
    if depth:
        assert f"{6 - depth} measurements of {6 - depth} commits without a place in the order of commits" in said
        assert "git fetch --unshallow" in said
        assert document["left_out"]


def test_a_folder_that_is_no_repository_is_an_error_and_not_an_order(
    repository: Repository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _measured_backwards(repository, tmp_path / "records", [100.0, 150.0])
    code, document, said = _history(capsys, tmp_path / "records", "--repo", tmp_path)
    assert (code, document) == (3, {})
    assert "is not in a git repository" in said
    assert "--repo" in said
    assert load_history([tmp_path / "records"]).series == ()  # nor is there an order where no repository is given


def test_the_order_is_topological_and_not_that_of_the_dates(repository: Repository, tmp_path: Path) -> None:
    """A clock that was set back: the later commit is dated earlier."""
    first, second = repository.commit(), repository.commit(seconds=-7200)
    for name, commit, value in (("a", first, 100.0), ("b", second, 150.0)):
        save(record(commit, value), tmp_path / "records" / f"{name}.json")
    history = load_history([tmp_path / "records"], commits_of(repository.folder))
    assert history.commits == (first, second)
    (step,) = find_steps(history)
    assert step.change == pytest.approx(0.5)


def test_settings_of_git_change_nothing(repository: Repository) -> None:
    commits = [repository.commit() for _ in range(3)]
    before = commits_of(repository.folder)
    for name, value in (("log.showSignature", "true"), ("color.ui", "always"), ("log.decorate", "full")):
        repository.git("config", name, value)
    assert commits_of(repository.folder) == before
    assert list(before.known) == commits


@pytest.fixture
def branched(repository: Repository) -> dict[str, str]:
    """main: first - second - merge; side (merged): side; topic (not merged): topic."""
    named = {"first": repository.commit()}
    repository.git("switch", "--quiet", "-c", "topic")
    named["topic"] = repository.commit()
    repository.git("switch", "--quiet", "-c", "side", "main")
    named["side"] = repository.commit()
    repository.git("switch", "--quiet", "main")
    named["second"] = repository.commit()
    named["merge"] = repository.merge("side")
    repository.git("branch", "--quiet", "-D", "side")
    return named


def test_commits_of_unmerged_branches_do_not_stand_among_those_of_main(
    repository: Repository, branched: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, commit in branched.items():
        save(record(commit), tmp_path / "records" / f"{name}.json")
    code, document, said = _history(capsys, tmp_path / "records", "--repo", repository.folder)
    assert code == 0
    assert [point["commit"] for point in document["points"]] == [branched[n] for n in ("first", "second", "merge")]
    assert "2 measurements of 2 commits not on the first-parent line of main; --all-branches" in said

    code, document, said = _history(capsys, tmp_path / "records", "--repo", repository.folder, "--all-branches")
    assert (code, said) == (0, "")
    found = {point["commit"]: point["branch"] for point in document["points"]}
    merged = f"merged by {branched['merge'][:8]}"
    assert {name: found[commit] for name, commit in branched.items()} == {
        "first": "main",
        "topic": "topic",
        "side": merged,
        "second": "main",
        "merge": "main",
    }
    repository.git("switch", "--quiet", "topic")
    _, document, _ = _history(capsys, tmp_path / "records", "--repo", repository.folder)
    assert [point["commit"] for point in document["points"]] == [branched["first"], branched["topic"]]


def test_a_commit_of_another_repository_is_left_out(
    repository: Repository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own, other = repository.commit(), Repository.new(tmp_path / "other").commit("--message", "another")
    save(record(own, 100.0), tmp_path / "records" / "own.json")
    save(record(other, 900.0), tmp_path / "records" / "other.json")
    code, document, said = _history(capsys, tmp_path / "records", "--repo", repository.folder)
    assert code == 0
    assert [(point["commit"], point["repository"]) for point in document["points"]] == [(own, "repository")]
    assert "1 measurement of 1 commit without a place in the order of commits: another repository's" in said


@pytest.mark.parametrize("length", [7, 8, 12, 39, 40])
def test_an_abbreviated_revision_is_resolved(repository: Repository, length: int) -> None:
    commit = repository.commit()
    repository.commit()
    commits = commits_of(repository.folder)
    for text in (commit[:length], commit[:length].upper(), f"{commit[:length]}-dirty"):
        found = commits.find(text)
        assert found is not None
        assert found.sha == commit


@pytest.mark.parametrize("text", ["", "abc", "v1.0", "0000000", "g" * 40, "working tree"])
def test_what_is_no_revision_of_the_repository_has_no_place(repository: Repository, text: str) -> None:
    repository.commit()
    assert commits_of(repository.folder).find(text) is None


def test_an_abbreviation_of_two_commits_is_no_commit() -> None:
    from hfbench.history.commits import Commit, Commits

    one, other = "abcdef01" + "0" * 32, "abcdef02" + "0" * 32
    commits = Commits({sha: Commit(sha, 0.0, place, "main") for place, sha in enumerate((one, other))})
    assert commits.find("abcdef0") is None
    assert commits.find("abcdef02") == commits.known[other]


def test_points_of_a_detached_head_and_of_changed_trees_have_their_place(
    repository: Repository, tmp_path: Path
) -> None:
    commits = [repository.commit() for _ in range(3)]
    repository.git("checkout", "--quiet", commits[1])
    for place, commit in enumerate((commits[1] + "-dirty", commits[1], commits[0], commits[2])):
        save(record(commit), tmp_path / "records" / f"{place}.json")
    history = load_history([tmp_path / "records"], commits_of(repository.folder))
    assert history.commits == (commits[0], commits[1], commits[1] + "-dirty")
    assert "first-parent line of HEAD" in history.left_out[0]
