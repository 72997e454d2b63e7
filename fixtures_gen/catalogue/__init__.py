"""Every fixture of the suite by name."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from fixtures_gen.catalogue import colour, containers, headline, shape, timing, vfr

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fixtures_gen.recipe import Recipe

THEMES = (headline, vfr, timing, colour, containers, shape)

CATALOGUE: Mapping[str, Recipe] = MappingProxyType(
    {recipe.name: recipe for theme in THEMES for recipe in theme.RECIPES}
)
