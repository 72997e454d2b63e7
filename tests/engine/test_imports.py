"""No metric holds an import: sys.modules at both ends of each measured stretch, in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hfbench import CancelToken, Clip, Composition, ExtractOptions, extract
from hfbench.engine import workfolder

#: Arguments: options, clips, output, and a statement that runs first. Prints what was imported while the clock ran.
PROGRAM = """
import json, sys
from contextlib import contextmanager
from hfbench import Clip, Composition, ExtractOptions, extract
from hfbench.engine.phase_runner import PhaseRunner
options, clips, out, first = json.loads(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3], sys.argv[4]
started, known, imported = [], set(), set()
begin, leave_out, end = PhaseRunner.__init__, PhaseRunner.unmeasured, PhaseRunner.breakdown

def begins(self, *given, **named):
    begin(self, *given, **named)
    known.update(sys.modules)
    started.append(True)

@contextmanager
def is_left_out(self, what):
    imported.update(set(sys.modules) - known)
    with leave_out(self, what) as announce:
        yield announce
    known.update(sys.modules)

def ends(self, **named):
    breakdown = end(self, **named)
    imported.update(set(sys.modules) - known)
    return breakdown

PhaseRunner.__init__, PhaseRunner.unmeasured, PhaseRunner.breakdown = begins, is_left_out, ends
exec(first)
result = extract(Composition([Clip(*clip) for clip in clips]), out, ExtractOptions(**options))
result.close()
assert started
print(json.dumps([result.success, result.breakdown.cache_hits, sorted(imported)]))
"""


def imported(options: dict[str, str], clips: list[tuple[object, ...]], out: Path, first: str = "") -> list[object]:
    arguments = [json.dumps(options), json.dumps(clips), str(out), first]
    command = [sys.executable, "-W", "error", "-c", PROGRAM, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    found: list[object] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def mixture(make_clip) -> list[tuple[object, ...]]:
    """SDR beside PQ, so that every phase has work."""
    return [("sdr", str(make_clip("sdr.mp4")), 0, 0.2), ("pq", str(make_clip.pq()), 0, 0.2)]


@pytest.mark.parametrize(
    ("backend", "scope", "pixels"),
    [
        ("libav", "fused", "kernel"),
        ("libav", "fused", "libavfilter"),
        ("libav", "segment", "kernel"),
        ("libav", "segment", "libavfilter"),
        ("ffmpeg", "fused", "libavfilter"),
        ("ffmpeg", "segment", "libavfilter"),
    ],
)
def test_a_cold_run(backend: str, scope: str, pixels: str, mixture, tmp_path: Path) -> None:
    options = {"backend": backend, "scope": scope, "pixels": pixels}
    assert imported(options, mixture, tmp_path / "out") == [True, 0, []]


@pytest.mark.parametrize("backend", ["libav", "ffmpeg"])
def test_a_warm_run(backend: str, mixture, tmp_path: Path) -> None:
    options = {"backend": backend, "cache": str(tmp_path / "cache")}
    assert imported(options, mixture, tmp_path / "1") == [True, 0, []]
    assert imported(options, mixture, tmp_path / "2") == [True, 2, []]
    # The probes are known and the frames are not.
    assert imported(options | {"quality": 50, "format": "jpg"}, mixture, tmp_path / "3") == [True, 0, []]


def test_control_an_import_while_the_clock_runs_is_noticed(mixture, tmp_path: Path) -> None:
    late = """
import hfbench.engine.extract as module
publish = module.publish_clips
def publish_clips(*given):
    import this_is_imported_late
    return publish(*given)
module.publish_clips = publish_clips
sys.path.insert(0, out + "-path")
"""
    (tmp_path / "out-path").mkdir()
    (tmp_path / "out-path" / "this_is_imported_late.py").write_text("")
    assert imported({}, mixture, tmp_path / "out", late) == [True, 0, ["this_is_imported_late"]]


class TestWarmRunsNeedLittle:
    """What a warm hit does not need is counted, not timed."""

    def warm(self, tmp_path: Path, mixture) -> Composition:
        composition = Composition([Clip(*clip) for clip in mixture])
        extract(composition, tmp_path / "out", ExtractOptions(cache=tmp_path / "cache")).close()
        return composition

    def test_no_thread_is_started_and_no_folder_is_made(self, tmp_path, mixture, monkeypatch) -> None:
        composition = self.warm(tmp_path, mixture)

        def refuse(*_given: object, **_named: object) -> None:
            raise AssertionError

        monkeypatch.setattr("threading.Thread.start", refuse)
        monkeypatch.setattr(workfolder, "_new_locked_folder", refuse)
        with extract(composition, tmp_path / "out", ExtractOptions(cache=tmp_path / "cache")) as result:
            assert result.breakdown.cache_hits == 2
            assert result.breakdown.tmp_peak_bytes == 0

    def test_each_file_is_looked_at_once(self, tmp_path, mixture, monkeypatch) -> None:
        composition = self.warm(tmp_path, mixture)
        looked: list[str] = []
        stat = os.stat

        def counted(path, **how):
            looked.append(os.fspath(path) if not isinstance(path, int) else "")
            return stat(path, **how)

        monkeypatch.setattr(os, "stat", counted)
        with extract(composition, tmp_path / "out", ExtractOptions(cache=tmp_path / "cache")) as result:
            assert result.success
        frames = [name for name in looked if name.startswith("frame_")]
        assert len(frames) == sum(clip.frames for clip in result.clips)

    def test_a_cancelled_run_is_cancelled_all_the_same(self, tmp_path, mixture) -> None:
        composition = self.warm(tmp_path, mixture)
        token = CancelToken()
        token.cancel()
        result = extract(composition, tmp_path / "out", ExtractOptions(cache=tmp_path / "cache"), token=token)
        assert {failure.kind.value for failure in result.failures} == {"cancelled"}
