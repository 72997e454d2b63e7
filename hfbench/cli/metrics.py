"""``hfbench metrics``: every metric, its unit and its meaning."""

from __future__ import annotations

import click

from fixtures_gen.options import json_option
from hfbench.cli.terminal import out, plain_table, print_json


@click.command("metrics")
@json_option
def command(*, as_json: bool) -> None:
    """List every metric with its unit and meaning."""
    from hfbench.model.metrics import METRICS

    if as_json:
        print_json({name: {"unit": unit, "meaning": meaning} for name, (unit, meaning) in METRICS.items()})
        return
    table = plain_table("metric", "unit", "meaning")
    for name, (unit, meaning) in METRICS.items():
        table.add_row(name, unit, meaning)
    out().print(table)
