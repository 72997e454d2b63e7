"""A profile as a trace file that https://ui.perfetto.dev and chrome://tracing open.

The format is Chrome's Trace Event Format in its JSON object form: complete events (``ph: X``) on a track for each
thread or child process, once for all of them and once for each source; counter events (``ph: C``) for gauges; metadata
events (``ph: M``) with the names of the tracks. Times are microseconds.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from hfbench.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hfbench.model.profile import Span, StageProfile

#: The group of tracks that shows all threads; each source has a group of its own after it.
_ALL_THREADS: Final = 1


def write_trace(profile: StageProfile, path: Path) -> None:
    """Write the trace of one extraction.

    Raises:
        OutputError: the file can't be written.
    """
    document = {"traceEvents": list(trace_events(profile)), "displayTimeUnit": "ms"}
    try:
        path.write_text(json.dumps(document), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"the trace {path} can't be written: {error.strerror or error}") from error


def trace_events(profile: StageProfile) -> Iterator[dict[str, Any]]:
    """The events of a trace: names of tracks, then spans by thread and by source, then counters."""
    start = min((*(span.start_ns for span in profile.spans), *(gauge.time_ns for gauge in profile.gauges)), default=0)
    threads = {name: number for number, name in enumerate(dict.fromkeys(span.thread for span in profile.spans), 1)}
    groups = {name: number for number, name in enumerate(dict.fromkeys(span.source for span in profile.spans), 2)}
    yield _name("process_name", "threads and processes", _ALL_THREADS)
    yield from (_name("thread_name", name, _ALL_THREADS, track) for name, track in threads.items())
    for source, group in groups.items():
        yield _name("process_name", source, group)
        used = dict.fromkeys(span.thread for span in profile.spans if span.source == source)
        yield from (_name("thread_name", name, group, threads[name]) for name in used)
    for span in profile.spans:
        for group in (_ALL_THREADS, groups[span.source]):
            yield _span(span, group, threads[span.thread], start)
    for gauge in profile.gauges:
        yield {
            "ph": "C",
            "pid": _ALL_THREADS,
            "name": gauge.name,
            "ts": (gauge.time_ns - start) / 1000,
            "args": {"value": gauge.value},
        }


def _name(kind: str, name: str, group: int, track: int | None = None) -> dict[str, Any]:
    where = {"pid": group} if track is None else {"pid": group, "tid": track}
    return {"ph": "M", "name": kind, "args": {"name": name}, **where}


def _span(span: Span, group: int, track: int, start: int) -> dict[str, Any]:
    return {
        "ph": "X",
        "pid": group,
        "tid": track,
        "name": span.activity.value,
        "cat": "extraction",
        "ts": (span.start_ns - start) / 1000,
        "dur": span.wall_ns / 1000,
        "args": {"source": span.source, "thread": span.thread, "cpu_ms": round(span.cpu_ns / 1e6, 3)},
    }
