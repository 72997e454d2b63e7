"""Carrying out a recipe in an empty folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures_gen import sources
from fixtures_gen.errors import FixtureError
from fixtures_gen.recipe import Encode, Join, Recipe, Rewrite, Size, Step, Text

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures_gen.program import Runner


def build(recipe: Recipe, size: Size, runner: Runner) -> tuple[Path, ...]:
    """Make every file of a fixture in ``runner.folder`` and return them in the order of the truth.

    The folder must be empty. Files that the truth does not name are removed. Raises ``FixtureError``.
    """
    folder = runner.folder
    for step in recipe.steps(size):
        take(step, runner)
    wanted = [folder / entry.name for entry in recipe.truth(size).files]
    missing = [path.name for path in wanted if not path.is_file() or path.stat().st_size == 0]
    if missing:
        raise FixtureError(f"the recipe {recipe.name} made no {', '.join(missing)}")
    for path in folder.iterdir():
        if path not in wanted:
            path.unlink()
    return tuple(wanted)


def take(step: Step, runner: Runner) -> None:
    """Carry out one step in the folder of ``runner``. Raises ``FixtureError``."""
    output = runner.folder / step.output
    if isinstance(step, Encode):
        source = step.source
        painted = sources.raw_frames(source) if isinstance(source, sources.Camera | sources.Screen) else None
        runner.run(step.arguments, painted)
    elif isinstance(step, Rewrite):
        output.write_bytes(step.edit((runner.folder / step.source).read_bytes()))
    elif isinstance(step, Text):
        output.write_text(step.text, encoding="utf-8", newline="\n")
    else:
        _join(step, runner.folder)


def _join(step: Join, folder: Path) -> None:
    with (folder / step.output).open("wb") as joined:
        for part in step.parts:
            joined.write((folder / part).read_bytes())
