"""Kernels where numba is missing, where nothing can be kept, and where two processes begin at once."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import hfbench
from hfbench.pixels.kernels import loading
from tests.makers.clip_maker import read_pixels

#: What an engine in a process of its own says of its first clip and of the run.
PROGRAM = """
import json, sys, hfbench
composition = hfbench.Composition([hfbench.Clip("a", sys.argv[1], 0, "0.1")])
result = hfbench.extract(composition, sys.argv[2], hfbench.ExtractOptions(format="png"))
print(json.dumps([result.clips[0].pixels, [note.kind for note in result.notes], "numba" in sys.modules]))
"""


def extracted(source: Path, out: Path, **environment: str) -> list:
    import json

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(source), str(out)],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def source(make_clip) -> Path:
    return make_clip("kernels.mp4", seconds=1)


def test_without_numba_everything_works_and_says_so_once(source, tmp_path):
    """A module of that name that can't be imported stands before it on the path."""
    (tmp_path / "numba").mkdir()
    (tmp_path / "numba" / "__init__.py").write_text("raise ImportError('made for a test')")
    pixels, notes, _ = extracted(source, tmp_path / "without", PYTHONPATH=str(tmp_path))
    assert (pixels, notes) == ("libavfilter", ["no_kernels"])
    assert extracted(source, tmp_path / "with")[:2] == ["kernel", []]
    for name in ("frame_00001.png", "frame_00003.png"):
        ours, theirs = (read_pixels(tmp_path / each / "a" / name).astype(int) for each in ("with", "without"))
        assert abs(ours - theirs).max() <= 1


def test_libavfilter_is_there_for_the_asking(source, tmp_path):
    composition = hfbench.Composition([hfbench.Clip("a", str(source), 0, "0.1")])
    for pixels in ("kernel", "libavfilter"):
        result = hfbench.extract(composition, tmp_path / pixels, hfbench.ExtractOptions(pixels=pixels))
        assert result.clips[0].pixels == pixels
        assert result.to_json()["clips"][0]["pixels"] == pixels
        assert not result.notes
    with pytest.raises(hfbench.HfbenchError, match="kernel, libavfilter"):
        hfbench.ExtractOptions(pixels="gpu")


def test_the_ffmpeg_backend_uses_libavfilter(source, tmp_path):
    composition = hfbench.Composition([hfbench.Clip("a", str(source), 0, "0.1")])
    result = hfbench.extract(composition, tmp_path, hfbench.ExtractOptions(backend="ffmpeg"))
    assert (result.clips[0].pixels, result.notes) == ("libavfilter", ())


@pytest.mark.slow
def test_two_processes_at_once_and_a_folder_that_cannot_be_written(source, tmp_path):
    """Compiles three times: two processes share a new folder, a third one has none."""
    shared = {"NUMBA_CACHE_DIR": str(tmp_path / "kept")}
    (tmp_path / "file").touch()
    nowhere = {"NUMBA_CACHE_DIR": str(tmp_path / "file" / "below")}
    with ThreadPoolExecutor(3) as pool:
        runs = [pool.submit(extracted, source, tmp_path / str(n), **e) for n, e in enumerate((shared, shared, nowhere))]
        assert [run.result() for run in runs] == [["kernel", [], True]] * 3
    assert [path.name for path in (tmp_path / "kept").rglob("complete")] == ["complete"]


def test_a_compiler_that_fails_is_no_failure(monkeypatch):
    monkeypatch.setattr(loading, "_STATE", loading._State())

    def fails(_):
        raise RuntimeError("made for a test\nwith a second line")

    monkeypatch.setattr(loading, "_load", fails)
    assert loading.load() is None
    assert loading.why_not() == "numba can't be used here (RuntimeError: made for a test)"
