"""The table of ``hfbench run``: medians by backend or engine and scope, each scope against the whole source.

It fits 80 columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from hfbench.bench.judge.comparability import case_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hfbench.bench.measure.rounds import Measured
    from hfbench.bench.measure.ways import AnyWay

    Medians = Mapping[str, float | None]

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
_COUNTED: Final = "* frames of this engine are counted; what they show is not read"


def scenario_table(name: str, measured: Measured) -> Table:
    """One row a way; medians over the rounds. What an engine does not tell is a dash."""
    checks = {way: check for (scenario, way), check in measured.checks.items() if scenario == name}
    medians = {way: _medians(name, way, measured) for way in checks}
    columns = [column for column in _TIMES if any(round(medians[way][column.metric] or 0) for way in checks)]
    has_formats = len({way.case(name).format for way in checks}) > 1
    has_engines = not all(check.is_read for check in checks.values())
    table = Table(box=None, header_style="bold", pad_edge=False, caption=_COUNTED if has_engines else None)
    table.caption_justify = "left"
    table.add_column("\nengine" if has_engines else "\nbackend", overflow="fold")
    for heading in ("\nscope", *(["\nformat"] if has_formats else [])):
        table.add_column(heading, no_wrap=True)
    for heading in (*(column.heading for column in columns), "decoded/\nmapped", "frames\nright"):
        table.add_column(heading, justify="right", no_wrap=True)
    for way, check in checks.items():
        case = way.case(name)
        before = next((medians[one] for one in checks if _is_before(one, way)), None)
        labels = [Text(label) for label in (way.label, case.scope, *([case.format] if has_formats else []))]
        cells = [_cell(column, medians[way], before) for column in columns]
        counts = "/".join(_number(medians[way][metric]) for metric in _COUNTS)
        right = f"{check.right}/{check.expected}{'' if check.is_read else '*'}"
        table.add_row(*labels, *cells, counts, right, style=None if check.is_right else "red")
    return table


def _is_before(one: AnyWay, way: AnyWay) -> bool:
    """Whether ``one`` is what ``way`` is compared with: the whole source, all else equal."""
    first, second = one.case(""), way.case("")
    return one.label == way.label and first.scope == "source" != second.scope and first.format == second.format


def _medians(name: str, way: AnyWay, measured: Measured) -> Medians:
    metrics = (*(column.metric for column in _TIMES), *_COUNTS)
    samples = [
        sample
        for sample in measured.record.samples
        if sample.engine == way.engine and case_of(sample) == way.case(name)
    ]
    known = {metric: [sample.metrics.get(metric) for sample in samples] for metric in metrics}
    told = {metric: [value for value in values if value is not None] for metric, values in known.items()}
    return {metric: median(values) if values else None for metric, values in told.items()}


def _cell(column: _Column, values: Medians, before: Medians | None) -> str:
    value, old = values[column.metric], before[column.metric] if before else None
    text = _number(value, column.unit, column.decimals)
    return text if value is None or not old else f"{text} {100 * (value / old - 1):+.0f}%"


def _number(value: float | None, unit: int = 1, decimals: int = 0) -> str:
    return "-" if value is None else f"{value / unit:.{decimals}f}"
