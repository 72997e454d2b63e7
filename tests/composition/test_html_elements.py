"""HTML as a browser reads it, in linear time, whatever it holds."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import html5lib
import pytest
import turbohtml
from hypothesis import given
from hypothesis import strategies as st

from hfbench.composition import html_elements
from hfbench.composition.html_elements import MAX_ELEMENTS, Element, read
from hfbench.composition.html_format import parse
from hfbench.errors import CompositionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VIDEO = "<video id=v src=a.mp4></video>"
#: Characters: a quarter of what a composition may have.
LARGE = 2**20
FORMATTING = ("a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u")

#: A document of about ``n`` characters each. Parsers of HTML are quadratic in one or another of them; at this size that
#: is minutes.
HOSTILE: dict[str, Callable[[int], str]] = {
    "dashes of a comment": lambda n: "<!-" + "-" * n + "-->",
    "comments": lambda n: "<!--->" * (n // 6),
    "bogus comments": lambda n: "<!x>" * (n // 4),
    "references": lambda n: "&notit;" * (n // 7),
    "ampersands": lambda n: "&" * n,
    "signs": lambda n: "<" * n,
    "end tags": lambda n: "</x>" * (n // 4),
    "deep": lambda n: "<div>" * (n // 5),
    "deep, end tags": lambda n: "<x>" * (n // 7) + "</y>" * (n // 8),
    "paragraphs": lambda n: "<p>" * (n // 3),
    "formatting": lambda n: "<b>" * (n // 3),
    "formatting, all different": lambda n: "".join(f"<b x{i}>" for i in range(n // 11)),
    "formatting, reopened": lambda n: "<p>" + "".join(f"<b x{i}>" for i in range(n // 22)) + "</p>" + "<p>x" * (n // 8),
    "formatting, misnested": lambda n: "".join(f"<b x{i}><p>" for i in range(n // 28)) + "</b>" * (n // 8),
    "links": lambda n: "<a><div>" * (n // 8),
    "tables": lambda n: "<table>" * (n // 7),
    "text in a table": lambda n: "<table>" + "<b>x" * (n // 4),
    "attributes": lambda n: "<p " + " ".join(f"a{i}" for i in range(n // 8)) + ">",
    "one attribute": lambda n: "<p " + "a " * (n // 2) + ">",
    "templates": lambda n: "<template>" * (n // 10) + "</template>" * (n // 10),
    "svg": lambda n: "<svg><desc>" * (n // 11),
    "nul": lambda n: "\0" * n,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_no_document_hangs_the_reader_or_fills_the_memory(kind: str) -> None:
    html = VIDEO + HOSTILE[kind](LARGE)
    try:
        elements = read(html)
    except CompositionError as error:
        assert error.message == f"is too large for a composition: it has over {MAX_ELEMENTS} elements"  # noqa: PT017
    else:
        assert elements[0] == Element(0, "video", {"id": "v", "src": "a.mp4"})


def nodes(html: str) -> int:
    """The nodes that the parser made of a document, templates' contents included."""
    count, waiting = 0, [turbohtml.parse(html_elements._bounded(html), allow_declarative_shadow_roots=False)]
    while waiting:
        node: Any = waiting.pop()
        count += 1
        waiting += getattr(node, "children", ())
    return count


@pytest.mark.parametrize("kind", HOSTILE)
def test_the_tree_grows_with_the_document_and_not_with_its_square(kind: str) -> None:
    once, twice = (nodes(HOSTILE[kind](size)) for size in (100_000, 200_000))
    assert twice <= 2 * once + 20


def test_control_formatting_elements_as_they_are_would_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html_elements, "MAX_ELEMENTS", 10**9)
    html = HOSTILE["formatting, reopened"](100_000)
    assert nodes(html) > 50 * html.count("<")


def calls(work: Callable[[], object]) -> int:
    """Calls of functions, in Python and in C."""
    count = 0

    def counted(frame: object, event: str, argument: object) -> None:
        nonlocal count
        del frame, argument
        count += event in {"call", "c_call"}

    sys.setprofile(counted)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def chain(length: int) -> str:
    return "".join(
        f'<video id=v{i} src=a data-start="v{i + 1} + 0.{i + 1}" data-duration=1></video>' for i in range(length)
    )


