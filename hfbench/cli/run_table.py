"""The table of ``hfbench run``: medians by backend or engine and scope, each scope against the whole source.

It fits 80 columns.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from hfbench.bench.case import BUILT_IN, DECODE_LIMIT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hfbench.bench.case import Case
    from hfbench.bench.measure.run import Measured

    Medians = Mapping[str, float | None]

_MEBIBYTE: Final = 2**20


@dataclass(frozen=True, slots=True)
class _Column:
    """One metric's column; ``unit`` is the size of the shown unit in the metric's own unit."""

    metric: str
    heading: str
    unit: int = 1
    decimals: int = 0


#: Shown with the change against the whole source; left out where all cases have 0.
_TIMES: Final = (
    _Column("hdrPreflightMs", "HDR pre-\nflight ms"),
    _Column("vfrPreflightMs", "VFR pre-\nflight ms"),
    _Column("videoExtractMs", "stage\nms"),
    _Column("cpuMs", "CPU\nms"),
    _Column("tmpPeakBytes", "tmp peak\nMiB", _MEBIBYTE, 1),
)
_COUNTS: Final = ("framesDecoded", "framesConverted")


def scenario_table(name: str, measured: Measured) -> Table:
    """One row per case; medians over the rounds. What an engine does not report is a dash."""
    medians = {case: _medians(case, measured) for case in measured.cases if case.scenario == name}
    limit = next((values["cpuMs"] for case, values in medians.items() if case.engine == DECODE_LIMIT), None)
    columns = [column for column in _TIMES if any(round(each[column.metric] or 0) for each in medians.values())]
    has_formats = len({case.format for case in medians if case.engine != DECODE_LIMIT}) > 1
    has_engines = any(case.subject != case.backend for case in medians)
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("\nengine" if has_engines else "\nbackend", overflow="fold")
    for heading in ("\nscope", *(["\nformat"] if has_formats else [])):
        table.add_column(heading, no_wrap=True)
    ratio = [] if limit is None else ["CPU/\ndecode"]
    for heading in (*(column.heading for column in columns), *ratio, "decoded/\nmapped", "frames\nright"):
        table.add_column(heading, justify="right", no_wrap=True)
    for case, values in medians.items():
        before = next((medians[one] for one in medians if _is_before(one, case)), None)
        labels = [Text(label) for label in (case.subject, *_axes(case, has_formats=has_formats))]
        cells = [_cell(column, values, before) for column in columns]
        if limit is not None:
            cells.append(_ratio(values["cpuMs"], limit))
        counts = "/".join(_number(values[metric]) for metric in _COUNTS)
        check = measured.checks.get(case)
        right = f"{check.right}/{check.expected}" if check else "-"
        table.add_row(*labels, *cells, counts, right, style=None if check is None or check.is_right else "red")
    return table


def ffmpeg_line(measured: Measured) -> str:
    """Which FFmpeg each built-in backend ran; empty where none was measured, or the record does not say."""
    versions = measured.record.versions
    known = {"libav": versions.get("ffmpeg_libav"), "ffmpeg": versions.get("ffmpeg")}
    used = {case.backend for case in measured.cases if case.engine == BUILT_IN}
    parts = [f"{backend} {version}" for backend, version in known.items() if backend in used and version]
    return f"FFmpeg: {', '.join(parts)}" if parts else ""


def _is_before(one: Case, case: Case) -> bool:
    """Whether ``one`` is what ``case`` is compared with: the whole source, all else equal."""
    return case.scope != "source" and one == replace(case, scope="source")


def _medians(case: Case, measured: Measured) -> Medians:
    metrics = (*(column.metric for column in _TIMES), *_COUNTS)
    axes = {"scenario": case.scenario, "engine": case.engine, **case.axes()}
    samples = [
        sample
        for sample in measured.record.samples
        if all(getattr(sample, axis) == value for axis, value in axes.items())
    ]
    found = {metric: [sample.metrics.get(metric) for sample in samples] for metric in metrics}
    known = {metric: [value for value in values if value is not None] for metric, values in found.items()}
    return {metric: median(values) if values else None for metric, values in known.items()}


def _cell(column: _Column, values: Medians, before: Medians | None) -> str:
    value, old = values[column.metric], before[column.metric] if before else None
    text = _number(value, column.unit, column.decimals)
    return text if value is None or not old else f"{text} {100 * (value / old - 1):+.0f}%"


def _axes(case: Case, *, has_formats: bool) -> list[str]:
    axes = [case.scope, *([case.format] if has_formats else [])]
    return ["-" for _ in axes] if case.engine == DECODE_LIMIT else axes


def _ratio(value: float | None, limit: float) -> str:
    return f"{value / limit:.2f}" if value is not None and limit else "-"


def _number(value: float | None, unit: int = 1, decimals: int = 0) -> str:
    return "-" if value is None else f"{value / unit:.{decimals}f}"
