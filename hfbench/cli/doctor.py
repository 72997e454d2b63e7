"""``hfbench doctor``: what this machine has, what it lacks, and how to fix that."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

import click

from fixtures_gen.options import json_option
from hfbench.cli.escaping import shown
from hfbench.cli.exit_codes import ExitCode
from hfbench.cli.terminal import out, plain_table, print_json

if TYPE_CHECKING:
    from collections.abc import Callable

_NEEDED_ENCODERS: Final = ("libx264", "libx265", "libvpx-vp9", "ffv1", "prores_ks", "libsvtav1", "mjpeg", "png")
_LEAST_FREE_BYTES: Final = 2 * 2**30


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was looked at and what was found; ``fix`` is empty where nothing is wrong."""

    what: str
    found: str
    fix: str = ""


@click.command("doctor")
@json_option
def command(*, as_json: bool) -> int:
    """Check versions, ffmpeg and its encoders, cores, memory and disk; say how to fix what is missing."""
    checks = (_python, _pyav, _program, _backends, _encoders, _kernels, _cores, _memory, _home)
    findings = [check() for check in checks]
    if as_json:
        print_json({"checks": [{**asdict(finding), "ok": not finding.fix} for finding in findings]})
    else:
        _print(findings)
    return ExitCode.MACHINE if any(finding.fix for finding in findings) else ExitCode.OK


def _print(findings: list[Finding]) -> None:
    from rich.text import Text

    table = plain_table("", "what", "found")
    for finding in findings:
        mark = Text("x", "red") if finding.fix else Text("ok", "green")
        table.add_row(mark, finding.what, shown(finding.found))
    console = out()
    console.print(table)
    for finding in findings:
        if finding.fix:
            console.print(Text(shown(f"{finding.what}: {finding.fix}"), "red"), soft_wrap=True)


def _python() -> Finding:
    return Finding("Python", sys.version.split()[0])


def _pyav() -> Finding:
    try:
        import av
    except ImportError as error:
        return Finding("PyAV", f"none: {error}", "pip install --force-reinstall av")

    codecs = ".".join(map(str, av.library_versions["libavcodec"]))
    return Finding("PyAV", f"{av.__version__} (libavcodec {codecs})")


def _program() -> Finding:
    return _ask_program("ffmpeg program", lambda version, _: (version, ""))


def _backends() -> Finding:
    from hfbench.backends.versions import ffmpeg_versions, have_one_release

    versions = ffmpeg_versions()
    found = ", ".join(f"{backend} runs FFmpeg {version}" for backend, version in versions.items()) or "none"
    if not have_one_release(versions):
        found += ": different releases, so a difference between the backends may come from FFmpeg"
    return Finding("backends", found)


def _encoders() -> Finding:
    def judge(version: str, encoders: frozenset[str]) -> tuple[str, str]:
        del version
        missing = [name for name in _NEEDED_ENCODERS if name not in encoders]
        fix = f"fixtures need {', '.join(missing)}: unset HFBENCH_FFMPEG and pip install imageio-ffmpeg"
        return f"{len(_NEEDED_ENCODERS) - len(missing)} of {len(_NEEDED_ENCODERS)}", fix if missing else ""

    return _ask_program("encoders", judge)


def _ask_program(what: str, judge: Callable[[str, frozenset[str]], tuple[str, str]]) -> Finding:
    from fixtures_gen import FixtureError
    from fixtures_gen.program import find_ffmpeg, load

    try:
        program = load(find_ffmpeg())
        return Finding(what, *judge(program.version, program.encoders))
    except FixtureError as error:
        return Finding(what, "none", error.message)


def _kernels() -> Finding:
    from hfbench.pixels.kernels.loading import state_on_disk, why_not

    found = state_on_disk()
    return Finding(
        "colour kernels", found, "frames are right but slow to convert: pip install numba" if why_not() else ""
    )


def _cores() -> Finding:
    from hfbench.model.options import available_cores

    cores = available_cores()
    return Finding("cores", f"{cores}, load {os.getloadavg()[0]:.2f}")


def _memory() -> Finding:
    import psutil

    return Finding("memory", f"{psutil.virtual_memory().available / 2**30:.1f} GiB available")


def _home() -> Finding:
    import shutil

    from hfbench.errors import UsageError
    from hfbench.home import ENVIRONMENT_NAME, home_folder

    try:
        home = home_folder()
    except UsageError as error:
        return Finding("home", os.environ[ENVIRONMENT_NAME], error.message)
    try:
        home.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(home).free
    except OSError as error:
        return Finding("home", str(home), f"{error.strerror}: name a writable folder in {ENVIRONMENT_NAME}")
    fix = f"less than 2 GiB free: name another folder in {ENVIRONMENT_NAME}" if free < _LEAST_FREE_BYTES else ""
    return Finding("home", f"{home}, {free / 2**30:.1f} GiB free", fix)
