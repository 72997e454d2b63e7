"""The harness's end of the protocol: a child process that is asked, timed, and never trusted.

Every way in which a child can misbehave (hanging, garbage, dying, another protocol) ends in one :class:`EngineError`
that holds the engine's last words. The child leads its own process group, so that none of its processes
outlives the harness.
"""

from __future__ import annotations

import contextlib
import os
import queue
import selectors
import shlex
import signal
import subprocess
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Any, Final, Self, TypeVar

from hfbench.bench.protocol.messages import (
    PROTOCOL,
    Hello,
    ProtocolError,
    Refusal,
    RunAnswer,
    RunRequest,
    decode,
    encode,
)
from hfbench.errors import MeasurementError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

#: A line longer than this is not an answer; it would only fill memory.
MAX_LINE_BYTES: Final = 8 * 2**20
HELLO_SECONDS: Final = 60.0
RUN_SECONDS: Final = 300.0
#: How long a child may take to leave after `bye`, and its readers to read the rest of its output.
BYE_SECONDS: Final = 2.0
_KEPT_LINES: Final = 20
_MAX_SHOWN_CHARACTERS: Final = 300

#: Python's hash seed changes the order of sets and with it the CPU time of a whole process: a per-process offset that
#: pairs inside one process can't average out.
STEADY: Final = MappingProxyType({"PYTHONHASHSEED": "0"})


_Given = TypeVar("_Given")
_Read = TypeVar("_Read")


