"""Names and meanings of what is measured, as they are established in the field."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import Enum
from typing import Final, Self


@dataclass(frozen=True, slots=True)
class WorkCounters:
    """Counted work, without noise: the same input and options give exactly the same numbers.

    ``packets_read`` is None when any part of the work was done by the ffmpeg program: its threads read ahead by an
    amount that differs from run to run, so the number would not be reproducible.
    """

    files_opened: int = 0
    packets_read: int | None = 0
    frames_decoded: int = 0
    frames_converted: int = 0
    frames_written: int = 0
    bytes_written: int = 0
    processes_spawned: int = 0

    def __add__(self, other: Self) -> WorkCounters:
        unknown = self.packets_read is None or other.packets_read is None
        return WorkCounters(
            files_opened=self.files_opened + other.files_opened,
            packets_read=None if unknown else (self.packets_read or 0) + (other.packets_read or 0),
            frames_decoded=self.frames_decoded + other.frames_decoded,
            frames_converted=self.frames_converted + other.frames_converted,
            frames_written=self.frames_written + other.frames_written,
            bytes_written=self.bytes_written + other.bytes_written,
            processes_spawned=self.processes_spawned + other.processes_spawned,
        )


class Phase(Enum):
    """The phases of one extraction, in order."""

    RESOLVE = "resolveMs"
    HDR_PROBE = "hdrProbeMs"
    VFR_PROBE = "vfrProbeMs"
    HDR_PREFLIGHT = "hdrPreflightMs"
    VFR_PREFLIGHT = "vfrPreflightMs"
    EXTRACT = "extractMs"


@dataclass(frozen=True, slots=True)
class PhaseTiming:
    """Elapsed (wall) milliseconds of one phase; phases follow each other, so their times add up."""

    phase: Phase
    elapsed_ms: float


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Everything measured over one extraction: phase times, counts, bytes on disk, CPU and work counters.

    Attributes:
        timings: one entry per phase that took place.
        video_extract_ms: elapsed milliseconds over the whole stage, first line to last.
        cpu_ms: user + system CPU milliseconds of this process and all its children over the stage.
        hdr_preflight_count: clips that needed their colours mapped.
        vfr_preflight_count: clips whose variable frame rate was regularised (and that needed no colour mapping:
            a clip that needs both is normalised once, in the HDR phase).
        tmp_peak_bytes: high-water mark of bytes on disk under the work folder, hard links counted once.
        tmp_final_bytes: bytes there right before clean-up.
    """

    timings: tuple[PhaseTiming, ...]
    video_extract_ms: float
    cpu_ms: float
    hdr_preflight_count: int
    vfr_preflight_count: int
    cache_hits: int
    cache_misses: int
    tmp_peak_bytes: int
    tmp_final_bytes: int
    work: WorkCounters

    def to_json(self) -> dict[str, float | int | None]:
        """All of :data:`METRICS`, in the order of that table. Times are rounded to a microsecond."""
        elapsed = dict.fromkeys((phase.value for phase in Phase), 0.0)
        for timing in self.timings:
            elapsed[timing.phase.value] += timing.elapsed_ms
        values: dict[str, float | int | None] = {
            **{name: round(ms, 3) for name, ms in elapsed.items()},
            "hdrPreflightCount": self.hdr_preflight_count,
            "vfrPreflightCount": self.vfr_preflight_count,
            "cacheHits": self.cache_hits,
            "cacheMisses": self.cache_misses,
            "videoExtractMs": round(self.video_extract_ms, 3),
            "cpuMs": round(self.cpu_ms, 3),
            "tmpPeakBytes": self.tmp_peak_bytes,
            "tmpFinalBytes": self.tmp_final_bytes,
            **{_camel(field.name): getattr(self.work, field.name) for field in fields(WorkCounters)},
        }
        return {name: values[name] for name in METRICS}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def is_counted(name: str) -> bool:
    """Whether a metric is counted work or bytes by its definition; an unknown metric is treated as a time."""
    return METRICS.get(name, ("ms", ""))[0] != "ms"


#: name -> (unit, meaning). The table that `hfbench metrics` prints, and that records are checked against.
METRICS: Final[dict[str, tuple[str, str]]] = {
    "resolveMs": ("ms", "paths resolved, existence and type checked"),
    "hdrProbeMs": ("ms", "metadata of every distinct source read"),
    "hdrPreflightMs": ("ms", "SDR to HDR preflight: the re-encode; for fused, making and checking the colour map"),
    "hdrPreflightCount": ("clips", "clips whose colours were mapped"),
    "vfrProbeMs": ("ms", "frame timestamps of every distinct source read (its share of the one probe)"),
    "vfrPreflightMs": ("ms", "VFR to CFR preflight: the re-encode; for fused, nothing"),
    "vfrPreflightCount": ("clips", "VFR clips that were regularised"),
    "extractMs": ("ms", "elapsed over the parallel extraction, not the sum over workers"),
    "cacheHits": ("clips", "clips served from the cache"),
    "cacheMisses": ("clips", "clips looked up in the cache and not found"),
    "videoExtractMs": ("ms", "the whole stage, first line to last"),
    "cpuMs": ("ms", "user + system CPU of this process and every child over the stage"),
    "tmpPeakBytes": ("bytes", "high-water mark of bytes on disk under the work folder, hard links once"),
    "tmpFinalBytes": ("bytes", "bytes under the work folder right before clean-up"),
    "filesOpened": ("files", "media files opened, by this process or for a child"),
    "packetsRead": ("packets", "video packets demuxed; absent where the ffmpeg program did a part of it"),
    "framesDecoded": ("frames", "frames that decoders delivered"),
    "framesConverted": ("frames", "frames whose colours or rate were changed in a preflight or in its place"),
    "framesWritten": ("frames", "image files made, hard links included"),
    "bytesWritten": ("bytes", "bytes of images and intermediates, hard links not counted"),
    "processesSpawned": ("processes", "child processes started"),
}
