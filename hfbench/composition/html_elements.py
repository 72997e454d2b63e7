"""The elements of an HTML document, in document order, as a browser sees them. Bounded; keeps no text.

Read by html5lib, the parser that follows the HTML standard's algorithm, through Beautiful Soup.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn

from bs4 import BeautifulSoup, Tag
from bs4.builder._html5lib import HTML5TreeBuilder, TreeBuilderForHtml5lib

from hfbench.errors import CompositionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

#: Chromium cuts a document off at this depth (``kMaximumHTMLParserDOMTreeDepth``); html5lib is quadratic in it.
MAX_DEPTH: Final = 512

#: html5lib reads some 30 000 elements a second.
MAX_ELEMENTS: Final = 100_000

#: On one element: html5lib compares each attribute with all before it.
MAX_ATTRIBUTES: Final = 2_000


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
    template is inert, as in a browser.

    Raises:
        CompositionError: the document is beyond :data:`MAX_DEPTH`, :data:`MAX_ELEMENTS` or :data:`MAX_ATTRIBUTES`.
    """
    builder = _LeanBuilder(multi_valued_attributes={}, store_line_numbers=False)
    with warnings.catch_warnings():
        # XHTML read as HTML and documents that look like a file name are fine here.
        warnings.simplefilter("ignore")
        soup = BeautifulSoup(text, builder=builder)
    body = soup.find("body")
    scope: Tag = body if isinstance(body, Tag) else soup
    template = None if builder.body_has_text else _only_template(scope)
    return tuple(
        Element(index, tag.name.lower(), {name: str(value) for name, value in tag.attrs.items()})
        for index, tag in enumerate(_live_tags(scope if template is None else template))
    )


def _only_template(body: Tag) -> Tag | None:
    """The one template that makes up the whole body, comments aside."""
    children = [child for child in body.children if isinstance(child, Tag)]
    return children[0] if len(children) == 1 and children[0].name == "template" else None


def _live_tags(scope: Tag) -> Iterator[Tag]:
    """The scope's descendants in document order, without the contents of templates."""
    waiting = [iter(scope.children)]
    while waiting:
        child = next(waiting[-1], None)
        if child is None:
            waiting.pop()
        elif isinstance(child, Tag):
            yield child
            if child.name != "template":
                waiting.append(iter(child.children))


class _LeanTree(TreeBuilderForHtml5lib):
    """Builds elements only, and stops at the limits.

    Beautiful Soup joins text piece by piece, which takes minutes for a large inline script; all that matters of text
    here is whether some stands beside the elements of the body.
    """

    body_has_text = False
    _element_count = 0

    def reset(self) -> None:
        """Called by html5lib before the first token."""
        super().reset()
        tokenizer = getattr(getattr(self, "parser", None), "tokenizer", None)
        if tokenizer is not None:
            tokenizer.attributeNameState = _with_attribute_limit(tokenizer, tokenizer.attributeNameState)

    def elementClass(self, name: str, namespace: str) -> Any:  # noqa: N802  html5lib's name
        """Called by html5lib for every new element."""
        self._element_count += 1
        if self._element_count > MAX_ELEMENTS:
            _refuse(f"{MAX_ELEMENTS} elements")
        if len(self.openElements) > MAX_DEPTH:
            _refuse(f"{MAX_DEPTH} levels of nested elements")
        return super().elementClass(name, namespace)

    def insertText(self, data: str, parent: Any = None) -> None:  # noqa: N802  html5lib's name
        """Called by html5lib for every piece of text."""
        del parent
        self.body_has_text |= self.openElements[-1].name == "body" and bool(data.strip())


class _LeanBuilder(HTML5TreeBuilder):
    @property
    def body_has_text(self) -> bool:
        """Whether text other than white space stands right in the body."""
        return isinstance(self.underlying_builder, _LeanTree) and self.underlying_builder.body_has_text

    def create_treebuilder(self, namespaceHTMLElements: bool) -> TreeBuilderForHtml5lib:  # noqa: FBT001, N803
        """Called by html5lib for its tree."""
        self.underlying_builder = _LeanTree(namespaceHTMLElements, self.soup, store_line_numbers=False)
        return self.underlying_builder


def _with_attribute_limit(tokenizer: Any, read_name: Callable[[], bool]) -> Callable[[], bool]:
    def limited() -> bool:
        if len(tokenizer.currentToken["data"]) > MAX_ATTRIBUTES:
            _refuse(f"{MAX_ATTRIBUTES} attributes on one element")
        return read_name()

    return limited


def _refuse(limit: str) -> NoReturn:
    raise CompositionError(f"is more than a browser would show: it has over {limit}")
