from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from hfbench.model.profile import Activity, Gauge, ProfileRecorder, Span, StageProfile, recorded, span_of

MS = 1_000_000


def profile(*spans: Span, cpu_ms: float = 0.0) -> StageProfile:
    return StageProfile(spans, (), cpu_ms)


def span(activity: Activity, thread: str, wall: int, cpu: int) -> Span:
    return Span(activity, thread, "a.mp4", 0, wall * MS, cpu * MS)


def test_totals_are_summed_over_threads_and_cpu_without_a_span_is_decoding() -> None:
    found = profile(
        span(Activity.DECODE, "one", 10, 2),
        span(Activity.ENCODE, "one", 5, 4),
        span(Activity.ENCODE, "two", 7, 6),
        cpu_ms=30,
    ).by_activity()
    assert {activity.value: (total.wall_ms, total.cpu_ms) for activity, total in found.items()} == {
        "decode": (10, 2 + 30 - 12),
        "encode": (12, 10),
    }


def test_cpu_of_the_program_is_the_program_s() -> None:
    found = profile(span(Activity.PROGRAM, "one", 10, 0), cpu_ms=30).by_activity()
    assert found[Activity.PROGRAM].cpu_ms == 30
    assert Activity.DECODE not in found


def test_totals_by_thread() -> None:
    found = profile(span(Activity.WAIT, "one", 3, 0), span(Activity.WAIT, "two", 4, 0)).by_thread()
    assert {thread: totals[Activity.WAIT].wall_ms for thread, totals in found.items()} == {"one": 3, "two": 4}


def test_a_recorder_takes_spans_from_many_threads() -> None:
    recorder = ProfileRecorder()
    barrier = threading.Barrier(4)

    def work(_: int) -> None:
        barrier.wait()
        for _ in range(50):
            with recorder.span(Activity.CONVERT, "a.mp4"):
                pass
            recorder.change("frames in flight", 1)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    found = recorder.finish(1.0)
    assert len(found.spans) == 200
    assert len(found.by_thread()) == 4
    assert [gauge.value for gauge in found.gauges] == list(range(1, 201))
    assert all(each.wall_ns >= 0 and each.cpu_ns >= 0 for each in found.spans)


def test_a_span_is_recorded_when_its_work_fails() -> None:
    recorder = ProfileRecorder()
    with pytest.raises(ZeroDivisionError), recorder.span(Activity.WRITE, "a.mp4"):
        1 / 0  # noqa: B018
    assert [each.activity for each in recorder.finish(0).spans] == [Activity.WRITE]


def test_items_are_recorded_one_by_one_and_not_touched_without_a_recorder() -> None:
    recorder = ProfileRecorder()
    assert list(recorded(iter("abc"), recorder, Activity.DEMUX, "a.mp4")) == ["a", "b", "c"]
    assert len(recorder.finish(0).spans) == 4  # three items, and that there is no more
    items = iter("abc")
    assert recorded(items, None, Activity.DEMUX, "a.mp4") is items
    with span_of(None, Activity.DEMUX, "a.mp4"):
        pass


def test_an_observed_value_is_kept_as_it_is() -> None:
    recorder = ProfileRecorder()
    recorder.observe("resident memory", 12345)
    (gauge,) = recorder.finish(0).gauges
    assert gauge == Gauge("resident memory", gauge.time_ns, 12345)
