"""Choosing fixtures by name and by tag."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures_gen.catalogue import CATALOGUE
from fixtures_gen.errors import UnknownNameError
from fixtures_gen.store import find_recipe

if TYPE_CHECKING:
    from collections.abc import Iterable


def select(names: Iterable[str] = (), tags: Iterable[str] = ()) -> tuple[str, ...]:
    """Names in catalogue order: all of them, or those named, that carry every one of ``tags``.

    Raises ``UnknownNameError`` for an unknown name or tag, and where nothing is left.
    """
    wanted = {find_recipe(name).name for name in names} or set(CATALOGUE)
    needed = set(tags)
    known = frozenset().union(*(recipe.tags for recipe in CATALOGUE.values()))
    if needed - known:
        raise UnknownNameError(f"there is no tag {min(needed - known)!r}: the tags are {', '.join(sorted(known))}")
    chosen = tuple(name for name, recipe in CATALOGUE.items() if name in wanted and needed <= recipe.tags)
    if not chosen:
        raise UnknownNameError("no fixture has that name and all of those tags: see `hfbench fixtures list`")
    return chosen
