"""Reports: runs notebooks with given parameters, and writes them as HTML pages without code, with an index."""

from __future__ import annotations

from hfbench.report.notebooks import Notebook, choose_notebooks, find_notebooks
from hfbench.report.pages import write_index, write_page
from hfbench.report.parameters import parameters_for, read_parameters
from hfbench.report.running import Ran, RunFailure, run_notebook

__all__ = [
    "Notebook",
    "Ran",
    "RunFailure",
    "choose_notebooks",
    "find_notebooks",
    "parameters_for",
    "read_parameters",
    "run_notebook",
    "write_index",
    "write_page",
]
