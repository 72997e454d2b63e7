"""History across commits: asv results and run records become one table, and steps are found in it.

The history informs, the gate decides: every step comes with the gate command that confirms or refutes it.
"""

from __future__ import annotations

from hfbench.history.commits import Commits, commits_of
from hfbench.history.power import POWER, smallest_step
from hfbench.history.sources import load_history, usual_sources
from hfbench.history.steps import LEAST_POINTS, Step, find_steps, gate_command, is_exact, is_too_short, steps_of
from hfbench.history.values import Axes, History, Point, Series, to_table

__all__ = [
    "LEAST_POINTS",
    "POWER",
    "Axes",
    "Commits",
    "History",
    "Point",
    "Series",
    "Step",
    "commits_of",
    "find_steps",
    "gate_command",
    "is_exact",
    "is_too_short",
    "load_history",
    "smallest_step",
    "steps_of",
    "to_table",
    "usual_sources",
]
