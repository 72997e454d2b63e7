"""Telemetry for commands: one event per extraction, notes on stderr. It never changes a result."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hfbench.cli.lines import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from hfbench.model.options import ExtractOptions
    from hfbench.model.result import ExtractionResult
    from hfbench.telemetry import TelemetryEvent

_Command = TypeVar("_Command", bound="Callable[..., Any]")

_SINKS = "jsonl:FILE, sqlite:FILE, otlp:URL, posthog:, stdout: (not with --json); repeatable."
sink_option: Callable[[_Command], _Command] = click.option(
    "--sink", "sinks", multiple=True, metavar="SINK", help=f"Telemetry: {_SINKS}"
)


@contextmanager
def telemetry(
    sinks: Sequence[str], *, as_json: bool, extractions: int = 1
) -> Iterator[Callable[[ExtractionResult, ExtractOptions], None]]:
    """Yield a function to report each finished extraction to; the events go to the chosen sinks at the end.

    Not before: a client that sends while the next extraction is measured takes CPU time that is counted as that
    extraction's. The events keep the times at which they were reported, and are sent however the block ends.

    Args:
        sinks: As on the command line; ``HFBENCH_SINK`` names more.
        as_json: Whether standard output is for one document, and so not for events.
        extractions: The most that may be reported.

    Raises:
        UsageError: A sink that is not known, or that writes to the standard output that ``--json`` uses.
        NotInstalledError: A sink whose client library is missing.
    """
    if not sinks and not os.environ.get("HFBENCH_SINK"):  # do not import the clients
        yield lambda result, options: None  # noqa: ARG005
        return
    from hfbench.telemetry import open_dispatcher, render_complete, render_failed

    if as_json:
        _keep_stdout_for_json(sinks)
    events: list[TelemetryEvent] = []

    def report(result: ExtractionResult, options: ExtractOptions) -> None:
        facts = _facts(result, options)
        events.append(render_complete(result.breakdown.to_json(), facts))
        if result.failures:
            events.append(render_failed(Counter(each.kind.value for each in result.failures), facts))

    dispatcher = open_dispatcher(sinks, os.environ, 2 * extractions)
    try:
        yield report
    finally:
        with dispatcher:
            for event in events:
                dispatcher.emit(event)
        for line in (*dispatcher.notes, *dispatcher.complaints()):
            say(line)


def _keep_stdout_for_json(sinks: Sequence[str]) -> None:
    """Reject a sink that would write into the JSON document.

    Raises:
        UsageError: A sink writes to standard output.
    """
    from hfbench.errors import UsageError
    from hfbench.telemetry.policy import choose_sinks

    if any(choice.spec.scheme == "stdout" for choice in choose_sinks(sinks, os.environ)):
        raise UsageError(
            "the sink stdout: and --json both write to standard output: send events to jsonl:FILE, or leave one out"
        )


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
