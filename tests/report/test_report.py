from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup

from hfbench import notebook as nb
from hfbench.cli import main
from hfbench.errors import UsageError
from hfbench.notebook.described import Table
from hfbench.report import Notebook, Ran, choose_notebooks, parameters_for, read_parameters, write_index, write_page
from hfbench.report.parameters import declared_by

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.makers.browsing import Browser


def _notebook(path: Path, *cells: str, parameters: str = "") -> Path:
    code = [(parameters, ["parameters"]), *((cell, []) for cell in cells)]
    document = {
        "cells": [
            {"cell_type": "markdown", "id": "title", "metadata": {}, "source": ["# A title\n", "\n", "A sentence."]},
            *(
                {
                    "cell_type": "code",
                    "id": f"cell-{number}",
                    "metadata": {"tags": tags},
                    "source": source,
                    "outputs": [],
                    "execution_count": None,
                }
                for number, (source, tags) in enumerate(code)
            ),
        ],
        "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return path


def _report(*words: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(["report", *words])
    return int(str(left.value.code))


def test_an_unknown_parameter_is_wrong_use_and_nothing_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert _report("-n", "06-colour", "-p", "siez=180p", "--out", str(out)) == 2
    assert "no parameter 'siez' in 06-colour; did you mean size?" in capsys.readouterr().err
    assert not out.exists()


def test_an_unknown_notebook_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert _report("-n", "quikstart") == 2
    assert "did you mean quickstart?" in capsys.readouterr().err


def test_a_failing_cell_fails_the_command_and_the_notebook_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = _notebook(tmp_path / "bad.ipynb", "print('before')", "raise ValueError('the cell broke')", "print('after')")
    good = _notebook(tmp_path / "good.ipynb", "print('well')")
    out = tmp_path / "out"
    assert _report("-n", str(bad), "-n", str(good), "--out", str(out)) == 3
    told = capsys.readouterr().err
    assert "hfbench: 1 of 2 notebooks failed; the last error: ValueError: the cell broke" in told
    assert "bad.ipynb" in told
    kept = json.loads((out / "notebooks" / "bad.ipynb").read_text())
    assert any("before" in str(cell.get("outputs")) for cell in kept["cells"])
    assert "the cell broke" in (out / "bad.html").read_text()
    assert "well" in (out / "good.html").read_text()
    index = (out / "index.html").read_text()
    assert "✗ failed in cell" in index
    assert "✓ ran" in index


def test_a_parameter_reaches_the_notebook_as_its_declared_type(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook = _notebook(
        tmp_path / "typed.ipynb", "print(type(n).__name__, n + 1, name)", parameters='n: int = 1\nname: str = "x"'
    )
    assert _report("-n", str(notebook), "-p", "n=41", "-p", "name=7", "--out", str(tmp_path / "out"), "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["pages"][0]["error"] is None
    assert "int 42 7" in (tmp_path / "out" / "typed.html").read_text()


def test_what_a_kernel_says_by_itself_is_not_said_on_our_stderr(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A kernel that is stopped in the middle tells tracebacks; what a cell prints is kept."""
    noisy = _notebook(tmp_path / "noisy.ipynb", "import os, sys; os.write(2, b'noise'); print('kept', file=sys.stderr)")
    assert _report("-n", str(noisy), "--out", str(tmp_path / "out")) == 0
    assert capfd.readouterr().err == ""
    assert "kept" in (tmp_path / "out" / "noisy.html").read_text()


def test_a_value_of_another_type_is_refused() -> None:
    with pytest.raises(UsageError, match="rounds: 'many' is not allowed; give int"):
        parameters_for(choose_notebooks(["02"]), {"rounds": "many"})
    with pytest.raises(UsageError, match="write NAME=VALUE"):
        read_parameters(["rounds"])


def test_records_fill_the_parameters_that_are_meant_for_them(tmp_path: Path) -> None:
    records = [tmp_path / name for name in ("a.json", "b.json")]
    filled = parameters_for(choose_notebooks(["02", "compare", "05-history"]), {}, records)
    assert filled["02-preflight-scopes"] == {"record": str(records[0])}
    assert filled["04-compare"] == {"base": str(records[0]), "contender": str(records[1])}
    assert filled["05-history"] == {"sources": f"{records[0]},{records[1]}"}


def test_a_record_that_cannot_be_read_is_said_before_anything_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _report(str(tmp_path / "absent.json"), "--out", str(tmp_path / "out")) == 3
    assert "can't read the record" in capsys.readouterr().err


def _links(page: Path) -> list[tuple[str, Path]]:
    """The text of each link, and the file that a browser would open for it."""
    anchors = BeautifulSoup(page.read_text(), "html5lib").select("a[href]")
    addresses = [(anchor.text, urlsplit(str(anchor["href"]))) for anchor in anchors]
    assert not [address for _, address in addresses if address.scheme or address.query]
    return [(text, page.parent / unquote(address.path)) for text, address in addresses]


def _ran(notebook: Notebook, folder: Path, shown: str) -> Ran:
    """A notebook as if it had been executed, with one output: no kernel is started."""
    document = json.loads(notebook.path.read_text())
    output = {"output_type": "display_data", "data": {"text/html": shown}, "metadata": {}}
    document["cells"][-1] |= {"outputs": [output], "execution_count": 1}
    executed = folder / "notebooks" / f"{notebook.name}.ipynb"
    executed.parent.mkdir(parents=True, exist_ok=True)
    executed.write_text(json.dumps(document))
    return Ran(notebook, executed, 1.0)


@pytest.mark.parametrize(
    ("paths", "pages"),
    [
        (("one/same", "two/same"), ("same", "same-2")),
        (("one/same", "two/Same", "one/same-2"), ("same", "Same-2", "same-2-2")),
        (("index",), ("index-2",)),
        (("a#b", "50%", "50%25", "why?", "c:d", "a b&<i>"), ("a#b", "50%", "50%25", "why?", "c:d", "a b&<i>")),
    ],
    ids=["two of one name", "two that differ in case", "the index", "characters of addresses"],
)
def test_every_notebook_has_a_page_of_its_own_that_the_index_links_to(
    tmp_path: Path, paths: tuple[str, ...], pages: tuple[str, ...]
) -> None:
    """Kind: two inputs, one page; names that break links."""
    notebooks = choose_notebooks([str(_notebook(tmp_path / f"{path}.ipynb")) for path in paths])
    out = tmp_path / "out"
    ran = [_ran(notebook, out, f"this is notebook {number}") for number, notebook in enumerate(notebooks)]
    for each in ran:
        write_page(each, [notebook.name for notebook in notebooks], out)
    index = write_index(ran, {}, out)
    titled = [link for text, link in _links(index) if text == "A title"]
    for number, page in enumerate(pages):
        assert f"this is notebook {number}" in (out / f"{page}.html").read_text()
        assert f"this is notebook {number}" in titled[number].read_text()
        assert all(target.is_file() for _, target in _links(out / f"{page}.html"))
    kept = [link for _, link in _links(index) if link.suffix == ".ipynb"]
    assert [link.stem for link in kept] == list(pages)
    assert all(link.is_file() for link in kept)


def test_two_notebooks_of_one_name_run_into_two_pages(tmp_path: Path) -> None:
    notebooks = [_notebook(tmp_path / folder / "same.ipynb", f"print('from {folder}')") for folder in ("one", "two")]
    assert _report(*(word for path in notebooks for word in ("-n", str(path))), "--out", str(tmp_path / "out")) == 0
    assert "from one" in (tmp_path / "out" / "same.html").read_text()
    assert "from two" in (tmp_path / "out" / "same-2.html").read_text()


def test_the_same_notebook_named_twice_is_one_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _notebook(tmp_path / "one.ipynb")
    monkeypatch.chdir(tmp_path)
    assert [each.name for each in choose_notebooks(["one.ipynb", str(path)])] == ["one"]


def test_a_default_that_holds_an_equals_sign_is_a_parameter(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Kind: a parameter that disappears."""
    declared = """%matplotlib inline
query: str = "a=b"  # the help = this
options = {"quality": 95 == 95}
count = 2; ratio: float = 1.5
where: "str" = ""
"""
    notebook = _notebook(tmp_path / "equal.ipynb", "print(query, count, ratio)", parameters=declared)
    (chosen,) = choose_notebooks([str(notebook)])
    assert {name: (each.kind, each.default) for name, each in declared_by(chosen).items()} == {
        "query": ("str", '"a=b"'),
        "options": ("", '{"quality": 95 == 95}'),
        "count": ("int", "2"),
        "ratio": ("float", "1.5"),
        "where": ("str", '""'),
    }
    given = ("-p", "query=c=d=e", "-p", "count=7")
    assert _report("-n", str(notebook), *given, "--out", str(tmp_path / "out")) == 0
    assert "c=d=e 7 1.5" in (tmp_path / "out" / "equal.html").read_text()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("cell", "code", "message"),
    [
        ("import sys; sys.exit(0)", 3, "cell 3: it ended the notebook; 1 cell after it was not run"),
        ("import os; os._exit(0)", 3, "cell 3: the kernel ended"),
        ("%nosuch", 3, "cell 3: UsageError: Line magic function `%nosuch` not found."),
        ("%%bash\nexit 3", 3, "cell 3: CalledProcessError: "),
        ("exit()", 0, ""),  # IPython's own: the cells after it do run
    ],
)
def test_a_cell_that_does_not_end_well_fails_the_notebook_and_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], cell: str, code: int, message: str
) -> None:
    """Kind: a notebook that stopped in the middle and counts as run; an error without a reason."""
    notebook = _notebook(tmp_path / "stops.ipynb", "print('before')", cell, "print('after')", parameters="x = 1")
    assert _report("-n", str(notebook), "--out", str(tmp_path / "out")) == code
    said = capsys.readouterr().err
    assert message in said
    page = (tmp_path / "out" / "stops.html").read_text()
    assert "before" in page
    assert ("Failed in cell" in page) == bool(code)
    assert ("after</pre>" in page.replace("\n", "")) == (code == 0)
    assert len(said.splitlines()) == (2 if code else 0)


def test_a_notebook_may_end_itself_in_its_last_cell(tmp_path: Path) -> None:
    notebook = _notebook(tmp_path / "ends.ipynb", "import sys; sys.exit(0)")
    assert _report("-n", str(notebook), "--out", str(tmp_path / "out")) == 0


@pytest.mark.parametrize("kernel", [{"name": "nosuch", "display_name": "N", "language": "python"}, None])
def test_a_kernel_that_is_not_there_fails_the_notebook_and_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kernel: dict[str, str] | None
) -> None:
    notebook, other = _notebook(tmp_path / "one.ipynb"), _notebook(tmp_path / "other.ipynb", "print('well')")
    document = json.loads(notebook.read_text())
    document["metadata"] = {"kernelspec": kernel} if kernel else {}
    notebook.write_text(json.dumps(document))
    assert _report("-n", str(notebook), "-n", str(other), "--out", str(tmp_path / "out")) == 3
    assert "kernel" in capsys.readouterr().err.splitlines()[0]
    assert "well" in (tmp_path / "out" / "other.html").read_text()


@pytest.mark.parametrize(
    ("notebook", "pair", "message"),
    [
        ("03", "size=181p", "size: '181p' is not allowed; choose one of 180p"),
        ("02", "backends=libav,vulkan", "backend: 'vulkan' is not allowed; choose one of libav, ffmpeg"),
        ("02", "record=absent.json", "can't read the record absent.json"),
        ("05", "times=cpuMS", "metric: there is none called 'cpuMS'; did you mean cpuMs?"),
    ],
)
def test_a_wrong_value_of_a_parameter_is_one_line_and_no_traceback(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    notebook: str,
    pair: str,
    message: str,
) -> None:
    """Kind: a page of traceback where the command line has one line."""
    monkeypatch.chdir(tmp_path)  # no history of the one who runs the tests
    assert _report("-n", notebook, "-p", pair, "--out", "out") == (3 if "record=" in pair else 2)
    assert message in capsys.readouterr().err
    (page,) = (path for path in (tmp_path / "out").glob("*.html") if path.stem != "index")
    shown = BeautifulSoup(page.read_text(), "html5lib").select("main")[0].get_text()
    assert message in shown
    assert "Traceback" not in shown
    assert "hfbench/" not in shown  # no line of the source


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nb.composition("nosuch"), "there is no scenario 'nosuch'"),
        (lambda: nb.composition("cfr-sdr-cache", "181p"), "size: '181p' is not allowed"),
        (lambda: nb.colour_trial("huge"), "size: 'huge' is not allowed"),
        (lambda: nb.fixture_table(["cfr-sdr-cache"], "181p"), "size: '181p' is not allowed"),
        (lambda: nb.measured("cfr-sdr-cache", rounds=0), "rounds: 0 is not allowed; give 1 or more"),
        (lambda: nb.measured("cfr-sdr-cache", scopes=("fussed",)), "scope: 'fussed' is not allowed"),
        (lambda: nb.history("absent"), "absent: there is no such file or folder"),
        (lambda: nb.measured_lengths("4,x"), "lengths: 'x' is not allowed; give seconds from 4 to 30"),
        (lambda: nb.measured_lengths("3"), "lengths: '3' is not allowed; give seconds from 4 to 30"),
        (lambda: nb.measured_lengths((31,)), "lengths: 31 is not allowed; give seconds from 4 to 30"),
    ],
)
def test_what_cells_call_rejects_wrong_values_with_what_is_allowed(call: Callable[[], object], message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        call()


def _page_of(tmp_path: Path, *tables: Table) -> Path:
    (notebook,) = choose_notebooks([str(_notebook(tmp_path / "page.ipynb"))])
    shown = "".join(each._repr_html_() for each in tables)
    return write_page(_ran(notebook, tmp_path / "out", shown), ["page"], tmp_path / "out")


@pytest.mark.parametrize("columns", [2, 40])
def test_a_wide_table_scrolls_inside_a_narrow_page_and_the_page_does_not(
    tmp_path: Path, browser: Browser, columns: int
) -> None:
    page = _page_of(tmp_path, Table(("heading",) * columns, (("word",) * columns,)))
    assert browser.evaluate(page, "document.documentElement.scrollWidth", window=500) <= 500
    widths = "[...document.querySelectorAll('.scrolling')].map(box => [box.clientWidth, box.scrollWidth])"
    ((shown, table),) = browser.evaluate(page, widths, window=500)
    assert shown < 500
    assert (table > 1000) == (columns == 40)  # the negative control: without its box it would widen the page


#: Text and background of elements; a background that is transparent is the page's.
COLOURS = """[...document.querySelectorAll('body, th, td, nav a, footer, summary')].map(element => {
  const ground = getComputedStyle(element).backgroundColor;
  const page = getComputedStyle(document.body).backgroundColor;
  return [getComputedStyle(element).color, ground === 'rgba(0, 0, 0, 0)' ? page : ground];
})"""


@pytest.mark.parametrize("is_dark", [False, True])
def test_a_page_follows_the_light_or_dark_setting_and_stays_readable(
    tmp_path: Path, browser: Browser, is_dark: bool
) -> None:
    page = _page_of(tmp_path, Table(("a",), (("1",),)), Table(("a",), (("1",),), folded="More"))
    found = browser.evaluate(page, COLOURS, is_dark=is_dark)
    assert len(found) >= 7
    for text, ground in ([tuple(map(int, re.findall(r"\d+", colour))) for colour in pair] for pair in found):
        assert (_luminance(ground) < 0.2) == is_dark
        light, dark = sorted((_luminance(text), _luminance(ground)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5  # WCAG 2.2, 1.4.3


def _luminance(colour: tuple[int, ...]) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    signals = (code / 255 for code in colour)
    linear = (signal / 12.92 if signal <= 0.04045 else ((signal + 0.055) / 1.055) ** 2.4 for signal in signals)
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
