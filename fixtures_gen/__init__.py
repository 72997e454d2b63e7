"""Test media that anyone can rebuild bit for bit, with the truth about each file written next to it.

Nothing here imports the program under test: the oracle must not share code with what it judges.

>>> from fixtures_gen import Store
>>> store = Store(Path("somewhere"))                       # doctest: +SKIP
>>> store.ensure(["hdr-sdr-mixed-scope"])                  # doctest: +SKIP
>>> store.path("hdr-sdr-mixed-scope", "sdr-30s.mp4")       # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fixtures_gen.barcode import find_barcode, read_barcode
    from fixtures_gen.catalogue import CATALOGUE
    from fixtures_gen.errors import FixtureError, UnknownNameError
    from fixtures_gen.recipe import Recipe, Size
    from fixtures_gen.store import Entry, Progress, Request, Store
    from fixtures_gen.truth import FileTruth, Tags, Truth

__all__ = [
    "CATALOGUE",
    "Entry",
    "FileTruth",
    "FixtureError",
    "Progress",
    "Recipe",
    "Request",
    "Size",
    "Store",
    "Tags",
    "Truth",
    "UnknownNameError",
    "find_barcode",
    "read_barcode",
]

_HOMES = {
    "CATALOGUE": "fixtures_gen.catalogue",
    "Entry": "fixtures_gen.store",
    "FileTruth": "fixtures_gen.truth",
    "FixtureError": "fixtures_gen.errors",
    "Progress": "fixtures_gen.store",
    "Recipe": "fixtures_gen.recipe",
    "Request": "fixtures_gen.store",
    "Size": "fixtures_gen.recipe",
    "Store": "fixtures_gen.store",
    "Tags": "fixtures_gen.truth",
    "Truth": "fixtures_gen.truth",
    "UnknownNameError": "fixtures_gen.errors",
    "find_barcode": "fixtures_gen.barcode",
    "read_barcode": "fixtures_gen.barcode",
}


def __getattr__(name: str) -> Any:
    """Load a name when it is first used: the options of the command line are imported without the catalogue."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
