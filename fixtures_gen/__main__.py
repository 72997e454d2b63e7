"""``python -m fixtures_gen``: build, check and look at the fixtures without the program under test."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import platformdirs
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from fixtures_gen import sums, verify
from fixtures_gen.catalogue import CATALOGUE
from fixtures_gen.contact_sheet import contact_sheet
from fixtures_gen.errors import FixtureError, UnknownNameError
from fixtures_gen.hostile import write_hostile
from fixtures_gen.recipe import Encode, Size
from fixtures_gen.selection import select
from fixtures_gen.store import Progress, Request, Store, find_recipe

if TYPE_CHECKING:
    from collections.abc import Callable

_FAILED = 1
_WRONG_USE = 2
_MACHINE = 6


def default_root() -> Path:
    """``$HFBENCH_HOME/fixtures``, or the user's cache folder."""
    home = os.environ.get("HFBENCH_HOME")
    return (Path(home) if home else Path(platformdirs.user_cache_dir("hfbench"))) / "fixtures"


class _OneLine(click.Group):
    """Turns trouble into one line on stderr and an exit code: 2 for a name that nothing has, 6 for the machine's."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise  # nobody reads: whoever started this group knows what to make of it
        except FixtureError as error:
            _complain(ctx, error.message)
            if error.diagnostic and ctx.params.get("verbose"):
                click.echo(error.diagnostic, err=True)
            ctx.exit(_WRONG_USE if isinstance(error, UnknownNameError) else _MACHINE)
        except OSError as error:
            _complain(ctx, f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")
            ctx.exit(_MACHINE)


def _complain(ctx: click.Context, message: str) -> None:
    one_line = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in message)
    click.echo(f"{ctx.find_root().info_name}: {one_line}", err=True)


class _Named(click.Path):
    """A path that has a name: the empty text would be the current folder."""

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        if not os.fspath(value):
            self.fail("the name is empty; name a place, . is the current folder", param, ctx)
        return super().convert(value, param, ctx)


@click.group(cls=_OneLine)
@click.option("--root", type=_Named(path_type=Path), default=None, help="Store folder instead of the default.")
@click.option("-v", "--verbose", is_flag=True, help="Also print what a failing ffmpeg said.")
@click.pass_context
def main(ctx: click.Context, root: Path | None, *, verbose: bool) -> None:
    """Test media that anyone can rebuild bit for bit."""
    del verbose  # read by the group
    ctx.obj = Store(root or default_root())


_names = click.argument("names", nargs=-1)
_only = click.option("--only", multiple=True, metavar="NAME", help="The same as naming it; repeatable.")
_tag = click.option("--tag", "tags", multiple=True, help="Only fixtures with this tag; repeatable, all must fit.")
_size = click.option("--size", type=click.Choice([s.value for s in Size]), default=None, help="Picture size.")
_jobs = click.option("--jobs", type=click.IntRange(1), default=2, show_default=True, help="Builds at once.")
_json = click.option("--json", "as_json", is_flag=True, help="Machine-readable output on stdout.")


def _sized(size: str | None) -> Size | None:
    return None if size is None else Size(size)


def _print_json(data: Any) -> None:
    click.echo(json.dumps(data, indent=1))


def with_bar(title: str, work: Callable[[Callable[[Progress], None]], Any]) -> Any:
    """Run ``work`` with a progress bar on stderr; a terminal sees it move, a log sees nothing."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(title, total=None)

        def tell(event: Progress) -> None:
            bar.update(task, completed=event.done, total=event.total, description=f"{title} {event.name}")

        return work(tell)


