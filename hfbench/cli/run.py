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
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from hfbench.bench.case import Case
    from hfbench.bench.measure.run import Measured, Measurement
    from hfbench.bench.scenarios import BuiltScenario, Scenario
    from hfbench.model.options import ExtractOptions
    from hfbench.model.result import ExtractionResult


@click.command("run")
@click.argument("scenarios", nargs=-1)
@click.option("--all", "run_all", is_flag=True, help="Every scenario.")
@click.option("--list", "list_them", is_flag=True, help="List the scenarios and stop.")
@click.option("--rounds", type=click.IntRange(1, 1000), default=2, show_default=True, help="Counted runs of each case.")
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
@click.option("--decode-limit", is_flag=True, help="Measure decoding alone too, and show each CPU time's ratio to it.")
@click.option("--record", type=PLACE, help="Where to save the record.")
@engine_options
@sink_option
@picture_options
@json_option
def command(scenarios: tuple[str, ...], **chosen: Any) -> None:
    """Measure SCENARIOS (the headline one by default): source, segment and fused scope on both backends.

    Fixtures are built on first use. Each backend and engine warms up uncounted, then every case takes its turn in each
    round; in the first, its frames are read back and held against the truth.
    """
    from hfbench.bench.measure.external import parse_engines
    from hfbench.bench.scenarios import HEADLINE, SCENARIOS, build_scenarios, find_scenario

    if chosen["list_them"]:
        _list()
        return
    names = tuple(SCENARIOS) if chosen["run_all"] else scenarios or (HEADLINE,)
    wanted = [find_scenario(name) for name in dict.fromkeys(names)]
    chosen["engines"] = parse_engines(chosen["engines"], chosen["backends"])
    cases, options = _cases(wanted, chosen), _options(chosen)
    counted = len(cases) * chosen["rounds"]
    # Sinks are opened, and options read, before minutes are spent on fixtures.
    with telemetry(chosen["sinks"], as_json=chosen["as_json"], extractions=counted) as tell:
        with progress_bar() as bar:
            built = build_scenarios(
                wanted,
                chosen["size"],
                on_progress=lambda step: bar.show(f"{step.state} {step.name} {step.size.value}", step.done, step.total),
            )
        measured = _measure(_wanted(built, cases, options, chosen), chosen["record"], tell)
    if chosen["as_json"]:
        print_json(measured.record.to_json())
    else:
        _print(built, measured)
    _refuse_wrong_frames(measured)


def _measure(
    wanted: Measurement, record: Path | None, tell: Callable[[ExtractionResult, ExtractOptions], None]
) -> Measured:
    from hfbench.bench.measure.run import measure
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


def _cases(scenarios: Sequence[Scenario], chosen: dict[str, Any]) -> tuple[Case, ...]:
    """On built-in backends: none where only engines are asked for."""
    from hfbench.bench.case import every_case

    backends = chosen["backends"] or (() if chosen["engines"] else BACKENDS)
    return every_case((each.name for each in scenarios), backend=backends, **_asked(chosen)) if backends else ()


def _asked(chosen: dict[str, Any]) -> dict[str, Sequence[str]]:
    return {"scope": chosen["scopes"] or SCOPES, "format": chosen["formats"] or ("jpg",)}


def _options(chosen: dict[str, Any]) -> ExtractOptions:
    from hfbench.model.options import ExtractOptions

    return ExtractOptions(**_picture(chosen))


def _picture(chosen: dict[str, Any]) -> dict[str, Any]:
    names = ("quality", "workers", "sdr_mapping", "sdr_eotf", "sdr_white", "pixels")
    return {name: chosen[name] for name in names if chosen[name] is not None}


def _wanted(
    built: tuple[BuiltScenario, ...], cases: tuple[Case, ...], options: ExtractOptions, chosen: dict[str, Any]
) -> Measurement:
    from hfbench.bench.case import every_case
    from hfbench.bench.measure.external import Work
    from hfbench.bench.measure.run import Measurement

    by_name = {each.scenario.name: each for each in built}
    asked = every_case(by_name, **_asked(chosen))
    work = Work(cases=asked, scenarios=by_name, options=_picture(chosen), limit_seconds=chosen["limit"])
    return Measurement(built, cases, chosen["rounds"], options, chosen["engines"], work, chosen["decode_limit"])


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
    wrong = {case: check for case, check in measured.checks.items() if not check.is_right}
    for case, check in wrong.items():
        say(f"WRONG FRAMES in {case}: {check.first_wrong}", "bold red")
    if wrong:
        from hfbench.errors import MeasurementError

        raise MeasurementError(
            f"{len(wrong)} of {len(measured.checks)} cases gave wrong frames: their times mean nothing"
        )
