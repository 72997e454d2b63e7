"""``hfbench worker``: hfbench's own engine, spoken to in the protocol of docs/protocol.md."""

from __future__ import annotations

import sys
from dataclasses import replace

import click

from hfbench.cli.choices import BACKENDS, FORMATS, SCOPES


@click.command("worker")
@click.option("--backend", type=click.Choice(BACKENDS), help="Always this backend.  [default: as asked]")
@click.option("--scope", type=click.Choice(SCOPES), help="Always this scope.  [default: as asked]")
@click.option("--format", type=click.Choice(FORMATS), help="Always this format.  [default: as asked]")
def command(**chosen: str | None) -> None:
    """Answer requests on stdin, a JSON line each, on stdout: an engine for ``hfbench gate`` and ``hfbench compare``.

    What an option fixes stays so, whatever a request asks for; the answer to ``hello`` says what is fixed.
    """
    from hfbench.bench.protocol.server import engine_hello, private_stdout, run_extraction, serve

    axes = {axis: value for axis, value in chosen.items() if value is not None}
    with private_stdout() as answers:
        serve(
            sys.stdin.buffer,
            answers,
            lambda: engine_hello(axes),
            lambda request: run_extraction(replace(request, options={**request.options, **axes})),
        )
