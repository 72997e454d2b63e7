"""Figures of one extraction: its frames, and the time of each phase."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hfbench.model.metrics import Phase
from hfbench.notebook.described import BLUE, DescribedFigure, Table, new_figure, number

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from hfbench.model.result import ExtractionResult

_SHOWN: Final = 5
_PHASES: Final = {
    Phase.RESOLVE: "resolve",
    Phase.HDR_PROBE: "probe (HDR)",
    Phase.VFR_PROBE: "probe (VFR)",
    Phase.HDR_PREFLIGHT: "preflight (HDR)",
    Phase.VFR_PREFLIGHT: "preflight (VFR)",
    Phase.EXTRACT: "extract",
}


def read_rgb(path: Path) -> NDArray[np.float64]:
    """The picture of an image file as signal values 0-1, shape (height, width, 3).

    Raises:
        OSError: it can't be read.
    """
    import av

    with av.open(str(path)) as container:
        frame: Any = next(container.decode(video=0))
    picture: NDArray[np.float64] = frame.to_ndarray(format="rgb48le").astype(float) / 65535
    return picture


def frames_figure(result: ExtractionResult) -> DescribedFigure:
    """Five evenly spaced frames of every clip, one row per clip, as they are in the files."""
    clips = [clip for clip in result.clips if clip.frames]
    figure, axes = new_figure(
        9.5, 1.5 * max(len(clips), 1) + 0.3, nrows=max(len(clips), 1), ncols=_SHOWN, squeeze=False
    )
    rows = []
    for clip, line in zip(clips, axes, strict=True):
        places = [round(place * (clip.frames - 1) / (_SHOWN - 1)) for place in range(_SHOWN)]
        rate = clip.placement.fps * clip.placement.playback_rate
        times = [float(clip.placement.start + place / rate) for place in places]
        for axis, place, time in zip(line, places, times, strict=True):
            axis.imshow(read_rgb(clip.path_of(place)), interpolation="nearest", aspect="equal")
            axis.set_axis_off()
            axis.set_title(f"{clip.clip_id}, {time:.2f} s", fontsize=9)
        shown = ", ".join(f"{time:.2f}" for time in times)
        rows.append((clip.clip_id, str(clip.frames), clip.pattern % 1, clip.pattern % clip.frames, shown))
    alt = "Frames as extracted, five for each clip: " + "; ".join(
        f"{row[0]} at {row[4]} s of the timeline" for row in rows
    )
    return figure.described(alt, Table(("clip", "frames", "first file", "last file", "shown above (s)"), tuple(rows)))


def lookup_table(result: ExtractionResult, times: Iterable[str]) -> Table:
    """The frames that are on screen at each time (seconds)."""
    from hfbench.model.lookup import FrameLookup

    lookup = FrameLookup(result)
    shown = {time: [f"{clip}/{path.name}" for clip, path in lookup.frames(time).items()] for time in times}
    rows = tuple((time, ", ".join(names) or "nothing") for time, names in shown.items())
    return Table(("time (s)", "frames on screen"), rows)


def phases_figure(result: ExtractionResult) -> DescribedFigure:
    """Elapsed milliseconds of each phase, in order."""
    breakdown = result.breakdown.to_json()
    times = {label: float(breakdown[phase.value] or 0) for phase, label in _PHASES.items()}
    figure, axis = new_figure(8.5, 2.6)
    axis.barh(list(times), list(times.values()), color=BLUE, height=0.6)
    for place, value in enumerate(times.values()):
        axis.annotate(f" {number(value)}", (value, place), va="center", fontsize=9)
    axis.invert_yaxis()
    axis.margins(x=0.12)
    axis.set_xlabel("elapsed (ms)")
    total = float(breakdown["videoExtractMs"] or 0)
    longest = max(times, key=lambda label: times[label])
    alt = f"Elapsed time, a bar per phase: the longest is {longest}, {number(times[longest])} of {number(total)} ms."
    rows = [(label, number(value), f"{value / total:.1%}") for label, value in times.items()]
    return figure.described(
        alt, Table(("phase", "elapsed (ms)", "share of the stage"), (*rows, ("stage", number(total), "100%")))
    )