def ring(length: int) -> str:
    return "".join(f"<video id=v{i} src=a data-start=v{(i + 1) % length}></video>" for i in range(length))


def tails(length: int) -> str:
    """Every start leads into the one cycle."""
    loop = "<video id=x src=a data-start=y></video><video id=y src=a data-start=x></video>"
    return loop + "".join(f"<video id=v{i} src=a data-start=x></video>" for i in range(length))


@pytest.mark.parametrize("document", [chain, ring, tails], ids=lambda made: made.__name__)
def test_references_are_followed_in_linear_work(document: Callable[[int], str]) -> None:
    parse(document(2))  # what is imported once
    once, twice = (calls(lambda html=document(length): parse(html)) for length in (500, 1000))
    assert twice <= 2.02 * once


def test_control_the_count_of_calls_notices_a_square() -> None:
    once, twice = (
        calls(lambda size=length: [len([*range(i)]) + abs(j) for i in range(size) for j in range(i)])
        for length in (50, 100)
    )
    assert twice > 3 * once


def test_a_chain_of_10_000_references() -> None:
    clips = parse(chain(10_000)).clips
    assert len(clips) == 10_000
    assert clips[-1].start == 0  # its target is not there


@pytest.mark.parametrize("count", [100, 101])
def test_the_limit_of_elements(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html_elements, "MAX_ELEMENTS", 100)
    html = "<p></p><template><br><br></template>" + "<br>" * (count - 2)
    if count > 100:
        with pytest.raises(CompositionError, match="is too large for a composition: it has over 100 elements"):
            read(html)
    else:
        assert len(read(html)) == count


def test_beyond_512_levels_a_document_is_read_as_chromium_reads_it() -> None:
    assert [element.tag for element in read("<div>" * 600 + VIDEO)] == ["div"] * 600 + ["video"]


def test_attributes_with_tags_in_them_are_read_as_they_are() -> None:
    """Also in a document that is so full of formatting elements that they are read as others."""
    html = f"<p title='<b > </i><hfbench-x><A\n' class='x y'></p>{'<i>x</i>' * 20_000}"
    assert html_elements._bounded(html) != html
    first, *others = read(html)
    assert dict(first.attributes) == {"title": "<b > </i><hfbench-x><A\n", "class": "x y"}
    assert {element.tag for element in others} == {"i"}


# An oracle that shares nothing with what it judges: html5lib, another implementation of the standard's algorithm.

NAMES = ("div", "p", "span", "video", "ul", "li", "h1", "section", "button", "table", "tr", "td", "br", *FORMATTING)
pieces = st.one_of(
    st.tuples(
        st.sampled_from(["<", "</"]), st.sampled_from(NAMES), st.sampled_from([">", " x=1>", " Id='a&amp;b' id=c>"])
    ).map("".join),
    st.sampled_from(["text", " ", "<!-- <p> -->", "&copy", "<", "</", "<?x>", "<script><p></script>"]),
)


def by_html5lib(html: str) -> list[tuple[str, dict[str, str]]]:
    tree = html5lib.parse(html, treebuilder="etree", namespaceHTMLElements=False)
    return [(node.tag, dict(node.attrib)) for node in tree.find("body").iter() if isinstance(node.tag, str)][1:]


@given(st.lists(pieces, max_size=25).map("".join))
def test_elements_are_those_of_another_parser(html: str) -> None:
    assert [(element.tag, dict(element.attributes)) for element in read(html)] == by_html5lib(html)


@given(st.lists(pieces, max_size=25).map("".join))
def test_other_elements_are_the_same_where_formatting_ones_are_renamed(html: str) -> None:
    if "<table" in html:  # there, what is misplaced goes elsewhere
        return
    plain = list(others(html))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(html_elements, "_bounded", html_elements._with_ordinary_formatting)
        assert list(others(html)) == plain


def others(html: str) -> Iterator[tuple[str, dict[str, str]]]:
    for element in read(html):
        if element.tag not in FORMATTING:
            yield element.tag, dict(element.attributes)
