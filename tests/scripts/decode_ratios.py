# ruff: noqa: T201  a script tells its story on stdout
"""What an extraction costs in units of decoding alone: ``python -m tests.scripts.decode_ratios``.

The rows are the kinds of work that docs/performance.md lists. Inputs are painted by ``fixtures_gen`` (a camera under
sensor noise; "easy" ones with little of it), encoded once and kept in ``--media``. In each round every engine does
every row once, in an order drawn anew, and beside them a loop of PyAV that opens, seeks and decodes the same windows
and does nothing else; a cell is the median over rounds of CPU and of elapsed time as a ratio to that loop's in the same
round. HyperFrames (npm) is a column where ``--hyperframes`` names a folder with ``node_modules``; it and ffmpeg run as
child processes, whose CPU time counts.

    npm install --prefix peer @hyperframes/engine@0.8.33 node@22 @ffprobe-installer/ffprobe@2
    python -m tests.scripts.decode_ratios --rounds 7 --hyperframes peer
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import av

import hfbench
from fixtures_gen.program import find_ffmpeg
from fixtures_gen.sources import Camera
from hfbench.bench.protocol.client import EngineProcess, EngineSpec
from hfbench.bench.protocol.messages import RunRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RATE = Fraction(30)
SIZES = {1080: (1920, 1080), 720: (1280, 720)}
SDR = ("-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709", "-color_range", "tv")
HDR10 = "colorprim=9:transfer=16:colormatrix=9:range=limited:hdr10=1:repeat-headers=1:log-level=0"
ADAPTER = Path(hfbench.__file__).parent / "adapters" / "hyperframes.mjs"


@dataclass(frozen=True)
class Input:
    """A file: painted for ``painted`` seconds, then repeated without encoding up to ``seconds``."""

    kind: str
    lines: int
    seconds: int
    painted: int = 4
    is_vfr: bool = False

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.lines}-{self.seconds}s{'-vfr' if self.is_vfr else ''}.mp4"

    def make(self, folder: Path) -> Path:
        path = folder / self.name
        if not path.exists():
            base = folder / f"base-{self.kind}-{self.lines}-{self.painted}s{'-vfr' if self.is_vfr else ''}.mp4"
            if not base.exists():
                self._paint(base)
            loops = str(self.seconds // self.painted - 1)
            run("-stream_loop", loops, "-i", str(base), "-c", "copy", "-t", str(self.seconds), path)
        return path

    def _paint(self, path: Path) -> None:
        width, height = SIZES[self.lines]
        is_deep, noise = self.kind == "hdr10", {"easy": 2, "long": 8}.get(self.kind, 12)
        depth, ceiling = (10, 160) if is_deep else (8, 235)
        camera = Camera(width, height, RATE, int(self.painted * RATE), depth, noise=noise, ceiling=ceiling)
        raw = ("-f", "rawvideo", "-pix_fmt", camera.pix_fmt, "-s", f"{width}x{height}", "-r", str(RATE), "-i", "pipe:0")
        # frames that a recorder dropped: two of three, in half of each second
        drop = ("-vf", "select='lt(mod(t,1),0.5)+not(mod(n,3))'", "-fps_mode", "vfr") if self.is_vfr else ()
        crf = {"easy": "28", "long": "22"}.get(self.kind, "16")  # ten minutes have to fit on a disk
        x264 = ("-c:v", "libx264", "-preset", "fast", "-crf", crf, "-g", "60", *SDR)
        x265 = ("-c:v", "libx265", "-preset", "veryfast", "-crf", "16", "-x265-params", f"{HDR10}:keyint=60")
        run(*raw, *drop, *(x265 if is_deep else x264), path, data=camera.paint())


@dataclass(frozen=True)
class Row:
    """Windows (start, seconds) of inputs, one clip each, and the images wanted."""

    name: str
    image_format: str
    windows: tuple[tuple[Input, float, float], ...]

    def composition(self, folder: Path) -> hfbench.Composition:
        clips = [
            hfbench.Clip(f"clip{number}", str(source.make(folder)), 0, str(seconds), media_start=str(start))
            for number, (source, start, seconds) in enumerate(self.windows)
        ]
        return hfbench.Composition(clips, fps=RATE)


def mixed(lines: int) -> tuple[tuple[Input, float, float], ...]:
    return ((Input("sdr", lines, 28), 14.2, 2), (Input("hdr10", lines, 4), 1.1, 2))


ROWS = (
    Row("mixed 2 s SDR + 2 s HDR10, 1080p", "jpg", mixed(1080)),
    Row("mixed, 720p", "jpg", mixed(720)),
    Row("mixed, 720p", "png", mixed(720)),
    Row("mixed, 1080p", "png16", mixed(1080)),
    Row("SDR alone, 2 s, 1080p", "jpg", mixed(1080)[:1]),
    Row("HDR10 alone, 2 s, 1080p", "jpg", mixed(1080)[1:]),
    Row("VFR, 4 s, 720p", "jpg", ((Input("sdr", 720, 28, is_vfr=True), 9.3, 4),)),
    Row("20 x 1 s of 10 min, 720p", "jpg", tuple((Input("long", 720, 600), 3.2 + 29 * n, 1) for n in range(20))),
    Row("2 s of 30 s, easy, 720p", "jpg", ((Input("easy", 720, 28), 14.2, 2),)),
    Row("2 s of 10 min, easy, 720p", "jpg", ((Input("easy", 720, 600), 314.2, 2),)),
)


def run(*arguments: object, data: Iterator[tuple[object, ...]] = iter(())) -> None:
    command = [str(find_ffmpeg()), "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin
        for planes in data:
            for plane in planes:
                process.stdin.write(plane.tobytes())  # type: ignore[attr-defined]
        process.stdin.close()
    if process.returncode:
        sys.exit(f"ffmpeg failed: {' '.join(command)}")


@dataclass(frozen=True)
class Cost:
    cpu: float
    wall: float


def cpu_seconds() -> float:
    usages = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def decode_only(composition: hfbench.Composition) -> Cost:
    """Open, seek and decode each window, nothing else; frames are dropped as they come."""
    cpu, started = cpu_seconds(), time.perf_counter()
    for clip in composition.clips:
        with av.open(clip.src) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            first, base = stream.start_time or 0, stream.time_base
            end = first + int((clip.media_start + clip.end) / base)
            container.seek(first + int(clip.media_start / base), stream=stream)
            for frame in container.decode(stream):
                if frame.pts >= end:
                    break
    return Cost(cpu_seconds() - cpu, time.perf_counter() - started)


def ours(composition: hfbench.Composition, out: Path, **options: str) -> Cost:
    result = hfbench.extract(composition, out, hfbench.ExtractOptions(**options))
    assert result.success, result.failures
    metrics = result.breakdown.to_json()
    return Cost(metrics["cpuMs"] / 1000, metrics["videoExtractMs"] / 1000)


def peer(engine: EngineProcess, composition: hfbench.Composition, out: Path, image_format: str) -> Cost:
    options = {"format": image_format, "quality": 95}
    request = RunRequest(scenario="row", composition=composition.to_json(), options=options, out=str(out))
    metrics = engine.run(request).metrics
    return Cost(metrics["cpuMs"] / 1000, metrics["videoExtractMs"] / 1000)


@contextlib.contextmanager
def hyperframes(folder: Path | None) -> Iterator[EngineProcess | None]:
    if folder is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as programs:
        Path(programs, "ffmpeg").symlink_to(find_ffmpeg())
        (probe,) = (folder / "node_modules" / "@ffprobe-installer").glob("*/ffprobe")
        probe.chmod(0o755)
        Path(programs, "ffprobe").symlink_to(probe.absolute())
        node = str((folder / "node_modules" / ".bin" / "node").absolute())
        environment = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
        with EngineProcess(EngineSpec("hyperframes", (node, str(ADAPTER), str(folder.absolute())), environment)) as one:
            yield one


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--rows", nargs="*", type=int, help="numbers from 0, all without")
    parser.add_argument("--media", type=Path, default=Path(tempfile.gettempdir()) / "hfbench-decode-ratios")
    parser.add_argument("--backends", nargs="*", default=["libav", "ffmpeg"])
    parser.add_argument("--hyperframes", type=Path)
    chosen = parser.parse_args()
    chosen.media.mkdir(parents=True, exist_ok=True)
    rows = [ROWS[number] for number in chosen.rows] if chosen.rows else list(ROWS)
    compositions = {row: row.composition(chosen.media) for row in rows}
    with hyperframes(chosen.hyperframes) as engine:
        measured = measure(compositions, chosen.rounds, chosen.backends, engine)
    print_table(measured)


def measure(
    compositions: dict[Row, hfbench.Composition], rounds: int, backends: list[str], engine: EngineProcess | None
) -> dict[Row, dict[str, list[Cost]]]:
    measured: dict[Row, dict[str, list[Cost]]] = {row: {} for row in compositions}
    draw = random.Random(0)
    for number in range(rounds + 1):  # the first is not counted
        tasks = [(row, name) for row in compositions for name in engines(row, backends, engine)]
        draw.shuffle(tasks)
        for row, name in tasks:
            with tempfile.TemporaryDirectory() as out:
                cost = engines(row, backends, engine)[name](compositions[row], Path(out))
            if number:
                measured[row].setdefault(name, []).append(cost)
        print(f"round {number} of {rounds}", file=sys.stderr)
    return measured


def engines(
    row: Row, backends: list[str], engine: EngineProcess | None
) -> dict[str, Callable[[hfbench.Composition, Path], Cost]]:
    found: dict[str, Callable[[hfbench.Composition, Path], Cost]] = {"decode": lambda one, _: decode_only(one)}
    for backend in backends:
        found[backend] = lambda one, out, backend=backend: ours(one, out, backend=backend, format=row.image_format)
    if engine is not None and row.image_format != "png16":
        found["hyperframes"] = lambda one, out: peer(engine, one, out, row.image_format)
    return found


def print_table(measured: dict[Row, dict[str, list[Cost]]]) -> None:
    names = ("libav", "ffmpeg", "hyperframes")
    print("| work | decode only, CPU s | " + " | ".join(f"{name}: CPU, wall" for name in names) + " |")
    print("|---" * (len(names) + 2) + "|")
    for row, costs in measured.items():
        base = costs["decode"]
        cells = [f"{median(cost.cpu for cost in base):.2f}"]
        for name in names:
            pairs = list(zip(costs.get(name, ()), base, strict=False))
            ratios = [
                median(getattr(a, kind) / getattr(b, kind) for a, b in pairs) for kind in ("cpu", "wall") if pairs
            ]
            cells.append(", ".join(f"{ratio:.2f}" for ratio in ratios) or "-")
        print(f"| {row.name}, {row.image_format} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