class EngineError(MeasurementError):
    """An engine did not answer as it should; ``diagnostic`` holds the end of its stderr."""


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """An engine under test: a name for people, and the command that starts its worker.

    Attributes:
        revision: the full hash of the commit that it was built from, with ``-dirty`` for uncommitted changes; empty
            where the engine itself has to report it.
        folder: where the command runs; empty: in the current folder.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=lambda: STEADY)
    revision: str = ""
    folder: str = ""

    @classmethod
    def parse(cls, text: str) -> EngineSpec:
        """Read ``NAME=COMMAND``; the command is split as a shell would, and no shell runs.

        Raises:
            UsageError: no name, no command, or an unclosed quote.
        """
        name, equals, command = text.partition("=")
        try:
            parts = tuple(shlex.split(command))
        except ValueError as error:
            raise UsageError(f"engine {text!r}: {error}") from error
        if not (name.strip() and equals and parts):
            raise UsageError(f"engine {text!r}: write NAME=COMMAND, for example --engine 'ours=hfbench worker'")
        return cls(name.strip(), parts)


class EngineProcess:
    """One running engine. Use it as a context manager, or call :meth:`close`."""

    def __init__(self, spec: EngineSpec) -> None:
        """Start the child.

        Raises:
            EngineError: the command can't be started.
        """
        self.spec = spec
        self._asked = 0
        try:
            self._child = subprocess.Popen(
                spec.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, **spec.environment},
                start_new_session=True,
                cwd=spec.folder or None,
            )
        except OSError as error:
            raise EngineError(f"engine {spec.name!r} does not start: {spec.command[0]}: {error.strerror}") from error
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._stderr_lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._readers = (
            threading.Thread(target=self._read_answers, args=(self._child.stdout,), daemon=True),
            threading.Thread(target=self._read_stderr, args=(self._child.stderr,), daemon=True),
        )
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def hello(self, *, limit_seconds: float = HELLO_SECONDS) -> Hello:
        """Ask who it is.

        Raises:
            EngineError: no answer in time, garbage, another protocol, or a dead engine.
        """
        answer = self._ask({"op": "hello", "protocol": PROTOCOL}, limit_seconds)
        return self._understood(Hello.from_json, answer)

    def run(self, request: RunRequest, *, limit_seconds: float = RUN_SECONDS) -> RunAnswer:
        """Run one scenario.

        Where the engine gives no ``cpuMs``, it is the CPU time of the child and its descendants between request and
        answer, from the kernel's accounting in steps of 10 ms (wait4(2) reports only once the worker has ended).
        Where it gives no ``videoExtractMs``, it is the time from request to answer.

        Raises:
            EngineError: no answer in time, garbage, an answer to something else, a dead engine, or a refusal.
        """
        self._asked += 1
        number = self._asked
        cpu_before, started = self._tree_cpu_ms(), time.perf_counter()
        answer = self._ask(request.to_json(number), limit_seconds)
        elapsed = (time.perf_counter() - started) * 1000
        cpu = self._tree_cpu_ms() - cpu_before
        if answer.get("id") != number:
            raise self._error(f"answered request {answer.get('id')!r} when asked {number}")
        found = self._understood(RunAnswer.from_json, answer)
        seen = {"cpuMs": round(cpu, 3), "videoExtractMs": round(elapsed, 3)}
        reported = {name: value for name, value in found.metrics.items() if value is not None or name not in seen}
        return RunAnswer(metrics={**seen, **reported}, frames=found.frames)

    def close(self) -> None:
        """Say bye, wait a little, then kill the whole process group. Never raises for what the child does."""
        if self._child.poll() is None:
            with contextlib.suppress(EngineError):
                self._send(encode({"op": "bye"}), time.monotonic() + 1)
        with contextlib.suppress(OSError):
            _pipe(self._child.stdin).close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(BYE_SECONDS)
        self._kill()

    def _kill(self) -> None:
        # The group outlives its leader as long as a descendant runs, so it is signalled even after a clean exit.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait()
        with contextlib.suppress(OSError):
            _pipe(self._child.stdin).close()
        for reader, pipe in zip(self._readers, (self._child.stdout, self._child.stderr), strict=True):
            reader.join(BYE_SECONDS)
            if not reader.is_alive():  # a descendant that left the group may hold the pipe; closing it would block
                _pipe(pipe).close()

    def _ask(self, message: Mapping[str, Any], limit_seconds: float) -> dict[str, Any]:
        deadline = time.monotonic() + limit_seconds
        self._send(encode(message), deadline)
        try:
            line = self._lines.get(timeout=max(deadline - time.monotonic(), 0))
        except queue.Empty:
            self._kill()
            raise self._error(f"did not answer {message['op']!r} within {limit_seconds:g} s") from None
        if line is None:
            raise self._death()
        answer = self._understood(decode, line)
        if answer.get("ok") is not True:
            refusal = self._understood(Refusal.from_json, answer)
            raise self._error(f"refused {message['op']!r} ({refusal.kind}): {refusal.message}")
        return answer

    def _send(self, data: bytes, deadline: float) -> None:
        """Write without ever blocking on a child that does not read."""
        pipe = _pipe(self._child.stdin)
        os.set_blocking(pipe.fileno(), False)
        view = memoryview(data)
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_WRITE)
            while view:
                if not selector.select(max(deadline - time.monotonic(), 0)):
                    self._kill()
                    raise self._error("does not read its requests")
                try:
                    view = view[os.write(pipe.fileno(), view) :]
                except OSError as error:
                    raise self._death() from error

    def _understood(self, read: Callable[[_Given], _Read], given: _Given) -> _Read:
        try:
            return read(given)
        except ProtocolError as error:
            self._kill()
            raise self._error(f"does not keep to the protocol: {error}") from error

    def _death(self) -> EngineError:
        try:
            code = self._child.wait(BYE_SECONDS)
        except subprocess.TimeoutExpired:
            self._kill()
            return self._error("closed its output while it was needed")
        self._kill()
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        return self._error(how)

    def _error(self, what: str) -> EngineError:
        lines = [line for line in self._stderr_lines if line]
        ending = f"; its last words: {_one_line(lines[-1])}" if lines else "; it said nothing on stderr"
        return EngineError(f"engine {self.spec.name!r} {_one_line(what)}{ending}", diagnostic="\n".join(lines))

    def _read_answers(self, pipe: IO[bytes]) -> None:
        while line := pipe.readline(MAX_LINE_BYTES):
            self._lines.put(line)
        self._lines.put(None)

    def _read_stderr(self, pipe: IO[bytes]) -> None:
        while line := pipe.readline(MAX_LINE_BYTES):
            self._stderr_lines.append(line.decode(errors="replace").rstrip())

    def _tree_cpu_ms(self) -> float:
        import psutil

        total = 0.0
        try:
            root = psutil.Process(self._child.pid)
            family = [root, *root.children(recursive=True)]
        except psutil.Error:
            return total
        for process in family:
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
        return total * 1000


def _one_line(text: str) -> str:
    """What an engine said, as part of a line for people: none of it moves the cursor or colours the terminal.

    A program that shows its progress writes over its line, so what follows the last carriage return is what it says.
    """
    last = text.rstrip().rpartition("\r")[2]
    shown = "".join(character if character.isprintable() else " " for character in last)
    return shown if len(shown) <= _MAX_SHOWN_CHARACTERS else f"{shown[:_MAX_SHOWN_CHARACTERS]}…"


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:  # cannot happen: all three were asked for
        raise MeasurementError("a child without pipes")
    return pipe
