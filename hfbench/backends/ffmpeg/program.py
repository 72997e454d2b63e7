"""Finding and running the ffmpeg program: bounded in time, killed when cancelled, its report parsed."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import threading
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from hfbench.backends.base import ClipTrouble
from hfbench.errors import MachineError
from hfbench.model.result import FailureKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hfbench.model.cancellation import Control

ENVIRONMENT_NAME: Final = "HFBENCH_FFMPEG"
#: Seconds between two checks of the cancel token while a program runs.
_POLL_SECONDS: Final = 0.05
#: Seconds that a program gets to end after SIGTERM; then it is killed.
_GRACE_SECONDS: Final = 0.5
#: Lines of the program's log that are kept for a bug report.
_LAST_WORDS: Final = 12
#: What ffmpeg exits with after SIGINT or SIGTERM.
_POLITE_END: Final = 255

_FRAME = re.compile(r"\bn: *\d+ pts: *(-?\d+)")
#: Whole lines only: output of other threads may be in the middle of one.
_TAGS = re.compile(r"(color_range:\S+ color_space:\S+ color_primaries:\S+ color_trc:[\w.-]+)\s*$")
_SIZE = re.compile(r" s:(\d+x\d+) ")
#: The next frame is of another pixel format than the graph was made for; showinfo goes on to print the first one.
_OTHER_FORMAT = re.compile(r"filter context - .*? fmt: (\d+) .*? incoming frame - .*? fmt: (\d+)")
_CLOCK = re.compile(r"config in time_base: (\d+)/(\d+)")
_INPUT_TOTALS = re.compile(r"\(video\): (\d+) packets read .*?; (\d+) frames decoded; (\d+) decode errors")
_ENCODED = re.compile(r"\(video\): (\d+) frames encoded")
_CORRUPT = "corrupt decoded frame"
_NOISE = re.compile(r"showinfo|AVIOContext|config (in|out)|Last message repeated|color_range:|side data")


def find_ffmpeg() -> Path:
    """The ffmpeg program: ``HFBENCH_FFMPEG`` if set, else the one that imageio-ffmpeg ships.

    Raises:
        MachineError: there is none; the message says how to get it.
    """
    named = os.environ.get(ENVIRONMENT_NAME)
    if named:
        found = shutil.which(named)
        if found is None:
            raise MachineError(f"{ENVIRONMENT_NAME} names {named!r}, which is not a program: correct it or unset it")
        return Path(found)
    import imageio_ffmpeg

    try:
        return Path(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise MachineError(
            f"no ffmpeg program: run 'pip install imageio-ffmpeg', or name one in {ENVIRONMENT_NAME}",
            diagnostic=str(error),
        ) from error


def program_identity() -> str:
    """What distinguishes programs without starting them: the package's version, or the file's own facts."""
    named = os.environ.get(ENVIRONMENT_NAME)
    found = shutil.which(named) if named else None
    if found is None:
        from importlib.metadata import version

        return f"imageio-ffmpeg {version('imageio-ffmpeg')}"
    status = Path(found).stat()
    return f"{found} {status.st_size} {status.st_mtime_ns}"


@dataclass(frozen=True, slots=True)
class ProgramReport:
    """What one run of the program reported.

    Attributes:
        pts: media time of each frame that came out of the decoder, seconds, in order.
        decode_errors: packets that could not be decoded.
        corrupt_frames: decoded, but damaged.
        frames_encoded: of the (first) output.
        last_words: the end of its log.
        shapes: size and pixel format of each of those frames.
        tags: colour tags of each of those frames; fewer, or none at the end, where the log was interleaved.
    """

    exit_code: int
    pts: tuple[Fraction, ...]
    decode_errors: int
    corrupt_frames: int
    frames_encoded: int
    last_words: str
    shapes: tuple[str, ...]
    tags: tuple[str, ...]

    @property
    def was_stopped(self) -> bool:
        """Whether a signal ended it: killed, or asked to end, which ffmpeg does with code 255."""
        return self.exit_code < 0 or (self.exit_code == _POLITE_END and "received signal" in self.last_words)

    @property
    def is_disk_full(self) -> bool:
        """Whether it ended because it could not write."""
        return "No space left" in self.last_words or "File too large" in self.last_words


def run_ffmpeg(
    program: Path, arguments: Sequence[str], folder: Path, control: Control, feed: Callable[[IO[bytes]], None]
) -> ProgramReport:
    """Run the program in a folder until it ends.

    Args:
        program: ffmpeg.
        arguments: all but the general ones.
        folder: where it runs.
        control: obeyed while it runs.
        feed: writes what the program reads from its standard input; called in a thread of its own.

    Raises:
        StopWork: cancelled or out of time; the program has ended by then.
        ClipTrouble: something else ended it by a signal: what it wrote says nothing about the source.
    """
    command = [str(program), "-hide_banner", "-y", "-loglevel", "repeat+verbose", *arguments]
    with subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        process_group=0,  # Ctrl-C must not reach ffmpeg: it would end early and report success
    ) as process:
        log = _LogReader(process.stderr)
        feeder = _Feeder(feed, process.stdin)
        try:
            _wait(process, control)
        finally:
            _end(process)
            feeder.join()
            log.join()
    control.check()
    feeder.raise_trouble()
    report = log.report(process.returncode)
    if report.was_stopped:
        raise ClipTrouble(FailureKind.ENGINE_KILLED, _stopped_message(report.exit_code), report.last_words)
    return report


def _stopped_message(exit_code: int) -> str:
    if exit_code == -signal.SIGKILL:
        return "ffmpeg was killed before it was finished: if this machine ran out of memory, use fewer --workers"
    name = signal.Signals(-exit_code).name if exit_code < 0 else "a signal"
    return f"ffmpeg was ended by {name} before it was finished: run it again"


def _wait(process: subprocess.Popen[bytes], control: Control) -> None:
    while True:
        try:
            process.wait(_POLL_SECONDS)
        except subprocess.TimeoutExpired:
            control.check()
        else:
            return


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class _Feeder(threading.Thread):
    """Writes to the program's standard input until all is written or the program stops reading."""

    def __init__(self, feed: Callable[[IO[bytes]], None], pipe: IO[bytes] | None) -> None:
        super().__init__(name="hfbench-ffmpeg-feed", daemon=True)
        self._feed = feed
        self._pipe = pipe
        self._trouble: Exception | None = None
        self.start()

    def run(self) -> None:
        if self._pipe is None:
            return
        try:
            with self._pipe:
                self._feed(self._pipe)
        except BrokenPipeError:
            pass  # it has all the frames that it was asked for, or it ended: its exit code says which
        except Exception as error:  # noqa: BLE001  raised where the program's end is awaited
            self._trouble = error

    def raise_trouble(self) -> None:
        if self._trouble is not None:
            raise self._trouble


