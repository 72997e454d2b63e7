"""The functions that notebooks call: loading and measuring, rich displays, and figures with text alternatives.

A cell is two or three lines::

    from hfbench import notebook as nb

    record = nb.measured("hdr-sdr-mixed-scope", size="180p", rounds=3)
    nb.scope_figure(record, "hdrPreflightMs")

Every figure is a matplotlib figure with a text alternative and a table of its values. Names are imported on first use,
so that importing this package is fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hfbench.notebook.colour_figures import banding_figure, colour_figure, white_figure
    from hfbench.notebook.comparing import comparison_of, comparison_sides
    from hfbench.notebook.comparison_figures import changes_figure, pairs_figure
    from hfbench.notebook.described import DescribedFigure, Table
    from hfbench.notebook.displays import show_comparison, show_history, show_record, show_result, show_steps
    from hfbench.notebook.extraction_figures import frames_figure, lookup_table, phases_figure
    from hfbench.notebook.fixture_figures import contact_sheet_figure, timing_figure, waveform_figure
    from hfbench.notebook.history_figures import history_figure, history_table
    from hfbench.notebook.lengths import length_figure, measured_lengths
    from hfbench.notebook.loading import composition, fixture_table, history, load, measured
    from hfbench.notebook.made_up import example_history
    from hfbench.notebook.scope_figures import scope_figure, work_table
    from hfbench.notebook.trials import ColourTrial, colour_trial

__all__ = [
    "ColourTrial",
    "DescribedFigure",
    "Table",
    "banding_figure",
    "changes_figure",
    "colour_figure",
    "colour_trial",
    "comparison_of",
    "comparison_sides",
    "composition",
    "contact_sheet_figure",
    "example_history",
    "fixture_table",
    "frames_figure",
    "history",
    "history_figure",
    "history_table",
    "length_figure",
    "load",
    "lookup_table",
    "measured",
    "measured_lengths",
    "pairs_figure",
    "phases_figure",
    "scope_figure",
    "show_comparison",
    "show_history",
    "show_record",
    "show_result",
    "show_steps",
    "timing_figure",
    "waveform_figure",
    "white_figure",
    "work_table",
]

#: No module has the name of something in it: importing the module would replace the name.
_MODULES = {
    "colour_figures": ("banding_figure", "colour_figure", "white_figure"),
    "comparing": ("comparison_of", "comparison_sides"),
    "comparison_figures": ("changes_figure", "pairs_figure"),
    "described": ("DescribedFigure", "Table"),
    "displays": ("show_comparison", "show_history", "show_record", "show_result", "show_steps"),
    "extraction_figures": ("frames_figure", "lookup_table", "phases_figure"),
    "fixture_figures": ("contact_sheet_figure", "timing_figure", "waveform_figure"),
    "history_figures": ("history_figure", "history_table"),
    "lengths": ("length_figure", "measured_lengths"),
    "loading": ("composition", "fixture_table", "history", "load", "measured"),
    "made_up": ("example_history",),
    "scope_figures": ("scope_figure", "work_table"),
    "trials": ("ColourTrial", "colour_trial"),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'hfbench.notebook' has no attribute {name!r}")
    return getattr(import_module(f"hfbench.notebook.{home}"), name)
