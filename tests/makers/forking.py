"""Processes of the ``hfbench`` command that start in milliseconds: one that has imported everything is forked.

Each command still is a process: with an environment, a folder and streams of its own, ended by Python's own exit. What
depends on a fresh start (what is imported when, ``PYTHON…`` variables, signals) needs :data:`COMMAND` itself.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import select
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

COMMAND: Final = (sys.executable, "-c", "import sys; from hfbench.cli import main; main(sys.argv[1:])")
#: Seconds after which a process counts as hung; nothing is measured by it.
PATIENCE: Final = 120
#: In place of a stream's path: the stream is closed; or it is a pipe that nobody reads any more.
CLOSED, GONE = "", "|"


class ForkServer:
    """Starts with the first command. ``with``, or :meth:`close`, ends it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, arguments: list[str], streams: tuple[str, str, str], env: dict[str, str] | None = None) -> int:
        """Run the command; its code. Streams are stdin, stdout and stderr, each a path, ``CLOSED`` or ``GONE``."""
        whole = {**os.environ, **(env or {})}
        request = {"arguments": arguments, "folder": os.getcwd(), "streams": streams, "env": whole}
        process = self._started()
        assert process.stdin and process.stdout
        process.stdin.write(json.dumps(request).encode() + b"\n")
        process.stdin.flush()
        if not select.select([process.stdout], [], [], PATIENCE)[0]:
            self.close()
            raise TimeoutError(f"hfbench {' '.join(arguments)} hangs")
        return int(process.stdout.readline())

    def said(self, arguments: list[str], env: dict[str, str] | None = None) -> tuple[int, bytes, bytes]:
        """Run the command; its code, stdout and stderr."""
        with tempfile.TemporaryDirectory() as folder:
            out, err = Path(folder, "out"), Path(folder, "err")
            code = self.run(arguments, (os.devnull, str(out), str(err)), env)
            return code, out.read_bytes(), err.read_bytes()

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
            )
        return self._process


def _serve() -> list[str]:
    """Fork for each request. Returns in the child only, with what the command is to be given."""
    with open(0, "rb", buffering=0, closefd=False) as requests:
        while line := requests.readline():
            child = os.fork()
            if child == 0:
                return _become(json.loads(line))
            _, status = os.waitpid(child, 0)
            os.write(1, b"%d\n" % os.waitstatus_to_exitcode(status))
    sys.exit()


def _become(request: dict[str, Any]) -> list[str]:
    os.chdir(request["folder"])
    for number, path in enumerate(request["streams"]):
        os.close(number)
        if path == GONE:
            reader, writer = os.pipe()
            os.dup2(writer, number)
            for end in {reader, writer} - {number}:
                os.close(end)
        elif path != CLOSED:
            opened = os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        setattr(sys, name, _stream(number, getattr(sys, name), request["streams"][number]))
        setattr(sys, f"__{name}__", getattr(sys, name))
    os.environ.clear()
    os.environ.update(request["env"])
    return list(request["arguments"])


def _stream(number: int, like: Any, path: str) -> Any:
    """As Python opens it at its start; None where there is none."""
    if path == CLOSED:
        return None
    buffering = 1 if number == 2 else -1
    return open(
        number, "r" if number == 0 else "w", buffering, encoding=like.encoding, errors=like.errors, closefd=False
    )


if __name__ == "__main__":
    import psutil  # noqa: F401
    import rich.table  # noqa: F401
    import turbohtml  # noqa: F401

    import hfbench.backends.ffmpeg
    import hfbench.backends.libav
    import hfbench.cli
    import hfbench.composition.html_format
    import hfbench.engine.extract

    for command in pkgutil.iter_modules(hfbench.cli.__path__, "hfbench.cli."):
        importlib.import_module(command.name)
    gc.freeze()  # else a child copies every object when it looks for rubbish
    hfbench.cli.main(_serve())