@main.command("list")
@_tag
@_json
@click.pass_obj
def list_command(store: Store, tags: tuple[str, ...], *, as_json: bool) -> None:
    """Every fixture: name, default size, whether it is built, tags, title."""
    rows = [CATALOGUE[name] for name in select(tags=tags)]
    if as_json:
        _print_json(
            [
                {
                    "name": r.name,
                    "title": r.title,
                    "tags": sorted(r.tags),
                    "size": r.default_size.value,
                    "built": store.is_complete(r.name),
                    "files": [entry.name for entry in r.truth(r.default_size).files],
                }
                for r in rows
            ]
        )
        return
    width = max(len(r.name) for r in rows)
    for r in rows:
        mark = "built" if store.is_complete(r.name) else "-"
        click.echo(f"{r.name:<{width}}  {r.default_size.value:>5}  {mark:<5}  {r.title} [{', '.join(sorted(r.tags))}]")


@main.command()
@_names
@_only
@_tag
@_size
@_jobs
@click.option("--deep", is_flag=True, help="Also rebuild entries whose bytes no longer match their sha256.")
@_json
@click.pass_obj
def build(
    store: Store,
    *,
    names: tuple[str, ...],
    only: tuple[str, ...],
    tags: tuple[str, ...],
    size: str | None,
    jobs: int,
    deep: bool,
    as_json: bool,
) -> None:
    """Build what is missing or damaged; everything by default."""
    requests = [Request(name, _sized(size)) for name in select((*names, *only), tags)]
    entries = with_bar("building", lambda tell: store.ensure(requests, jobs, tell, deep=deep))
    if as_json:
        _print_json([{"name": e.name, "folder": str(e.folder), "bytes": e.bytes} for e in entries])
        return
    for entry in entries:
        click.echo(f"{entry.bytes / 1e6:9.2f} MB  {entry.folder}")


@main.command("verify")
@_names
@_only
@_tag
@_size
@_jobs
@click.option("--all", "everything", is_flag=True, help="Every fixture.")
@click.option("--write-sums", is_flag=True, help="Write SHA256SUMS from what was built (maintainers).")
@_json
@click.pass_obj
def verify_command(
    store: Store,
    *,
    names: tuple[str, ...],
    only: tuple[str, ...],
    tags: tuple[str, ...],
    size: str | None,
    jobs: int,
    everything: bool,
    write_sums: bool,
    as_json: bool,
) -> None:
    """Build twice under two surroundings and compare: one core, other TZ, locale and folder, less assembler."""
    if not (names or only or tags or everything):
        raise click.UsageError("name what to verify, or say --all")
    chosen = select((*names, *only), tags)
    results = with_bar("verifying", lambda tell: verify.verify(store, chosen, _sized(size), tell, jobs=jobs))
    if as_json:
        _print_json([_verification_json(result) for result in results])
    else:
        for result in results:
            _print_verification(result)
    if write_sums:
        _write_sums(store, results)
    if not all(result.ok for result in results) and not write_sums:
        click.get_current_context().exit(_FAILED)


def _verification_json(result: verify.Verification) -> dict[str, Any]:
    files = [
        {"name": f.name, "sha256": f.first, "identical": f.first == f.second, "committed": f.pinned}
        for f in result.files
    ]
    problems = list(result.store_problems)
    return {"name": result.name, "size": result.size.value, "ok": result.ok, "files": files, "storeProblems": problems}


def _print_verification(result: verify.Verification) -> None:
    for file in result.files:
        same = "identical" if file.first == file.second else f"NOT identical ({file.second})"
        where = sums.key_of(result.name, result.size, file.name)
        click.echo(f"{file.first}  {where}  {same}; committed: {file.pinned}")
    for problem in result.store_problems:
        click.echo(f"  in the store: {problem}; `build --deep` repairs it")


def _write_sums(store: Store, results: list[verify.Verification]) -> None:
    unequal = [result.name for result in results if any(file.first != file.second for file in result.files)]
    if unequal:
        raise FixtureError(f"SHA256SUMS is not written: {', '.join(unequal)} did not reproduce")
    version = store.program.version
    known = sums.read()
    kept = known if known.ffmpeg_version == version else sums.Sums(version, {})
    fresh = {
        sums.key_of(result.name, result.size, file.name): file.first
        for result in results
        if result.size is CATALOGUE[result.name].default_size
        for file in result.files
    }
    names = {
        sums.key_of(name, recipe.default_size, entry.name)
        for name, recipe in CATALOGUE.items()
        for entry in recipe.truth(recipe.default_size).files
    }
    merged = kept.with_hashes(fresh)
    sums.write(sums.Sums(version, {key: sha for key, sha in merged.hashes.items() if key in names}))


