"""``hfbench gate``: is a change a regression? Two revisions, or two engines, measured in pairs."""

from __future__ import annotations

import shlex
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from hfbench.bench.gate_defaults import LOOKS, REPEATS
from hfbench.cli.choices import FOLDER
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
    from collections.abc import Iterator
    from pathlib import Path

    from hfbench.bench.judge.compare import Comparison
    from hfbench.bench.measure.external import Work
    from hfbench.bench.measure.gate import GateOptions, OnProgress
    from hfbench.bench.protocol.client import EngineSpec
    from hfbench.bench.record import RecordWriter
    from hfbench.cli.gate_progress import GateProgress

#: What a gate measures unless told otherwise: the case that the suite exists for, and the other kind of preflight.
_SCENARIOS: Final = ("hdr-sdr-mixed-scope", "vfr-screen-recording")
#: ``source`` is the past; the other two are what must not become slower.
_SCOPES: Final = ("segment", "fused")


@click.command("gate", epilog=ExitCode.table())
@click.option("--base", help="Git revision to judge against: main, HEAD~1, a commit.")
@click.option("--head", default=".", show_default=True, help="Git revision to judge; . is the tree as it is now.")
@click.option("--repository", type=FOLDER, default=".", help="[default: here]")
@click.option(
    "--engine", "engines", multiple=True, metavar="NAME=COMMAND", help="Instead of revisions; twice, baseline first."
)
@click.option(
    "--across",
    multiple=True,
    type=click.Choice(("backend", "scope")),
    help="Axes in which the engines differ on purpose.",
)
@measuring_options(scenarios=" and ".join(_SCENARIOS), scopes=" and ".join(_SCOPES), workers=1)
@click.option(
    "--repeat",
    type=click.IntRange(1, 100),
    default=REPEATS,
    show_default=True,
    help="Runs of each side inside a pair; its medians count. More for scenarios that take less than 100 ms.",
)
@click.option(
    "--most-pairs", type=click.Choice([str(look) for look in LOOKS]), help=f"The last look.  [default: {LOOKS[-1]}]"
)
@judging_options
def command(**chosen: Any) -> int:
    """Judge a change: PASS, FAIL or UNSURE, with known error rates (docs/gate.md).

    Both sides run on this machine in pairs, in random order, until the rule decides: CPU time by a paired test, counted
    work and bytes exactly, declared budgets on the median. Some pairs are baseline against baseline: if these differ,
    nothing is judged.
    """
    from hfbench.bench.measure.opening import open_record

    chosen["seed"] = seed_of(chosen)
    options = _options(chosen)
    subject = _subject(chosen)
    work = build(chosen, _SCENARIOS, _SCOPES)
    writer = open_record(record_path(chosen, "gate"), work.built, _asked(chosen, options))
    with _shown(writer) as progress:
        outcome = _gate(subject, work, options, writer, progress.show)
    return _report(outcome, writer, Delivery.of(chosen, _reproduce(chosen)), as_json=chosen["as_json"])


def _options(chosen: dict[str, Any]) -> GateOptions:
    from hfbench.bench.judge.gate_rule import GateRule, up_to
    from hfbench.bench.measure.gate import GateOptions

    rule = GateRule(
        times=up_to(time_rules(chosen), int(chosen["most_pairs"]) if chosen["most_pairs"] else None),
        budgets=declared_budgets(chosen),
        across=frozenset(chosen["across"]),
    )
    return GateOptions(rule=rule, seed=chosen["seed"], repeats=chosen["repeat"])


@dataclass(frozen=True, slots=True)
class _Revisions:
    """Two states of a project."""

    repository: Path
    base: str
    head: str


@dataclass(frozen=True, slots=True)
class _Engines:
    """Two engines that somebody else built."""

    base: EngineSpec
    contender: EngineSpec


def _subject(chosen: dict[str, Any]) -> _Revisions | _Engines:
    """What is judged.

    Raises:
        UsageError: neither two engines nor a base, or both.
    """
    from hfbench.bench.protocol.client import EngineSpec
    from hfbench.errors import UsageError

    specs = tuple(EngineSpec.parse(text) for text in chosen["engines"])
    if bool(specs) == bool(chosen["base"]) or len(specs) not in {0, 2}:
        raise UsageError("say --base REVISION, or --engine NAME=COMMAND twice (the baseline first), and not both")
    return _Engines(*specs) if specs else _Revisions(chosen["repository"], chosen["base"], chosen["head"])


def _gate(
    subject: _Revisions | _Engines,
    work: Work,
    options: GateOptions,
    writer: RecordWriter,
    on_progress: OnProgress,
) -> Comparison:
    from hfbench.bench.measure.gate import gate, gate_revisions
    from hfbench.home import home_folder

    if isinstance(subject, _Engines):
        return gate(
            subject.base,
            subject.contender,
            work,
            options,
            writer=writer,
            on_progress=on_progress,
        )
    return gate_revisions(
        subject.repository,
        subject.base,
        subject.head,
        work,
        options,
        store=home_folder() / "environments",
        writer=writer,
        on_progress=on_progress,
    )


@contextmanager
def _shown(writer: RecordWriter) -> Iterator[GateProgress]:
    """Progress; after an interruption, where the record is and what it says by itself."""
    from hfbench.bench.judge.verdict import name_of
    from hfbench.cli.gate_progress import gate_progress

    try:
        with gate_progress() as progress:
            yield progress
    except KeyboardInterrupt:
        last = progress.last
        so_far = f"{name_of(last.comparison.verdict)} so far" if last and last.comparison else "nothing measured"
        pairs = last.pairs if last else 0
        say(f"interrupted after {pairs} pairs, {so_far}; record: {writer.path}")
        raise


def _report(outcome: Comparison, writer: RecordWriter, delivery: Delivery, *, as_json: bool) -> int:
    from hfbench.bench.render.json_format import to_json
    from hfbench.cli.comparison_table import print_comparison
    from hfbench.cli.terminal import out, print_json

    if as_json:
        print_json(to_json(outcome, reproduce=delivery.reproduce, allow_unsure=delivery.allow_unsure))
    else:
        print_comparison(out(), outcome)
    say(f"record: {writer.path}")
    return deliver((outcome,), writer.record, delivery)


def _asked(chosen: dict[str, Any], options: GateOptions) -> dict[str, Any]:
    """What the record keeps of how it was asked for: enough to judge it once more."""
    return {
        "command": _reproduce(chosen),
        "seed": options.seed,
        "across": sorted(options.rule.across),
        "most_pairs": options.rule.most_pairs,
        "canary_share": options.rule.canary_share,
        "repeats": options.repeats,
        "pairs_per_process": options.pairs_per_process,
        "block_on": sorted({"cpu", *chosen["block_on"]}),
        "size": chosen["size"],
        "workers": chosen["workers"],
    }


def _reproduce(chosen: dict[str, Any]) -> str:
    """The command that measures the same again, with the seed of the order."""
    given = click.get_current_context()
    places = {"record", "markdown", "junit", "link", "as_json", "allow_unsure", "repository", "seed", "budgets"}
    words = ["hfbench", "gate"]
    for parameter in given.command.params:
        name = parameter.name or ""
        value = chosen.get(name)
        if name in places or value in {None, (), ""} or value == parameter.default:
            continue
        for each in value if isinstance(value, tuple) else (value,):
            words += [parameter.opts[0], str(each)]
    return shlex.join([*words, "--seed", str(chosen["seed"])])
