"""The adapter for @hyperframes/engine: its translation against a stand-in package, and the real one from npm."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import hfbench
from hfbench.bench.judge.saved_records import compare_engines
from hfbench.bench.judge.terms import Terms
from hfbench.bench.judge.verdict import CouldNotMeasure
from hfbench.bench.measure.compare import measure_engines
from hfbench.bench.measure.external import Work
from hfbench.bench.measure.schedule import Schedule
from hfbench.bench.protocol.client import EngineError, EngineProcess, EngineSpec
from hfbench.bench.protocol.messages import RunRequest
from hfbench.bench.record import RunRecord
from hfbench.bench.record_writer import RecordWriter
from hfbench.composition import Clip, Composition

if TYPE_CHECKING:
    from collections.abc import Callable

ADAPTER = Path(hfbench.__file__).parent / "adapters" / "hyperframes.mjs"

STAND_IN = """
import { mkdirSync, writeFileSync } from "node:fs";
console.log("an engine that talks");
export async function extractAllVideoFrames(videos, baseDir, options, signal, config) {
  if (videos[0].id === "broken") return { success: false, errors: [{ videoId: "broken", error: "no\\nsuch file" }] };
  if (videos[0].id === "throws") throw new Error("the whole call rejects");
  mkdirSync(`${baseDir}/a`, { recursive: true });
  writeFileSync(`${baseDir}/a/frame_00001.jpg`, "12345");
  writeFileSync(`${baseDir}/asked.json`, JSON.stringify({ videos, options, config }, (key, value) =>
    value === Infinity ? "Infinity" : value));
  return {
    success: true,
    extracted: [{ videoId: "a", totalFrames: 60 }],
    phaseBreakdown: { resolveMs: 1.5, hdrPreflightCount: 2 },
  };
}
"""


def needed(program: str) -> str:
    """The path of a program; without it a test is skipped here, and fails in CI, which can provide it."""
    found = shutil.which(program)
    if found is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"there is no {program} on this machine")
    return str(found)


@pytest.fixture(params=["0.4.31", "0.8.33"])
def stand_in(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, EngineSpec]:
    home = tmp_path / "node_modules" / "@hyperframes" / "engine"
    (home / "dist" / "services").mkdir(parents=True)
    (home / "package.json").write_text(json.dumps({"version": request.param, "type": "module"}))
    (home / "dist" / "services" / "videoFrameExtractor.js").write_text(STAND_IN)
    return request.param, EngineSpec("peer", (needed("node"), str(ADAPTER), str(tmp_path)))


@pytest.fixture
def ask(tmp_path: Path) -> Callable[..., RunRequest]:
    def make(composition: dict[str, Any], **options: Any) -> RunRequest:
        out = tmp_path / "out"
        out.mkdir(exist_ok=True)
        return RunRequest(scenario="s", composition=composition, options=options, out=str(out))

    return make


def test_translation(stand_in: tuple[str, EngineSpec], ask: Callable[..., RunRequest], tmp_path: Path) -> None:
    version, spec = stand_in
    clips = [
        {"id": "a", "src": "/x/a.mp4", "start": "1/2", "duration": 2, "media_start": 13.5, "loop": True},
        {"id": "b", "src": "/x/b.mp4", "start": 1, "end": 4, "playback_rate": 2, "has_audio": True},
        {"id": "c", "src": "/x/c.mp4"},
    ]
    composition = {"fps": "30000/1001", "timeline_end": 9, "clips": clips}
    with EngineProcess(spec) as engine:
        hello = engine.hello()
        answer = engine.run(ask(composition, backend="libav", scope="fused", format="jpg", quality=90))
    asked = json.loads((tmp_path / "out" / "asked.json").read_text())
    assert (hello.name, hello.version, hello.axes["backend"]) == ("hyperframes", version, "hyperframes")
    assert hello.axes["scope"] == {"0.4.31": "segment", "0.8.33": "fused"}[version]
    plain = {"mediaStart": 0, "playbackRate": 1, "loop": False, "hasAudio": False}
    assert asked["videos"] == [
        {**plain, "id": "a", "src": "/x/a.mp4", "start": 0.5, "end": 2.5, "mediaStart": 13.5, "loop": True},
        {**plain, "id": "b", "src": "/x/b.mp4", "start": 1, "end": 4, "playbackRate": 2, "hasAudio": True},
        {**plain, "id": "c", "src": "/x/c.mp4", "start": 0, "end": "Infinity"},
    ]
    rate = {"0.4.31": 30000 / 1001, "0.8.33": {"num": 30000, "den": 1001}}[version]
    out = str(tmp_path / "out")
    assert asked["options"] == {"fps": rate, "outputDir": out, "format": "jpg", "quality": 90, "timelineEnd": 9}
    assert "extractCacheDir" not in asked["config"]
    assert answer.frames == {"a": 60}
    assert answer.metrics["resolveMs"] == 1.5
    assert answer.metrics["hdrPreflightCount"] == 2
    assert answer.metrics["vfrProbeMs"] is None
    assert answer.metrics["tmpFinalBytes"] == 5 + (tmp_path / "out" / "asked.json").stat().st_size
    assert answer.metrics["cpuMs"] is not None


@pytest.mark.parametrize(
    ("clip", "options", "words"),
    [
        ("broken", {}, r"\(extraction_failed\): broken: no such file"),
        ("throws", {}, r"\(failed\): the whole call rejects"),
        ("a", {"format": "png16"}, r"\(unsupported\): format png16"),
    ],
)
def test_refusals(
    stand_in: tuple[str, EngineSpec],
    ask: Callable[..., RunRequest],
    clip: str,
    options: dict[str, str],
    words: str,
) -> None:
    with EngineProcess(stand_in[1]) as engine, pytest.raises(EngineError, match=words):
        engine.run(ask({"clips": [{"id": clip, "src": "x"}]}, **options))


def test_without_the_package(tmp_path: Path) -> None:
    spec = EngineSpec("peer", (needed("node"), str(ADAPTER), str(tmp_path)))
    with EngineProcess(spec) as engine, pytest.raises(EngineError, match="exit code 1") as caught:
        engine.hello()
    assert "package.json" in caught.value.diagnostic


OURS = """
import sys
from hfbench.bench.protocol.server import engine_hello, private_stdout, run_extraction, serve
with private_stdout() as answers:
    serve(sys.stdin.buffer, answers, lambda: engine_hello({}), run_extraction)
