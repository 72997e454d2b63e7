"""Figures of fixtures: what they show, the times of their frames, and their light."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hfbench.notebook.colorimetry import SDR_WHITE, pq_to_light
from hfbench.notebook.described import BLUE, ORANGE, DescribedFigure, Table, logarithmic, new_figure, number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fixtures_gen import FileTruth

_LEAST_LIGHT: Final = 0.01
_BINS: Final = 160
#: Durations that differ by more than this factor need a logarithmic axis.
_WIDE: Final = 5


def contact_sheet_figure(fixture: str, file: str, size: str | None = None) -> DescribedFigure:
    """Twelve frames of a file, first to last by rows; HDR is tone mapped for this picture only.

    Raises:
        MachineError: the fixture can't be built.
    """
    from fixtures_gen.contact_sheet import contact_sheet
    from hfbench.bench.scenarios import fixture_store
    from hfbench.notebook.extraction_figures import read_rgb
    from hfbench.notebook.loading import entries

    entry = entries([fixture], size)[fixture]
    truth = entry.truth.file(file)
    with tempfile.TemporaryDirectory(prefix="hfbench-sheet-") as folder:
        picture = read_rgb(
            contact_sheet(fixture_store().program, entry.folder / file, truth, Path(folder) / "sheet.png")
        )
    figure, axis = new_figure(9.0, 9.0 * picture.shape[0] / picture.shape[1] + 0.3)
    axis.imshow(picture, interpolation="nearest", aspect="equal")
    axis.set_axis_off()
    axis.set_title(f"{fixture}: {file}", fontsize=10)
    last = float(truth.pts[-1])
    alt = (
        f"Contact sheet of {file} in {fixture}: twelve evenly spaced frames, 0 to {last:.1f} s, each with its barcode."
    )
    row = (file, truth.codec, str(truth.frames), f"{last:.3f}", str(truth.frame_ids[0]), str(truth.frame_ids[-1]))
    headings = ("file", "codec", "frames", "last shown at (s)", "first barcode", "last barcode")
    return figure.described(alt, Table(headings, (row,)))


def timing_figure(fixture: str, file: str, size: str | None = None, rate: float = 30.0) -> DescribedFigure:
    """The time and duration of each frame of a file; a constant rate would be a flat line.

    Args:
        fixture: its name.
        file: a file in it.
        size: picture size.
        rate: of the grid that frames are extracted on, drawn for comparison.

    Raises:
        MachineError: the fixture can't be built.
    """
    from hfbench.notebook.loading import entries

    truth = entries([fixture], size)[fixture].truth.file(file)
    shown = np.array([float(time) for time in truth.pts])
    stays = np.diff(shown) * 1000
    figure, axis = new_figure(8.5, 3.4)
    axis.step(shown[:-1], stays, where="post", color=BLUE, linewidth=1)
    axis.scatter(shown[:-1], stays, s=9, color=BLUE, zorder=3)
    axis.axhline(1000 / rate, color=ORANGE, linestyle="--", linewidth=1.5)
    axis.set_title(f"dashed: one frame at {rate:g} fps", fontsize=9, loc="right", color=ORANGE)
    is_wide = stays.max() > _WIDE * stays.min()
    if is_wide:
        logarithmic(axis, "y")
    axis.set_xlabel("shown at (s)")
    axis.set_ylabel(f"stays (ms){', logarithmic' if is_wide else ''}")
    return figure.described(_timing_alt(file, shown, stays), _timing_table(truth, stays))


def _timing_alt(file: str, shown: NDArray[np.float64], stays: NDArray[np.float64]) -> str:
    return (
        f"Line of how long each of the {shown.size} frames of {file} stays on screen over {shown[-1]:.1f} s: "
        f"from {number(float(stays.min()))} ms to {number(float(stays.max()))} ms."
    )


def _timing_table(truth: FileTruth, stays: NDArray[np.float64]) -> Table:
    kinds, counts = np.unique(stays.round(1), return_counts=True)
    commonest = sorted(zip(counts.tolist(), kinds.tolist(), strict=True), reverse=True)[:8]
    rows = tuple((truth.name, f"{stay:,.1f}", str(count)) for count, stay in commonest)
    return Table(("file", "stays (ms)", "frames"), rows, caption="The commonest durations")


def waveform_figure(fixture: str, file: str, size: str | None = None, at_seconds: float = 1.0) -> DescribedFigure:
    """A waveform in cd/m² of one PQ frame: the light of the pixels in each column of the picture.

    Raises:
        MachineError: the fixture can't be built.
        ValueError: the file is not PQ.
    """
    from hfbench.notebook.loading import entries

    entry = entries([fixture], size)[fixture]
    truth = entry.truth.file(file)
    if truth.hdr != "pq":
        raise ValueError(f"{file} is {truth.hdr or 'sdr'}; the waveform is for PQ")
    light = np.maximum(pq_to_light(_signal_at(entry.folder / file, at_seconds)).max(axis=2), _LEAST_LIGHT)
    edges = np.geomspace(_LEAST_LIGHT, 10000, _BINS)
    counts = np.stack([np.histogram(column, bins=edges)[0] for column in light.T], axis=1)
    figure, axis = new_figure(8.5, 3.8)
    across = np.linspace(0, 100, light.shape[1] + 1)
    drawn = axis.pcolormesh(across, edges, np.ma.masked_equal(counts, 0), cmap="cividis")
    figure.colorbar(drawn, ax=axis, label="pixels of the column")
    logarithmic(axis, "y")
    axis.axhline(SDR_WHITE, color=ORANGE, linestyle="--", linewidth=1.5)
    axis.set_title(f"dashed: SDR white, {SDR_WHITE:g} cd/m²", fontsize=9, loc="right", color=ORANGE)
    axis.set_xlabel("place across the picture (%)")
    axis.set_ylabel("light of the brightest of R, G, B (cd/m²)")
    return figure.described(*_waveform_words(file, light, at_seconds))


def _waveform_words(file: str, light: NDArray[np.float64], at_seconds: float) -> tuple[str, Table]:
    shares = (0, 25, 50, 75, 100)
    values = [float(value) for value in np.percentile(light, shares)]
    alt = (
        f"Waveform of {file} at {at_seconds:g} s: light by place across the picture, logarithmic; half of the pixels "
        f"are below {number(values[2])} cd/m², the brightest at {number(values[4])} cd/m²."
    )
    headings = ("file", "darkest", "a quarter", "half", "three quarters", "brightest")
    caption = "Share of the pixels at or below this light (cd/m²)"
    return alt, Table(headings, ((file, *(number(value) for value in values)),), caption=caption)


def _signal_at(path: Path, seconds: float) -> NDArray[np.float64]:
    """One frame's PQ signal, decoded by FFmpeg's libraries without the engine; (height, width, 3)."""
    import av

    with av.open(str(path)) as container:
        frames: Any = container.decode(video=0)
        frame: Any = next(each for each in frames if each.time is not None and each.time >= seconds)
    planes = frame.reformat(format="yuv444p16le").to_ndarray().astype(float)
    luma, blue, red = (planes.reshape(3, frame.height, frame.width)[plane] / 256 for plane in range(3))
    y, cb, cr = (luma - 16) / 219, (blue - 128) / 224, (red - 128) / 224
    # BT.2100-2 table 6: non-constant luminance, limited range
    rgb = np.stack((y + 1.4746 * cr, y - 0.16455 * cb - 0.57135 * cr, y + 1.8814 * cb), axis=2)
    signal: NDArray[np.float64] = np.clip(rgb, 0, 1)
    return signal
