"""``hfbench extract``: a composition in, folders of frames out."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from fixtures_gen.options import json_option
from hfbench.cli.arguments import typed
from hfbench.cli.choices import (
    BACKENDS,
    FILE,
    FORMATS,
    PIXELS_BY_PIXELS,
    PLACE,
    SCOPES,
    PictureArguments,
    picture_options,
)
from hfbench.cli.escaping import shown
from hfbench.cli.exit_codes import ExitCode
from hfbench.cli.lines import say
from hfbench.cli.telemetry import sink_option, telemetry
from hfbench.cli.terminal import cancelled_by_signals, out, plain_table, print_json, progress_bar

if TYPE_CHECKING:
    from pathlib import Path

    from hfbench.model.options import ExtractOptions
    from hfbench.model.profile import StageProfile
    from hfbench.model.result import ExtractionResult


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractArguments(PictureArguments):
    """What the command line of ``extract`` says."""

    composition: Path
    out_dir: Path
    root: Path | None
    fps: str | None
    backend: str
    scope: str
    image_format: str
    size: tuple[int, int] | None
    clip_limit: float
    cache: str | None
    cache_identity: str
    sinks: tuple[str, ...]
    profile: bool
    trace: Path | None
    strict: bool
    confined: bool
    allow_http: bool
    allow_private_addresses: bool
    as_json: bool

    def options(self) -> ExtractOptions:
        """As the library takes them."""
        from hfbench.cache import cache_root_from
        from hfbench.model.options import AUTO_FORMAT, ExtractOptions
        from hfbench.model.plan import ImageFormat, Scope

        return ExtractOptions(
            **self.picture(),
            backend=self.backend,
            scope=Scope(self.scope),
            format=None if self.image_format == AUTO_FORMAT else ImageFormat(self.image_format),
            size=self.size,
            clip_limit_seconds=self.clip_limit,
            cache=cache_root_from(self.cache, os.environ),
            cache_identity=self.cache_identity,
            # The frames belong in --out: the cache may drop its own at any time after this process has ended.
            cached_in_place=False,
            strict=self.strict,
            confined=self.confined,
            allow_http=self.allow_http,
            allow_private_addresses=self.allow_private_addresses,
        )


@click.command("extract")
@click.argument("composition", type=PLACE)
@click.option("--out", "out_dir", type=PLACE, required=True, help="Folder for the frames.")
@click.option("--root", type=PLACE, help="Project root.  [default: the composition's folder]")
@click.option("--fps", help="Frames a second: 30, 29.97, 30000/1001.  [default: the composition's]")
@click.option("--backend", type=click.Choice(BACKENDS), default="libav", show_default=True)
@click.option("--scope", type=click.Choice(SCOPES), default="fused", show_default=True)
@click.option("--format", "image_format", type=click.Choice(("auto", *FORMATS)), default="auto", show_default=True)
@click.option("--size", type=PIXELS_BY_PIXELS, help="WIDTHxHEIGHT that pictures have to fit in.  [default: their own]")
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
@click.option("--profile", is_flag=True, help="Show where the time went: demux, decode, convert, encode, write, wait.")
@click.option("--trace", type=FILE, help="Write a trace that ui.perfetto.dev opens.")
@click.option("--strict", is_flag=True, help="Damaged or too short sources are failures.")
@click.option("--confined", is_flag=True, help="Refuse sources outside the project root.")
@click.option("--allow-http", is_flag=True, help="Allow plain http sources.")
@click.option("--allow-private-addresses", is_flag=True, help="Allow sources on loopback and private addresses.")
@json_option
@typed(ExtractArguments)
def command(arguments: ExtractArguments) -> int:
    """Extract the frames of COMPOSITION (JSON or HyperFrames HTML) into one folder per clip."""
    from hfbench.composition import Composition
    from hfbench.engine.extract import extract
    from hfbench.engine.trace_file import write_trace
    from hfbench.model.cancellation import CancelToken
    from hfbench.model.profile import ProfileRecorder

    options = arguments.options()
    composition = Composition.load(arguments.composition, root=arguments.root, fps=arguments.fps)
    token = CancelToken()
    recorder = ProfileRecorder() if arguments.profile or arguments.trace else None
    with telemetry(arguments.sinks, as_json=arguments.as_json) as report:
        with cancelled_by_signals(token), progress_bar() as bar:
            result = extract(composition, arguments.out_dir, options, token=token, progress=bar.show, recorder=recorder)
        report(result, options)
    if arguments.trace and result.profile:
        write_trace(result.profile, arguments.trace)
    if arguments.as_json:
        print_json(result.to_json())
    else:
        _print(result)
        if arguments.profile and result.profile:
            _print_profile(result.profile)
    if token.is_cancelled:
        return ExitCode.INTERRUPTED
    return ExitCode.OK if result.success else ExitCode.SOME_CLIPS_FAILED


def _print_profile(profile: StageProfile) -> None:
    """Totals of each activity over all threads, then of each thread."""
    table = plain_table("activity", "elapsed ms", "CPU ms")
    for activity, total in profile.by_activity().items():
        table.add_row(activity.value, f"{total.wall_ms:.1f}", f"{total.cpu_ms:.1f}")
    threads = plain_table("thread", "busy ms", "waiting ms")
    for thread, totals in profile.by_thread().items():
        waiting = sum(total.wall_ms for activity, total in totals.items() if activity.value == "wait")
        busy = sum(total.wall_ms for total in totals.values()) - waiting
        threads.add_row(shown(thread), f"{busy:.1f}", f"{waiting:.1f}")
    console = out()
    console.print("\nactivities, summed over all threads (CPU of FFmpeg's own threads under decode)")
    console.print(table)
    console.print()
    console.print(threads)


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
