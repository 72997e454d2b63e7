"""What a gate shows while it runs: pairs, the interval so far, the verdict so far."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from rich.live import Live
from rich.table import Table
from rich.text import Text

from hfbench.bench.judge.comparison import Comparison, Kind, Row, interval
from hfbench.bench.judge.verdict import Unsure, name_of
from hfbench.cli.comparison_table import style_of
from hfbench.cli.escaping import shown
from hfbench.cli.lines import say
from hfbench.cli.terminal import err

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from hfbench.bench.measure.gate import Progress

#: Without a terminal (CI) a line is written each time this many pairs of a case are done.
_PAIRS_A_LINE: Final = 5


class GateProgress:
    """Shows a gate's state after every pair: drawn by rich on a terminal, else as a line every few pairs."""

    def __init__(self, *, is_drawn: bool) -> None:
        self._is_drawn = is_drawn
        self._started = time.monotonic()
        self._written: set[tuple[str, str, int]] = set()
        self.last: Progress | None = None

    def __rich__(self) -> RenderableType:
        return self._drawn(self.last) if self.last else ""

    def show(self, progress: Progress) -> None:
        """Keep the state for the display, or write it as a line."""
        self.last = progress
        if self._is_drawn:
            return
        if progress.comparison is None:
            say(progress.stage)
        else:
            self._write(progress.comparison)

    def _drawn(self, progress: Progress) -> Table:
        elapsed = time.monotonic() - self._started
        if progress.comparison is None:
            waiting = Table.grid()
            waiting.add_row(f"{shown(progress.stage)}  {elapsed:.0f} s")
            return waiting
        table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
        for name in ("case", "metric", "pairs", "change so far", "so far"):
            table.add_column(name)
        for row in _judged(progress.comparison):
            table.add_row(str(row.case), row.metric, *_state(row), Text(_so_far(row), style=style_of(row.verdict)))
        whole = f"{progress.pairs} pairs of at most {progress.most_pairs}, {elapsed:.0f} s"
        table.caption = whole
        table.caption_justify = "left"
        return table

    def _write(self, comparison: Comparison) -> None:
        for row in _judged(comparison):
            pairs, change = _state(row)
            key = (str(row.case), row.metric, int(pairs))
            if int(pairs) % _PAIRS_A_LINE == 0 and key not in self._written:
                self._written.add(key)
                say(f"{row.case}: {row.metric} {change} after {pairs} pairs: {_so_far(row)}")


@contextmanager
def gate_progress() -> Iterator[GateProgress]:
    """A display that disappears when the gate is over."""
    console = err()
    if not console.is_terminal:
        yield GateProgress(is_drawn=False)
        return
    progress = GateProgress(is_drawn=True)
    # Once per second: drawing takes CPU time while engines are measured.
    with Live(progress, console=console, transient=True, refresh_per_second=1):
        yield progress


def _judged(comparison: Comparison) -> list[Row]:
    return [row for row in comparison.rows if row.kind is Kind.TIME and row.is_blocking and row.judgement]


def _state(row: Row) -> tuple[str, str]:
    found = row.judgement.bound if row.judgement else None
    return (str(found.pairs), f"{found.change:+.1%} {interval(found)}") if found else ("0", "")


def _so_far(row: Row) -> str:
    is_open = isinstance(row.verdict, Unsure) and row.judgement is not None and not row.judgement.state.is_final
    return "undecided" if is_open else name_of(row.verdict)
