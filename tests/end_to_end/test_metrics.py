"""Measured values: work counters exact and the same each time, every name of the table, a true high-water mark."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

import hfbench
from hfbench.backends.libav import decode
from hfbench.model.metrics import METRICS
from tests.makers.clip_maker import ids_of

BACKENDS = ("libav", "ffmpeg")
SCOPES = ("source", "segment", "fused")
TABLE = [
    "resolveMs",
    "hdrProbeMs",
    "hdrPreflightMs",
    "hdrPreflightCount",
    "vfrProbeMs",
    "vfrPreflightMs",
    "vfrPreflightCount",
    "extractMs",
    "cacheHits",
    "cacheMisses",
    "videoExtractMs",
    "tmpPeakBytes",
    "tmpFinalBytes",
    "cpuMs",
    "filesOpened",
    "packetsRead",
    "framesDecoded",
    "framesConverted",
    "framesWritten",
    "bytesWritten",
    "processesSpawned",
]
WORK = TABLE[-7:]
COUNTS = [*WORK, "hdrPreflightCount", "vfrPreflightCount", "cacheHits", "cacheMisses"]


@dataclass(frozen=True)
class Sources:
    """Two seconds of SDR, one of PQ, twelve of VFR; and a file in which every frame is a keyframe."""

    sdr: str
    pq: str
    vfr: str
    intra: str


@pytest.fixture(scope="module")
def files(fixture_file) -> Sources:
    wanted = (
        *(("past-eof", "sdr-2s.mp4"), ("past-eof", "hdr-1s.mp4")),
        *(("vfr-screen-recording", "screen-b-frames.mp4"), ("all-intra", "all-intra.mp4")),
    )
    return Sources(*(str(fixture_file(*each)[0]) for each in wanted))


def extract(out: Path, *clips: hfbench.Clip, **options: object) -> hfbench.ExtractionResult:
    chosen = {"format": "jpg", **options}
    return hfbench.extract(hfbench.Composition(clips), out, hfbench.ExtractOptions(**chosen))  # type: ignore[arg-type]


def a_mixture(files: Sources) -> tuple[hfbench.Clip, ...]:
    """Colours to map, a rate to regularise, windows that overlap, repeat and lie apart."""
    return (
        hfbench.Clip("hdr", files.pq, 0, "0.5"),
        hfbench.Clip("one", files.sdr, 0, "0.5", "0.3"),
        hfbench.Clip("two", files.sdr, 0, "0.5", "0.6"),
        hfbench.Clip("again", files.sdr, 3, "3.5", "0.3"),
        hfbench.Clip("far", files.sdr, 0, "0.2", "1.7"),
        hfbench.Clip("vfr", files.vfr, 0, 1, 3),
    )


def unique_bytes(root: Path) -> int:
    """Bytes of all files under a folder, each inode once."""
    seen = {}
    for base, _, names in os.walk(root):
        for name in names:
            try:
                status = os.lstat(os.path.join(base, name))
            except FileNotFoundError:
                continue
            seen[status.st_dev, status.st_ino] = status.st_size
    return sum(seen.values())


@dataclass(frozen=True)
class Watched:
    """Two runs of one mixture, the first while somebody looked at the bytes in its folder."""

    result: hfbench.ExtractionResult
    folder: Path
    highest_seen: int
    again: hfbench.ExtractionResult

    @property
    def found(self) -> dict[str, float | None]:
        return self.result.breakdown.to_json()


@pytest.fixture(scope="module")
def watched(files, tmp_path_factory) -> Callable[[str, str], Watched]:
    """``watched("libav", "fused")``, run once."""

    @cache
    def run(backend: str, scope: str) -> Watched:
        folder = tmp_path_factory.mktemp("watched")
        highest, done = [0], threading.Event()

        def watch() -> None:
            while not done.wait(0.002):
                highest[0] = max(highest[0], unique_bytes(folder / "1"))

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            first = extract(folder / "1", *a_mixture(files), backend=backend, scope=scope)
        finally:
            done.set()
            watcher.join()
        again = extract(folder / "2", *a_mixture(files), backend=backend, scope=scope)
        return Watched(first, folder / "1", highest[0], again)

    return run


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("scope", SCOPES)
class TestEveryCase:
    def test_two_runs_count_the_same_to_the_digit(self, watched, backend, scope):
        run = watched(backend, scope)
        second = run.again.breakdown.to_json()
        assert {name: run.found[name] for name in COUNTS} == {name: second[name] for name in COUNTS}

    def test_every_name_of_the_table_and_values_that_make_sense(self, watched, backend, scope):
        result, found = watched(backend, scope).result, watched(backend, scope).found
        assert set(TABLE) <= set(found) == set(METRICS)
        assert all(found[name] >= 0 for name in found if found[name] is not None)
        assert (found["packetsRead"] is None) == (backend == "ffmpeg")
        assert (found["processesSpawned"] == 0) == (backend == "libav")
        assert (found["hdrPreflightCount"], found["vfrPreflightCount"]) == (5, 0)  # VFR beside HDR: once, with colours
        assert (found["cacheHits"], found["cacheMisses"]) == (0, 0)
        phases = ("resolveMs", "hdrProbeMs", "vfrProbeMs", "hdrPreflightMs", "vfrPreflightMs", "extractMs")
        assert sum(found[name] for name in phases) <= found["videoExtractMs"] + 0.01
        assert found["framesWritten"] == sum(clip.frames for clip in result.clips) == 15 * 4 + 6 + 30

    def test_the_bytes_are_those_on_disk(self, watched, backend, scope):
        """Nothing is deleted before the end: frames (linked pictures once) and intermediates, to the byte."""
        found, frames = watched(backend, scope).found, unique_bytes(watched(backend, scope).folder)
        assert found["tmpFinalBytes"] == found["tmpPeakBytes"] == found["bytesWritten"]
        assert (found["bytesWritten"] == frames) == (scope == "fused")

    def test_the_peak_is_no_lower_than_what_anybody_saw(self, watched, backend, scope):
        run = watched(backend, scope)
        assert 0 < run.highest_seen <= run.found["tmpPeakBytes"]

    def test_frames_converted(self, tmp_path, files, backend, scope):
        """All of the file, or what the clip uses; an HDR clip needs nothing."""
        clips = (hfbench.Clip("hdr", files.pq, 0, "0.5"), hfbench.Clip("a", files.sdr, 0, "0.5", "0.3"))
        found = extract(tmp_path, *clips, backend=backend, scope=scope).breakdown.to_json()
        assert found["framesConverted"] == {"source": 60, "segment": 15, "fused": 15}[scope]
        assert found["hdrPreflightCount"] == 1

    def test_an_sdr_composition_at_a_constant_rate_needs_no_preflight(self, tmp_path, files, backend, scope):
        found = extract(tmp_path, hfbench.Clip("a", files.sdr, 0, 1), backend=backend, scope=scope).breakdown.to_json()
        assert (found["hdrPreflightCount"], found["vfrPreflightCount"], found["framesConverted"]) == (0, 0, 0)
        assert found["processesSpawned"] == (backend == "ffmpeg")

    def test_vfr_alone_is_counted_as_vfr(self, tmp_path, files, backend, scope):
        clip = hfbench.Clip("a", files.vfr, 0, 1, 3)
        found = extract(tmp_path, clip, backend=backend, scope=scope).breakdown.to_json()
        assert (found["hdrPreflightCount"], found["vfrPreflightCount"]) == (0, 1)
        expected = {"segment": 30, "fused": 0}.get(scope)
        assert found["framesConverted"] == expected or (scope == "source" and found["framesConverted"] > 300)


class TestHighWaterMark:
    @pytest.mark.parametrize("backend", BACKENDS)
    def test_the_source_scopes_peak_holds_its_intermediate(self, tmp_path, files, backend):
        clips = (hfbench.Clip("a", files.sdr, 0, "0.5", "0.3"), hfbench.Clip("hdr", files.pq, 0, "0.1"))
        found = extract(tmp_path, *clips, backend=backend, scope="source").breakdown.to_json()
        intermediate = found["bytesWritten"] - unique_bytes(tmp_path)
        assert intermediate > 10_000
        assert found["tmpPeakBytes"] == intermediate + unique_bytes(tmp_path)

    @pytest.mark.parametrize("backend", BACKENDS)
    def test_a_segments_peak_is_lower_than_a_sources(self, tmp_path, files, backend):
        clips = (hfbench.Clip("a", files.sdr, 0, "0.2", "0.3"), hfbench.Clip("hdr", files.pq, 0, "0.1"))
        source, segment, fused = (
            extract(tmp_path / scope, *clips, backend=backend, scope=scope).breakdown.to_json() for scope in SCOPES
        )
        assert fused["tmpPeakBytes"] < segment["tmpPeakBytes"] < source["tmpPeakBytes"]
        assert fused["framesDecoded"] < segment["framesDecoded"] < source["framesDecoded"]


class TestExactCounts:
    def test_a_window_of_a_file_without_references(self, tmp_path, files):
        """Half a second from frame 15 on: one frame for the probe, then the window and nothing else."""
        result = extract(tmp_path, hfbench.Clip("a", files.intra, 0, "0.5", "0.5"), backend="libav")
        found = result.breakdown.to_json()
        assert ids_of(result.clips[0]) == list(range(15, 30))
        assert (found["framesDecoded"], found["framesWritten"], found["filesOpened"]) == (16, 15, 2)

    @pytest.mark.parametrize("backend", BACKENDS)
    def test_the_same_clip_twice_costs_one_and_is_linked(self, tmp_path, files, backend):
        clip = hfbench.Clip("a", files.sdr, 0, "0.5")
        once = extract(tmp_path / "1", clip, backend=backend).breakdown.to_json()
        twice = extract(
            tmp_path / "2", clip, hfbench.Clip("b", files.sdr, 7, "7.5"), backend=backend
        ).breakdown.to_json()
        assert twice["framesWritten"] == 2 * once["framesWritten"] == 30
        assert twice["framesDecoded"] == once["framesDecoded"]
        assert twice["processesSpawned"] == once["processesSpawned"]
        assert twice["filesOpened"] == once["filesOpened"]

    def test_frames_decoded_do_not_depend_on_the_decoders_threads(self, tmp_path, files, monkeypatch):
        """Records of two machines are compared by it, and machines have different numbers of cores."""
        real, found = decode.open_decoder, []
        for threads in (1, 2, 5):
            monkeypatch.setattr(
                decode, "open_decoder", lambda stream, *, threads=threads: real(stream, threads=threads)
            )
            result = extract(tmp_path / str(threads), *a_mixture(files), backend="libav")
            found.append({name: result.breakdown.to_json()[name] for name in WORK})
        assert found[0] == found[1] == found[2]

    def test_failed_clips_count_nothing_that_was_not_done(self, tmp_path):
        found = extract(tmp_path, hfbench.Clip("a", "absent.mp4", 0, 1)).breakdown.to_json()
        assert [found[name] for name in WORK] == [0] * 7
        assert found["tmpPeakBytes"] == 0
