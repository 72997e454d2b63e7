"""All notebooks run from top to bottom, as `hfbench report` runs them, and their pages are opened in a browser."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from bs4 import BeautifulSoup

from hfbench.report import Ran, find_notebooks, parameters_for, run_notebook, write_index, write_page

if TYPE_CHECKING:
    from pathlib import Path

    from tests.makers.browsing import Browser

NOTEBOOKS = {notebook.name: notebook for notebook in find_notebooks()}
#: Smaller than the defaults, so that all six together stay below two minutes on two cores.
GIVEN = {"size": "180p", "rounds": "2", "lengths": "4,8"}
ROUNDS = {"02-preflight-scopes": "1", "04-compare": "7"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("report")


@pytest.fixture(scope="module")
def ran(folder: Path, home: Path) -> dict[str, Ran]:
    """Every notebook, run once, with its page written."""
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HFBENCH_HOME", str(home))
        patch.chdir(folder)  # no history and no records of the one who runs the tests
        for name, notebook in NOTEBOOKS.items():
            given = GIVEN | {"rounds": ROUNDS.get(name, "2")}
            declared = {key: value for key, value in given.items() if key in _declared(notebook.path)}
            executed = folder / "notebooks" / f"{name}.ipynb"
            parameters = parameters_for([notebook], declared)[name]
            found[name] = run_notebook(notebook, parameters, executed, lambda *_: None)
            write_page(found[name], list(NOTEBOOKS), folder)
    write_index(list(found.values()), {"made": "in a test"}, folder)
    return found


def _declared(path: Path) -> str:
    cells = json.loads(path.read_text())["cells"]
    return next("".join(cell["source"]) for cell in cells if "parameters" in cell["metadata"].get("tags", []))


def test_there_are_six() -> None:
    assert [name[:2] for name in NOTEBOOKS] == ["01", "02", "03", "04", "05", "06"]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs_and_every_figure_has_words_and_numbers(ran: dict[str, Ran], folder: Path, name: str) -> None:
    assert ran[name].failure is None
    page = BeautifulSoup((folder / f"{name}.html").read_text(), "html5lib")
    figures = page.select("figure img")
    assert figures
    for figure in figures:
        assert len(str(figure["alt"])) > 40
        below = figure.find_parent("figure").find_next_sibling()
        assert below is not None
        assert below.name == "details" or "scrolling" in below["class"]
        assert below.select("table")
    assert len(page.select("img")) == len(figures)
    assert not page.select("script, link[rel=stylesheet]")


def test_pages_open_in_a_browser_with_a_figure_and_a_quiet_console(
    ran: dict[str, Ran], folder: Path, browser: Browser
) -> None:
    for name in [*ran, "index"]:
        page = browser.page((folder / f"{name}.html").as_uri())
        assert page.console == ()
        assert all(image.get("alt") for image in page.document.select("img"))
    for name in ("02-preflight-scopes", "05-history"):
        assert browser.colours_shown((folder / f"{name}.html").as_uri()) > 3


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_committed_notebook_holds_no_outputs_and_short_cells(name: str) -> None:
    document = json.loads(NOTEBOOKS[name].path.read_text())
    assert document["metadata"]["kernelspec"]["name"] == "python3"
    for cell in document["cells"]:
        assert "papermill" not in cell["metadata"]
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None
            assert cell["metadata"].get("tags") == ["parameters"] or len(cell["source"]) <= 6
    assert sum("parameters" in cell["metadata"].get("tags", []) for cell in document["cells"]) == 1
