"""``hfbench doctor``: what this machine has, what it lacks, and how to mend that."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import click

from fixtures_gen.options import json_option
from hfbench.cli.exit_codes import ExitCode
from hfbench.cli.lines import shown
from hfbench.cli.terminal import out, plain_table, print_json

if TYPE_CHECKING:
    from collections.abc import Callable

_NEEDED_ENCODERS: Final = ("libx264", "libx265", "libvpx-vp9", "ffv1", "prores_ks", "libsvtav1", "mjpeg", "png")
_LEAST_FREE_BYTES: Final = 2 * 2**30


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; ``mend`` is empty where all is well."""

    what: str
    found: str
    mend: str = ""


@click.command("doctor")
@json_option
def command(*, as_json: bool) -> None:
    """Check versions, ffmpeg and its encoders, cores, memory and disk; say how to mend what is missing."""
    findings = [look() for look in (_python, _pyav, _program, _encoders, _cores, _memory, _home)]
    if as_json:
        print_json({"checks": [{"what": f.what, "found": f.found, "mend": f.mend, "ok": not f.mend} for f in findings]})
    else:
        _print(findings)
    if any(finding.mend for finding in findings):
        raise click.exceptions.Exit(ExitCode.MACHINE)


def _print(findings: list[Finding]) -> None:
    from rich.text import Text

    table = plain_table("", "what", "found", "mend")
    for finding in findings:
        mark = Text("x", "red") if finding.mend else Text("ok", "green")
        table.add_row(mark, finding.what, shown(finding.found), shown(finding.mend))
    out().print(table)


def _python() -> Finding:
    return Finding("Python", sys.version.split()[0])


def _pyav() -> Finding:
    try:
        import av
    except ImportError as error:
        return Finding("PyAV", f"none: {error}", "pip install --force-reinstall av")

    libraries = ", ".join(f"{name} {'.'.join(map(str, version))}" for name, version in av.library_versions.items())
    return Finding("PyAV", f"{av.__version__} ({libraries})")


def _program() -> Finding:
    return _ask_program("ffmpeg program", lambda version, _: (version, ""))


def _encoders() -> Finding:
    def judge(version: str, encoders: frozenset[str]) -> tuple[str, str]:
        del version
        missing = [name for name in _NEEDED_ENCODERS if name not in encoders]
        mend = f"fixtures need {', '.join(missing)}: unset HFBENCH_FFMPEG and pip install imageio-ffmpeg"
        return f"{len(_NEEDED_ENCODERS) - len(missing)} of {len(_NEEDED_ENCODERS)}", mend if missing else ""

    return _ask_program("encoders", judge)


def _ask_program(what: str, judge: Callable[[str, frozenset[str]], tuple[str, str]]) -> Finding:
    from fixtures_gen import FixtureError
    from hfbench.bench.scenarios import fixture_store
    from hfbench.errors import MachineError

    try:
        program = fixture_store().program
        return Finding(what, *judge(program.version, program.encoders))
    except (FixtureError, MachineError) as error:
        return Finding(what, "none", str(error))


def _cores() -> Finding:
    from hfbench.model.options import available_cores

    cores = available_cores()
    return Finding("cores", f"{cores}, load {os.getloadavg()[0]:.2f}")


def _memory() -> Finding:
    import psutil

    return Finding("memory", f"{psutil.virtual_memory().available / 2**30:.1f} GiB available")


def _home() -> Finding:
    import shutil

    from hfbench.home import home_folder

    home = home_folder()
    try:
        home.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(home).free
    except OSError as error:
        return Finding("home", str(home), f"{error.strerror}: name a writable folder in HFBENCH_HOME")
    mend = "less than 2 GiB free: name another folder in HFBENCH_HOME" if free < _LEAST_FREE_BYTES else ""
    return Finding("home", f"{home}, {free / 2**30:.1f} GiB free", mend)
