"""``hfbench run``: measure scenarios and show before and after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from fixtures_gen.options import json_option
from hfbench.cli.arguments import typed
from hfbench.cli.choices import (
    BACKENDS,
    FORMATS,
    PLACE,
    SCOPES,
    PictureArguments,
    composition_option,
    engine_options,
    picture_options,
)
from hfbench.cli.lines import say
from hfbench.cli.measuring import build_with_bar, record_path
from hfbench.cli.telemetry import sink_option, telemetry
from hfbench.cli.terminal import cancelled_by_signals, out, plain_table, print_json, progress_bar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from hfbench.bench.case import Case
    from hfbench.bench.measure.run import Measured, Measurement
    from hfbench.bench.protocol.client import EngineSpec
    from hfbench.bench.scenarios import BuiltScenario, Scenario
    from hfbench.model.options import ExtractOptions
    from hfbench.model.result import ExtractionResult


@dataclass(frozen=True, slots=True, kw_only=True)
class RunArguments(PictureArguments):
    """What the command line of ``run`` says."""

    scenarios: tuple[str, ...]
    compositions: tuple[Path, ...]
    run_all: bool
    list_them: bool
    rounds: int
    backends: tuple[str, ...]
    scopes: tuple[str, ...]
    formats: tuple[str, ...]
    size: str | None
    decode_limit: bool
    record: Path | None
    engines: tuple[str, ...]
    limit: float
    sinks: tuple[str, ...]
    as_json: bool

    def wanted(self) -> list[Scenario]:
        """The scenarios that are named, all, or the headline.

        Raises:
            UsageError: there is no scenario of that name.
        """
        from hfbench.bench.scenarios import HEADLINE, SCENARIOS, find_scenario

        usual = () if self.compositions else (HEADLINE,)
        names = tuple(SCENARIOS) if self.run_all else self.scenarios or usual
        return [find_scenario(name) for name in dict.fromkeys(names)]

    def axes(self) -> Mapping[str, Sequence[str]]:
        """The axes that built-in backends and engines are both measured on."""
        return {"scope": self.scopes or SCOPES, "format": self.formats or ("jpg",)}

    def cases(self, names: Sequence[str]) -> tuple[Case, ...]:
        """The cases on built-in backends: none where only engines are asked for."""
        from hfbench.bench.case import every_case

        backends = self.backends or (() if self.engines else BACKENDS)
        return every_case(names, backend=backends, **self.axes()) if backends else ()

    def measurement(
        self,
        built: tuple[BuiltScenario, ...],
        cases: tuple[Case, ...],
        options: ExtractOptions,
        engines: tuple[EngineSpec, ...],
    ) -> Measurement:
        """Everything that is measured."""
        from hfbench.bench.case import every_case
        from hfbench.bench.measure.external import Work
        from hfbench.bench.measure.run import Measurement

        by_name = {each.scenario.name: each for each in built}
        asked = every_case(by_name, **self.axes())
        work = Work(cases=asked, scenarios=by_name, options=self.picture(), limit_seconds=self.limit)
        return Measurement(built, cases, self.rounds, options, engines, work, self.decode_limit, self.size)


@click.command("run")
@click.argument("scenarios", nargs=-1)
@composition_option
@click.option("--all", "run_all", is_flag=True, help="Every scenario.")
@click.option("--list", "list_them", is_flag=True, help="List the scenarios and stop.")
@click.option("--rounds", type=click.IntRange(1, 1000), default=2, show_default=True, help="Counted runs of each case.")
@click.option(
    "--backend",
    "backends",
    type=click.Choice(BACKENDS),
    multiple=True,
    help="Measure this backend; repeatable.  [default: both; none with --engine]",
)
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(SCOPES),
    multiple=True,
    help="Measure this scope; repeatable.  [default: all]",
)
@click.option(
    "--format", "formats", type=click.Choice(FORMATS), multiple=True, help="Image format; repeatable.  [default: jpg]"
)
@click.option("--size", help="Picture size of the fixtures: 180p to 2160p.  [default: each fixture's own]")
@click.option("--decode-limit", is_flag=True, help="Measure decoding alone too, and show each CPU time's ratio to it.")
@click.option("--record", type=PLACE, help="Where to save the record.  [default: in hfbench's home]")
@engine_options
@sink_option
@picture_options
@json_option
@typed(RunArguments)
def command(arguments: RunArguments) -> None:
    """Measure SCENARIOS (the headline one by default): source, segment and fused scope on both backends.

    Fixtures are built on first use. Each backend and engine runs once uncounted, then every case runs once per round,
    in random order. In the first round the frames are read back and compared with the known truth.
    """
    from hfbench.bench.composition_scenarios import load_scenarios
    from hfbench.bench.measure.external import parse_engines
    from hfbench.model.options import ExtractOptions

    if arguments.list_them:
        _list()
        return
    wanted, loaded = arguments.wanted(), load_scenarios(arguments.compositions)
    names = [each.name for each in (*wanted, *(built.scenario for built in loaded))]
    engines = parse_engines(arguments.engines, arguments.backends)
    cases, options = arguments.cases(names), ExtractOptions(**arguments.picture())
    counted = len(cases) * arguments.rounds
    # Sinks are opened and options are read first: building fixtures may take minutes.
    with telemetry(arguments.sinks, as_json=arguments.as_json, extractions=counted) as report:
        built = (*build_with_bar(wanted, arguments.size), *loaded) if wanted else loaded
        measurement = arguments.measurement(built, cases, options, engines)
        measured = _measure(measurement, record_path(arguments.record, "run"), report)
    if arguments.as_json:
        print_json(measured.record.to_json())
    else:
        _print(built, measured)
    _reject_wrong_frames(measured)


def _measure(
    measurement: Measurement, record: Path, report: Callable[[ExtractionResult, ExtractOptions], None]
) -> Measured:
    from hfbench.bench.measure.run import measure
    from hfbench.model.cancellation import CancelToken

    token = CancelToken()
    try:
        with cancelled_by_signals(token, interrupts=True), progress_bar() as bar:
            return measure(
                measurement,
                record,
                token=token,
                on_step=lambda step: bar.show(step.what, step.done, step.total),
                on_extracted=report,
            )
    finally:
        if record.exists():  # also after an error: it holds what was measured until then
            say(f"record: {record}")


def _list() -> None:
    from hfbench.bench.scenarios import SCENARIOS

    table = plain_table("scenario", "what it shows")
    for scenario in SCENARIOS.values():
        table.add_row(scenario.name, scenario.title)
    out().print(table)


def _print(built: tuple[BuiltScenario, ...], measured: Measured) -> None:
    from rich.text import Text

    from hfbench.cli.run_table import ffmpeg_line, scenario_table

    console = out()
    for each in built:
        console.print(Text.assemble("\n", (each.scenario.name, "bold"), f": {each.scenario.title}"), soft_wrap=True)
        console.print(scenario_table(each.scenario.name, measured))
    line = ffmpeg_line(measured)
    if line:
        console.print(f"\n{line}", soft_wrap=True)


def _reject_wrong_frames(measured: Measured) -> None:
    """One line for each case whose frames were wrong.

    Raises:
        MeasurementError: There is such a case.
    """
    from hfbench.errors import MeasurementError

    wrong = {case: check for case, check in measured.checks.items() if not check.is_right}
    for case, check in wrong.items():
        say(f"WRONG FRAMES in {case}: {check.first_wrong}", "bold red")
    if wrong:
        raise MeasurementError(
            f"{len(wrong)} of {len(measured.checks)} cases gave wrong frames: their times mean nothing"
        )
