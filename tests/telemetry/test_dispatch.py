"""The dispatcher: never in the way, and honest about what it dropped."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfbench.errors import MachineError, UsageError
from hfbench.telemetry import (
    AttachedSink,
    TelemetryDispatcher,
    TelemetryEvent,
    dispatch,
    open_dispatcher,
    render_complete,
)
from hfbench.telemetry.base import SinkFactory, SinkSpec
from hfbench.telemetry.dispatch import QUEUE_CAPACITY
from hfbench.telemetry.lane import BATCH_EVENTS, Lane
from hfbench.telemetry.memory import forget, recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

EVENT = render_complete({"videoExtractMs": 1.5}, {"scope": "fused"})


class ListSink:
    def __init__(self) -> None:
        self.events: list[TelemetryEvent] = []
        self.closed_with: list[float] = []

    def emit(self, event: TelemetryEvent) -> None:
        self.events.append(event)

    def close(self, timeout_seconds: float = 2.0) -> None:
        self.closed_with.append(timeout_seconds)


class HangingSink(ListSink):
    """Hangs in ``emit`` until the test lets go."""

    def __init__(self) -> None:
        super().__init__()
        self.release = threading.Event()

    def emit(self, event: TelemetryEvent) -> None:
        self.release.wait()
        super().emit(event)


class BatchSink(ListSink):
    """Takes several events at once."""

    def __init__(self, refused: int = 0) -> None:
        super().__init__()
        self.batches: list[list[TelemetryEvent]] = []
        self.refused = refused

    def emit_all(self, events: Sequence[TelemetryEvent]) -> None:
        self.batches.append(list(events))
        if len(self.batches) <= self.refused:
            raise ValueError

    def emit(self, event: TelemetryEvent) -> None:
        self.batches.append([event])


class RaisingSink(ListSink):
    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def emit(self, event: TelemetryEvent) -> None:
        del event
        raise self.error

    def close(self, timeout_seconds: float = 2.0) -> None:
        del timeout_seconds
        raise self.error


@pytest.fixture
def hanging() -> Iterator[HangingSink]:
    sink = HangingSink()
    yield sink
    sink.release.set()


def test_dispatcher_without_sinks_does_nothing() -> None:
    with TelemetryDispatcher() as dispatcher:
        dispatcher.emit(EVENT)
        assert not dispatcher.is_live
    assert dispatcher.report() == ()


def test_every_sink_gets_every_event_in_order_and_is_closed_once() -> None:
    sinks = [ListSink(), ListSink()]
    events = [render_complete({"videoExtractMs": index}, {}) for index in range(100)]
    with TelemetryDispatcher([AttachedSink("a", sinks[0], is_awaited=True), AttachedSink("b", sinks[1])]) as dispatcher:
        assert dispatcher.is_live
        for event in events:
            dispatcher.emit(event)
    assert [sink.events for sink in sinks] == [events, events]
    assert [len(sink.closed_with) for sink in sinks] == [1, 1]
    assert all(0 <= sink.closed_with[0] <= 2 for sink in sinks)
    assert [(each.delivered, each.dropped) for each in dispatcher.report()] == [(100, 0), (100, 0)]
    assert dispatcher.complaints() == ()
    assert not dispatcher.is_live


def test_awaited_event_is_delivered_when_emit_returns() -> None:
    sink = ListSink()
    with TelemetryDispatcher([AttachedSink("a", sink, is_awaited=True)]) as dispatcher:
        for count in range(1, 50):
            dispatcher.emit(EVENT)
            assert len(sink.events) == count


def test_network_sink_that_hangs_is_never_waited_for(hanging: HangingSink) -> None:
    dispatcher = TelemetryDispatcher([AttachedSink("hangs", hanging)])
    for _ in range(QUEUE_CAPACITY + 50):
        dispatcher.emit(EVENT)
    assert dispatcher.report()[0].dropped in {49, 50}  # one event may have left the queue before it was full
    dispatcher.close(0.2)  # the sink hangs for ever: that we get here is the proof
    (report,) = dispatcher.report()
    assert report.offered == QUEUE_CAPACITY + 50
    assert report.delivered == 0
    assert report.offered == report.delivered + report.dropped
    said = f"telemetry: hangs dropped {report.offered} of {report.offered} events (the queue was full)"
    assert dispatcher.complaints() == (said,)


def numbered(count: int) -> list[TelemetryEvent]:
    return [render_complete({"framesDecoded": number}, {}) for number in range(count)]


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_waits_goes_together() -> None:
    release = threading.Event()

    class Slow(BatchSink):
        def emit_all(self, events: Sequence[TelemetryEvent]) -> None:
            super().emit_all(events)
            release.wait()

    sink, events = Slow(), numbered(1 + BATCH_EVENTS + 3)
    with TelemetryDispatcher([AttachedSink("a", sink)]) as dispatcher:
        dispatcher.emit(events[0])
        wait_until(lambda: len(sink.batches) == 1)
        for event in events[1:]:
            dispatcher.emit(event)
        release.set()
    assert [len(batch) for batch in sink.batches] == [1, BATCH_EVENTS, 3]
    assert [event for batch in sink.batches for event in batch] == events
    assert dispatcher.report()[0].delivered == len(events)


def test_events_that_come_while_the_client_is_imported_go_together() -> None:
    imported = threading.Event()

    class Starting(BatchSink):
        def start(self) -> None:
            imported.wait()

    sink, events = Starting(), numbered(5)
    with TelemetryDispatcher([AttachedSink("a", sink)]) as dispatcher:
        for event in events:
            dispatcher.emit(event)
        imported.set()
    assert sink.batches == [events]


def test_closing_does_not_count_the_import_of_the_client() -> None:
    class Starting(ListSink):
        def start(self) -> None:
            wait_until(lambda: dispatcher._is_closed)
            time.sleep(0.3)  # longer than closing may take

    sink = Starting()
    dispatcher = TelemetryDispatcher([AttachedSink("a", sink)])
    dispatcher.emit(EVENT)
    dispatcher.close(0.2)
    assert dispatcher.report()[0].delivered == 1


def test_client_whose_import_never_ends_is_given_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hfbench.telemetry.dispatch.IMPORT_SECONDS", 0.1)
    release = threading.Event()

    class Starting(ListSink):
        def start(self) -> None:
            release.wait()

    dispatcher = TelemetryDispatcher([AttachedSink("a", Starting())])
    dispatcher.emit(EVENT)
    dispatcher.close(0.1)
    release.set()
    assert dispatcher.complaints() == ("telemetry: a dropped 1 of 1 events (not delivered in time)",)


def test_client_that_is_not_needed_is_not_imported() -> None:
    class Starting(ListSink):
        def start(self) -> None:
            raise AssertionError

    sink = Starting()
    TelemetryDispatcher([AttachedSink("a", sink)]).close()
    assert len(sink.closed_with) == 1


def test_every_event_of_a_refused_batch_is_counted() -> None:
    sink, events = BatchSink(refused=2), numbered(10)
    with TelemetryDispatcher([AttachedSink("a", sink)]) as dispatcher:
        dispatcher.emit(events[0])
        wait_until(lambda: dispatcher.report()[0].dropped == 1)
        for event in events[1:]:
            dispatcher.emit(event)
    (report,) = dispatcher.report()
    assert (report.offered, report.delivered, report.dropped, report.reason) == (10, 0, 10, "ValueError")


def test_sink_on_this_machine_gets_each_event_at_once_even_if_it_takes_batches() -> None:
    sink, events = BatchSink(), numbered(3)
    with TelemetryDispatcher([AttachedSink("a", sink, is_awaited=True)]) as dispatcher:
        for count, event in enumerate(events, 1):
            dispatcher.emit(event)
            assert len(sink.batches) == count


def test_batch_that_hangs_is_counted_as_late_once() -> None:
    release = threading.Event()

    class Hanging(BatchSink):
        def emit_all(self, events: Sequence[TelemetryEvent]) -> None:
            super().emit_all(events)
            if len(self.batches) > 1:
                release.wait()

    dispatcher = TelemetryDispatcher([AttachedSink("hangs", Hanging())])
    dispatcher.emit(EVENT)
    wait_until(lambda: dispatcher.report()[0].delivered == 1)
    for event in numbered(5):
        dispatcher.emit(event)
    dispatcher.close(0.2)
    before = dispatcher.report()
    release.set()
    for thread in threading.enumerate():
        if thread.name == "hfbench-telemetry-hangs":
            thread.join(60)
    assert dispatcher.report() == before
    assert (before[0].offered, before[0].delivered, before[0].dropped) == (6, 1, 5)


def test_what_arrives_after_giving_up_is_not_counted_twice(hanging: HangingSink) -> None:
    dispatcher = TelemetryDispatcher([AttachedSink("hangs", hanging)])
    dispatcher.emit(EVENT)
    dispatcher.close(0.05)
    before = dispatcher.report()
    hanging.release.set()
    for thread in threading.enumerate():
        if thread.name == "hfbench-telemetry-hangs":
            thread.join(60)
    assert dispatcher.report() == before
    assert (before[0].dropped, before[0].reason) == (1, "not delivered in time")


def test_local_sink_that_hangs_costs_one_wait_in_all(hanging: HangingSink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hfbench.telemetry.dispatch.AWAIT_SECONDS", 0.05)
    waits = []

    def counted(lane: Lane, settled: threading.Event | None, deadline: float) -> None:
        waits.append(settled)
        waited_for(lane, settled, deadline)

    waited_for = dispatch._await
    monkeypatch.setattr(dispatch, "_await", counted)
    dispatcher = TelemetryDispatcher([AttachedSink("hangs", hanging, is_awaited=True)])
    for _ in range(20):
        dispatcher.emit(EVENT)
    assert [settled is not None for settled in waits] == [True] + [False] * 19
    hanging.release.set()
    dispatcher.close()
    assert len(hanging.events) == 20
    assert dispatcher.report()[0].delivered == 20


def test_sink_that_caught_up_is_waited_for_again(hanging: HangingSink) -> None:
    dispatcher = TelemetryDispatcher([AttachedSink("hangs", hanging, is_awaited=True)])
    dispatcher.emit(EVENT)
    hanging.release.set()
    wait_until(lambda: dispatcher.report()[0].delivered == 1)
    dispatcher.emit(EVENT)
    assert len(hanging.events) == 2
    dispatcher.close()


@pytest.mark.parametrize("error", [ValueError("no"), OSError(28, "full"), SystemExit(3), KeyboardInterrupt()])
@pytest.mark.parametrize("is_awaited", [True, False])
def test_sink_that_raises_is_counted_and_not_felt(error: BaseException, *, is_awaited: bool) -> None:
    good = ListSink()
    sinks = [AttachedSink("bad", RaisingSink(error), is_awaited=is_awaited), AttachedSink("good", good)]
    with TelemetryDispatcher(sinks) as dispatcher:
        for _ in range(3):
            dispatcher.emit(EVENT)
    bad, fine = dispatcher.report()
    assert (bad.dropped, bad.reason) == (3, type(error).__name__)
    assert (fine.delivered, len(good.events)) == (3, 3)
    assert dispatcher.complaints() == (f"telemetry: bad dropped 3 of 3 events ({type(error).__name__})",)


def test_event_after_closing_is_counted() -> None:
    dispatcher = TelemetryDispatcher([AttachedSink("a", ListSink())])
    dispatcher.close()
    dispatcher.close()
    dispatcher.emit(EVENT)
    assert dispatcher.report()[0].dropped == 1


@pytest.mark.parametrize("junk", [None, 3, "render_complete", object(), TelemetryEvent("made_up", {"scope": "fused"})])
def test_what_is_no_event_is_refused_without_an_exception(junk: object) -> None:
    sink = ListSink()
    with TelemetryDispatcher([AttachedSink("a", sink)]) as dispatcher:
        dispatcher.emit(junk)  # type: ignore[arg-type]
    assert (dispatcher.refused, sink.events) == (1, [])


def test_event_made_by_hand_is_screened() -> None:
    sink = ListSink()
    with TelemetryDispatcher([AttachedSink("a", sink)]) as dispatcher:
        dispatcher.emit(
            TelemetryEvent("render_complete", {"scope": "fused", "path": "/home/ann", "backend": "/home/ann"})
        )
    assert dict(sink.events[0].properties) == {"scope": "fused"}


def test_forked_child_leaves_the_parents_sinks_alone() -> None:
    sink = ListSink()
    dispatcher = TelemetryDispatcher([AttachedSink("a", sink, is_awaited=True)])
    dispatcher._process_id += 1  # as a child sees it; a real fork in a test run with threads may hang by itself
    dispatcher.emit(EVENT)
    dispatcher.close()
    assert (sink.events, sink.closed_with) == ([], [])
    dispatcher._process_id = os.getpid()
    dispatcher.close()
    assert len(sink.closed_with) == 1


@given(st.lists(st.sampled_from(["deliver", "raise"]), max_size=30), st.integers(1, 5))
def test_nothing_is_lost_without_being_counted(plan: list[str], capacity: int) -> None:
    class Planned(ListSink):
        def emit(self, event: TelemetryEvent) -> None:
            if steps.pop(0) == "raise":
                raise ValueError
            super().emit(event)

    steps = list(plan)
    sink = Planned()
    with TelemetryDispatcher([AttachedSink("a", sink)], capacity=capacity) as dispatcher:
        for _ in plan:
            dispatcher.emit(EVENT)
    (report,) = dispatcher.report()
    assert report.offered == len(plan) == report.delivered + report.dropped
    assert report.delivered == len(sink.events)


def test_many_threads_emit_at_once() -> None:
    sink = ListSink()
    with TelemetryDispatcher([AttachedSink("a", sink, is_awaited=True)]) as dispatcher:
        threads = [threading.Thread(target=lambda: [dispatcher.emit(EVENT) for _ in range(50)]) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(sink.events) == 400


def test_open_dispatcher_opens_what_is_live_and_notes_the_rest() -> None:
    forget("wired")
    with open_dispatcher(["memory:wired", "otlp:http://127.0.0.1:9"], {"DO_NOT_TRACK": "1"}) as dispatcher:
        dispatcher.emit(EVENT)
    assert recorded("wired") == (EVENT,)
    assert [report.label for report in dispatcher.report()] == ["memory:wired"]
    assert dispatcher.notes == ("telemetry: otlp:http://127.0.0.1:9 is off: DO_NOT_TRACK is set",)
    forget("wired")


def test_open_dispatcher_without_specs_is_null() -> None:
    dispatcher = open_dispatcher([], {})
    assert not dispatcher.is_live
    assert dispatcher.notes == ()


def test_when_one_sink_can_not_be_opened_those_before_it_are_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = ListSink()
    monkeypatch.setattr("hfbench.telemetry.memory.FACTORY", SinkFactory(lambda *_: first, network=False))
    with pytest.raises(UsageError, match="needs a file"):
        open_dispatcher(["memory:", "jsonl:"], {})
    assert len(first.closed_with) == 1


def test_factory_of_a_third_party_that_raises_gives_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(spec: SinkSpec, environ: object) -> ListSink:
        del spec, environ
        message = "line one\nline two"
        raise RuntimeError(message)

    monkeypatch.setattr("hfbench.telemetry.memory.FACTORY", SinkFactory(explode, network=False))
    with pytest.raises(MachineError, match=r"^sink memory:x: can't be opened: RuntimeError$"):
        open_dispatcher(["memory:x"], {})
