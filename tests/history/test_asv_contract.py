"""What hfbench relies on in asv and what asv does not document: held against the real thing."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from hfbench.errors import UsageError
from hfbench.history import commits_of, find_steps, load_history
from hfbench.history.site import make_self_contained
from tests.makers import publishing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.makers.browsing import Browser
    from tests.makers.publishing import Served

BENCHMARKS = """
import math
class Suite:
    params = (["some-scenario"], ["libav", "ffmpeg"], ["segment"], ["off", "warm"])
    param_names = ("scenario", "backend", "scope", "cache")
    version = "recipe-1"
    def setup_cache(self):
        return {"decoded": DECODED}
    def track_framesDecoded(self, kept, scenario, backend, scope, cache):
        value = kept["decoded"]
        return math.nan if cache == "warm" else {"samples": [value, value, value + (backend == "ffmpeg")], "number": 1}
"""


def _git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
    done = subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def _asv(folder: Path, *words: str) -> None:
    subprocess.run([sys.executable, "-m", "asv", *words], cwd=folder, check=True, capture_output=True, timeout=120)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of two commits, measured by asv: from the first to the second one frame more is decoded."""
    pytest.importorskip("asv", exc_type=ImportError)
    folder = tmp_path_factory.mktemp("asv")
    settings = {
        "version": 1,
        "project": "p",
        "repo": ".",
        "branches": ["main"],
        "benchmark_dir": "benchmarks",
        "environment_type": "existing",
        "results_dir": ".asv/results",
        "html_dir": ".asv/html",
    }
    (folder / "asv.conf.json").write_text(json.dumps(settings))
    (folder / "benchmarks").mkdir()
    (folder / "benchmarks" / "__init__.py").touch()
    _git(folder, "init", "-q", "-b", "main")
    _asv(folder, "machine", "--yes", "--machine", "fixed", "--config", "asv.conf.json")
    for number in (1, 2):
        (folder / "benchmarks" / "suite.py").write_text(BENCHMARKS.replace("DECODED", str(213 + number)))
        _git(folder, "add", "-A")
        _git(folder, "commit", "-q", "-m", f"commit {number}")
        commit = _git(folder, "rev-parse", "HEAD")
        environment = f"existing:{sys.executable}"
        _asv(folder, "run", "-E", environment, "--set-commit-hash", commit, "--record-samples", "--machine", "fixed")
    return folder


def test_asv_keeps_samples_that_a_track_benchmark_returns(measured: Path) -> None:
    paths = [path for path in measured.glob(".asv/results/fixed/*.json") if path.name != "machine.json"]
    document = json.loads(paths[0].read_text())
    row: dict[str, Any] = dict(
        zip(document["result_columns"], document["results"]["suite.Suite.track_framesDecoded"], strict=False)
    )
    assert len(row["samples"][0]) == 3
    assert row["version"] == "recipe-1"
    assert math.isnan(row["result"][1])


def test_the_history_reads_what_asv_wrote(measured: Path) -> None:
    history = load_history([measured / ".asv"], commits_of(measured))
    assert [str(series.axes) for series in history.series] == [
        "some-scenario [ffmpeg segment jpg] framesDecoded",
        "some-scenario [libav segment jpg] framesDecoded",
    ]
    assert history.series[1].values == (214.0, 215.0)
    assert {(series.axes.machine, series.axes.fixture) for series in history.series} == {("fixed", "recipe-1")}
    assert all(len(point.values) == 3 for series in history.series for point in series.points)
    (step,) = find_steps(history)  # of libav: ffmpeg's samples vary from run to run, and overlap
    assert step.axes.backend == "libav"
    assert step.commit_range == "..".join(_git(measured, "rev-parse", rev)[:8] for rev in ("main~1", "main"))


@pytest.fixture
def site(measured: Path, tmp_path: Path) -> Iterator[Served]:
    """The published site, self-contained, at an address of this machine."""
    _asv(measured, "publish")
    publishing.make_self_contained(measured / ".asv" / "html", tmp_path)
    with publishing.served(measured / ".asv" / "html") as address:
        yield address


def test_the_published_page_draws_its_figure_in_a_browser(site: Served, browser: Browser) -> None:
    address = f"{site.address}#suite.Suite.track_framesDecoded"
    page = browser.page(address)
    assert page.console == ()
    assert site.missing == []
    assert page.document.select("canvas.flot-base")
    assert all(image.get("alt") for image in page.document.select("img"))
    assert not [
        tag
        for tag in page.document.select("script[src], link[href]")
        if "://" in str(tag.get("src") or tag.get("href"))
    ]
    assert browser.colours_shown(address) > 3


def test_a_page_that_asks_for_an_unknown_library_is_refused(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text('<script src="https://example.org/other.js"></script>')
    with pytest.raises(UsageError, match="does not know"):
        make_self_contained(tmp_path, tmp_path)
