"""Installs a project into a virtual environment: with uv if it is present, else with pip."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from hfbench.bench.measure.revisions import BuildError, OnStage, Revision

_BUILD_SECONDS: Final = 1800
_TAIL_LINES: Final = 15

#: Installs a source tree into an environment folder with a ``bin``; :func:`pip_install` is the default.
Install = Callable[[Path, Path, Revision, OnStage], None]


def constraints_of(place: Path) -> Path:
    """The file next to an environment that says which versions of dependencies it must have; absent: any."""
    return place.with_name(f"{place.name}.constraints.txt")


def pip_install(source: Path, place: Path, revision: Revision, on_stage: OnStage) -> None:
    """Make a virtual environment at ``place`` and install ``source`` with its dependencies, with uv if it is present.

    Raises:
        BuildError: it does not install; ``diagnostic`` is the end of the installer's output.
    """
    uv = shutil.which("uv")
    python = place / "bin" / "python"
    file = constraints_of(place)
    same = ["--constraint", str(file)] if file.exists() else []
    if uv:
        on_stage(f"{revision.label}: installing with uv")
        _build(revision, [uv, "venv", "--quiet", "--python", sys.executable, str(place)])
        _build(revision, [uv, "pip", "install", "--compile-bytecode", "--python", str(python), *same, str(source)])
    else:
        on_stage(f"{revision.label}: installing with pip")
        _build(revision, [sys.executable, "-m", "venv", str(place)])
        _build(revision, [str(python), "-m", "pip", "install", "--disable-pip-version-check", *same, str(source)])


def _build(revision: Revision, command: list[str]) -> None:
    try:
        subprocess.run(
            command,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_BUILD_SECONDS,
        )
    except subprocess.CalledProcessError as error:
        tail = "\n".join(str(error.stdout).splitlines()[-_TAIL_LINES:])
        raise BuildError(f"{revision.label} does not build: {_last_line(error.stdout)}", diagnostic=tail) from error
    except subprocess.TimeoutExpired as error:
        raise BuildError(f"{revision.label} does not build within {_BUILD_SECONDS} s") from error


def _last_line(text: str | None) -> str:
    lines = [line.strip() for line in (text or "").splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower() or line.startswith("fatal")]
    return (errors or lines or ["no reason given"])[-1]
