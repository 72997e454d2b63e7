"""``hfbench probe``: what a media file is, and what about it may surprise."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fixtures_gen.options import json_option
from hfbench.cli.choices import PLACE
from hfbench.cli.exit_codes import ExitCode
from hfbench.cli.lines import say, shown
from hfbench.cli.terminal import out, plain_table, print_json

if TYPE_CHECKING:
    from hfbench.model.media import MediaInfo


@click.command("probe")
@click.argument("files", nargs=-1, required=True, type=PLACE)
@json_option
def command(files: tuple[Path, ...], *, as_json: bool) -> None:
    """Read FILES and print size, rate, colours, VFR and HDR verdicts."""
    found = [(path, _look(path)) for path in files]
    if as_json:
        print_json({"files": [_json(path, each) for path, each in found]})
    else:
        _print(found)
    if any(isinstance(each, str) for _, each in found):
        raise click.exceptions.Exit(ExitCode.SOME_CLIPS_FAILED)


def _look(path: Path) -> MediaInfo | str:
    """The media, or one line that says why not."""
    from hfbench.backends.base import ClipTrouble
    from hfbench.backends.libav.probe import probe
    from hfbench.model.cancellation import Control
    from hfbench.sources import SourceProblem, resolve_source

    try:
        found = resolve_source(os.path.abspath(path), root=Path("/"))  # noqa: PTH100  Path.absolute keeps ".."
        return probe(found, Control()).media
    except (ClipTrouble, SourceProblem) as trouble:
        return f"{trouble.kind.value}: {trouble.message}"


def _json(path: Path, found: MediaInfo | str) -> dict[str, Any]:
    name = os.fsencode(path).decode("utf-8", "replace")
    if isinstance(found, str):
        return {"file": name, "error": found}
    timing, tags = found.timing, found.tags
    return {
        "file": name,
        "format": found.format_name,
        "codec": found.codec,
        "width": found.display_size[0],
        "height": found.display_size[1],
        "orientation": found.orientation.name.lower(),
        "pixelFormat": found.pixel_format,
        "alpha": found.has_alpha,
        "rateFromHeader": str(found.rate_from_header) if found.rate_from_header else None,
        "vfr": timing.is_vfr,
        "durationSeconds": float(timing.end),
        "frames": timing.frames,
        "hdr": found.hdr_target.value if found.hdr_target else None,
        "tags": {"primaries": tags.primaries, "transfer": tags.transfer, "matrix": tags.matrix, "range": tags.range},
        "dolbyVisionProfile": found.hdr.dolby_vision_profile,
        "notes": [{"kind": kind, "message": message} for kind, message in found.notes],
    }


def _print(found: list[tuple[Path, MediaInfo | str]]) -> None:
    columns = ("file", "codec", "size (px)", "rate (fps)", "length (s)", "pixels", "dynamic range", "notes")
    table = plain_table(*columns)
    for path, media in found:
        if isinstance(media, str):
            say(f"{path}: {media}", "red")
            continue
        rate = "VFR" if media.timing.is_vfr else f"{float(1 / media.timing.period):.3f}".rstrip("0").rstrip(".")
        dynamic_range = media.hdr_target.value.upper() if media.hdr_target else "SDR"
        size = f"{media.display_size[0]} x {media.display_size[1]}"
        length = f"{float(media.timing.end):.3f}"
        notes = "; ".join(message for _, message in media.notes)
        table.add_row(
            shown(path.name), media.codec, size, rate, length, media.pixel_format, dynamic_range, shown(notes)
        )
    if table.row_count:
        out().print(table)
