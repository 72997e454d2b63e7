"""``hfbench run``: measure scenarios and show before and after."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from fixtures_gen.options import json_option
from hfbench.cli.choices import BACKENDS, FORMATS, PLACE, SCOPES, engine_options, picture_options
from hfbench.cli.lines import say
from hfbench.cli.telemetry import sink_option, telemetry
from hfbench.cli.terminal import cancelled_by_signals, out, plain_table, print_json, progress_bar

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hfbench.bench.measure.rounds import Measured, Measurement, Way
    from hfbench.bench.scenarios import BuiltScenario
    from hfbench.model.options import ExtractOptions
    from hfbench.model.result import ExtractionResult


@click.command("run")
@click.argument("scenarios", nargs=-1)
@click.option("--all", "run_all", is_flag=True, help="Every scenario.")
@click.option("--list", "list_them", is_flag=True, help="List the scenarios and stop.")
@click.option("--rounds", type=click.IntRange(1, 1000), default=2, show_default=True, help="Counted runs of each way.")
@click.option(
    "--backend",
    "backends",
    type=click.Choice(BACKENDS),
    multiple=True,
    help="Repeatable.  [default: both; none with --engine]",
)
@click.option("--scope", "scopes", type=click.Choice(SCOPES), multiple=True, help="Repeatable.  [default: all]")
@click.option("--format", "formats", type=click.Choice(FORMATS), multiple=True, help="Repeatable.  [default: jpg]")
@click.option("--size", help="Picture size of the fixtures: 180p to 2160p.  [default: each fixture's own]")
@click.option("--record", type=PLACE, help="Where to save the record.")
@engine_options
@sink_option
@picture_options
@json_option
def command(scenarios: tuple[str, ...], **chosen: Any) -> None:
    """Measure SCENARIOS (the headline one by default): source, segment and fused scope on both backends.

    Fixtures are built on first use. Each backend and engine warms up uncounted, then every way takes its turn in each
    round; in the first, its frames are held against the truth. Frames of engines are counted.
    """
    from hfbench.bench.measure.over_protocol import parse_engines
    from hfbench.bench.scenarios import HEADLINE, SCENARIOS, build_scenarios, find_scenario

    if chosen["list_them"]:
        _list()
        return
    names = tuple(SCENARIOS) if chosen["run_all"] else scenarios or (HEADLINE,)
    wanted = [find_scenario(name) for name in dict.fromkeys(names)]
    chosen["engines"] = parse_engines(chosen["engines"], chosen["backends"])
    ways, options = _ways(chosen), _options(chosen)
    counted = len(wanted) * len(ways) * chosen["rounds"]
    # Sinks are opened, and options read, before minutes are spent on fixtures.
    with telemetry(chosen["sinks"], as_json=chosen["as_json"], extractions=counted) as tell:
        with progress_bar() as bar:
            built = build_scenarios(
                wanted,
                chosen["size"],
                on_progress=lambda step: bar.show(f"{step.state} {step.name} {step.size.value}", step.done, step.total),
            )
        measured = _measure(_wanted(built, ways, options, chosen), chosen["record"], tell)
    if chosen["as_json"]:
        print_json(measured.record.to_json())
    else:
        _print(built, measured)
    _refuse_wrong_frames(measured)


def _measure(
    wanted: Measurement, record: Path | None, tell: Callable[[ExtractionResult, ExtractOptions], None]
) -> Measured:
    from hfbench.bench.measure.rounds import measure
    from hfbench.model.cancellation import CancelToken

    token = CancelToken()
    path = record or _new_record_path()
    try:
        with cancelled_by_signals(token, interrupts=True), progress_bar() as bar:
            return measure(
                wanted,
                path,
                token=token,
                on_step=lambda step: bar.show(step.what, step.done, step.total),
                on_extracted=tell,
            )
    finally:
        if path.exists():  # also of a run that broke off: what was measured until then is in it
            say(f"record: {path}")


def _ways(chosen: dict[str, Any]) -> tuple[Way, ...]:
    from itertools import product

    from hfbench.bench.measure.rounds import Way
    from hfbench.model.plan import ImageFormat, Scope

    backends = chosen["backends"] or (() if chosen["engines"] else BACKENDS)
    ways = product(backends, chosen["scopes"] or SCOPES, chosen["formats"] or ("jpg",))
    return tuple(Way(backend, Scope(scope), ImageFormat(format_)) for backend, scope, format_ in dict.fromkeys(ways))


def _options(chosen: dict[str, Any]) -> ExtractOptions:
    from hfbench.model.options import ExtractOptions

    return ExtractOptions(**_picture(chosen))


def _picture(chosen: dict[str, Any]) -> dict[str, Any]:
    names = ("quality", "workers", "sdr_mapping", "sdr_eotf", "sdr_white", "pixels")
    return {name: chosen[name] for name in names if chosen[name] is not None}


def _wanted(
    built: tuple[BuiltScenario, ...], ways: tuple[Way, ...], options: ExtractOptions, chosen: dict[str, Any]
) -> Measurement:
    from hfbench.bench.measure.over_protocol import Engines
    from hfbench.bench.measure.rounds import Measurement
    from hfbench.bench.measure.workload import Axes

    axes = Axes(scopes=chosen["scopes"] or SCOPES, formats=chosen["formats"] or ("jpg",))
    engines = Engines(chosen["engines"], axes, _picture(chosen), chosen["limit"])
    return Measurement(built, ways, chosen["rounds"], options, engines)


def _new_record_path() -> Path:
    from hfbench.home import records_folder

    return records_folder() / f"run-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}.json"


def _list() -> None:
    from hfbench.bench.scenarios import SCENARIOS

    table = plain_table("scenario", "what it shows")
    for scenario in SCENARIOS.values():
        table.add_row(scenario.name, scenario.title)
    out().print(table)


def _print(built: tuple[BuiltScenario, ...], measured: Measured) -> None:
    from rich.text import Text

    from hfbench.cli.run_table import scenario_table

    console = out()
    for each in built:
        console.print(Text.assemble("\n", (each.scenario.name, "bold"), f": {each.scenario.title}"), soft_wrap=True)
        console.print(scenario_table(each.scenario.name, measured))


def _refuse_wrong_frames(measured: Measured) -> None:
    wrong = [(key, check) for key, check in measured.checks.items() if not check.is_right]
    for (name, way), check in wrong:
        say(f"WRONG FRAMES in {name}, {way}: {check.first_wrong}", "bold red")
    if wrong:
        from hfbench.errors import MeasurementError

        raise MeasurementError(
            f"{len(wrong)} of {len(measured.checks)} ways gave wrong frames: their times mean nothing"
        )
