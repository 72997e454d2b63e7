"""What the commands print: JSON documents, and lines for people."""

from __future__ import annotations

import json
import shlex
import sys
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from fixtures_gen import sums
from fixtures_gen.recipe import Encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from fixtures_gen.recipe import Recipe, Size, Step
    from fixtures_gen.store import Entry, Progress
    from fixtures_gen.verify import Verification

_SHOWN_ITEMS = 12


def print_json(data: Any) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(data, indent=1))


def with_bar(title: str, work: Callable[[Callable[[Progress], None]], Any]) -> Any:
    """Run ``work`` with a progress bar on stderr, which is drawn only where that is a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(title, total=None)

        def report(event: Progress) -> None:
            bar.update(task, completed=event.done, total=event.total, description=f"{title} {event.name}")

        return work(report)


def print_catalogue(rows: Iterable[tuple[Recipe, bool]], *, as_json: bool) -> None:
    """Recipes, each with whether it is built at its default size."""
    listed = list(rows)
    if as_json:
        print_json([_recipe_json(recipe, is_built=is_built) for recipe, is_built in listed])
        return
    width = max(len(recipe.name) for recipe, _ in listed)
    for recipe, is_built in listed:
        mark = "built" if is_built else "-"
        described = f"{recipe.title} [{', '.join(sorted(recipe.tags))}]"
        click.echo(f"{recipe.name:<{width}}  {recipe.default_size.value:>5}  {mark:<5}  {described}")


def print_entries(entries: Iterable[Entry], *, as_json: bool) -> None:
    """What was built: sizes and folders."""
    if as_json:
        print_json([{"name": e.name, "folder": str(e.folder), "bytes": e.bytes} for e in entries])
        return
    for entry in entries:
        click.echo(f"{entry.bytes / 1e6:9.2f} MB  {entry.folder}")


def print_verifications(results: Iterable[Verification], *, as_json: bool) -> None:
    """The hash of each file, whether both builds agree, and what SHA256SUMS says of it."""
    if as_json:
        print_json([_verification_json(result) for result in results])
        return
    for result in results:
        for file in result.files:
            same = "identical" if file.first == file.second else f"NOT identical ({file.second})"
            where = sums.key_of(result.name, result.size, file.name)
            click.echo(f"{file.first}  {where}  {same}; committed: {file.pinned}")
        for problem in result.store_problems:
            click.echo(f"  in the store: {problem}; `build --deep` repairs it")


def print_recipe(recipe: Recipe, size: Size, folder: Path, *, as_json: bool) -> None:
    """Its steps and the truth about its files."""
    described = {**recipe.describe(size), "folder": str(folder)}
    if as_json:
        print_json(described)
        return
    click.echo(f"{recipe.name} at {size.value}: {recipe.title}\n")
    for step in recipe.steps(size):
        click.echo(f"  {_step_line(step)}")
    click.echo("")
    for entry in described["truth"]["files"]:
        click.echo(json.dumps(_shortened(entry), indent=1, ensure_ascii=False))


def _recipe_json(recipe: Recipe, *, is_built: bool) -> dict[str, Any]:
    return {
        "name": recipe.name,
        "title": recipe.title,
        "tags": sorted(recipe.tags),
        "size": recipe.default_size.value,
        "built": is_built,
        "files": [entry.name for entry in recipe.truth(recipe.default_size).files],
    }


def _verification_json(result: Verification) -> dict[str, Any]:
    files = [
        {"name": f.name, "sha256": f.first, "identical": f.first == f.second, "committed": f.pinned}
        for f in result.files
    ]
    problems = list(result.store_problems)
    return {"name": result.name, "size": result.size.value, "ok": result.ok, "files": files, "storeProblems": problems}


def _step_line(step: Step) -> str:
    """One step as a line that a shell would take, as far as it is a command."""
    if isinstance(step, Encode):
        painted = "" if not hasattr(step.source, "paint") else f"{type(step.source).__name__} frames | "
        return f"{painted}ffmpeg {shlex.join(step.arguments)}"
    return json.dumps(step.describe())


def _shortened(entry: dict[str, Any]) -> dict[str, Any]:
    """The truth of one file with long lists cut, for a person."""
    timing = entry["timing"]
    if len(timing.get("ticks", ())) > _SHOWN_ITEMS:
        timing = {**timing, "ticks": [*timing["ticks"][:_SHOWN_ITEMS], "…"]}
    ids = entry["frame_ids"]
    if isinstance(ids, list) and len(ids) > _SHOWN_ITEMS:
        ids = [*ids[:_SHOWN_ITEMS], "…"]
    return {**entry, "timing": timing, "frame_ids": ids}
