"""``python -m fixtures_gen``: build, check and look at the fixtures without the program under test."""

from __future__ import annotations

from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fixtures_gen import printing, verify
from fixtures_gen.catalogue import CATALOGUE
from fixtures_gen.contact_sheet import contact_sheet
from fixtures_gen.errors import FixtureError, UnknownNameError, UnusableSettingError
from fixtures_gen.home import default_root
from fixtures_gen.hostile import write_hostile
from fixtures_gen.options import NamedPath, json_option
from fixtures_gen.recipe import Size
from fixtures_gen.selection import select
from fixtures_gen.store import Request, Store, find_recipe

if TYPE_CHECKING:
    from collections.abc import Callable

_FAILED = 1
_WRONG_USE = 2
_MACHINE = 6


class _OneLine(click.Group):
    """Reports errors as one line on stderr, and exits with 2 for an unknown name or setting and 6 for the machine."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise  # the caller decides what a closed pipe means
        except FixtureError as error:
            _complain(ctx, error.message)
            if error.diagnostic and ctx.params.get("verbose"):
                click.echo(error.diagnostic, err=True)
            ctx.exit(_WRONG_USE if isinstance(error, UnknownNameError | UnusableSettingError) else _MACHINE)
        except OSError as error:
            _complain(ctx, f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")
            ctx.exit(_MACHINE)


def _complain(ctx: click.Context, message: str) -> None:
    one_line = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in message)
    click.echo(f"{ctx.find_root().info_name}: {one_line}", err=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Selection:
    """Which fixtures, at which size, how many at once; no names and no tags are all fixtures."""

    names: tuple[str, ...]
    only: tuple[str, ...]
    tags: tuple[str, ...]
    size: str | None
    jobs: int

    @property
    def is_empty(self) -> bool:
        return not (self.names or self.only or self.tags)

    @property
    def at(self) -> Size | None:
        return _sized(self.size)

    def resolve(self) -> tuple[str, ...]:
        return select((*self.names, *self.only), self.tags)


def _sized(size: str | None) -> Size | None:
    return None if size is None else Size(size)


_tag = click.option("--tag", "tags", multiple=True, help="Only fixtures with this tag; repeatable, all must fit.")
_size = click.option("--size", type=click.Choice([s.value for s in Size]), default=None, help="Picture size.")


def _selection_options(function: Callable[..., None]) -> Callable[..., None]:
    """Options that end in one :class:`_Selection`, which is passed as ``selection``."""

    @wraps(function)
    def with_selection(
        *positional: Any,
        names: tuple[str, ...],
        only: tuple[str, ...],
        tags: tuple[str, ...],
        size: str | None,
        jobs: int,
        **others: Any,
    ) -> None:
        selection = _Selection(names=names, only=only, tags=tags, size=size, jobs=jobs)
        function(*positional, selection=selection, **others)

    options = (
        click.argument("names", nargs=-1),
        click.option("--only", multiple=True, metavar="NAME", help="The same as naming it; repeatable."),
        _tag,
        _size,
        click.option("--jobs", type=click.IntRange(1), default=2, show_default=True, help="Builds at once."),
    )
    decorated: Callable[..., None] = with_selection
    for option in reversed(options):
        decorated = option(decorated)
    return decorated


@click.group(cls=_OneLine, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--root", type=NamedPath(path_type=Path), default=None, help="Store folder instead of the default.")
@click.option("-v", "--verbose", is_flag=True, help="Also print what a failing ffmpeg said.")
@click.pass_context
def main(ctx: click.Context, root: Path | None, *, verbose: bool) -> None:
    """Test media that anyone can rebuild bit for bit."""
    del verbose  # read by the group
    ctx.obj = Store(root or default_root())


@main.command("list")
@_tag
@json_option
@click.pass_obj
def list_command(store: Store, tags: tuple[str, ...], *, as_json: bool) -> None:
    """List the fixtures: name, default size, whether it is built, title, tags."""
    rows = [(CATALOGUE[name], store.is_complete(name)) for name in select(tags=tags)]
    printing.print_catalogue(rows, as_json=as_json)


@main.command()
@_selection_options
@click.option("--deep", is_flag=True, help="Also rebuild entries whose bytes no longer match their sha256.")
@json_option
@click.pass_obj
def build(store: Store, *, selection: _Selection, deep: bool, as_json: bool) -> None:
    """Build what is missing or damaged; everything by default."""
    requests = [Request(name, selection.at) for name in selection.resolve()]
    entries = printing.with_bar("building", lambda report: store.ensure(requests, selection.jobs, report, deep=deep))
    printing.print_entries(entries, as_json=as_json)


@main.command("verify")
@_selection_options
@click.option("--all", "everything", is_flag=True, help="Every fixture.")
@click.option("--write-sums", is_flag=True, help="Write SHA256SUMS from what was built (maintainers).")
@json_option
@click.pass_obj
def verify_command(store: Store, *, selection: _Selection, everything: bool, write_sums: bool, as_json: bool) -> None:
    """Build twice in two environments and compare the bytes: other cores, TZ, locale, folder and CPU features."""
    if selection.is_empty and not everything:
        raise click.UsageError("name what to verify, or say --all")
    chosen = selection.resolve()
    results = printing.with_bar(
        "verifying", lambda report: verify.verify(store, chosen, selection.at, report, jobs=selection.jobs)
    )
    printing.print_verifications(results, as_json=as_json)
    if write_sums:
        verify.write_sums(store, results)
    if not all(result.ok for result in results) and not write_sums:
        click.get_current_context().exit(_FAILED)


@main.command()
@click.argument("name")
@_size
@click.option("--sheet", type=NamedPath(path_type=Path), default=None, help="Write a contact sheet (PNG) here.")
@json_option
@click.pass_obj
def show(store: Store, name: str, size: str | None, sheet: Path | None, *, as_json: bool) -> None:
    """Print the recipe and the truth of one fixture; --sheet builds it and draws its frames."""
    recipe = find_recipe(name)
    at = _sized(size) or recipe.default_size
    printing.print_recipe(recipe, at, store.folder(name, at), as_json=as_json)
    if sheet is not None:
        store.ensure([Request(name, at)])
        truth = recipe.truth(at).files[0]
        contact_sheet(store.program, store.path(name, truth.name, at), truth, sheet)
        click.echo(f"contact sheet: {sheet}", err=True)


@main.command()
@click.argument("name")
@click.argument("file", required=False)
@_size
@click.pass_obj
def path(store: Store, name: str, file: str | None, size: str | None) -> None:
    """Print where a fixture's media file is, or would be."""
    entry = store.truth(name, _sized(size))
    if file is not None and file not in {f.name for f in entry.files}:
        raise UnknownNameError(f"{name} has no file {file!r}: it has {', '.join(f.name for f in entry.files)}")
    click.echo(store.path(name, file, _sized(size)))


@main.command()
@click.option("--all", "everything", is_flag=True, help="Remove current entries too.")
@click.option("--dry-run", is_flag=True, help="Only print what would be removed.")
@click.pass_obj
def gc(store: Store, *, everything: bool, dry_run: bool) -> None:
    """Remove entries of older recipes and what killed builds left."""
    for removed in store.gc(everything=everything, dry_run=dry_run):
        click.echo(f"{'would remove' if dry_run else 'removed'} {removed}")


@main.command()
@click.argument("folder", type=NamedPath(path_type=Path))
@click.pass_obj
def hostile(store: Store, folder: Path) -> None:
    """Write the bad inputs of the tests into FOLDER."""
    for written in write_hostile(folder, store.program.path):
        click.echo(f"{', '.join(sorted(written.expected)):<40} {written.name!r}")


if __name__ == "__main__":
    main(prog_name="python -m fixtures_gen")
