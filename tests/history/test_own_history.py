"""The lines of docs/history.md on this repository's own last commits: measured, published, and read in a browser.

Two things differ from what is written there, so that it takes minutes and not an hour: one counted round in place of
three, and two of the three classes (``--bench``) at all commits but the last.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hfbench.history import History, commits_of, load_history
from tests.makers import publishing

if TYPE_CHECKING:
    from tests.makers.browsing import Browser

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
COMMITS = 5
#: All commits; the third class, the headline, takes as long as both and is measured at the last commit only.
NARROW = "VfrScreenRecording|CfrSdrCache"
HEADLINE = "HdrSdrMixedScope"
#: What the same code counts alike wherever it runs.
COUNTERS = ("framesDecoded", "framesWritten", "framesConverted", "filesOpened", "processesSpawned")
TIMES = ("videoExtractMs", "extractMs", "cpuMs", "hdrPreflightMs", "vfrPreflightMs")
#: Where none of these changed, the work is the same to the digit.
ENGINE = ("hfbench", "fixtures_gen", "pyproject.toml", ":!hfbench/cli", ":!hfbench/notebook")


def _git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


class Clone:
    """A fresh clone, and the commands that docs/history.md shows, run in it."""

    def __init__(self, folder: Path, home: Path, work: Path) -> None:
        self.folder, self.work = folder, work
        # asv keeps machines in the user's home folder: the tester's stays as it is. pip's settings and cache do serve.
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "HFBENCH_"))}
        of_user = {
            name: os.environ.get(name, str(Path.home() / folder))
            for name, folder in {"XDG_CACHE_HOME": ".cache", "XDG_CONFIG_HOME": ".config"}.items()
        }
        chosen = {"HOME": str(work), "HFBENCH_HOME": str(home), "HFBENCH_ASV_ROUNDS": "1"}
        self._environment = kept | of_user | chosen

    def asv(self, *words: str, minutes: int = 5) -> str:
        return self._run([sys.executable, "-m", "asv", *words], minutes)

    def hfbench(self, *words: str, records: Path) -> str:
        """hfbench as it is checked out, with a home that holds no records of the tester."""
        code = "import sys; from hfbench.cli import main; main(sys.argv[1:])"
        return self._run([sys.executable, "-c", code, *words], 5, {"HFBENCH_HOME": str(records)})

    def _run(self, command: list[str], minutes: int, more: dict[str, str] | None = None) -> str:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self._environment | (more or {}),
            capture_output=True,
            text=True,
            timeout=60 * minutes,
            check=False,
        )
        assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout[-4000:]}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory, home: Path) -> Clone:
    """The last commits of this repository, measured as documented."""
    pytest.importorskip("asv", exc_type=ImportError)
    if not (REPOSITORY / ".git").exists():
        pytest.skip("these files are no git repository: there is no history to measure")
    work = tmp_path_factory.mktemp("own")
    folder = work / "clone"
    _git(work, "clone", "--quiet", str(REPOSITORY), str(folder))
    if int(_git(folder, "rev-list", "--count", "--first-parent", "HEAD")) <= COMMITS:
        pytest.skip(f"a shallow clone: less than {COMMITS + 1} commits are known")
    _git(folder, "checkout", "--quiet", "-B", "main")  # asv.conf.json draws main; the checkout may be another branch
    made = Clone(folder, home, work)
    machine = ("--machine", "my-machine")
    made.asv("machine", "--yes", *machine)
    made.asv("run", *machine, "--record-samples", "--bench", NARROW, f"HEAD~{COMMITS}..HEAD", minutes=60)
    made.asv("run", *machine, "--record-samples", "--bench", HEADLINE, "HEAD~1..HEAD", minutes=30)
    return made


@pytest.fixture(scope="module")
def history(clone: Clone) -> History:
    return load_history([clone.folder / ".asv" / "results"], commits_of(clone.folder))


def test_every_commit_has_a_value_of_every_metric_in_every_way_to_run(clone: Clone, history: History) -> None:
    # As asv walks: a merge counts once, what it brought in does not.
    commits = set(_git(clone.folder, "rev-list", "--first-parent", f"HEAD~{COMMITS}..HEAD").split())
    assert set(history.commits) == commits
    narrow = history.where(scenario=("vfr-screen-recording", "cfr-sdr-cache"))
    for metric in (*COUNTERS, *TIMES):
        lines = narrow.where(metric=metric).series
        assert len(lines) == 12, f"{metric}: two backends by three scopes, and two by three states of the cache"
        assert {frozenset(point.commit for point in line.points) for line in lines} == {frozenset(commits)}, metric
    headline = history.where(scenario="hdr-sdr-mixed-scope", metric="framesDecoded").series
    assert {(line.axes.backend, line.axes.scope, len(line.points)) for line in headline} == {
        (backend, scope, 1) for backend in ("libav", "ffmpeg") for scope in ("source", "segment", "fused")
    }


def test_counters_are_equal_where_the_engine_did_not_change_and_say_what_a_scope_costs(
    clone: Clone, history: History
) -> None:
    counted = history.where(metric=COUNTERS).series
    for line in counted:
        for before, after in zip(line.points, line.points[1:], strict=False):
            if not _git(clone.folder, "diff", "--name-only", before.commit, after.commit, "--", *ENGINE):
                assert before.values == after.values, f"{line.axes}: {before.commit} {after.commit}"
    decoded = {
        (line.axes.scenario, line.axes.backend, line.axes.scope, line.axes.cache): line.points[-1].value
        for line in counted
        if line.axes.metric == "framesDecoded"
    }
    # The negative control: these do differ, so equality above is no matter of course.
    for backend in ("libav", "ffmpeg"):
        for scenario in ("vfr-screen-recording", "hdr-sdr-mixed-scope"):
            source, segment, fused = (
                decoded[scenario, backend, scope, "off"] for scope in ("source", "segment", "fused")
            )
            assert source > segment > fused > 0
        cold, warm = (decoded["cfr-sdr-cache", backend, "fused", cache] for cache in ("cold", "warm"))
        assert cold > warm == 0


def test_compare_shows_the_last_two_commits_side_by_side(clone: Clone) -> None:
    shown = clone.asv("compare", "HEAD~1", "HEAD")
    assert "VfrScreenRecording.track_framesDecoded('vfr-screen-recording', 'libav', 'fused', 'off')" in shown
    assert _git(clone.folder, "rev-parse", "--short=8", "HEAD") in shown


def test_hfbench_history_reads_the_results_and_says_what_is_too_short(clone: Clone, tmp_path: Path) -> None:
    said = clone.hfbench("history", records=tmp_path)
    assert f"lines over {COMMITS} commits" in said
    assert "too few" in said
    document: dict[str, Any] = json.loads(clone.hfbench("history", "--json", records=tmp_path))
    assert not [step for step in document["steps"] if step["metric"].endswith("Ms")]  # five points can't tell


def test_the_published_site_shows_figures_in_a_browser(clone: Clone, browser: Browser) -> None:
    clone.asv("publish")
    publishing.make_self_contained(clone.folder / ".asv" / "html", clone.work)
    with publishing.served(clone.folder / ".asv" / "html") as site:
        pages = ("", "#scenarios.VfrScreenRecording.track_framesDecoded", "#scenarios.CfrSdrCache.track_cpuMs")
        for fragment in (*pages, "#summarylist", "#regressions"):
            page = browser.page(site.address + fragment)
            assert page.console == (), fragment
            assert all(image.get("alt") for image in page.document.select("img")), fragment
            if fragment in pages:
                assert page.document.select("canvas.flot-base"), fragment
        assert site.missing == []
        assert browser.colours_shown(site.address + pages[1]) > 3


def test_the_report_of_the_results_shows_figures_in_a_browser(clone: Clone, browser: Browser, tmp_path: Path) -> None:
    clone.hfbench("report", "-n", "history", "--out", str(tmp_path / "report"), records=tmp_path / "none")
    for name in ("index", "05-history"):
        page = browser.page((tmp_path / "report" / f"{name}.html").as_uri())
        assert page.console == ()
        images = page.document.select("img")
        assert all(len(str(image.get("alt"))) > 40 for image in images)
        if name == "05-history":
            assert len(images) == 4
            words = page.document.get_text()
            assert f"lines over {COMMITS} commits" in words
            assert "measured on: my-machine" in words
            assert "made up" not in words.replace("a made-up history is shown", "")
    assert browser.colours_shown((tmp_path / "report" / "05-history.html").as_uri()) > 3
