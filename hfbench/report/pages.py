"""Executed notebooks as pages: no code, no script, nothing from another host; for paper and screen readers, too."""

from __future__ import annotations

import warnings
from html import escape
from typing import TYPE_CHECKING, Any, Final

from hfbench.bench.record import write_atomically
from hfbench.errors import NotInstalledError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from hfbench.report.running import Ran

_STYLE: Final = """
:root { color-scheme: light; }
body { font: 16px/1.55 system-ui, sans-serif; color: #1b1b1b; background: #fff; max-width: 62rem; margin: 0 auto;
  padding: 0 1.25rem 4rem; }
nav { padding: .8rem 0; border-bottom: 1px solid #ddd; margin-bottom: 1.2rem; font-size: .92rem; }
nav > * { margin-right: 1.1rem; }
a { color: #0058a3; }
h1 { font-size: 1.75rem; line-height: 1.25; } h2 { font-size: 1.25rem; margin-top: 2.2rem; }
table { border-collapse: collapse; font-size: .88rem; margin: .6rem 0 1.2rem; display: block; overflow-x: auto; }
caption { text-align: left; color: #555; padding: .2rem 0; }
th, td { padding: .28rem .7rem; border-bottom: 1px solid #e4e4e4; vertical-align: top; }
th { background: #f5f5f5; text-align: left; }
td { font-variant-numeric: tabular-nums; }
code, pre { font: .88em ui-monospace, monospace; }
pre { background: #f6f6f6; padding: .6rem .8rem; overflow-x: auto; white-space: pre-wrap; }
details > summary { cursor: pointer; color: #0058a3; margin: .5rem 0; }
.anchor-link, .jp-InputPrompt, .jp-OutputPrompt { display: none; }
.failed { border-left: 6px solid #d55e00; padding: .4rem .8rem; background: #fff4ec; }
footer { margin-top: 3rem; color: #555; font-size: .85rem; border-top: 1px solid #ddd; padding-top: .6rem; }
"""


def write_page(ran: Ran, others: Sequence[str], into: Path) -> Path:
    """Write one executed notebook as ``<name>.html``; ``others`` are the names to link to.

    Raises:
        NotInstalledError: nbconvert is not installed.
        OutputError: the page can't be written.
    """
    failed = ""
    if ran.failure:
        failed = f'<p class="failed">Failed in {escape(ran.failure.told)}</p>'
    path = into / f"{ran.notebook.name}.html"
    write_atomically(path, _page(ran.notebook.title, _navigation(others, ran.notebook.name), failed + _body(ran)))
    return path


def write_index(ran: Sequence[Ran], facts: Mapping[str, str], into: Path) -> Path:
    """Write ``index.html``: every notebook, what it shows and what became of it, and ``facts`` about the whole.

    Raises:
        OutputError: the page can't be written.
    """
    rows = "".join(_row(each, into) for each in ran)
    head = "<thead><tr><th>page</th><th>what it shows</th><th>outcome</th><th>took</th><th>notebook</th></tr></thead>"
    told = "".join(f"<dt><b>{escape(name)}</b></dt><dd>{escape(value)}</dd>" for name, value in facts.items())
    body = f"<h1>hfbench report</h1><table>{head}<tbody>{rows}</tbody></table><h2>How it came about</h2><dl>{told}</dl>"
    path = into / "index.html"
    write_atomically(path, _page("hfbench report", _navigation([each.notebook.name for each in ran], ""), body))
    return path


def _row(ran: Ran, into: Path) -> str:
    name = escape(ran.notebook.name)
    kept = escape(ran.executed.relative_to(into).as_posix())
    about = escape(ran.notebook.about.replace("`", ""))
    outcome = "✓ ran" if ran.failure is None else f"✗ failed in {escape(ran.failure.told)}"
    return (
        f'<tr><td><a href="{name}.html">{escape(ran.notebook.title)}</a></td><td>{about}</td><td>{outcome}</td>'
        f'<td style="text-align:right">{ran.seconds:.0f} s</td><td><a href="{kept}">{name}</a></td></tr>'
    )


def _navigation(names: Iterable[str], current: str) -> str:
    links = ['<a href="index.html">Index</a>' if current else "<b>Index</b>"]
    for name in names:
        shown = escape(name)
        links.append(f"<b>{shown}</b> " if name == current else f'<a href="{shown}.html">{shown}</a>')
    return f"<nav>{' '.join(links)}</nav>"


def _page(title: str, navigation: str, body: str) -> str:
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        # An empty icon: a browser would ask the host for one otherwise, and log that there is none.
        f'<link rel="icon" href="data:,"><title>{escape(title)}</title><style>{_STYLE}</style></head>'
        f"<body>{navigation}<main>{body}</main><footer>Made by hfbench report. Every figure has a table of its numbers "
        "below it, and its description as alternative text.</footer></body></html>\n"
    )


def _body(ran: Ran) -> str:
    """The notebook without its code. nbconvert's ``basic`` template adds no script and no style."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # nbconvert warns of what its own next version will change
            import nbconvert
            import nbformat

            exporters: Any = nbconvert  # neither has types
            reader: Any = nbformat
            exporter = exporters.HTMLExporter(template_name="basic", exclude_input=True, exclude_anchor_links=True)
            exporter.exclude_input_prompt = exporter.exclude_output_prompt = True
            body: str = exporter.from_notebook_node(reader.read(str(ran.executed), as_version=4))[0]
    except ImportError as error:
        raise NotInstalledError('reports need nbconvert: pip install "hfbench[notebooks]"') from error
    return body
