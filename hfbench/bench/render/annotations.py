"""A comparison as GitHub's workflow commands, which a runner shows as annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hfbench.bench.judge.verdict import CouldNotMeasure, Fail, name_of
from hfbench.bench.render.wording import verdict_line

if TYPE_CHECKING:
    from hfbench.bench.judge.comparison import Comparison


def to_annotations(outcome: Comparison) -> tuple[str, ...]:
    """Workflow commands: an ``::error`` for FAIL and COULD_NOT_MEASURE, else a ``::notice``; one line per reason."""
    level = "error" if isinstance(outcome.verdict, Fail | CouldNotMeasure) else "notice"
    title = f"hfbench {name_of(outcome.verdict)}"
    reasons = outcome.verdict.reasons or (verdict_line(outcome),)
    return tuple(f"::{level} title={_escaped(title, ':,')}::{_escaped(reason)}" for reason in reasons)


def _escaped(text: str, more: str = "") -> str:
    """GitHub's escapes for workflow commands: ``%``, line ends, and in properties ``:`` and ``,``."""
    return "".join(f"%{ord(char):02X}" if char in f"%\r\n{more}" else char for char in text)