"""


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with the package, Node 22, ffmpeg and ffprobe in it, from npm and from the ffmpeg that hfbench has."""
    import imageio_ffmpeg

    npm = needed("npm")
    packages = ["@hyperframes/engine@0.8.33", "node@22", "@ffprobe-installer/ffprobe@2"]
    (tmp_path / "package.json").write_text("{}")
    command = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(tmp_path), *packages]
    environment = {**os.environ, "PUPPETEER_SKIP_DOWNLOAD": "1"}
    subprocess.run(command, check=True, capture_output=True, env=environment, cwd=tmp_path)
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "ffmpeg").symlink_to(imageio_ffmpeg.get_ffmpeg_exe())
    (ffprobe,) = (tmp_path / "node_modules" / "@ffprobe-installer").glob("*/ffprobe")
    if ffprobe.is_file():
        ffprobe.chmod(0o755)
    (folder / "ffprobe").symlink_to(ffprobe)
    (folder / "node").symlink_to(tmp_path / "node_modules" / ".bin" / "node")
    return folder


@pytest.mark.slow
def test_the_real_package_beside_hfbench(programs: Path, tmp_path: Path, make_work: Callable[..., Work]) -> None:
    clip = tmp_path / "clip.mp4"
    source = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30:duration=4", "-pix_fmt", "yuv420p"]
    subprocess.run([programs / "ffmpeg", "-v", "error", *source, clip], check=True)
    work = make_work(composition=Composition([Clip("a", str(clip), 0, 2, media_start=1)], fps=30))
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    specs = [
        EngineSpec("ours", (sys.executable, "-c", OURS)),
        EngineSpec("peer", (str(programs / "node"), str(ADAPTER), str(tmp_path)), {"PATH": path}),
    ]
    writer = RecordWriter(tmp_path / "record.json", RunRecord(fixtures={"demo": "f" * 12}))
    record = measure_engines(specs, work, Schedule(rounds=3), writer=writer)
    assert {(sample.engine, sample.files, sample.frames["a"]) for sample in record.samples} == {
        ("ours", 60, 60),
        ("peer", 60, 60),
    }
    assert record.engines["peer"]["version"] == "0.8.33"
    assert record.engines["peer"]["node"].startswith("22.")
    peer = [sample for sample in record.samples if sample.engine == "peer"]
    assert all(sample.metrics["extractMs"] and sample.metrics["cpuMs"] for sample in peer)
    (outcome,) = compare_engines(record, ["ours", "peer"], Terms(across=frozenset({"backend", "scope"})))
    assert not isinstance(outcome.verdict, CouldNotMeasure)
