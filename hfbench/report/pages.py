"""Executed notebooks as HTML pages: no code, no script, nothing from another host, readable by screen readers."""

from __future__ import annotations

import re
import warnings
from html import escape
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from hfbench.bench.record_writer import write_atomically
from hfbench.errors import NotInstalledError
from hfbench.report.style import STYLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from hfbench.report.running import Ran

_TABLE: Final = re.compile(r"<table\b")


def write_page(ran: Ran, others: Sequence[str], into: Path) -> Path:
    """Write one executed notebook as ``<name>.html``; ``others`` are the names of the pages to link to.

    Raises:
        NotInstalledError: nbconvert is not installed.
        OutputError: The page can't be written.
    """
    failed = ""
    if ran.failure:
        failed = f'<p class="failed">Failed in {_text(ran.failure.message)}</p>'
    path = into / f"{ran.notebook.name}.html"
    write_atomically(path, _page(ran.notebook.title, _navigation(others, ran.notebook.name), failed + _body(ran)))
    return path


def write_index(ran: Sequence[Ran], facts: Mapping[str, str], into: Path) -> Path:
    """Write ``index.html``: every notebook with its outcome, and ``facts`` about the whole report.

    Raises:
        OutputError: The page can't be written.
    """
    rows = "".join(_row(each, into) for each in ran)
    headings = ("page", "what it shows", "outcome", "took", "notebook")
    head = "".join(f'<th scope="col">{heading}</th>' for heading in headings)
    listed = "".join(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in facts.items())
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    body = f"<h1>hfbench report</h1>{_scrolling(table)}<h2>How it was made</h2><dl>{listed}</dl>"
    path = into / "index.html"
    write_atomically(path, _page("hfbench report", _navigation([each.notebook.name for each in ran], ""), body))
    return path


def _row(ran: Ran, into: Path) -> str:
    name = ran.notebook.name
    about = _text(ran.notebook.about.replace("`", ""))
    outcome = "✓ ran" if ran.failure is None else f"✗ failed in {_text(ran.failure.message)}"
    kept = ran.executed.relative_to(into).as_posix()
    return (
        f'<tr><td class="prose"><a href="{_address(name)}.html">{_text(ran.notebook.title)}</a></td>'
        f'<td class="prose">{about}</td>'
        f'<td>{outcome}</td><td class="number">{ran.seconds:.0f} s</td>'
        f'<td><a href="{_address(kept)}">{_text(name)}</a></td></tr>'
    )


def _navigation(names: Iterable[str], current: str) -> str:
    links = ['<a href="index.html">Index</a>' if current else "<b>Index</b>"]
    for name in names:
        shown = _text(name)
        links.append(f"<b>{shown}</b> " if name == current else f'<a href="{_address(name)}.html">{shown}</a>')
    return f"<nav>{' '.join(links)}</nav>"


def _text(text: str) -> str:
    """Text in HTML; bytes of a file name that are not UTF-8 are shown as question marks."""
    return escape(text.encode("utf-8", "replace").decode("utf-8"))


def _address(path: str) -> str:
    """A path as a relative address: ``#``, ``%`` and ``?`` have a meaning there, and ``:`` would end a scheme."""
    return quote(path, safe="/", errors="surrogateescape")


def _scrolling(markup: str) -> str:
    """Put every table into a box that scrolls when the window is narrower, and that the keyboard can reach."""
    opened = _TABLE.sub('<div class="scrolling" role="region" aria-label="Table" tabindex="0"><table', markup)
    return opened.replace("</table>", "</table></div>")


def _page(title: str, navigation: str, body: str) -> str:
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        # An empty icon: a browser would ask the host for one otherwise, and log that there is none.
        f'<link rel="icon" href="data:,"><title>{_text(title)}</title><style>{STYLE}</style></head>'
        f"<body>{navigation}<main>{body}</main><footer>Made by <code>hfbench report</code>. Each figure has a text "
        "alternative, and is followed by a table of its values.</footer></body></html>\n"
    )


def _body(ran: Ran) -> str:
    """The notebook without its code. nbconvert's ``basic`` template adds no script and no style."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # nbconvert warns of its own future changes
            import nbconvert
            import nbformat

            exporters: Any = nbconvert  # neither has types
            reader: Any = nbformat
            exporter = exporters.HTMLExporter(template_name="basic", exclude_input=True, exclude_anchor_links=True)
            exporter.exclude_input_prompt = exporter.exclude_output_prompt = True
            body: str = exporter.from_notebook_node(reader.read(str(ran.executed), as_version=4))[0]
    except ImportError as error:
        raise NotInstalledError('reports need nbconvert: pip install "hfbench[notebooks]"') from error
    return _scrolling(body)
