"""The cost of a longer source while the part of it that is shown stays the same."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hfbench.errors import UsageError
from hfbench.notebook.described import MARKERS, PALETTE, DescribedFigure, Table, logarithmic, new_figure, number

if TYPE_CHECKING:
    from collections.abc import Sequence

_SCENARIO: Final = "hdr-sdr-mixed-scope"
_SHOWN_SECONDS: Final = 2
_CUT_SECONDS: Final = 60
_SHORTEST: Final = 4
_LONGEST: Final = 30


@dataclass(frozen=True, slots=True)
class LengthCost:
    """One extraction: seconds of source, scope, and elapsed milliseconds of preflight and of the whole stage."""

    source_seconds: float
    scope: str
    hdr_preflight_ms: float
    video_extract_ms: float


def measured_lengths(lengths: str | Sequence[int] = (4, 8, 16), size: str | None = None) -> tuple[LengthCost, ...]:
    """Cut the headline's SDR source to each length, and extract 2 s of it together with HDR in every scope, once.

    One more run comes first and is not counted: in a process, it also loads libraries and makes the colour map.

    Args:
        lengths: Seconds of source, whole numbers from 4 to 30, or a text with commas between them. If there are none,
            nothing is measured.
        size: Picture size of the fixture.

    Raises:
        UsageError: A length is not allowed.
        MachineError: The fixture can't be built.
        MeasurementError: A run failed.
    """
    seconds = _seconds(lengths)
    if not seconds:
        return ()
    from hfbench.notebook.loading import entries

    folder = entries([_SCENARIO], size)[_SCENARIO].folder
    costs: list[LengthCost] = []
    with tempfile.TemporaryDirectory(prefix="hfbench-lengths-") as work:
        for place, length in enumerate((*seconds[:1], *seconds)):
            cut = _cut(folder / "sdr-30s.mp4", length, Path(work) / f"sdr-{length}s.mp4")
            scopes = ("source", "segment", "fused")
            taken = [_cost(cut, folder / "hdr-2s.mp4", length, scope, Path(work) / "frames") for scope in scopes]
            costs += taken if place else []  # the first is the warm-up
    return tuple(costs)


def _seconds(lengths: str | Sequence[int]) -> tuple[int, ...]:
    named = [text.strip() for text in lengths.split(",") if text.strip()] if isinstance(lengths, str) else lengths
    for length in named:
        if not str(length).isdecimal() or not _SHORTEST <= int(length) <= _LONGEST:
            raise UsageError(f"lengths: {length!r} is not allowed; give seconds from {_SHORTEST} to {_LONGEST}")
    return tuple(int(length) for length in named)


def _cut(source: Path, seconds: int, into: Path) -> Path:
    """The first seconds of a file, packets copied as they are."""
    from hfbench.notebook.ffmpeg_program import run_ffmpeg

    run_ffmpeg(["-i", str(source), "-t", str(seconds), "-c", "copy", str(into)], seconds=_CUT_SECONDS)
    return into


def _cost(sdr: Path, hdr: Path, length: int, scope: str, out: Path) -> LengthCost:
    from hfbench import Clip, Composition, ExtractOptions, extract
    from hfbench.errors import MeasurementError
    from hfbench.model.plan import ImageFormat, Scope

    shown = Fraction(_SHOWN_SECONDS)
    clips = (
        Clip("sdr", str(sdr), Fraction(0), shown, media_start=Fraction(1)),
        Clip("hdr", str(hdr), shown, 2 * shown, media_start=Fraction(0)),
    )
    options = ExtractOptions(scope=Scope(scope), format=ImageFormat.JPG)
    result = extract(Composition(clips, fps=Fraction(30), root=sdr.parent), out, options)
    if not result.success:
        raise MeasurementError(f"source of {length} s, {scope}: {result.failures[0].message}")
    breakdown = result.breakdown.to_json()
    return LengthCost(
        float(length), scope, float(breakdown["hdrPreflightMs"] or 0), float(breakdown["videoExtractMs"] or 0)
    )


def length_figure(costs: Sequence[LengthCost]) -> DescribedFigure:
    """Elapsed time of the stage against the length of the source, one line per scope."""
    figure, axis = new_figure(8.5, 3.6)
    scopes = list(dict.fromkeys(cost.scope for cost in costs))
    described = []
    for kind, scope in enumerate(scopes):
        line = sorted((cost.source_seconds, cost.video_extract_ms) for cost in costs if cost.scope == scope)
        lengths, times = [length for length, _ in line], [time for _, time in line]
        axis.plot(lengths, times, color=PALETTE[kind], marker=MARKERS[kind], linewidth=2)
        axis.annotate(f" {scope}", (lengths[-1], times[-1]), va="center", color=PALETTE[kind], fontweight="bold")
        described.append(
            f"{scope} from {number(times[0])} ms at {lengths[0]:.0f} s to {number(times[-1])} ms at {lengths[-1]:.0f} s"
        )
    axis.margins(x=0.14)
    logarithmic(axis, "y")
    axis.set_xlabel(f"length of the SDR source (s), of which {_SHOWN_SECONDS} s are shown")
    axis.set_ylabel("whole stage (ms), logarithmic")
    rows = tuple(
        (f"{cost.source_seconds:.0f}", cost.scope, number(cost.hdr_preflight_ms), number(cost.video_extract_ms))
        for cost in costs
    )
    headings = ("source (s)", "scope", "HDR preflight (ms)", "whole stage (ms)")
    return figure.described(
        f"Elapsed time against the length of the source, a line per scope: {'; '.join(described)}.",
        Table(headings, rows),
    )
