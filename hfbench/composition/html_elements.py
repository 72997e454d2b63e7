"""The elements of an HTML document, in document order, as a browser sees them, in time linear in its size.

Read by turbohtml, which builds the tree by the HTML standard's algorithm.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hfbench.errors import CompositionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import turbohtml

#: Four per clip of the largest composition.
MAX_ELEMENTS: Final = 400_000

#: Deeper elements are read as siblings, as in Chromium (``kMaximumHTMLParserDOMTreeDepth``): turbohtml does the same.
_MAX_DEPTH: Final = 512

_FORMATTING_NAMES: Final = "a|b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u"
_FORMATTING: Final = re.compile(rf"<(/?)({_FORMATTING_NAMES})(?=[\s/>])", re.IGNORECASE)
_PREFIX: Final = "hfbench-"
_RENAMED: Final = re.compile(rf"<(/?){_PREFIX}({_FORMATTING_NAMES})(?=[\s/>])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Element:
    """One element.

    Attributes:
        index: its place in the document.
        tag: its name in lower case.
        attributes: as written, with references such as ``&amp;`` resolved; the first of two with one name.
    """

    index: int
    tag: str
    attributes: Mapping[str, str]

    def get(self, name: str) -> str:
        """An attribute's value; empty where it is absent."""
        return self.attributes.get(name, "")


def read(text: str) -> tuple[Element, ...]:
    """The elements of a document's body that a page would show media from.

    A body that is one ``<template>`` is read as that template's content (sub-compositions are written so); any other
    template is inert, as in a browser. Without a ``<head>`` tag, what a browser moves to the head (a script before the
    template) counts as part of the body.

    Raises:
        CompositionError: the document has over :data:`MAX_ELEMENTS` elements.
    """
    import turbohtml  # takes a tenth of a second, which compositions in JSON need not pay

    document = turbohtml.parse(_bounded(text), allow_declarative_shadow_roots=False)
    scope = _scope(document)
    for template in scope.find_all("template"):
        template.clear()
    nodes = scope.find_all(limit=MAX_ELEMENTS + 1)
    if len(nodes) > MAX_ELEMENTS:
        raise CompositionError(f"is too large for a composition: it has over {MAX_ELEMENTS} elements")
    return tuple(
        Element(index, node.tag.removeprefix(_PREFIX), _attributes(node.attrs)) for index, node in enumerate(nodes)
    )


def _bounded(text: str) -> str:
    """The document, with its formatting elements made ordinary ones where copies of them could fill the memory.

    A formatting element that is not closed is opened again in every block after it (HTML standard, 13.2.4.3), so that
    n tags may become a tree of 512 n elements. None of the copies matters here. The order of the other elements is the
    same without them, except for misplaced ones in tables and SVG; so this is done only where there could be many.
    """
    copies = text.count("<") * min(_MAX_DEPTH, sum(1 for found in _FORMATTING.finditer(text) if not found[1]))
    return text if copies <= MAX_ELEMENTS else _with_ordinary_formatting(text)


def _with_ordinary_formatting(text: str) -> str:
    return _FORMATTING.sub(rf"<\1{_PREFIX}\2", text)


def _attributes(found: Mapping[str, str | list[str] | None]) -> dict[str, str]:
    """Attributes as text: turbohtml splits those that hold lists, such as ``class``."""
    attributes = {}
    for name, value in found.items():
        text = value if isinstance(value, str) else " ".join(value or ())
        attributes[name] = _RENAMED.sub(r"<\1\2", text) if "<" in text else text
    return attributes


def _scope(document: turbohtml.Document) -> turbohtml.Node:
    """What is read: the body, or the content of the one template that makes up the whole body."""
    from turbohtml import Element as Node
    from turbohtml import Text

    head, body = document.find("head"), document.find("body")
    if head is None or body is None:  # a frameset
        return document
    is_head_written = head.source_line is not None
    top = [*(() if is_head_written else head.children), *body.children]
    nodes = [child for child in top if isinstance(child, Node)]
    has_text = any(isinstance(child, Text) and child.text.strip() for child in top)
    is_one_template = len(nodes) == 1 and nodes[0].tag == "template" and not has_text
    return nodes[0].children[0] if is_one_template else body
