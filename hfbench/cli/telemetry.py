"""Telemetry for commands: sinks opened before, one event after, notes on stderr. It never changes a result."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from hfbench.options import ExtractOptions
    from hfbench.result import ExtractionResult


@contextmanager
def telemetry(sinks: Sequence[str]) -> Iterator[Callable[[ExtractionResult, ExtractOptions], None]]:
    """Give a function that reports a finished extraction to the chosen sinks.

    Raises:
        UsageError: a sink that can't be understood.
        NotInstalledError: a sink whose client library is missing.
    """
    if not sinks and not os.environ.get("HFBENCH_SINK"):  # nothing is imported for nothing
        yield lambda result, options: None  # noqa: ARG005
        return
    from hfbench.telemetry import open_dispatcher, render_complete, render_failed

    with open_dispatcher(sinks, os.environ) as dispatcher:

        def emit(result: ExtractionResult, options: ExtractOptions) -> None:
            if not dispatcher.is_live:
                return
            facts = _facts(result, options)
            dispatcher.emit(render_complete(result.breakdown.to_json(), facts))
            if result.failures:
                dispatcher.emit(render_failed(Counter(each.kind.value for each in result.failures), facts))

        yield emit
    for line in (*dispatcher.notes, *dispatcher.complaints()):
        click.echo(f"telemetry: {line}", err=True)


def _facts(result: ExtractionResult, options: ExtractOptions) -> dict[str, object]:
    from hfbench._version import __version__
    from hfbench.telemetry import machine_facts

    return {
        **machine_facts(os.environ),
        "engine": "hfbench",
        "engine_version": __version__,
        "scope": options.scope.value,
        "backend": options.backend,
        "image_format": options.format.value if options.format else "auto",
        "clip_count": len(result.outcomes),
    }
