"""Axes of ``hfbench scale``: scenarios that show how cost grows with length, clips, pixels and workers."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from hfbench.bench.scenarios import Part, Scenario


@dataclass(frozen=True, slots=True)
class ScalePoint:
    """One position on an axis.

    Attributes:
        position: seconds, clips, pixels or workers.
        scenario: what is extracted there.
        size: picture size of its fixture, ``180p`` to ``2160p``.
        workers: clips worked on at once; 0 means one per core.
    """

    position: float
    scenario: Scenario
    size: str
    workers: int = 1


@dataclass(frozen=True, slots=True)
class ScaleAxis:
    """An axis: the ``unit`` of its positions, and the metric whose growth it shows."""

    name: str
    unit: str
    metric: str
    points: tuple[ScalePoint, ...]


_PIXELS: Final = {"360p": 640 * 360, "720p": 1280 * 720, "1080p": 1920 * 1080, "2160p": 3840 * 2160}
#: Length in seconds, name and file of the three sources with the same content.
_SOURCES: Final = (
    (30, "long-30s", "grey-30s.mp4"),
    (600, "long-10min", "grey-10min.mp4"),
    (1800, "long-30min", "grey-30min.mp4"),
)


def scale_axes(largest_size: str = "2160p", cores: int = 2) -> tuple[ScaleAxis, ...]:
    """All axes.

    Args:
        largest_size: where the axis of resolutions ends.
        cores: where the axis of workers ends.
    """
    sizes = list(_PIXELS)[: list(_PIXELS).index(largest_size) + 1]
    return (
        ScaleAxis("source length", "s", "cpuMs", tuple(_in_source(*source) for source in _SOURCES)),
        ScaleAxis("clip length", "s", "cpuMs", tuple(_of_length(seconds) for seconds in (1, 2, 4, 8, 16))),
        ScaleAxis("clip count", "clips", "cpuMs", tuple(_clips("clips", count) for count in (1, 3, 10, 30, 100))),
        ScaleAxis("resolution", "pixels", "cpuMs", tuple(_at_size(size) for size in sizes)),
        ScaleAxis("workers", "workers", "videoExtractMs", tuple(_with_workers(n) for n in range(1, max(2, cores) + 1))),
    )


def _scenario(name: str, fixture: str, file: str, windows: list[tuple[Fraction, Fraction]]) -> Scenario:
    """A scenario of windows (media start, duration) of one file, one after the other on the timeline."""
    start = Fraction(0)
    parts = []
    for number, (media_start, duration) in enumerate(windows):
        parts.append(Part(f"clip-{number:03d}", file, start, duration, media_start))
        start += duration
    return Scenario(f"scale-{name}", "how cost grows", fixture, tuple(parts))


def _in_source(length: int, fixture: str, file: str) -> ScalePoint:
    """2 s near the end of a source, where a whole-source preflight costs most in comparison."""
    window = (Fraction(length * 9, 10), Fraction(2))
    return ScalePoint(length, _scenario(f"source-{length}s", fixture, file, [window]), "180p")


def _of_length(seconds: int) -> ScalePoint:
    window = (Fraction(100), Fraction(seconds))
    return ScalePoint(seconds, _camera(f"clip-{seconds}s", [window]), "180p")


def _clips(axis: str, count: int, workers: int = 1) -> ScalePoint:
    """Clips of 1 s, spread over a source of 10 min; they neither overlap nor touch."""
    windows = [(Fraction(595 * number, count), Fraction(1)) for number in range(count)]
    return ScalePoint(count, _camera(f"{axis}-{count}", windows), "180p", workers)


def _with_workers(workers: int) -> ScalePoint:
    many = _clips(f"workers-{workers}", 12, workers)
    return ScalePoint(workers, many.scenario, many.size, workers)


def _camera(name: str, windows: list[tuple[Fraction, Fraction]]) -> Scenario:
    return _scenario(name, "long-10min-camera", "camera-10min.mp4", windows)


def _at_size(size: str) -> ScalePoint:
    window = (Fraction(1), Fraction(1))
    scenario = _scenario(f"size-{size}", "cfr-sdr-cache", "sdr-3s.mp4", [window])
    return ScalePoint(_PIXELS[size], scenario, size)
