"""``hfbench report``: run notebooks and write them as pages."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from fixtures_gen.options import json_option
from hfbench.cli.choices import PLACE
from hfbench.cli.lines import say, shown
from hfbench.cli.terminal import out, plain_table, print_json, progress_bar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hfbench.report import Notebook, Ran

_SCHEMA: Final = "hfbench-report/1"
#: What is shown of records that were given; the other notebooks measure for themselves.
_OF_RECORDS: Final = ("02-preflight-scopes", "04-compare", "05-history")


@click.command("report")
@click.argument("records", nargs=-1, type=PLACE)
@click.option(
    "--notebook", "-n", "names", multiple=True, help="Name or path, repeatable.  [default: all, or those of records]"
)
@click.option("--parameter", "-p", "pairs", multiple=True, metavar="NAME=VALUE", help="For every notebook that has it.")
@click.option("--out", "folder", type=PLACE, default=Path("hfbench-report"), show_default=True)
@click.option("--list", "list_them", is_flag=True, help="List the notebooks and their parameters, and stop.")
@json_option
def command(records: tuple[Path, ...], **chosen: Any) -> None:
    """Run notebooks, on RECORDS or measuring anew, and write HTML pages with an index into one folder.

    A notebook whose cell fails is kept as far as it came, and the command ends with code 3.
    """
    from hfbench.bench.record import load_record
    from hfbench.report import choose_notebooks, find_notebooks, parameters_for, read_parameters

    names = chosen["names"] or (_OF_RECORDS if records else ())
    notebooks = choose_notebooks(names) if names else find_notebooks()
    if chosen["list_them"]:
        _list(notebooks)
        return
    for record in records:
        load_record(record)  # a record that can't be read is said before minutes are spent
    parameters = parameters_for(notebooks, read_parameters(chosen["pairs"]), records)
    ran = _run(notebooks, parameters, chosen["folder"])
    _write(ran, records, chosen)


def _run(notebooks: Sequence[Notebook], parameters: dict[str, dict[str, Any]], folder: Path) -> list[Ran]:
    from hfbench.report import run_notebook

    ran = []
    with progress_bar() as bar:
        for place, notebook in enumerate(notebooks, 1):
            shown = f"{notebook.name} ({place} of {len(notebooks)}), cells"

            def tell(done: int, total: int, shown: str = shown) -> None:
                bar.show(shown, done, total)

            bar.show(shown, 0, 1)
            kept = folder / "notebooks" / f"{notebook.name}.ipynb"
            ran.append(run_notebook(notebook, parameters[notebook.name], kept, tell))
    return ran


def _write(ran: list[Ran], records: Sequence[Path], chosen: dict[str, Any]) -> None:
    from hfbench.bench.machine import machine_facts, versions
    from hfbench.errors import MeasurementError, UsageError
    from hfbench.report import write_index, write_page

    folder: Path = chosen["folder"]
    names = [each.notebook.name for each in ran]
    pages = [write_page(each, names, folder) for each in ran]
    facts = {
        "made": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "records": ", ".join(record.name for record in records)
        or "none given: measured anew, or read from what is kept",
        "parameters": ", ".join(chosen["pairs"]) or "as the notebooks have them",
        "machine": ", ".join(f"{name} {value}" for name, value in machine_facts().items()),
        "software": ", ".join(f"{name} {value}" for name, value in versions().items()),
    }
    index = write_index(ran, facts, folder)
    failed = [(each, each.failure) for each in ran if each.failure]
    if chosen["as_json"]:
        print_json(
            {"schema": _SCHEMA, "index": str(index), "pages": [_page(*each) for each in zip(ran, pages, strict=True)]}
        )
    else:
        out().print(f"report: {shown(index)}", soft_wrap=True)
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
