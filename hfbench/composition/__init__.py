"""What a composition says: frozen clips on a timeline, read from JSON or from HyperFrames HTML. No network."""

from hfbench.composition.fields import Number, Rate
from hfbench.composition.json_format import json_schema
from hfbench.composition.model import MAX_CLIPS, Clip, Composition, CompositionNote, NoteKind

__all__ = [
    "MAX_CLIPS",
    "Clip",
    "Composition",
    "CompositionNote",
    "NoteKind",
    "Number",
    "Rate",
    "json_schema",
]
