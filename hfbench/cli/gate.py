"""``hfbench gate``: is a change a regression? Two revisions, or two engines, measured in pairs."""

from __future__ import annotations

import shlex
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from hfbench.bench.gate_defaults import LOOKS, REPEATS
from hfbench.cli.arguments import typed
from hfbench.cli.choices import FILE, FOLDER
from hfbench.cli.exit_codes import ExitCode
from hfbench.cli.judging import JudgingArguments, judging_options
from hfbench.cli.lines import say
from hfbench.cli.measuring import measuring_options, record_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hfbench.bench.judge.comparison import Comparison
    from hfbench.bench.measure.external import Work
    from hfbench.bench.measure.gate import GateOptions, OnProgress
    from hfbench.bench.protocol.client import EngineSpec
    from hfbench.bench.record_writer import RecordWriter
    from hfbench.cli.gate_progress import GateProgress

#: The default of --scenario: the main case of the suite, and the other kind of preflight.
_SCENARIOS: Final = ("hdr-sdr-mixed-scope", "vfr-screen-recording")
#: ``source`` is the old way; the other two must not become slower.
_SCOPES: Final = ("segment", "fused")
#: Parameters that decide where the outcome is written, not what is measured.
_PLACES: Final = frozenset(
    {"record", "markdown", "junit", "link", "as_json", "allow_unsure", "repository", "seed", "budgets"}
)


@dataclass(frozen=True, slots=True)
class _Revisions:
    """Two states of a project."""

    repository: Path
    base: str
    head: str
    engine: str = ""


@dataclass(frozen=True, slots=True)
class _Engines:
    """Two engines that have been built already."""

    base: EngineSpec
    contender: EngineSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class GateArguments(JudgingArguments):
    """What the command line of ``gate`` says."""

    base: str | None
    head: str
    repository: Path
    repeat: int
    most_pairs: str | None
    explain: Path | None

    def options(self) -> GateOptions:
        """How the gate measures, and what decides."""
        from hfbench.bench.judge.gate_rule import GateRule, up_to
        from hfbench.bench.measure.gate import GateOptions

        rule = GateRule(
            times=up_to(self.time_rules(), int(self.most_pairs) if self.most_pairs else None),
            budgets=self.declared_budgets(),
            across=frozenset(self.across),
        )
        return GateOptions(rule=rule, seed=self.seed, repeats=self.repeat)

    def subject(self) -> _Revisions | _Engines:
        """The subject of the gate.

        Raises:
            UsageError: Neither two engines nor a base, or both.
        """
        from hfbench.bench.protocol.client import EngineSpec
        from hfbench.errors import UsageError

        specs = tuple(EngineSpec.parse(text) for text in self.engines)
        if len(specs) != (2 if self.base is None else min(len(specs), 1)):
            raise UsageError(
                "say --base REVISION (with --engine NAME=COMMAND once, where the project does not declare its engine), "
                "or --engine NAME=COMMAND twice (the baseline first), and not both"
            )
        if self.base is None:
            return _Engines(*specs)
        return _Revisions(self.repository, self.base, self.head, shlex.join(specs[0].command) if specs else "")

    def reproduce(self) -> str:
        """The command that measures the same again, with the seed of the order."""
        command = ["hfbench", "gate"]
        for parameter in click.get_current_context().command.params:
            name = parameter.name or ""
            value = getattr(self, name, None)
            if name in _PLACES or value in {None, (), ""} or value == parameter.default:
                continue
            for each in value if isinstance(value, tuple) else (value,):
                command += [parameter.opts[0], str(each)]
        return shlex.join([*command, "--seed", str(self.seed)])

    def asked(self, options: GateOptions) -> dict[str, Any]:
        """The options that the record keeps: enough to judge it again."""
        return {
            "command": self.reproduce(),
            "seed": options.seed,
            "across": sorted(options.rule.across),
            "most_pairs": options.rule.most_pairs,
            "canary_share": options.rule.canary_share,
            "repeats": options.repeats,
            "pairs_per_process": options.pairs_per_process,
            "block_on": sorted(self.judged_times),
            "size": self.size,
            "workers": self.workers,
        }


