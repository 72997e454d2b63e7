"""``hfbench worker``: hfbench's own engine behind the protocol of docs/protocol.md."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace

import click

from hfbench.cli.arguments import typed
from hfbench.cli.choices import BACKENDS, FORMATS, SCOPES


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerArguments:
    """What the command line of ``worker`` says; None where a request decides."""

    backend: str | None
    scope: str | None
    image_format: str | None

    def fixed(self) -> dict[str, str]:
        """The axes that a request can't change."""
        values = {"backend": self.backend, "scope": self.scope, "format": self.image_format}
        return {axis: value for axis, value in values.items() if value is not None}


@click.command("worker")
@click.option("--backend", type=click.Choice(BACKENDS), help="Always this backend.  [default: as asked]")
@click.option("--scope", type=click.Choice(SCOPES), help="Always this scope.  [default: as asked]")
@click.option("--format", "image_format", type=click.Choice(FORMATS), help="Always this format.  [default: as asked]")
@typed(WorkerArguments)
def command(arguments: WorkerArguments) -> None:
    """Answer requests on stdin with a JSON line each on stdout: an engine for ``hfbench gate`` and ``hfbench compare``.

    A request can't change what an option fixes; the answer to ``hello`` says what is fixed.
    """
    from hfbench.bench.protocol.server import engine_hello, private_stdout, run_extraction, serve

    axes = arguments.fixed()
    with private_stdout() as answers:
        serve(
            sys.stdin.buffer,
            answers,
            lambda: engine_hello(axes),
            lambda request: run_extraction(replace(request, options={**request.options, **axes})),
        )