class _LogReader(threading.Thread):
    """Reads the program's stderr as it comes, so that its pipe never fills up."""

    def __init__(self, stream: IO[bytes] | None) -> None:
        super().__init__(name="hfbench-ffmpeg-log", daemon=True)
        self._stream = stream
        self._tick = Fraction(0)
        self._pts: list[Fraction] = []
        self._decode_errors = 0
        self._corrupt_frames = 0
        self._format = ""
        self._shapes: list[str] = []
        self._tags: list[str] = []
        self._frames_encoded = 0
        self._words: list[str] = []
        self.start()

    def run(self) -> None:
        for line in self._stream or ():
            self._take(line.decode(errors="replace").rstrip())

    def _take(self, line: str) -> None:
        if found := _FRAME.search(line):
            self._pts.append(int(found[1]) * self._tick)
            size = _SIZE.search(line)
            self._shapes.append(f"{size[1] if size else '?'} {self._format}")
        elif (found := _CLOCK.search(line)) and not self._tick:
            self._tick = Fraction(int(found[1]), int(found[2]))
        elif found := _OTHER_FORMAT.search(line):
            self._format = "" if found[1] == found[2] else found[2]
        elif found := _TAGS.search(line):
            self._tags.append(found[1])
        elif found := _INPUT_TOTALS.search(line):
            self._decode_errors += int(found[3])
        elif found := _ENCODED.search(line):
            self._frames_encoded = self._frames_encoded or int(found[1])
        self._corrupt_frames += _CORRUPT in line
        if line and not _NOISE.search(line):
            self._words = [*self._words[1 - _LAST_WORDS :], line]

    def report(self, exit_code: int) -> ProgramReport:
        words = "\n".join(self._words)
        return ProgramReport(
            exit_code=exit_code,
            pts=tuple(self._pts),
            decode_errors=self._decode_errors,
            corrupt_frames=self._corrupt_frames,
            frames_encoded=self._frames_encoded,
            last_words=words,
            shapes=tuple(self._shapes),
            tags=tuple(self._tags),
        )
