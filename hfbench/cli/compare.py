"""``hfbench compare``: records, or engines side by side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from hfbench.cli.exit_codes import ExitCode
from hfbench.cli.judging import (
    Delivery,
    build,
    declared_budgets,
    deliver,
    judging_options,
    measuring_options,
    record_path,
    seed_of,
    time_rules,
)
from hfbench.cli.lines import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hfbench.bench.judge.compare import Comparison, Terms
    from hfbench.bench.protocol.client import EngineSpec
    from hfbench.bench.record import RunRecord

_HEADLINE: Final = "hdr-sdr-mixed-scope"
_AXES: Final = ("backend", "scope", "format", "cache")


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What was compared; ``engines`` are names, where engines are shown side by side."""

    record: RunRecord
    comparisons: tuple[Comparison, ...]
    engines: tuple[str, ...] = ()


@click.command("compare", epilog=ExitCode.table())
@click.argument("things", nargs=-1, metavar="A B ...")
@click.option("--engine", "engines", multiple=True, metavar="NAME=COMMAND", help="One more engine; repeatable.")
@click.option("--across", multiple=True, type=click.Choice(_AXES), help="Axes that differ on purpose.")
@click.option("--rounds", type=click.IntRange(1, 1000), default=10, show_default=True, help="Of engines: runs of each.")
@measuring_options(scenarios=_HEADLINE, scopes="fused", workers=0)
@judging_options
def command(**chosen: Any) -> int:
    """Compare A with B: two records; or one record with --across scope; or engines NAME=COMMAND, the first against
    each other one.

    \b
    hfbench compare old.json new.json
    hfbench compare run.json --across backend
    hfbench compare ours='hfbench worker' theirs='other-worker --fast'

    Engines run in turn on this machine. With too few rounds to show a regression, the output says how many it takes.
    """  # noqa: D205, D301  click's \b keeps the lines
    from hfbench.bench.judge.compare import Terms

    chosen["seed"] = seed_of(chosen)
    terms = Terms(times=time_rules(chosen), budgets=declared_budgets(chosen), across=frozenset(chosen["across"]))
    outcome = _compared(chosen, terms)
    delivery = Delivery.of(chosen)
    _print(outcome, delivery, as_json=chosen["as_json"])
    return deliver(outcome.comparisons, outcome.record, delivery)


def _compared(chosen: dict[str, Any], terms: Terms) -> _Outcome:
    """Raises UsageError for what is neither records nor engines, or both."""
    from hfbench.bench.protocol.client import EngineSpec
    from hfbench.errors import UsageError

    records = [Path(thing) for thing in chosen["things"] if Path(thing).is_file()]
    texts = [thing for thing in chosen["things"] if not Path(thing).is_file()]
    strange = next((text for text in texts if "=" not in text), None)
    if strange is not None:
        raise UsageError(f"there is no record {strange!r}: give a record's file, or an engine as NAME=COMMAND")
    specs = [EngineSpec.parse(text) for text in (*texts, *chosen["engines"])]
    if len(specs) >= 2 and not records:
        return _side_by_side(chosen, specs, terms)
    if specs or not 1 <= len(records) <= 2:
        raise UsageError("give two records, or one record, or at least two engines NAME=COMMAND (the baseline first)")
    return _saved(records, chosen["across"], terms)


def _saved(paths: Sequence[Path], across: Sequence[str], terms: Terms) -> _Outcome:
    from hfbench.bench.judge.saved_records import compare_apart, compare_one, compare_values
    from hfbench.bench.record import load_record
    from hfbench.errors import UsageError

    records = [load_record(path) for path in paths]
    if len(records) == 2:
        names = tuple(path.name if paths[0].name != paths[1].name else str(path) for path in paths)
        return _Outcome(records[1], (compare_apart(records[0], records[1], (names[0], names[1]), terms),))
    if not across:
        return _Outcome(records[0], compare_one(records[0], terms))
    if len(across) > 1:
        raise UsageError(f"within one record compare across one axis, not {' and '.join(across)}")
    return _Outcome(records[0], compare_values(records[0], across[0], terms))


def _side_by_side(chosen: dict[str, Any], specs: Sequence[EngineSpec], terms: Terms) -> _Outcome:
    from hfbench.bench.judge.saved_records import compare_one
    from hfbench.bench.measure.compare import measure_engines
    from hfbench.bench.measure.opening import open_record
    from hfbench.bench.measure.schedule import Schedule
    from hfbench.cli.terminal import progress_bar

    work = build(chosen, (_HEADLINE,), ("fused",))
    names = [spec.name for spec in specs]
    asked = {key: chosen[key] for key in ("rounds", "size", "workers", "seed")} | {"engines": names}
    writer = open_record(record_path(chosen, "compare"), work.built, asked)
    schedule = Schedule(rounds=chosen["rounds"], seed=chosen["seed"])
    try:
        with progress_bar() as bar:
            record = measure_engines(
                specs,
                work,
                schedule,
                writer=writer,
                on_step=lambda step: bar.show(step.what, step.done, step.total),
            )
    finally:
        say(f"record: {writer.path}")
    return _Outcome(record, compare_one(record, terms), tuple(names))


def _print(outcome: _Outcome, delivery: Delivery, *, as_json: bool) -> None:
    from hfbench.bench.render.json_format import json_of
    from hfbench.cli.comparison_table import print_comparison, print_engines
    from hfbench.cli.terminal import out, print_json

    if as_json:
        print_json(json_of(outcome.comparisons, allow_unsure=delivery.allow_unsure))
    elif outcome.engines:
        print_engines(out(), outcome.record, outcome.engines, outcome.comparisons)
    else:
        for each in outcome.comparisons:
            print_comparison(out(), each)
            out().print()
