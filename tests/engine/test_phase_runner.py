"""Tasks: each outcome keeps its item, one that fails harms no other, and only a bug asks for a report."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import av.error
import pytest

from hfbench.backends.base import ClipTrouble
from hfbench.engine.phase_runner import PhaseRunner
from hfbench.errors import MachineError, OutputError
from hfbench.model.cancellation import CancelToken, Control, StopWork
from hfbench.model.result import ClipFailure, FailureKind


@dataclass(frozen=True)
class Item:
    clip_id: str
    does: Exception | str


def work(item: Item, _control: Control) -> str:
    if isinstance(item.does, Exception):
        raise item.does
    return item.does


def ran(*items: Item, control: Control | None = None, progress=lambda *_: None):
    with ThreadPoolExecutor(2) as executor:
        return PhaseRunner(executor, control or Control(), progress).map("test", work, items)


def test_outcomes_carry_their_items_in_order():
    items = [Item(name, name.upper()) for name in "dcba"]
    assert [(each.item, each.outcome) for each in ran(*items)] == [(item, item.clip_id.upper()) for item in items]


def test_progress_counts_every_task():
    seen = []
    ran(*(Item("a", "x") for _ in range(3)), progress=lambda *told: seen.append(told))
    assert seen == [("test", 1, 3), ("test", 2, 3), ("test", 3, 3)]


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (ClipTrouble(FailureKind.INVALID_MEDIA, "no video"), FailureKind.INVALID_MEDIA, "no video"),
        (StopWork("timeout", "too long"), FailureKind.TIMEOUT, "too long"),
        (MemoryError(), FailureKind.ENGINE_FAILED, "not enough memory"),
        (OSError(24, "Too many open files"), FailureKind.ENGINE_FAILED, "Too many open files"),
        (av.error.InvalidDataError(1, "bad"), FailureKind.ENGINE_FAILED, "FFmpeg's libraries"),
        (av.error.PermissionError(13, "denied"), FailureKind.ENGINE_FAILED, "FFmpeg's libraries"),
        (KeyError("x"), FailureKind.ENGINE_FAILED, "please report it"),
        (NotImplementedError("later"), FailureKind.ENGINE_FAILED, "please report it"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_a_task_that_fails_is_its_own_clips_failure(error, kind, says):
    good, bad = ran(Item("good", "done"), Item("bad", error))
    assert good.outcome == "done"
    assert (bad.outcome.clip_id, bad.outcome.kind) == ("bad", kind)
    assert says in bad.outcome.message
    assert ("report" in bad.outcome.message) == isinstance(error, KeyError | NotImplementedError)


@pytest.mark.parametrize("error", [ClipTrouble(FailureKind.OUTPUT_FAILED, "full"), MachineError("no ffmpeg")])
def test_a_broken_machine_ends_the_run(error):
    with pytest.raises(OutputError if isinstance(error, ClipTrouble) else MachineError):
        ran(Item("a", error))


def test_cancelled_tasks_do_not_begin():
    token = CancelToken()
    token.cancel()
    (attempt,) = ran(Item("a", RuntimeError("it ran")), control=Control(token))
    assert attempt.outcome.kind is FailureKind.CANCELLED


def test_a_failure_of_another_clip_differs_in_nothing_else():
    failure = ClipFailure("a", FailureKind.NO_FRAMES, "message", "diagnostic")
    assert failure.for_clip("b") == ClipFailure("b", FailureKind.NO_FRAMES, "message", "diagnostic")
