"""The decode limit: what it costs to open, seek and decode a scenario's windows, and nothing else.

An engine that decodes every picture of the windows on the same libraries cannot cost less, so the ratio to it says how
much of an engine's time is its own. An engine that skips pictures which no frame shows can have a ratio below 1.
"""

from __future__ import annotations

import resource
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import av
import av.error

from hfbench.bench.case import DECODE_LIMIT, Case
from hfbench.bench.measure.schedule import RunOutcome
from hfbench.bench.record import Sample
from hfbench.errors import MeasurementError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from fractions import Fraction

    from hfbench.bench.scenarios import BuiltScenario
    from hfbench.composition import Clip

#: The value of the axes that decoding alone does not have.
_NONE: Final = "none"


def decode_limit_cases(scenarios: Iterable[str]) -> tuple[Case, ...]:
    """One case per scenario: the decode limit has no scope and writes no image."""
    return tuple(Case(name, scope=_NONE, format=_NONE, engine=DECODE_LIMIT) for name in scenarios)


@dataclass(frozen=True, slots=True, eq=False)  # as InProcess
class DecodeLimit:
    """A :class:`~hfbench.bench.measure.schedule.Subject` that decodes the windows of a scenario's clips with PyAV.

    Attributes:
        scenarios: what is decoded, by name.
        workers: clips decoded at once, as many as the measured engines work on.
    """

    scenarios: Mapping[str, BuiltScenario]
    workers: int

    def warm_up(self, case: Case) -> Sample:
        """Run once, uncounted.

        Raises:
            MeasurementError: a source can't be decoded.
        """
        return self.run(case, is_checked=False).sample

    def run(self, case: Case, *, is_checked: bool) -> RunOutcome:  # noqa: ARG002  no frames are delivered
        """One counted run.

        Raises:
            MeasurementError: a source can't be decoded.
        """
        cpu, started = _cpu_seconds(), time.perf_counter()
        packets, frames = self._decode(case)
        metrics = {
            "videoExtractMs": round((time.perf_counter() - started) * 1000, 3),
            "cpuMs": round((_cpu_seconds() - cpu) * 1000, 3),
            "filesOpened": len(self.scenarios[case.scenario].composition.clips),
            "packetsRead": packets,
            "framesDecoded": frames,
        }
        sample = Sample(
            scenario=case.scenario,
            backend=case.backend,
            scope=case.scope,
            format=case.format,
            round=0,
            metrics=metrics,
            engine=case.engine,
            cache=case.cache,
        )
        return RunOutcome(sample)

    def _decode(self, case: Case) -> tuple[int, int]:
        composition = self.scenarios[case.scenario].composition
        try:
            with ThreadPoolExecutor(self.workers) as pool:
                counted = list(pool.map(_decode_window, composition.clips))
        except (av.error.FFmpegError, OSError) as error:
            raise MeasurementError(f"{case}: a source can't be decoded: {error}") from error
        return sum(packets for packets, _ in counted), sum(frames for _, frames in counted)


def _decode_window(clip: Clip) -> tuple[int, int]:
    """Packets and frames of one clip's window: from the keyframe before its start to the first frame past its end."""
    packets = frames = 0
    with av.open(str(clip.src)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        if stream.time_base is None:
            raise MeasurementError(f"clip {clip.id!r}: its source has no time base")
        first = stream.start_time or 0
        start, end = (first + int(seconds / stream.time_base) for seconds in _window(clip))
        container.seek(start, stream=stream, backward=True)
        for packet in container.demux(stream):
            packets += 1
            decoded = packet.decode()
            frames += len(decoded)
            if any(frame.pts is not None and frame.pts >= end for frame in decoded):
                break
    return packets, frames


def _window(clip: Clip) -> tuple[Fraction, Fraction]:
    if clip.end is None:
        raise MeasurementError(f"clip {clip.id!r} has no end; the decode limit needs clips with a duration")
    return clip.media_start, clip.media_start + (clip.end - clip.start) * clip.playback_rate


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
