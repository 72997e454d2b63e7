"""What the commands that judge share: options, and everything that they hand out at the end."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from fixtures_gen.options import json_option
from hfbench.cli.choices import BACKENDS, FILE, FORMATS, SCOPES, SDR_MAPPINGS, SECONDS
from hfbench.cli.lines import say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hfbench.bench.judge.budgets import Budget
    from hfbench.bench.judge.compare import Comparison, TimeMetric
    from hfbench.bench.measure.external import Work
    from hfbench.bench.record import RunRecord

_Command = TypeVar("_Command", bound="Callable[..., Any]")

CACHES = ("off", "cold", "warm")


def judging_options(function: _Command) -> _Command:
    """What counts as a regression, and where the outcome goes."""
    for option in reversed(
        (
            click.option(
                "--block-on",
                multiple=True,
                type=click.Choice(("cpu", "wall")),
                help="wall: wall time decides too, beside CPU time.",
            ),
            click.option("--budgets", type=FILE, help="File with [tool.hfbench.budgets].  [default: ./pyproject.toml]"),
            click.option(
                "--allow-unsure/--no-allow-unsure",
                default=None,
                help="UNSURE ends with 0.  [default: only in a pull request's workflow]",
            ),
            click.option("--markdown", type=FILE, help="Write what a reviewer sees to this file."),
            click.option("--junit", type=FILE, help="Write JUnit XML to this file."),
            click.option("--link", default="", help="A link for the Markdown, to a report or a workflow run."),
            json_option,
        )
    ):
        function = option(function)
    return function


def measuring_options(*, scenarios: str, scopes: str, workers: int) -> Callable[[_Command], _Command]:
    """What is measured and how; the texts and the number say the defaults."""

    def decorate(function: _Command) -> _Command:
        for option in reversed((*_what(scenarios, scopes), *_how(workers))):
            function = option(function)
        return function

    return decorate


def _what(scenarios: str, scopes: str) -> Sequence[Callable[[_Command], _Command]]:
    def axis(name: str, values: Sequence[str], default: str) -> Callable[[_Command], _Command]:
        told = f"Repeatable.  [default: {default}]"
        return click.option(f"--{name}", f"{name}s", type=click.Choice(values), multiple=True, help=told)

    return (
        click.option("--scenario", "scenarios", multiple=True, help=f"Repeatable.  [default: {scenarios}]"),
        click.option("--size", default="180p", show_default=True, help="Picture size of the fixtures, to 2160p."),
        axis("backend", BACKENDS, "libav"),
        axis("scope", SCOPES, scopes),
        axis("format", FORMATS, "jpg"),
        axis("cache", CACHES, "off"),
    )


def _how(workers: int) -> Sequence[Callable[[_Command], _Command]]:
    at_once = "Clips worked on at once; 0: one a core."
    return (
        click.option("--workers", type=click.IntRange(min=0), default=workers, show_default=True, help=at_once),
        click.option("--quality", type=click.IntRange(1, 100), help="Of jpg.  [default: the engine's]"),
        click.option("--sdr-mapping", type=click.Choice(SDR_MAPPINGS), help="[default: the engine's]"),
        click.option("--seed", type=int, help="Of the order of the runs.  [default: a new one, told at the end]"),
        click.option("--limit", type=SECONDS, default=300.0, show_default=True, help="Seconds that one run may take."),
        click.option("--record", type=FILE, help="Where to save the record.  [default: in hfbench's home]"),
    )


def time_rules(chosen: dict[str, Any]) -> tuple[TimeMetric, ...]:
    """CPU time always decides; wall time where it is asked for."""
    from hfbench.bench.judge.compare import time_metrics

    return time_metrics({"cpu", *chosen["block_on"]})


def declared_budgets(chosen: dict[str, Any]) -> tuple[Budget, ...]:
    """The budgets of the file that was named, or of the project in the current folder."""
    from hfbench.bench.judge.budgets import load_budgets
    from hfbench.errors import UsageError

    named: Path | None = chosen["budgets"]
    if named is not None and not named.is_file():
        raise UsageError(f"there is no file {named} to read budgets from")
    return load_budgets(named or Path("pyproject.toml"))


def build(chosen: dict[str, Any], names: Sequence[str], scopes: Sequence[str]) -> Work:
    """Build what fixtures are missing; ``names`` and ``scopes`` where no others are asked for."""
    from hfbench.bench.case import every_case
    from hfbench.bench.measure.external import Work
    from hfbench.bench.scenarios import build_scenarios, find_scenario
    from hfbench.cli.terminal import progress_bar

    wanted = [find_scenario(name) for name in dict.fromkeys(chosen["scenarios"] or names)]
    with progress_bar() as bar:
        built = build_scenarios(
            wanted,
            chosen["size"],
            on_progress=lambda step: bar.show(f"{step.state} {step.name} {step.size.value}", step.done, step.total),
        )
    cases = every_case(
        (each.scenario.name for each in built),
        backend=chosen["backends"],
        scope=chosen["scopes"] or scopes,
        format=chosen["formats"],
        cache=chosen["caches"],
    )
    options = {key: chosen[key] for key in ("workers", "quality", "sdr_mapping") if chosen[key] is not None}
    by_name = {each.scenario.name: each for each in built}
    return Work(cases=cases, scenarios=by_name, options=options, limit_seconds=chosen["limit"])


def record_path(chosen: dict[str, Any], kind: str) -> Path:
    """Where the record goes: as asked, or a new file in hfbench's home."""
    from datetime import UTC, datetime

    from hfbench.home import records_folder

    named: Path | None = chosen["record"]
    return named or records_folder() / f"{kind}-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}.json"


