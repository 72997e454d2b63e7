"""The table of ``hfbench run``: medians by backend and scope, each scope against the whole source. Fits 80 columns."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final

from rich.table import Table

if TYPE_CHECKING:
    from hfbench.bench.measure import Measured, Way

_MEBIBYTE: Final = 2**20


@dataclass(frozen=True, slots=True)
class _Column:
    """One metric's column; ``unit`` is what one of its numbers is worth in the metric's own unit."""

    metric: str
    heading: str
    unit: int = 1
    decimals: int = 0


#: Shown with the change against the whole source; left out where no way has anything but 0.
_TIMES: Final = (
    _Column("hdrPreflightMs", "HDR pre-\nflight ms"),
    _Column("vfrPreflightMs", "VFR pre-\nflight ms"),
    _Column("videoExtractMs", "stage\nms"),
    _Column("cpuMs", "CPU\nms"),
    _Column("tmpPeakBytes", "tmp peak\nMiB", _MEBIBYTE, 1),
)
_COUNTS: Final = ("framesDecoded", "framesConverted")


def scenario_table(name: str, measured: Measured) -> Table:
    """One row a way; medians over the rounds."""
    ways = [way for scenario, way in measured.checks if scenario == name]
    medians = {way: _medians(name, way, measured) for way in ways}
    columns = [column for column in _TIMES if any(round(medians[way][column.metric]) for way in ways)]
    has_formats = len({way.format for way in ways}) > 1
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("\nbackend", "\nscope", *(["\nformat"] if has_formats else [])):
        table.add_column(heading, no_wrap=True)
    for heading in (*(column.heading for column in columns), "decoded/\nmapped", "frames\nright"):
        table.add_column(heading, justify="right", no_wrap=True)
    for way in ways:
        before = next((medians[one] for one in ways if _is_before(one, way)), None)
        labels = [way.backend, way.scope.value, *([way.format.value] if has_formats else [])]
        cells = [_cell(column, medians[way], before) for column in columns]
        counts = "/".join(f"{medians[way][metric]:.0f}" for metric in _COUNTS)
        check = measured.checks[name, way]
        right = f"{check.right}/{check.expected}"
        table.add_row(*labels, *cells, counts, right, style=None if check.is_right else "red")
    return table


def _is_before(one: Way, way: Way) -> bool:
    """Whether ``one`` is what ``way`` is compared with: the whole source, all else equal."""
    return one.scope.value == "source" != way.scope.value and (one.backend, one.format) == (way.backend, way.format)


def _medians(name: str, way: Way, measured: Measured) -> dict[str, float]:
    axes = (name, way.backend, way.scope.value, way.format.value)
    samples = [
        sample
        for sample in measured.record.samples
        if (sample.scenario, sample.backend, sample.scope, sample.format) == axes
    ]
    metrics = (*(column.metric for column in _TIMES), *_COUNTS)
    return {metric: median(sample.metrics.get(metric) or 0 for sample in samples) for metric in metrics}


def _cell(column: _Column, values: dict[str, float], before: dict[str, float] | None) -> str:
    text = f"{values[column.metric] / column.unit:.{column.decimals}f}"
    if before is None or not before[column.metric]:
        return text
    return f"{text} {100 * (values[column.metric] / before[column.metric] - 1):+.0f}%"