@click.command("gate", epilog=ExitCode.table())
@click.option("--base", metavar="REVISION", help="Git revision to judge against: main, HEAD~1, a commit.")
@click.option(
    "--head",
    metavar="REVISION",
    default=".",
    show_default=True,
    help="Git revision to judge; . is the working tree.",
)
@click.option("--repository", type=FOLDER, default=".", help="Folder of the git repository.  [default: .]")
@click.option(
    "--engine",
    "engines",
    multiple=True,
    metavar="NAME=COMMAND",
    help="Judge engines instead of revisions: twice, the baseline first. Once, with --base: the engine of the project.",
)
@click.option(
    "--across",
    multiple=True,
    type=click.Choice(("backend", "scope")),
    help="An axis in which the engines differ on purpose; repeatable.",
)
@measuring_options(scenarios=" and ".join(_SCENARIOS), scopes=" and ".join(_SCOPES), workers=1)
@click.option(
    "--repeat",
    type=click.IntRange(1, 100),
    default=REPEATS,
    show_default=True,
    help="Runs of each side in a pair; the medians count. Use more for scenarios that take less than 100 ms.",
)
@click.option(
    "--most-pairs",
    type=click.Choice([str(look) for look in LOOKS]),
    help=f"Stop after this many pairs.  [default: {LOOKS[-1]}]",
)
@click.option(
    "--explain", type=FILE, metavar="RECORD", help="Say why this record's verdict is what it is; no measuring."
)
@judging_options
@typed(GateArguments)
def command(arguments: GateArguments) -> int:
    """Judge a change: PASS, FAIL or UNSURE, with known error rates (docs/gate.md).

    Both sides run on this machine in pairs, in random order, until the rule decides: CPU time by a paired test, counted
    work and bytes exactly, declared budgets on the median. Some pairs are baseline against baseline: if these differ,
    nothing is judged.
    """
    from hfbench.bench.measure.opening import open_record

    if arguments.explain is not None:
        return _explain(arguments.explain, arguments)
    options, subject = arguments.options(), arguments.subject()
    work = arguments.build(_SCENARIOS, _SCOPES)
    writer = open_record(record_path(arguments.record, "gate"), work.built, arguments.asked(options))
    with _shown(writer) as progress:
        outcome = _gate(subject, work, options, writer, progress.show)
    _print(outcome, arguments)
    say(f"record: {writer.path}")
    return arguments.deliver((outcome,), writer.record, reproduce=arguments.reproduce())


def _explain(path: Path, arguments: GateArguments) -> int:
    """Print why the verdict is what it is; the exit code is that of the measurement."""
    from hfbench.bench.judge.saved_records import compare_one
    from hfbench.bench.judge.verdict import exit_code
    from hfbench.bench.record_reader import load_record
    from hfbench.bench.render.explanation import explained
    from hfbench.bench.render.wording import verdict_of
    from hfbench.cli.escaping import shown
    from hfbench.cli.terminal import out

    record = load_record(path)
    for line in explained(record):
        out().print(shown(line), markup=False, highlight=False, soft_wrap=True)
    return exit_code(verdict_of(compare_one(record)), allow_unsure=arguments.is_unsure_allowed)


def _gate(
    subject: _Revisions | _Engines,
    work: Work,
    options: GateOptions,
    writer: RecordWriter,
    on_progress: OnProgress,
) -> Comparison:
    from hfbench.bench.measure.environments import Project
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
    project = Project(subject.repository, home_folder() / "environments", subject.engine)
    return gate_revisions(
        project,
        subject.base,
        subject.head,
        work,
        options,
        writer=writer,
        on_progress=on_progress,
    )


@contextmanager
def _shown(writer: RecordWriter) -> Iterator[GateProgress]:
    """Show progress and, after an interruption, where the record is and its verdict so far."""
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


def _print(outcome: Comparison, arguments: GateArguments) -> None:
    from hfbench.bench.render.json_format import to_json
    from hfbench.cli.comparison_table import print_comparison
    from hfbench.cli.terminal import out, print_json

    if arguments.as_json:
        print_json(to_json(outcome, reproduce=arguments.reproduce(), allow_unsure=arguments.is_unsure_allowed))
    else:
        print_comparison(out(), outcome)
