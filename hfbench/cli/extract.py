"""``hfbench extract``: a composition in, folders of frames out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from fixtures_gen.options import json_option
from hfbench.cli.choices import BACKENDS, FORMATS, PLACE, SCOPES, picture_options
from hfbench.cli.exit_codes import ExitCode
from hfbench.cli.lines import say, shown
from hfbench.cli.telemetry import sink_option, telemetry
from hfbench.cli.terminal import cancelled_by_signals, out, plain_table, print_json, progress_bar

if TYPE_CHECKING:
    from pathlib import Path

    from hfbench.model.options import ExtractOptions
    from hfbench.model.result import ExtractionResult


@click.command("extract")
@click.argument("composition", type=PLACE)
@click.option("--out", "out_dir", type=PLACE, required=True, help="Folder for the frames.")
@click.option("--root", type=PLACE, help="Project root.  [default: the composition's folder]")
@click.option("--fps", help="Frames a second: 30, 29.97, 30000/1001.  [default: the composition's]")
@click.option("--backend", type=click.Choice(BACKENDS), default="libav", show_default=True)
@click.option("--scope", type=click.Choice(SCOPES), default="fused", show_default=True)
@click.option("--format", "format_", type=click.Choice(("auto", *FORMATS)), default="auto", show_default=True)
@picture_options
@click.option("--clip-limit", type=float, default=300.0, show_default=True, help="Seconds that one clip may take.")
@click.option("--cache", help="Folder of the cache, or off.  [default: $HFBENCH_EXTRACT_CACHE_DIR, else off]")
@click.option(
    "--cache-identity",
    type=click.Choice(("stat", "content")),
    default="stat",
    show_default=True,
    help="Tell sources apart by path, time and size, or by their bytes.",
)
@sink_option
@click.option("--strict", is_flag=True, help="Damaged or too short sources are failures.")
@click.option("--confined", is_flag=True, help="Refuse sources outside the project root.")
@click.option("--allow-http", is_flag=True, help="Allow plain http sources.")
@click.option("--allow-private-addresses", is_flag=True, help="Allow sources on loopback and private addresses.")
@json_option
def command(composition: Path, out_dir: Path, root: Path | None, fps: str | None, **chosen: Any) -> None:
    """Extract the frames of COMPOSITION (JSON or HyperFrames HTML) into one folder a clip."""
    from hfbench.composition import Composition
    from hfbench.engine.extract import extract
    from hfbench.model.cancellation import CancelToken

    as_json: bool = chosen.pop("as_json")
    sinks: tuple[str, ...] = chosen.pop("sinks")
    options = _options(chosen)
    loaded = Composition.load(composition, root=root, fps=fps)
    token = CancelToken()
    with telemetry(sinks, as_json=as_json) as tell:
        with cancelled_by_signals(token), progress_bar() as bar:
            result = extract(loaded, out_dir, options, token=token, progress=bar.show)
        tell(result, options)
    if as_json:
        print_json(result.to_json())
    else:
        _print(result)
    if token.is_cancelled:
        raise click.exceptions.Exit(ExitCode.INTERRUPTED)
    if not result.success:
        raise click.exceptions.Exit(ExitCode.SOME_CLIPS_FAILED)


def _options(chosen: dict[str, Any]) -> ExtractOptions:
    from hfbench.cache import cache_root_from
    from hfbench.model.options import ExtractOptions

    # The frames belong in --out: this process ends, and the cache may drop its own at any time after.
    chosen["cache"] = cache_root_from(chosen["cache"], os.environ)
    chosen["cached_in_place"] = False
    chosen["format"] = chosen.pop("format_")
    chosen["clip_limit_seconds"] = chosen.pop("clip_limit")
    return ExtractOptions(**{key: value for key, value in chosen.items() if value is not None or key == "format"})


def _print(result: ExtractionResult) -> None:
    table = plain_table("clip", "frames", "size (px)", "folder")
    for clip in result.clips:
        size = f"{clip.size[0]} x {clip.size[1]}"
        table.add_row(shown(clip.clip_id), str(clip.frames), size, shown(clip.directory))
    console = out()
    if result.clips:
        console.print(table)
    breakdown = result.breakdown.to_json()
    console.print(
        f"{sum(clip.frames for clip in result.clips)} frames in {breakdown['videoExtractMs']:.0f} ms "
        f"({breakdown['cpuMs']:.0f} ms CPU), {breakdown['framesDecoded']} decoded"
    )
    for note in result.notes:
        say(f"note: {note.message}")
    for clip in result.clips:
        for warning in clip.warnings:
            say(f"{clip.clip_id}: {warning.kind}: {warning.message}")
    for failure in result.failures:
        say(f"{failure.clip_id}: {failure.kind.value}: {failure.message}", "red")
