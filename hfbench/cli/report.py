"""``hfbench report``: run notebooks and write them as pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from fixtures_gen.options import json_option
from hfbench.cli.arguments import typed
from hfbench.cli.choices import PLACE
from hfbench.cli.escaping import shown
from hfbench.cli.lines import say
from hfbench.cli.terminal import out, plain_table, print_json, progress_bar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hfbench.report import Notebook, Ran

_SCHEMA: Final = "hfbench-report/1"
#: The notebooks that show given records; the others measure for themselves.
_OF_RECORDS: Final = ("02-preflight-scopes", "04-compare", "05-history")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportArguments:
    """What the command line of ``report`` says."""

    records: tuple[Path, ...]
    names: tuple[str, ...]
    pairs: tuple[str, ...]
    folder: Path
    list_them: bool
    as_json: bool


@click.command("report")
@click.argument("records", nargs=-1, type=PLACE)
@click.option(
    "--notebook", "-n", "names", multiple=True, help="Name or path, repeatable.  [default: all, or those of records]"
)
@click.option("--parameter", "-p", "pairs", multiple=True, metavar="NAME=VALUE", help="For every notebook that has it.")
@click.option("--out", "folder", type=PLACE, default=Path("hfbench-report"), show_default=True)
@click.option("--list", "list_them", is_flag=True, help="List the notebooks and their parameters, and stop.")
@json_option
@typed(ReportArguments)
def command(arguments: ReportArguments) -> None:
    """Run notebooks, on RECORDS or new measurements, and write HTML pages with an index into one folder.

    A notebook that stops at an error is kept up to that cell, and the command exits with 3.
    """
    from hfbench.bench.record_reader import load_record
    from hfbench.report import choose_notebooks, find_notebooks, parameters_for, read_parameters

    names = arguments.names or (_OF_RECORDS if arguments.records else ())
    notebooks = choose_notebooks(names) if names else find_notebooks()
    if arguments.list_them:
        _list(notebooks)
        return
    for record in arguments.records:
        load_record(record)  # a record that can't be read is reported before minutes are spent
    parameters = parameters_for(notebooks, read_parameters(arguments.pairs), arguments.records)
    ran = _run(notebooks, parameters, arguments.folder)
    pages = _write_pages(ran, arguments)
    if arguments.as_json:
        print_json(pages)
    else:
        out().print(f"report: {shown(pages['index'])}", soft_wrap=True)
    _report_failures(ran)


def _run(notebooks: Sequence[Notebook], parameters: dict[str, dict[str, Any]], folder: Path) -> list[Ran]:
    from hfbench.report import run_notebook

    ran = []
    with progress_bar() as bar:
        for place, notebook in enumerate(notebooks, 1):
            step = f"{notebook.name} ({place} of {len(notebooks)}), cells"

            def report(done: int, total: int, step: str = step) -> None:
                bar.show(step, done, total)

            bar.show(step, 0, 1)
            kept = folder / "notebooks" / f"{notebook.name}.ipynb"
            ran.append(run_notebook(notebook, parameters[notebook.name], kept, report))
    return ran


def _write_pages(ran: list[Ran], arguments: ReportArguments) -> dict[str, Any]:
    """Write one page per notebook and the index; returns the document of ``--json``."""
    from hfbench.bench.machine import machine_facts, versions
    from hfbench.report import write_index, write_page

    names = [each.notebook.name for each in ran]
    pages = [write_page(each, names, arguments.folder) for each in ran]
    facts = {
        "made": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "records": ", ".join(record.name for record in arguments.records)
        or "none given: measured now, or read from the records kept on this machine",
        "parameters": ", ".join(arguments.pairs) or "as the notebooks have them",
        "machine": ", ".join(f"{name} {value}" for name, value in machine_facts().items()),
        "software": ", ".join(f"{name} {value}" for name, value in versions().items()),
    }
    index = write_index(ran, facts, arguments.folder)
    described = [_page(each, page) for each, page in zip(ran, pages, strict=True)]
    return {"schema": _SCHEMA, "index": str(index), "pages": described}


def _report_failures(ran: list[Ran]) -> None:
    """One line for each notebook that failed.

    Raises:
        UsageError: at least one failed, and all of these because of the value of a parameter.
        MeasurementError: at least one failed for another reason.
    """
    from hfbench.errors import MeasurementError, UsageError

    failed = [(each, each.failure) for each in ran if each.failure]
    for each, failure in failed:
        say(f"{each.notebook.name}, {failure.message}; kept: {each.executed}")
    if failed:
        is_wrong_use = all(failure.is_wrong_use for _, failure in failed)
        summary = f"{len(failed)} of {len(ran)} notebooks failed; the last error: {failed[-1][1].error}"
        raise UsageError(summary) if is_wrong_use else MeasurementError(summary)


def _page(ran: Ran, page: Path) -> dict[str, Any]:
    return {
        "notebook": ran.notebook.name,
        "page": str(page),
        "executed": str(ran.executed),
        "seconds": round(ran.seconds, 1),
        "error": ran.failure.error if ran.failure else None,
    }


def _list(notebooks: Sequence[Notebook]) -> None:
    from hfbench.report.parameters import declared_by

    table = plain_table("notebook", "what it shows", "parameters")
    for notebook in notebooks:
        parameters = ", ".join(f"{each.name}={each.default}" for each in declared_by(notebook).values())
        table.add_row(shown(notebook.name), shown(notebook.about), shown(parameters))
    out().print(table)