def seed_of(chosen: dict[str, Any]) -> int:
    """As asked, or a new one: a fixed order could favour one side every time."""
    import secrets

    return secrets.randbelow(2**31) if chosen["seed"] is None else int(chosen["seed"])


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where an outcome goes besides the terminal."""

    markdown: Path | None
    junit: Path | None
    link: str
    allow_unsure: bool
    reproduce: str = ""

    @classmethod
    def of(cls, chosen: dict[str, Any], reproduce: str = "") -> Delivery:
        """From the options; in a pull request's workflow UNSURE does not block unless asked to."""
        allowed: bool | None = chosen["allow_unsure"]
        if allowed is None:
            allowed = os.environ.get("GITHUB_EVENT_NAME", "").startswith("pull_request")
        return cls(chosen["markdown"], chosen["junit"], chosen["link"], allowed, reproduce)


def deliver(outcomes: Sequence[Comparison], record: RunRecord, delivery: Delivery) -> int:
    """Write the files, tell GitHub where it listens, and give the exit code.

    Raises:
        OutputError: a file can't be written.
    """
    from hfbench.bench.judge.verdict import exit_code
    from hfbench.bench.record import write_atomically
    from hfbench.bench.render.annotations import to_annotations
    from hfbench.bench.render.junit import junit_of
    from hfbench.bench.render.markdown import markdown_of
    from hfbench.bench.render.wording import verdict_of

    markdown = markdown_of(outcomes, record, reproduce=delivery.reproduce, link=delivery.link)
    if delivery.markdown:
        write_atomically(delivery.markdown, markdown)
    if delivery.junit:
        write_atomically(delivery.junit, junit_of(outcomes))
    _add_to_step_summary(markdown)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        for outcome in outcomes:
            for line in to_annotations(outcome):
                say(line)  # the runner reads both streams; stdout may hold JSON
    return exit_code(verdict_of(outcomes), allow_unsure=delivery.allow_unsure)


def _add_to_step_summary(markdown: str) -> None:
    """Append to the file that GitHub Actions shows beside a job, where there is one."""
    place = os.environ.get("GITHUB_STEP_SUMMARY")
    if place:
        with Path(place).open("a", encoding="utf-8") as summary:
            summary.write(markdown + "\n")
