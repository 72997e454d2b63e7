"""What ``compare`` and ``gate`` measure: the options, their values, and what is built from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hfbench.cli.choices import BACKENDS, CACHES, FILE, FORMATS, SCOPES, SDR_MAPPINGS, SECONDS, composition_option

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from hfbench.bench.measure.external import Work
    from hfbench.bench.scenarios import BuiltScenario, Scenario

_Command = TypeVar("_Command", bound="Callable[..., Any]")


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuringArguments:
    """Values of :func:`measuring_options`; empty or None means the default of the command or the engine."""

    scenarios: tuple[str, ...]
    compositions: tuple[Path, ...]
    size: str
    backends: tuple[str, ...]
    scopes: tuple[str, ...]
    formats: tuple[str, ...]
    caches: tuple[str, ...]
    workers: int
    quality: int | None
    sdr_mapping: str | None
    seed: int
    limit: float
    record: Path | None

    def build(self, scenarios: Sequence[str], scopes: Sequence[str]) -> Work:
        """Build missing fixtures; ``scenarios`` and ``scopes`` are the command's defaults."""
        from hfbench.bench.case import every_case
        from hfbench.bench.composition_scenarios import load_scenarios
        from hfbench.bench.measure.external import Work
        from hfbench.bench.scenarios import find_scenario

        loaded = load_scenarios(self.compositions)
        names = self.scenarios or (() if loaded else scenarios)
        wanted = [find_scenario(name) for name in dict.fromkeys(names)]
        built = (*build_with_bar(wanted, self.size), *loaded) if wanted else loaded
        by_name = {each.scenario.name: each for each in built}
        cases = every_case(
            by_name,
            backend=self.backends,
            scope=self.scopes or scopes,
            format=self.formats,
            cache=self.caches,
        )
        values = {"workers": self.workers, "quality": self.quality, "sdr_mapping": self.sdr_mapping}
        options = {name: value for name, value in values.items() if value is not None}
        return Work(cases=cases, scenarios=by_name, options=options, limit_seconds=self.limit)


def build_with_bar(wanted: Sequence[Scenario], size: str | None) -> tuple[BuiltScenario, ...]:
    """Build the fixtures of scenarios, with a progress bar."""
    from hfbench.bench.scenarios import build_scenarios
    from hfbench.cli.terminal import progress_bar

    with progress_bar() as bar:
        return build_scenarios(
            wanted,
            size,
            on_progress=lambda step: bar.show(f"{step.state} {step.name} {step.size.value}", step.done, step.total),
        )


def record_path(named: Path | None, command: str) -> Path:
    """Where the record goes: as named, or a new file in hfbench's home."""
    from datetime import UTC, datetime

    from hfbench.home import records_folder

    return named or records_folder() / f"{command}-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}.json"


def measuring_options(*, scenarios: str, scopes: str, workers: int) -> Callable[[_Command], _Command]:
    """Options: what is measured and how; ``scenarios`` and ``scopes`` are texts that name the command's defaults."""

    def decorate(function: _Command) -> _Command:
        for option in reversed((*_what(scenarios, scopes), *_how(workers))):
            function = option(function)
        return function

    return decorate


def _what(scenarios: str, scopes: str) -> Sequence[Callable[[_Command], _Command]]:
    def axis(name: str, values: Sequence[str], default: str) -> Callable[[_Command], _Command]:
        described = f"Measure with this {name}; repeatable.  [default: {default}]"
        return click.option(f"--{name}", f"{name}s", type=click.Choice(values), multiple=True, help=described)

    described = f"Measure this scenario; repeatable.  [default: {scenarios}]"
    return (
        click.option("--scenario", "scenarios", multiple=True, metavar="NAME", help=described),
        composition_option,
        click.option("--size", default="180p", show_default=True, help="Picture size of the fixtures: 180p to 2160p."),
        axis("backend", BACKENDS, "libav"),
        axis("scope", SCOPES, scopes),
        axis("format", FORMATS, "jpg"),
        axis("cache", CACHES, "off"),
    )


def _how(workers: int) -> Sequence[Callable[[_Command], _Command]]:
    at_once = "Clips worked on at once; 0: one per core."
    return (
        click.option("--workers", type=click.IntRange(min=0), default=workers, show_default=True, help=at_once),
        click.option("--quality", type=click.IntRange(1, 100), help="JPEG quality.  [default: the engine's]"),
        click.option(
            "--sdr-mapping",
            type=click.Choice(SDR_MAPPINGS),
            help="How SDR is brought into an HDR composition.  [default: the engine's]",
        ),
        click.option(
            "--seed",
            type=int,
            default=_new_seed,
            show_default="a new one, kept in the record",
            help="Seed of the order of the runs.",
        ),
        click.option("--limit", type=SECONDS, default=300.0, show_default=True, help="Seconds that one run may take."),
        click.option("--record", type=FILE, help="Where to save the record.  [default: in hfbench's home]"),
    )


def _new_seed() -> int:
    """A fixed order could favour one side every time."""
    import secrets

    return secrets.randbelow(2**31)
