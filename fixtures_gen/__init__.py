"""Test media that anyone can rebuild bit for bit, with the truth about each file written beside it.

Nothing here imports the program under test: the oracle must not share code with what it judges.

>>> from fixtures_gen import Store
>>> store = Store(Path("somewhere"))                       # doctest: +SKIP
>>> store.ensure(["hdr-sdr-mixed-scope"])                  # doctest: +SKIP
>>> store.path("hdr-sdr-mixed-scope", "sdr-30s.mp4")       # doctest: +SKIP
"""

from __future__ import annotations

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
