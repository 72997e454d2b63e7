"""``hfbench probe``: what a media file is, and what is unusual about it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fixtures_gen.options import json_option
from hfbench.cli.arguments import typed
from hfbench.cli.choices import PLACE
from hfbench.cli.escaping import shown
from hfbench.cli.exit_codes import ExitCode
from hfbench.cli.lines import say
from hfbench.cli.terminal import out, plain_table, print_json

if TYPE_CHECKING:
    from hfbench.model.media import MediaInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeArguments:
    """What the command line of ``probe`` says."""

    files: tuple[Path, ...]
    as_json: bool


@click.command("probe")
@click.argument("files", nargs=-1, required=True, type=PLACE)
@json_option
@typed(ProbeArguments)
def command(arguments: ProbeArguments) -> int:
    """Read FILES and print size, rate, colours, VFR and HDR verdicts."""
    found = [(path, _probe(path)) for path in arguments.files]
    if arguments.as_json:
        print_json({"files": [_json(path, each) for path, each in found]})
    else:
        _print(found)
    is_short = any(isinstance(each, str) for _, each in found)
    return ExitCode.SOME_CLIPS_FAILED if is_short else ExitCode.OK


def _probe(path: Path) -> MediaInfo | str:
    """What the file is, or one line that says why it can't be used."""
    from hfbench.backends.base import ClipTrouble
    from hfbench.backends.libav.probe import probe
    from hfbench.model.cancellation import Control
    from hfbench.sources import SourceProblem, resolve_source

    try:
        found = resolve_source(os.path.abspath(path), root=Path("/"))  # noqa: PTH100  Path.absolute keeps ".."
        return probe(found, Control()).media
    except (ClipTrouble, SourceProblem) as error:
        return f"{error.kind.value}: {error.message}"


def _json(path: Path, found: MediaInfo | str) -> dict[str, Any]:
    name = os.fsencode(path).decode("utf-8", "replace")
    if isinstance(found, str):
        return {"file": name, "error": found}
    timing, tags = found.timing, found.tags
    return {
        "file": name,
        "format": found.format_name,
        "videoStream": found.stream_index,
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
        "dolbyVisionCompatibility": found.hdr.dolby_vision_compatibility,
        "hdr10Plus": found.hdr.has_hdr10_plus,
        "notes": [{"kind": kind, "message": message} for kind, message in found.notes],
    }


def _print(found: list[tuple[Path, MediaInfo | str]]) -> None:
    """One row per file; notes are long, and follow on lines of their own below the table."""
    table = plain_table("file", "codec", "size (px)", "fps", "length (s)", "pixels", "range")
    console = out()
    for path, media in found:
        if isinstance(media, str):
            say(f"{path}: {media}", "red")
            continue
        size = f"{media.display_size[0]} x {media.display_size[1]}"
        length = f"{float(media.timing.end):.3f}"
        table.add_row(
            shown(path.name), media.codec, size, _rate(media), length, media.pixel_format, dynamic_range(media)
        )
    if table.row_count:
        console.print(table)
    for path, media in found:
        for _, message in () if isinstance(media, str) else media.notes:
            console.print(shown(f"{path.name}: {message}"), soft_wrap=True)


def _rate(media: MediaInfo) -> str:
    return "VFR" if media.timing.is_vfr else f"{float(1 / media.timing.period):.3f}".rstrip("0").rstrip(".")


def dynamic_range(media: MediaInfo) -> str:
    """``SDR``, ``PQ`` or ``HLG``, with the dynamic metadata after it: ``HLG, Dolby Vision 8.4``, ``PQ, HDR10+``."""
    parts = [media.hdr_target.value.upper() if media.hdr_target else "SDR"]
    hdr = media.hdr
    if hdr.dolby_vision_profile is not None:
        compatibility = f".{hdr.dolby_vision_compatibility}" if hdr.dolby_vision_compatibility else ""
        parts.append(f"Dolby Vision {hdr.dolby_vision_profile}{compatibility}")
    if hdr.has_hdr10_plus:
        parts.append("HDR10+")
    return ", ".join(parts)
