"""Compositions: frozen clips on a timeline, read from JSON or from HyperFrames HTML. No network."""

from hfbench.composition.fields import Number, Rate
from hfbench.composition.json_format import from_document, json_schema, to_document
from hfbench.composition.model import MAX_CLIPS, Clip, Composition, CompositionNote, NoteKind
from hfbench.composition.reader import load_composition

# Readers import the value and not the other way round. They are also its methods, where they are easier to find.
Composition.load = staticmethod(load_composition)
Composition.from_json = staticmethod(from_document)
Composition.to_json = to_document

__all__ = [
    "MAX_CLIPS",
    "Clip",
    "Composition",
    "CompositionNote",
    "NoteKind",
    "Number",
    "Rate",
    "json_schema",
    "load_composition",
]
