"""The table of ``hfbench run``: medians by backend and scope, each scope against the whole source."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from hfbench.bench.measure import Measured, Way

_MEBIBYTE = 2**20
#: Column -> (heading, divisor, decimals, whether the change against the whole source is shown).
_COLUMNS = {
    "hdrPreflightMs": ("HDR preflight (ms)", 1, 0, True),
    "vfrPreflightMs": ("VFR preflight (ms)", 1, 0, True),
    "extractMs": ("extract (ms)", 1, 0, False),
    "videoExtractMs": ("stage (ms)", 1, 0, True),
    "cpuMs": ("CPU (ms)", 1, 0, True),
    "tmpPeakBytes": ("tmp peak (MiB)", _MEBIBYTE, 1, True),
    "framesDecoded": ("decoded", 1, 0, False),
    "framesConverted": ("converted", 1, 0, False),
}


def scenario_table(name: str, measured: Measured) -> Table:
    """One row a way; medians over the rounds."""
    ways = [way for scenario, way in measured.checks if scenario == name]
    medians = {way: _medians(name, way, measured) for way in ways}
    columns = [key for key in _COLUMNS if any(medians[way][key] for way in ways) or key == "extractMs"]
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("backend", "scope", *(["format"] if len({way.format for way in ways}) > 1 else [])):
        table.add_column(heading)
    for key in columns:
        table.add_column(_COLUMNS[key][0], justify="right")
    table.add_column("right frames", justify="right")
    for way in ways:
        before = next((medians[one] for one in ways if _is_before(one, way)), None)
        cells = [_cell(key, medians[way], before) for key in columns]
        labels = [way.backend, way.scope.value, way.format.value][: len(table.columns) - len(columns) - 1]
        check = measured.checks[name, way]
        table.add_row(*labels, *cells, f"{check.right}/{check.expected}", style=None if check.is_right else "red")
    return table


def _is_before(one: Way, way: Way) -> bool:
    return one.scope.value == "source" != way.scope.value and (one.backend, one.format) == (way.backend, way.format)


def _medians(name: str, way: Way, measured: Measured) -> dict[str, float]:
    axes = (name, way.backend, way.scope.value, way.format.value)
    samples = [
        sample
        for sample in measured.record.samples
        if (sample.scenario, sample.backend, sample.scope, sample.format) == axes
    ]
    return {key: median(sample.metrics.get(key) or 0 for sample in samples) for key in _COLUMNS}


def _cell(key: str, values: dict[str, float], before: dict[str, float] | None) -> str:
    _, divisor, decimals, shows_change = _COLUMNS[key]
    text = f"{values[key] / divisor:.{decimals}f}"
    if not shows_change or before is None or not before[key]:
        return text
    return f"{text} {100 * (values[key] / before[key] - 1):+.0f}%"
