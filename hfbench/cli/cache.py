"""``hfbench cache``: inspect the extraction cache, and clean it up."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from fixtures_gen.options import json_option
from hfbench.cli.escaping import shown
from hfbench.cli.exit_codes import ExitCode
from hfbench.cli.terminal import out, print_json

if TYPE_CHECKING:
    from hfbench.cache import ExtractionCache, SweepReport

_MEBIBYTE = 2**20


@click.group("cache")
@click.option("--cache", "folder", help="The cache's folder.  [default: $HFBENCH_EXTRACT_CACHE_DIR]")
@click.pass_context
def command(context: click.Context, folder: str | None) -> None:
    """Inspect the extraction cache, and clean it up."""
    context.obj = folder


def _open(folder: str | None) -> ExtractionCache:
    from hfbench.cache import ENVIRONMENT_VARIABLE, ExtractionCache, cache_root_from
    from hfbench.errors import UsageError

    root = cache_root_from(folder, os.environ)
    if root is None:
        raise UsageError(f"no cache was named: give --cache FOLDER or set {ENVIRONMENT_VARIABLE}")
    if not root.is_dir():
        raise UsageError(f"there is no cache at {root}: 'hfbench extract --cache {root} ...' creates it")
    return ExtractionCache.open(root)


@command.command("info")
@json_option
@click.pass_obj
def info(folder: str | None, *, as_json: bool) -> None:
    """Print how many entries there are, their size, and when they were used."""
    found = _open(folder).info()
    if as_json:
        print_json(
            {
                "root": str(found.root),
                "entries": found.entries,
                "bytes": found.entry_bytes,
                "maxBytes": found.max_bytes,
                "oldestUse": _moment(found.oldest_use),
                "newestUse": _moment(found.newest_use),
                "partials": found.partials,
                "probeResults": found.documents,
            }
        )
        return
    console = out()
    console.print(shown(found.root), soft_wrap=True)
    used, cap = found.entry_bytes / _MEBIBYTE, found.max_bytes / _MEBIBYTE
    console.print(f"{found.entries} entries, {used:.1f} of {cap:.0f} MiB")
    console.print(f"used between {_moment(found.oldest_use) or '-'} and {_moment(found.newest_use) or '-'}")
    console.print(f"{found.documents} probe results, {found.partials} incomplete entries")


@command.command("gc")
@json_option
@click.pass_obj
def gc(folder: str | None, *, as_json: bool) -> None:
    """Remove abandoned entries, and the least recently used ones above the size limit."""
    _report(_open(folder).sweep(), as_json=as_json)


@command.command("clear")
@json_option
@click.pass_obj
def clear(folder: str | None, *, as_json: bool) -> None:
    """Remove every entry that is not in use."""
    _report(_open(folder).clear(), as_json=as_json)


@command.command("verify")
@json_option
@click.pass_obj
def verify(folder: str | None, *, as_json: bool) -> int:
    """Compare every entry with its manifest; exits with 1 if any is damaged (such an entry is extracted again)."""
    problems = _open(folder).verify()
    if as_json:
        print_json({"problems": [{"entry": each.name, "reason": each.reason} for each in problems]})
    else:
        for each in problems:
            out().print(shown(f"{each.name}: {each.reason}"), soft_wrap=True)
        out().print(f"{len(problems)} entries are damaged" if problems else "every entry is intact")
    return ExitCode.FAIL if problems else ExitCode.OK


def _report(report: SweepReport, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "evictions": report.evictions,
                "bytesFreed": report.bytes_freed,
                "partialsCleared": report.partials_cleared,
            }
        )
        return
    freed = f"{report.bytes_freed / _MEBIBYTE:.1f} MiB"
    out().print(f"{report.evictions} entries and {report.partials_cleared} leftovers removed, {freed} freed")


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
