"""What GitHub runs of this repository: pinned, with no more rights than it needs, its scripts on hostile input."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = {path.stem: path for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))}
PLACES = [*WORKFLOWS.values(), ROOT / "action.yml"]
PINNED = re.compile(r"uses: (\./|[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$")


def read(path: Path) -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load(path.read_text())
    return found


def steps(path: Path) -> list[dict[str, Any]]:
    document = read(path)
    jobs = document.get("jobs", {"only": document.get("runs")})
    return [step for job in jobs.values() for step in job["steps"]]


def script(workflow: str, name: str) -> str:
    (found,) = (step["run"] for step in steps(WORKFLOWS[workflow]) if step.get("name") == name)
    return str(found)


def not_pinned(text: str) -> list[str]:
    lines = (line.strip().removeprefix("- ") for line in text.splitlines())
    return [line for line in lines if line.startswith("uses:") and not PINNED.match(line)]


def injected(text: str) -> list[str]:
    """Expressions inside scripts: whoever names a branch could write commands there."""
    return re.findall(r"\$\{\{.*?\}\}", text)


@pytest.mark.parametrize("path", PLACES, ids=lambda path: path.stem)
def test_actions_are_pinned_by_commit(path: Path) -> None:
    assert "uses:" in path.read_text()
    assert not_pinned(path.read_text()) == []


def test_negative_control_of_pins() -> None:
    assert not_pinned("- uses: actions/checkout@v4\n  uses: other/action@main\n- uses: ./") == [
        "uses: actions/checkout@v4",
        "uses: other/action@main",
    ]


@pytest.mark.parametrize("path", PLACES, ids=lambda path: path.stem)
def test_scripts_hold_no_expressions(path: Path) -> None:
    scripts = [step["run"] for step in steps(path) if "run" in step]
    assert scripts or path.stem == "ci"
    assert [found for text in scripts for found in injected(text)] == []
    assert injected("echo ${{ github.head_ref }}") == ["${{ github.head_ref }}"]  # the negative control


@pytest.mark.parametrize("name", list(WORKFLOWS))
def test_rights_are_given_to_a_job_and_only_where_they_are_used(name: str) -> None:
    document = read(WORKFLOWS[name])
    assert document["permissions"] in ({}, {"contents": "read"})
    given = {
        (job, right)
        for job, about in document["jobs"].items()
        for right, level in about.get("permissions", {}).items()
        if level == "write"
    }
    assert (
        given
        == {
            "ci": set(),
            "perf": set(),
            "perf-comment": {("comment", "pull-requests")},
            "history": {("keep", "contents"), ("publish", "pages"), ("publish", "id-token")},
        }[name]
    )


@pytest.mark.parametrize("name", ["ci", "perf"])
def test_code_of_a_fork_runs_without_secrets_and_without_a_kept_token(name: str) -> None:
    document = read(WORKFLOWS[name])
    assert document[True].keys() <= {"push", "pull_request", "workflow_dispatch"}  # yaml reads `on` as true
    assert "secrets" not in WORKFLOWS[name].read_text()
    checkouts = [step for step in steps(WORKFLOWS[name]) if "actions/checkout" in step.get("uses", "")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_the_comment_runs_nothing_of_the_pull_request() -> None:
    found = steps(WORKFLOWS["perf-comment"])
    assert [step["uses"].partition("@")[0] for step in found if "uses" in step] == ["actions/download-artifact"]
    with_token = [step["name"] for step in found if "GH_TOKEN" in step.get("env", {})]
    assert with_token == ["Create or update the comment"]
    assert "gate.md" not in script("perf-comment", with_token[0])


class TestTheComment:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        (tmp_path / "gate").mkdir()
        return tmp_path

    def written(self, folder: Path) -> tuple[str, str | None]:
        """The step's outputs, and the comment where there is one."""
        comment, outputs = folder / "comment.md", folder / "outputs"
        environment = {
            "REPORT": str(folder / "gate" / "gate.md"),
            "COMMENT": str(comment),
            "HEAD_SHA": "a" * 40,
            "RUN_URL": "https://example.org/run/1",
            "GITHUB_OUTPUT": str(outputs),
            "SECRET": "token",
        }
        subprocess.run([sys.executable, "-c", script("perf-comment", "The comment")], env=environment, check=True)
        return outputs.read_text(), comment.read_text(encoding="utf-8") if comment.exists() else None

    def test_is_the_text_with_where_it_comes_from_in_front(self, folder: Path) -> None:
        (folder / "gate" / "gate.md").write_text("## hfbench: PASS\n| a | b |\n")
        said, text = self.written(folder)
        assert said == "written=true\n"
        assert text is not None
        mark, where, rest = text.split("\n", 2)
        assert mark == "<!-- hfbench gate -->"  # by which the next run finds it
        assert mark in script("perf-comment", "Create or update the comment")
        assert where.startswith(f"Measured at {'a' * 40} in [this run](https://example.org/run/1)")
        assert rest == "\n## hfbench: PASS\n| a | b |\n"

    def test_calls_nobody(self, folder: Path) -> None:
        (folder / "gate" / "gate.md").write_text("@everyone at Xeon @ 2.2 GHz")
        _, text = self.written(folder)
        assert text is not None
        assert "@\u200beveryone" in text
        assert not re.search(r"@\w", text)

    @pytest.mark.parametrize(
        "content", [b"\xc3" * 200_000, "é".encode() * 200_000, b"@" * 200_000, b"\x00\xff\xfe", b""]
    )
    def test_any_bytes_make_a_comment_of_a_length_that_is_taken(self, folder: Path, content: bytes) -> None:
        (folder / "gate" / "gate.md").write_bytes(content)
        said, text = self.written(folder)
        assert said == "written=true\n"
        assert text is not None
        assert len(text) <= 65_536
        assert "\0" not in text

    @pytest.mark.parametrize("kind", ["absent", "link", "folder"])
    def test_what_is_no_plain_file_makes_none(self, folder: Path, kind: str) -> None:
        """The negative control of the link: the environment that it leads to holds the secret."""
        report = folder / "gate" / "gate.md"
        if kind == "link":
            report.symlink_to("/proc/self/environ")
            assert b"PATH" in report.read_bytes()
        elif kind == "folder":
            report.mkdir()
        assert self.written(folder) == ("written=false\n", None)