@main.command()
@click.argument("name")
@_size
@click.option("--sheet", type=_Named(path_type=Path), default=None, help="Write a contact sheet (PNG) here.")
@_json
@click.pass_obj
def show(store: Store, name: str, size: str | None, sheet: Path | None, *, as_json: bool) -> None:
    """Recipe, truth and a contact sheet of one fixture; builds it if a sheet is asked for."""
    recipe = find_recipe(name)
    at = _sized(size) or recipe.default_size
    described = {**recipe.describe(at), "folder": str(store.folder(name, at))}
    if as_json:
        _print_json(described)
    else:
        click.echo(f"{recipe.name} at {at.value}: {recipe.title}\n")
        for step in recipe.steps(at):
            click.echo(f"  {step_line(step)}")
        click.echo("")
        for entry in recipe.truth(at).files:
            click.echo(json.dumps(_summary(entry.name, described), indent=1, ensure_ascii=False))
    if sheet is not None:
        store.ensure([Request(name, at)])
        truth = recipe.truth(at).files[0]
        contact_sheet(store.program, store.path(name, truth.name, at), truth, sheet)
        click.echo(f"contact sheet: {sheet}", err=True)


def step_line(step: Any) -> str:
    """One step as a line that a shell would take, as far as it is a command."""
    import shlex

    if isinstance(step, Encode):
        painted = "" if not hasattr(step.source, "paint") else f"{type(step.source).__name__} frames | "
        return f"{painted}ffmpeg {shlex.join(step.arguments)}"
    return json.dumps(step.describe())


_SHOWN_ITEMS = 12


def _summary(name: str, described: dict[str, Any]) -> dict[str, Any]:
    """The truth of one file with long lists cut, for a person."""
    [entry] = [f for f in described["truth"]["files"] if f["name"] == name]
    timing = entry["timing"]
    if len(timing.get("ticks", ())) > _SHOWN_ITEMS:
        timing = {**timing, "ticks": [*timing["ticks"][:_SHOWN_ITEMS], "…"]}
    ids = entry["frame_ids"]
    if isinstance(ids, list) and len(ids) > _SHOWN_ITEMS:
        ids = [*ids[:_SHOWN_ITEMS], "…"]
    return {**entry, "timing": timing, "frame_ids": ids}


@main.command()
@click.argument("name")
@click.argument("file", required=False)
@_size
@click.pass_obj
def path(store: Store, name: str, file: str | None, size: str | None) -> None:
    """Where a fixture's media file is, or would be."""
    entry = store.truth(name, _sized(size))
    if file is not None and file not in {f.name for f in entry.files}:
        raise UnknownNameError(f"{name} has no file {file!r}: it has {', '.join(f.name for f in entry.files)}")
    click.echo(store.path(name, file, _sized(size)))


@main.command()
@click.option("--all", "everything", is_flag=True, help="Remove current entries too.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.pass_obj
def gc(store: Store, *, everything: bool, dry_run: bool) -> None:
    """Remove entries of older recipes and what dead builders left."""
    for removed in store.gc(everything=everything, dry_run=dry_run):
        click.echo(f"{'would remove' if dry_run else 'removed'} {removed}")


@main.command()
@click.argument("folder", type=_Named(path_type=Path))
@click.pass_obj
def hostile(store: Store, folder: Path) -> None:
    """Write the bad inputs of the tests into FOLDER."""
    for written in write_hostile(folder, store.program.path):
        click.echo(f"{', '.join(sorted(written.expected)):<40} {written.name!r}")


if __name__ == "__main__":
    main(prog_name="python -m fixtures_gen")
