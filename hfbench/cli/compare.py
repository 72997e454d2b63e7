"""``hfbench compare``: records, or engines side by side."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from hfbench.cli.arguments import typed
from hfbench.cli.exit_codes import ExitCode
from hfbench.cli.judging import JudgingArguments, judging_options
from hfbench.cli.lines import say
from hfbench.cli.measuring import measuring_options, record_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hfbench.bench.judge.comparison import Comparison
    from hfbench.bench.judge.terms import Terms
    from hfbench.bench.protocol.client import EngineSpec
    from hfbench.bench.record import RunRecord

_HEADLINE: Final = "hdr-sdr-mixed-scope"
_AXES: Final = ("backend", "scope", "format", "cache")


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareArguments(JudgingArguments):
    """What the command line of ``compare`` says."""

    things: tuple[str, ...]
    rounds: int

    def terms(self) -> Terms:
        """The terms that decide."""
        from hfbench.bench.judge.terms import Terms

        return Terms(times=self.time_rules(), budgets=self.declared_budgets(), across=frozenset(self.across))

    def terms_for(self, record: RunRecord) -> Terms:
        """The terms for a record that holds its own: these, except for what the command line asks for."""
        from hfbench.bench.judge.gate_rule import up_to
        from hfbench.bench.judge.saved_records import own_terms

        own = own_terms(record)
        most_pairs = max(look for metric in own.times for look in metric.rule.looks)
        times = up_to(self.time_rules(), most_pairs) if self.block_on else own.times
        return replace(own, times=times, budgets=self.declared_budgets() if self.budgets else own.budgets)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What was compared; ``engines`` are names, where engines are shown side by side."""

    record: RunRecord
    comparisons: tuple[Comparison, ...]
    engines: tuple[str, ...] = ()


@click.command("compare", epilog=ExitCode.table())
@click.argument("things", nargs=-1, metavar="A B ...")
@click.option(
    "--engine",
    "engines",
    multiple=True,
    metavar="NAME[=COMMAND]",
    help="One more engine; with records: the NAME that is compared, where they hold several; repeatable.",
)
@click.option("--across", multiple=True, type=click.Choice(_AXES), help="An axis that differs on purpose; repeatable.")
@click.option(
    "--rounds", type=click.IntRange(1, 1000), default=10, show_default=True, help="Counted runs of each engine."
)
@measuring_options(scenarios=_HEADLINE, scopes="fused", workers=0)
@judging_options
@typed(CompareArguments)
def command(arguments: CompareArguments) -> int:
    """Compare A with B: two records; or one record with --across scope; or engines NAME=COMMAND, the first against
    each other one.

    \b
    hfbench compare old.json new.json
    hfbench compare run.json --across backend
    hfbench compare ours='hfbench worker' theirs='other-worker --fast'

    Engines run in turn on this machine. With too few rounds to show a regression, the output says how many it takes.
    """  # noqa: D205, D301  click's \b keeps the lines
    outcome = _compared(arguments)
    _print(outcome, arguments)
    return arguments.deliver(outcome.comparisons, outcome.record)


def _compared(arguments: CompareArguments) -> _Outcome:
    """Compare what was named; UsageError for what is neither records nor engines, or both."""
    from hfbench.bench.protocol.client import EngineSpec
    from hfbench.errors import UsageError

    records = [Path(thing) for thing in arguments.things if Path(thing).is_file()]
    texts = [thing for thing in arguments.things if not Path(thing).is_file()]
    unknown = next((text for text in texts if "=" not in text), None)
    if unknown is not None:
        raise UsageError(f"there is no record {unknown!r}: give a record's file, or an engine as NAME=COMMAND")
    chosen = [text for text in arguments.engines if records and "=" not in text]
    specs = [EngineSpec.parse(text) for text in (*texts, *arguments.engines) if text not in chosen]
    if len(specs) >= 2 and not records:
        return _side_by_side(arguments, specs)
    if specs or not 1 <= len(records) <= 2 or len(chosen) > len(records):
        raise UsageError("give two records, or one record, or at least two engines NAME=COMMAND (the baseline first)")
    return _saved(arguments, records, chosen)


def _saved(arguments: CompareArguments, paths: Sequence[Path], engines: Sequence[str]) -> _Outcome:
    """Compare saved records; ``engines`` holds the chosen ones: none, one for both records, or one for each."""
    from hfbench.bench.judge.saved_records import compare_apart, compare_one, compare_values
    from hfbench.bench.record_reader import load_record
    from hfbench.errors import UsageError

    records = [load_record(path) for path in paths]
    if len(records) == 2:
        names = tuple(path.name if paths[0].name != paths[1].name else str(path) for path in paths)
        first, second = (*engines, *engines, None, None)[:2]
        apart = compare_apart(records[0], records[1], (names[0], names[1]), arguments.terms(), (first, second))
        return _Outcome(records[1], (apart,))
    across = arguments.across
    if not across:
        return _Outcome(records[0], compare_one(records[0], arguments.terms_for(records[0])))
    if len(across) > 1:
        raise UsageError(f"within one record compare across one axis, not {' and '.join(across)}")
    return _Outcome(records[0], compare_values(records[0], across[0], arguments.terms(), next(iter(engines), None)))


def _side_by_side(arguments: CompareArguments, specs: Sequence[EngineSpec]) -> _Outcome:
    from hfbench.bench.judge.saved_records import compare_one
    from hfbench.bench.measure.compare import measure_engines
    from hfbench.bench.measure.opening import open_record
    from hfbench.bench.measure.schedule import Schedule
    from hfbench.bench.protocol.client import EngineError
    from hfbench.cli.terminal import progress_bar

    names = [spec.name for spec in specs]
    asked = _asked(arguments, names)  # wrong budgets are reported before anything is built
    work = arguments.build((_HEADLINE,), ("fused",))
    writer = open_record(record_path(arguments.record, "compare"), work.built, asked)
    schedule = Schedule(rounds=arguments.rounds, seed=arguments.seed)
    try:
        with progress_bar() as bar:
            measure_engines(
                specs,
                work,
                schedule,
                writer=writer,
                on_step=lambda step: bar.show(step.what, step.done, step.total),
            )
    except EngineError as error:
        writer.fail(error)
        writer.finish()
        if not writer.record.samples:
            raise
        say(f"hfbench: {error.message}")
    finally:
        say(f"record: {writer.path}")
    return _Outcome(writer.record, compare_one(writer.record), tuple(names))


def _asked(arguments: CompareArguments, engines: Sequence[str]) -> dict[str, Any]:
    """The options of the record: how the run was asked for, and what will decide."""
    from hfbench.bench.judge.gate_rule import GateRule

    terms = arguments.terms()
    return {
        "rounds": arguments.rounds,
        "size": arguments.size,
        "workers": arguments.workers,
        "seed": arguments.seed,
        "engines": list(engines),
        "terms": GateRule(times=terms.times, budgets=terms.budgets, across=terms.across).to_json(),
    }


def _print(outcome: _Outcome, arguments: CompareArguments) -> None:
    from hfbench.bench.render.json_format import json_of
    from hfbench.cli.comparison_table import print_comparison, print_engines
    from hfbench.cli.terminal import out, print_json

    if arguments.as_json:
        print_json(json_of(outcome.comparisons, allow_unsure=arguments.is_unsure_allowed))
    elif outcome.engines:
        print_engines(out(), outcome.record, outcome.engines, outcome.comparisons)
    else:
        for each in outcome.comparisons:
            print_comparison(out(), each)
            out().print()
