"""Small jobs for the ffmpeg program: the one that the ``ffmpeg`` backend runs."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from hfbench.backends.ffmpeg.program import find_ffmpeg
from hfbench.errors import MachineError

if TYPE_CHECKING:
    from collections.abc import Sequence

_QUIET = ("-hide_banner", "-loglevel", "error", "-y")


def run_ffmpeg(arguments: Sequence[str], *, seconds: float, data: bytes = b"") -> None:
    """Run it, with ``data`` on its standard input.

    Raises:
        MachineError: There is no ffmpeg program, it fails, or it takes longer than ``seconds``.
    """
    program = find_ffmpeg()
    try:
        command = [str(program), *_QUIET, *arguments]
        subprocess.run(command, input=data, check=True, capture_output=True, timeout=seconds)
    except subprocess.CalledProcessError as error:
        lines = error.stderr.decode("utf-8", "replace").strip().splitlines() or [f"exit code {error.returncode}"]
        raise MachineError(f"{program} failed: {lines[-1]}", diagnostic="\n".join(lines)) from error
    except subprocess.TimeoutExpired as error:
        raise MachineError(f"{program} did not end within {seconds:g} s: is the machine busy?") from error
    except OSError as error:
        raise MachineError(f"{program} can't be run: {error.strerror or error}") from error
