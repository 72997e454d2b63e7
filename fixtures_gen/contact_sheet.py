"""A picture of what a media file shows: evenly spaced frames side by side, as a PNG."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures_gen.program import Program, Runner

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures_gen.truth import FileTruth

COLUMNS, ROWS = 4, 3
_TILE_WIDTH = 320
_LONG = 5000  # frames: beyond this only keyframes are decoded
_TONE_MAP = "zscale=t=linear:npl=203,tonemap=hable,zscale=p=bt709:t=bt709:m=bt709:r=tv,format=yuv420p,"


def contact_sheet(program: Program, media: Path, truth: FileTruth, output: Path) -> Path:
    """Write a PNG of 4 x 3 frames of ``media`` to ``output`` and return it.

    HDR is tone mapped for the eye, without a claim to be right. A long file shows keyframes only. Raises
    ``FixtureError`` where ffmpeg cannot read the file.
    """
    tiles = COLUMNS * ROWS
    if truth.frames > _LONG:
        before: tuple[str, ...] = ("-skip_frame", "nokey")
        choose = f"select='isnan(prev_selected_t)+gte(t-prev_selected_t,{float(truth.pts[-1]) / tiles:.3f})'"
    else:
        before, choose = (), f"select='not(mod(n,{max(truth.frames // tiles, 1)}))'"
    map_tones = _TONE_MAP if truth.hdr is not None else ""
    filters = f"{choose},{map_tones}scale={_TILE_WIDTH}:-2,tile={COLUMNS}x{ROWS}:padding=4"
    output.parent.mkdir(parents=True, exist_ok=True)
    target = output.resolve()
    options = ("-hide_banner", "-loglevel", "error", "-nostdin", "-y", *before, "-i", str(media.resolve()))
    Runner(program, target.parent).run(
        (*options, "-vf", filters, "-fps_mode", "passthrough", "-frames:v", "1", "-update", "1", f"file:{target}")
    )
    return output
