"""What a profile needs from the process: its memory, watched while an extraction runs."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hfbench.model.profile import ProfileRecorder

_SECONDS_BETWEEN: Final = 0.02


@contextmanager
def memory_watched(recorder: ProfileRecorder | None) -> Iterator[None]:
    """Record the resident memory of the process (bytes) every 20 ms; does nothing without a recorder."""
    if recorder is None:
        yield
        return
    import psutil

    process, ended = psutil.Process(), threading.Event()

    def watch() -> None:
        while not ended.is_set():
            recorder.observe("resident memory", process.memory_info().rss)
            ended.wait(_SECONDS_BETWEEN)

    watcher = threading.Thread(target=watch, name="hfbench-memory", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