#: In place of hfbench: keeps what it was called with, writes reports, and ends with a verdict.
FAKE_GATE = """#!{python}
import json, os, sys
from pathlib import Path
Path(os.environ["CALLED"]).write_text(json.dumps(sys.argv[1:]))
for option in ("--markdown", "--junit", "--record"):
    Path(sys.argv[sys.argv.index(option) + 1]).write_text("report")
print(json.dumps({{"verdict": "FAIL"}}))
sys.exit(int(os.environ["ENDS_WITH"]))
"""


class TestTheAction:
    """Kind: lines of a block that are dropped, so that the gate measures less than was asked."""

    def run(self, folder: Path, ends_with: int = 1, **inputs: str) -> tuple[int, list[str], dict[str, str]]:
        """Run the gate's step: exit code, what hfbench was called with, outputs."""
        programs = folder / "program"
        programs.mkdir(exist_ok=True)
        (programs / "python").unlink(missing_ok=True)
        (programs / "python").symlink_to(sys.executable)
        (programs / "hfbench").write_text(FAKE_GATE.format(python=sys.executable))
        (programs / "hfbench").chmod(0o755)
        (gate,) = (step for step in steps(ROOT / "action.yml") if step.get("id") == "gate")
        asked = dict.fromkeys(gate["env"], "") | {
            "PROGRAM": str(programs),
            "FOLDER": str(folder),
            "GITHUB_OUTPUT": str(folder / "outputs"),
            "CALLED": str(folder / "called"),
            "ENDS_WITH": str(ends_with),
            "BASE": "main",
            "HEAD": "HEAD",
            "SIZE": "180p",
            "ARTIFACT": "hfbench-gate",
            "JOB_INDEX": "0",
            "JOB_TOTAL": "1",
        }
        (folder / "outputs").unlink(missing_ok=True)
        (folder / "called").unlink(missing_ok=True)
        environment = os.environ | asked | inputs
        code = subprocess.run(["bash", "-e", "-c", gate["run"]], env=environment, check=False, timeout=60).returncode
        called = json.loads((folder / "called").read_text()) if (folder / "called").exists() else []
        told = (folder / "outputs").read_text() if (folder / "outputs").exists() else ""
        return code, called, dict(line.split("=", 1) for line in told.splitlines())

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ("--scope segment\n--scope fused\n", ["--scope", "segment", "--scope", "fused"]),
            ("--scope segment --scope fused", ["--scope", "segment", "--scope", "fused"]),
            ("\n  --repeat 8\n\n\t--seed 1\r\n", ["--repeat", "8", "--seed", "1"]),
            ("--budgets 'my budgets.toml'\n--link \"a 'b' c\"", ["--budgets", "my budgets.toml", "--link", "a 'b' c"]),
            ("# all of it\n--repeat 8 # more runs\n#--seed 1\n--seed 2", ["--repeat", "8", "--seed", "2"]),
            ("--link https://example.org/#part --link '# no comment'", ["--link", "https://example.org/#part"]),
            ("--link 'two\nlines'", ["--link", "two\nlines"]),
            ("--link a\\ b --link \\#c", ["--link", "a b", "--link", "#c"]),
            (
                "--link $HOME --link $(id) --link `id` --link *",
                ["--link", "$HOME", "--link", "$(id)", "--link", "`id`"],
            ),
            ("", []),
            ("# nothing but a comment's apostrophe", []),
        ],
    )
    def test_hands_on_every_word_of_every_line(self, tmp_path: Path, options: str, words: list[str]) -> None:
        code, called, outputs = self.run(tmp_path, OPTIONS=options)
        assert code == 1
        assert outputs["verdict"] == "FAIL"
        start = called.index("180p") + 1
        assert called[start : start + len(words)] == words
        if not words:
            assert called[start] == "--json"

    def test_takes_scenarios_from_blocks_with_comments(self, tmp_path: Path) -> None:
        block = "hdr-sdr-mixed-scope\n# the other preflight:\nvfr-screen-recording cfr-sdr-cache\n"
        _, called, _ = self.run(tmp_path, SCENARIOS=block)
        chosen = [called[place + 1] for place, word in enumerate(called) if word == "--scenario"]
        assert chosen == ["hdr-sdr-mixed-scope", "vfr-screen-recording", "cfr-sdr-cache"]

    def test_an_open_quote_is_wrong_use_and_nothing_runs(
        self, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        assert self.run(tmp_path, OPTIONS="--scope 'segment") == (2, [], {})
        assert "::error::options: No closing quotation" in capfd.readouterr().out

    @pytest.mark.parametrize("ends_with", [0, 1, 2, 3, 4, 6, 70, 130])
    def test_ends_as_the_gate_does(self, tmp_path: Path, ends_with: int) -> None:
        code, _, outputs = self.run(tmp_path, ends_with)
        assert (code, outputs["exit-code"]) == (ends_with, str(ends_with))
        reports = Path(outputs["reports"])
        assert {path.name for path in reports.iterdir()} == {"gate.json", "gate.md", "gate.xml", "record.json"}

    def test_measures_revisions_or_engines(self, tmp_path: Path) -> None:
        _, called, _ = self.run(tmp_path)
        assert called[:5] == ["gate", "--base", "main", "--head", "HEAD"]
        _, called, _ = self.run(tmp_path, BASE_ENGINE="node 'a b.mjs'", HEAD_ENGINE="node c.mjs")
        assert called[:5] == ["gate", "--engine", "baseline=node 'a b.mjs'", "--engine", "contender=node c.mjs"]

    @pytest.mark.parametrize(
        ("asked", "unsure"), [("true", ["--allow-unsure"]), ("false", ["--no-allow-unsure"]), ("", [])]
    )
    def test_says_what_unsure_means_only_where_it_is_told(self, tmp_path: Path, asked: str, unsure: list[str]) -> None:
        _, called, _ = self.run(tmp_path, ALLOW_UNSURE=asked)
        assert [word for word in called if "allow" in word] == unsure

    def test_the_jobs_of_a_matrix_and_two_uses_in_a_job_do_not_overwrite_each_other(self, tmp_path: Path) -> None:
        found = [self.run(tmp_path, JOB_INDEX=str(job), JOB_TOTAL="3")[2] for job in range(3)]
        assert [outputs["artifact"] for outputs in found] == ["hfbench-gate-1", "hfbench-gate-2", "hfbench-gate-3"]
        assert len({outputs["reports"] for outputs in found}) == 3
        assert self.run(tmp_path)[2]["artifact"] == "hfbench-gate"  # the name that perf-comment.yml asks for
        assert self.run(tmp_path, ARTIFACT="", JOB_TOTAL="3")[2]["artifact"] == ""

    def test_keys_of_fixtures_follow_recipes_and_choice(self, tmp_path: Path) -> None:
        """The recipe for other repositories caches fixtures: the action does it."""
        (install,) = (step for step in steps(ROOT / "action.yml") if step.get("id") == "install")
        keying = install["run"].partition("pip install")[2].partition("\n")[2]

        def key(source: Path, **inputs: str) -> str:
            outputs = tmp_path / "outputs"
            outputs.unlink(missing_ok=True)
            asked = dict.fromkeys(install["env"], "") | {"SOURCE": str(source), "GITHUB_OUTPUT": str(outputs)} | inputs
            subprocess.run(["bash", "-e", "-c", keying], env=os.environ | asked, check=True)
            home, found = outputs.read_text().splitlines()
            assert home == f"home={inputs.get('CHOSEN_HOME') or Path.home() / '.cache' / 'hfbench'}"
            return found

        (tmp_path / "fixtures_gen").mkdir()
        (tmp_path / "fixtures_gen" / "recipe.py").write_text("one")
        first = key(tmp_path)
        assert first == key(tmp_path, CHOSEN_HOME="/somewhere")
        assert first != key(tmp_path, SIZE="360p")
        (tmp_path / "fixtures_gen" / "recipe.py").write_text("another")
        assert first != key(tmp_path)
        (cache,) = (step for step in steps(ROOT / "action.yml") if "actions/cache@" in step.get("uses", ""))
        assert cache["with"]["path"] == "${{ steps.install.outputs.home }}/fixtures"


class TestGit:
    @pytest.fixture
    def origin(self, tmp_path: Path) -> Path:
        folder = tmp_path / "origin"
        folder.mkdir()
        self.git(folder, "init", "--quiet", "--initial-branch=main")
        self.commit(folder, "first")
        return folder

    def git(self, folder: Path, *arguments: str) -> str:
        identity = ("-c", "user.name=test", "-c", "user.email=test")
        command = ["git", "-C", str(folder), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, folder: Path, name: str) -> str:
        (folder / name).write_text(name)
        self.git(folder, "add", name)
        self.git(folder, "commit", "--quiet", "-m", name)
        return self.git(folder, "rev-parse", "HEAD")

    def checkout(self, origin: Path, place: Path, branch: str = "main") -> Path:
        """As the action leaves it: the remote's branches, and one of them, or a commit, checked out."""
        self.git(origin.parent, "clone", "--quiet", str(origin), str(place))
        self.git(place, "checkout", "--quiet", branch)
        return place

    def run(self, text: str, place: Path, **environment: str) -> str:
        """Run a step's script as the runner does; what it put out."""
        outputs = place.parent / "outputs"
        given = os.environ | environment | {"GITHUB_OUTPUT": str(outputs)}
        subprocess.run(["bash", "-e", "-c", text], cwd=place, env=given, check=True, capture_output=True)
        return outputs.read_text() if outputs.exists() else ""

    def test_the_base_of_a_pull_request_is_what_it_was_merged_into(self, origin: Path, tmp_path: Path) -> None:
        opened_on = self.git(origin, "rev-parse", "HEAD")
        self.git(origin, "switch", "--quiet", "-c", "change")
        self.commit(origin, "change")
        self.git(origin, "switch", "--quiet", "main")
        base = self.commit(origin, "meanwhile")
        self.git(origin, "switch", "--quiet", "-c", "merge")
        self.git(origin, "merge", "--quiet", "--no-edit", "change")
        place = self.checkout(origin, tmp_path / "place", "merge")
        assert self.run(script("perf", "The base"), place, ASKED="") == f"commit={base}\n"
        assert base != opened_on

    @pytest.mark.parametrize("asked", ["main", "commit"])
    def test_the_base_of_a_dispatched_run_may_be_a_branch_or_a_commit(
        self, origin: Path, tmp_path: Path, asked: str
    ) -> None:
        base = self.git(origin, "rev-parse", "HEAD")
        self.git(origin, "switch", "--quiet", "-c", "change")
        self.commit(origin, "change")
        place = self.checkout(origin, tmp_path / "place", "change")
        assert self.git(place, "branch", "--format=%(refname:short)") == "change"  # there is no local main
        answer = self.run(script("perf", "The base"), place, ASKED=base if asked == "commit" else "main")
        assert answer == f"commit={base}\n"

    def test_results_are_taken_up_and_kept_from_the_first_run_on(self, origin: Path, tmp_path: Path) -> None:
        self.git(origin, "config", "receive.denyCurrentBranch", "ignore")
        branch = {"RESULTS_BRANCH": "asv-results", "GITHUB_SHA": "abc"}
        for number in (1, 2):
            measured = self.checkout(origin, tmp_path / f"measure-{number}")
            self.run(script("history", "Restore the results of earlier runs"), measured, **branch)
            results = measured / ".asv" / "results"
            assert sorted(path.name for path in results.iterdir()) == [f"{n}.json" for n in range(1, number)]
            (results / f"{number}.json").write_text("{}")
            kept = self.checkout(origin, tmp_path / f"keep-{number}")
            self.run(script("history", "The results branch, or the beginning of one"), kept, **branch)
            (kept / "results").mkdir(exist_ok=True)
            for path in results.iterdir():  # what the download of the artifact does
                (kept / "results" / path.name).write_text(path.read_text())
            self.run(script("history", "Keep the results"), kept, **branch)
        listed = self.git(origin, "ls-tree", "-r", "--name-only", "asv-results").splitlines()
        assert listed == ["results/1.json", "results/2.json"]  # and nothing of the code
        assert self.git(origin, "rev-list", "--count", "asv-results") == "2"
