"""``hfbench scale``: how cost grows with source length, clip length, clip count, resolution and workers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from fixtures_gen.options import json_option
from hfbench.cli.arguments import typed
from hfbench.cli.choices import BACKENDS, FILE
from hfbench.cli.lines import say
from hfbench.cli.measuring import record_path
from hfbench.cli.terminal import cancelled_by_signals, out, plain_table, print_json, progress_bar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hfbench.bench.judge.scaling import Growth
    from hfbench.bench.record import RunRecord
    from hfbench.bench.scale_axes import ScaleAxis
    from hfbench.bench.scenarios import BuiltScenario

_AXES = ("source length", "clip length", "clip count", "resolution", "workers")
_SIZES = ("360p", "720p", "1080p", "2160p")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleArguments:
    """What the command line of ``scale`` says."""

    axes: tuple[str, ...]
    rounds: int
    backend: str
    largest: str
    record: Path | None
    plot: Path | None
    as_json: bool


@click.command("scale")
@click.option("--axis", "axes", type=click.Choice(_AXES), multiple=True, help="Repeatable.  [default: all]")
@click.option(
    "--rounds", type=click.IntRange(1, 1000), default=3, show_default=True, help="Counted runs of each point."
)
@click.option("--backend", type=click.Choice(BACKENDS), default="libav", show_default=True, help="What extracts.")
@click.option(
    "--largest", type=click.Choice(_SIZES), default="2160p", show_default=True, help="Largest picture size measured."
)
@click.option("--record", type=FILE, help="Where to save the record; one that was interrupted is continued.")
@click.option("--plot", type=FILE, help="Write a plot (PNG or SVG). Needs the extra 'notebooks'.")
@json_option
@typed(ScaleArguments)
def command(arguments: ScaleArguments) -> None:
    """Measure how cost grows along each axis, and fit the exponent e of cost ~ position^e.

    0 means that the cost does not depend on it, 1 that it is proportional to it.
    """
    from hfbench.bench.measure.scale import ScaleMeasurement, measure_scale
    from hfbench.bench.scale_axes import scale_axes
    from hfbench.model.cancellation import CancelToken
    from hfbench.model.options import available_cores

    chosen = arguments.axes or _AXES
    axes = tuple(axis for axis in scale_axes(arguments.largest, available_cores()) if axis.name in chosen)
    wanted = ScaleMeasurement(axes, _build(axes), arguments.rounds, arguments.backend)
    path, token = record_path(arguments.record, "scale"), CancelToken()
    try:
        with cancelled_by_signals(token, interrupts=True), progress_bar() as bar:
            record = measure_scale(
                wanted, path, token=token, on_step=lambda step: bar.show(step.what, step.done, step.total)
            )
    finally:
        if path.exists():  # also after an error: the same command with --record continues it
            say(f"record: {path}")
    _show(axes, record, arguments)


def _build(axes: Sequence[ScaleAxis]) -> dict[str, BuiltScenario]:
    """The scenarios of all points; fixtures that are missing are built, with a progress bar."""
    from hfbench.bench.scenarios import build_scenarios

    points = [point for axis in axes for point in axis.points]
    built: dict[str, BuiltScenario] = {}
    with progress_bar() as bar:
        for size in dict.fromkeys(point.size for point in points):
            scenarios = [point.scenario for point in points if point.size == size]
            for each in build_scenarios(
                scenarios,
                size,
                on_progress=lambda step: bar.show(f"{step.state} {step.name} {step.size.value}", step.done, step.total),
            ):
                built[each.scenario.name] = each
    return built


def _show(axes: Sequence[ScaleAxis], record: RunRecord, arguments: ScaleArguments) -> None:
    from hfbench.bench.judge.scaling import growth

    found = {
        axis.name: growth(
            axis.name, axis.metric, {point.scenario.name: point.position for point in axis.points}, record
        )
        for axis in axes
    }
    grown = {name: each for name, each in found.items() if each is not None}
    if arguments.as_json:
        print_json({"record": record.to_json(), "growth": {name: _growth_json(each) for name, each in grown.items()}})
    else:
        _print(axes, grown)
    if arguments.plot is not None:
        from hfbench.notebook.scale_figures import scale_figure

        scale_figure(grown.values(), {axis.name: axis.unit for axis in axes}).savefig(arguments.plot, dpi=150)


def _print(axes: Sequence[ScaleAxis], grown: dict[str, Growth]) -> None:
    table = plain_table("axis", "from", "to", "metric", "first ms", "last ms", "exponent", "lowest, highest")
    for axis in axes:
        each = grown.get(axis.name)
        if each is None:
            continue
        first, last = min(each.medians), max(each.medians)
        table.add_row(
            axis.name,
            f"{first:g}",
            f"{last:g} {axis.unit}",
            axis.metric,
            f"{each.medians[first]:.0f}",
            f"{each.medians[last]:.0f}",
            f"{each.exponent:+.2f}",
            f"{each.lowest:+.2f}, {each.highest:+.2f}",
        )
    out().print(table)


def _growth_json(each: Growth) -> dict[str, object]:
    return {
        "metric": each.metric,
        "medians": {f"{position:g}": value for position, value in each.medians.items()},
        "exponent": each.exponent,
        "lowest": each.lowest,
        "highest": each.highest,
    }
