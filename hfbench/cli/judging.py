"""What ``compare`` and ``gate`` share in judging: the options, their values, and where an outcome is written."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from fixtures_gen.options import json_option
from hfbench.cli.choices import FILE
from hfbench.cli.lines import say
from hfbench.cli.measuring import MeasuringArguments

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hfbench.bench.judge.budgets import Budget
    from hfbench.bench.judge.comparison import Comparison
    from hfbench.bench.judge.terms import TimeMetric
    from hfbench.bench.record import RunRecord

_Command = TypeVar("_Command", bound="Callable[..., Any]")


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgingArguments(MeasuringArguments):
    """Values of :func:`judging_options`, in addition to what is measured."""

    across: tuple[str, ...]
    engines: tuple[str, ...]
    block_on: tuple[str, ...]
    budgets: Path | None
    allow_unsure: bool | None
    markdown: Path | None
    junit: Path | None
    link: str
    as_json: bool

    @property
    def judged_times(self) -> frozenset[str]:
        """``cpu`` always decides; ``wall`` where it is asked for."""
        return frozenset({"cpu", *self.block_on})

    def time_rules(self) -> tuple[TimeMetric, ...]:
        """The rules of the judged times."""
        from hfbench.bench.judge.terms import time_metrics

        return time_metrics(self.judged_times)

    def declared_budgets(self) -> tuple[Budget, ...]:
        """The budgets of the file that was named, or of the project in the current folder.

        Raises:
            UsageError: There is no such file, or a budget in it is not understood.
        """
        from hfbench.bench.judge.budgets import load_budgets
        from hfbench.bench.scenarios import SCENARIOS
        from hfbench.errors import UsageError

        if self.budgets is not None and not self.budgets.is_file():
            raise UsageError(f"there is no file {self.budgets} to read budgets from")
        return load_budgets(
            self.budgets or Path("pyproject.toml"), (*SCENARIOS, *(file.stem for file in self.compositions))
        )

    @property
    def is_unsure_allowed(self) -> bool:
        """As asked for; by default UNSURE does not block in the workflow of a pull request or of a merge queue."""
        if self.allow_unsure is not None:
            return self.allow_unsure
        event = os.environ.get("GITHUB_EVENT_NAME", "")
        return event.startswith("pull_request") or event == "merge_group"

    def deliver(self, outcomes: Sequence[Comparison], record: RunRecord, *, reproduce: str = "") -> int:
        """Write the files that were asked for, notify GitHub inside a workflow, and return the exit code.

        A file that can't be written never hides a verdict that is not 0.

        Raises:
            OutputError: A file can't be written, and the verdict is 0.
        """
        from hfbench.bench.judge.verdict import exit_code
        from hfbench.bench.record_writer import write_atomically
        from hfbench.bench.render.junit import junit_of
        from hfbench.bench.render.markdown import markdown_of
        from hfbench.bench.render.wording import verdict_of
        from hfbench.errors import OutputError

        markdown = markdown_of(outcomes, record, reproduce=reproduce, link=self.link)
        code = exit_code(verdict_of(outcomes), allow_unsure=self.is_unsure_allowed)
        _notify_github(outcomes, markdown)
        for place, text in ((self.markdown, markdown), (self.junit, junit_of(outcomes))):
            if place is None:
                continue
            try:
                write_atomically(place, text)
            except OutputError as error:
                if not code:
                    raise
                say(error.message)
        return code


def judging_options(function: _Command) -> _Command:
    """Options: what counts as a regression, and where the outcome is written."""
    for option in reversed(
        (
            click.option(
                "--block-on",
                multiple=True,
                type=click.Choice(("cpu", "wall")),
                help="wall: wall time decides too, not only CPU time.",
            ),
            click.option("--budgets", type=FILE, help="File with [tool.hfbench.budgets].  [default: ./pyproject.toml]"),
            click.option(
                "--allow-unsure/--no-allow-unsure",
                default=None,
                help="Exit with 0 for UNSURE.  [default: only in the workflow of a pull request or merge queue]",
            ),
            click.option("--markdown", type=FILE, help="Write a summary for reviewers to this file."),
            click.option("--junit", type=FILE, help="Write JUnit XML to this file."),
            click.option("--link", default="", help="A link for the Markdown, to a report or a workflow run."),
            json_option,
        )
    ):
        function = option(function)
    return function


def _notify_github(outcomes: Sequence[Comparison], markdown: str) -> None:
    """Write the summary that GitHub Actions shows with a job, and annotations; nothing elsewhere."""
    from hfbench.bench.render.annotations import to_annotations

    place = os.environ.get("GITHUB_STEP_SUMMARY")
    if place:
        try:
            with Path(place).open("a", encoding="utf-8") as summary:
                summary.write(markdown + "\n")
        except OSError as error:
            say(f"the step summary can't be written: {error.strerror or error}")
    if os.environ.get("GITHUB_ACTIONS") == "true":
        for outcome in outcomes:
            for line in to_annotations(outcome):
                say(line)  # the runner reads both streams; stdout may hold JSON
