"""The ffmpeg program: finding it, reading its version, running it."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import os
import platform
import shutil
import subprocess
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fixtures_gen.errors import FixtureError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

PINNED = "imageio-ffmpeg==0.8.1"
HOW_TO_GET = f"run `pip install {PINNED}` or name another program in HFBENCH_FFMPEG"
_POLL_SECONDS = 0.1
_DIAGNOSTIC_BYTES = 20_000


def find_ffmpeg() -> Path:
    """The program named by HFBENCH_FFMPEG, or the one that imageio-ffmpeg ships.

    Raises ``FixtureError`` where neither is there.
    """
    named = os.environ.get("HFBENCH_FFMPEG")
    if named:
        found = shutil.which(named)
        if found is None:
            raise FixtureError(f"HFBENCH_FFMPEG names {named}, which is not a program: {HOW_TO_GET}")
        return Path(found).absolute()  # it is run in other folders
    try:
        import imageio_ffmpeg

        return Path(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError) as error:
        raise FixtureError(f"there is no ffmpeg program: {HOW_TO_GET}") from error


@dataclass(frozen=True, slots=True)
class Program:
    """An ffmpeg program: where it is, the version on the first line that it prints, and its encoders."""

    path: Path
    version: str
    encoders: frozenset[str]

    def sha256(self) -> str:
        """Hash of the program file itself, for the manifest."""
        return _file_sha256(self.path)

    def require(self, arguments: Sequence[str]) -> None:
        """Raise ``FixtureError`` where the arguments ask for a video encoder that this build lacks."""
        for option, value in itertools.pairwise(arguments):
            if option == "-c:v" and value != "copy" and value not in self.encoders:
                raise FixtureError(f"{self.path} has no encoder {value}: {HOW_TO_GET}")


@functools.lru_cache(maxsize=8)
def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@functools.lru_cache(maxsize=8)
def load(path: Path) -> Program:
    """Ask the program for its version and encoders, once per path and process."""
    banner = _ask(path, "-version").split("\n", 1)[0].split()
    if len(banner) < 3 or banner[0] != "ffmpeg":
        raise FixtureError(f"{path} does not answer like ffmpeg: {HOW_TO_GET}")
    listed = _ask(path, "-hide_banner", "-encoders").split("------", 1)[-1]
    names = [line.split()[1] for line in listed.splitlines() if len(line.split()) > 1]
    return Program(path.absolute(), banner[2], frozenset(names))


def _ask(path: Path, *arguments: str) -> str:
    try:
        answer = subprocess.run(
            [path, *arguments], capture_output=True, text=True, check=True, timeout=60, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise FixtureError(f"{path} cannot be run: {HOW_TO_GET}", str(error)) from error
    return answer.stdout


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a build may vary without changing its bytes, which is what ``verify`` proves.

    ``cores`` limits the child to the first so many CPUs where the system can (Linux). ``variables`` are added to
    the environment. ``limit_asm`` asks each encoder and libav itself for less of the CPU than it has.
    """

    cores: int | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    limit_asm: bool = False

    def adapted(self, arguments: Sequence[str]) -> list[str]:
        """The arguments, with assembler limits where asked for; none of them is written to a file."""
        if not self.limit_asm:
            return list(arguments)
        is_x86 = platform.machine().lower() in {"x86_64", "amd64", "i686"}
        limited, asm = ("sse2", "SSE2") if is_x86 else ("0", "0")
        adapted = ["-cpuflags", limited]
        previous = ""
        for argument in arguments:
            adapted.append(f"{argument}:asm={asm}" if previous in {"-x264-params", "-x265-params"} else argument)
            previous = argument
        return adapted


DEFAULT_SURROUNDINGS = Surroundings()


def _end(child: subprocess.Popen[bytes]) -> None:
    """Leave no process and no open pipe behind, whatever happened."""
    if child.poll() is None:
        child.kill()
        child.wait()
    if child.stdin is not None:
        with contextlib.suppress(BrokenPipeError):
            child.stdin.close()


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs one program in one folder; ``stop`` ends a run early and takes the child with it."""

    program: Program
    folder: Path
    surroundings: Surroundings = DEFAULT_SURROUNDINGS
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self, arguments: Sequence[str], frames: Iterable[Sequence[bytes | memoryview]] | None = None) -> None:
        """Run ffmpeg, feeding raw frames to its standard input where given.

        Raises ``FixtureError`` with the end of ffmpeg's log as the diagnostic.
        """
        self.program.require(arguments)
        command = [str(self.program.path), *self.surroundings.adapted(arguments)]
        with tempfile.TemporaryFile() as log:
            child = self._start(command, log.fileno(), piped=frames is not None)
            try:
                if frames is not None:
                    self._feed(child, frames)
                self._wait(child)
            finally:
                _end(child)
            log.seek(0)
            said = log.read(_DIAGNOSTIC_BYTES).decode(errors="replace").strip()
        if child.returncode != 0:
            last = said.splitlines()[-1] if said else f"exit code {child.returncode}"
            raise FixtureError(f"ffmpeg failed to make {arguments[-1]}: {last}", said)

    def _start(self, command: list[str], stderr: int, *, piped: bool) -> subprocess.Popen[bytes]:
        stdin = subprocess.PIPE if piped else subprocess.DEVNULL
        before = self._narrow()
        try:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                stdin=stdin,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                env={**os.environ, **self.surroundings.variables},
            )
        except OSError as error:
            raise FixtureError(f"{self.program.path} cannot be run: {HOW_TO_GET}", str(error)) from error
        finally:
            if before is not None:
                os.sched_setaffinity(0, before)

    def _narrow(self) -> set[int] | None:
        """Limit this thread's CPUs, which the child inherits; returns what to restore."""
        if self.surroundings.cores is None or not hasattr(os, "sched_setaffinity"):
            return None
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, sorted(before)[: self.surroundings.cores])
        return before

    def _feed(self, child: subprocess.Popen[bytes], frames: Iterable[Sequence[bytes | memoryview]]) -> None:
        assert child.stdin is not None  # noqa: S101 - piped=True
        try:
            for planes in frames:
                self._check_stop()
                for plane in planes:
                    child.stdin.write(plane)
            child.stdin.close()
        except BrokenPipeError:
            child.wait()  # its exit code and log say why

    def _wait(self, child: subprocess.Popen[bytes]) -> None:
        while True:
            try:
                child.wait(_POLL_SECONDS)
            except subprocess.TimeoutExpired:
                self._check_stop()
            else:
                return

    def _check_stop(self) -> None:
        if self.stop.is_set():
            raise FixtureError("stopped")
