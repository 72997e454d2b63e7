"""The result of an extraction: one outcome per clip, in the composition's order, and the phase breakdown."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction
    from pathlib import Path

    from hfbench.model.metrics import Breakdown
    from hfbench.model.profile import StageProfile


class Closeable(Protocol):
    """A resource that is held until it is closed."""

    def close(self) -> None:
        """Release the resource. A second call does nothing."""
        ...


class FailureKind(Enum):
    """Why a clip has no frames. The values are a stable part of the JSON."""

    SOURCE_MISSING = "source_missing"
    NOT_A_REGULAR_FILE = "not_a_regular_file"
    SOURCE_REFUSED = "source_refused"
    FETCH_FAILED = "fetch_failed"
    INVALID_MEDIA = "invalid_media"
    NO_FRAMES = "no_frames"
    TOO_LARGE = "too_large"
    UNSUPPORTED_MEDIA = "unsupported_media"
    UNSUPPORTED_COLOUR = "unsupported_colour"
    MEDIA_START_OUT_OF_RANGE = "media_start_out_of_range"
    NEVER_SHOWN = "never_shown"
    SOURCE_DAMAGED = "source_damaged"
    SHORTER_THAN_REQUESTED = "shorter_than_requested"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"
    OUTPUT_FAILED = "output_failed"
    ENGINE_FAILED = "engine_failed"
    ENGINE_KILLED = "engine_killed"

    @property
    def is_retryable(self) -> bool:
        """Whether the same call may succeed later with nothing changed by the caller."""
        return self in _RETRYABLE


_RETRYABLE = {FailureKind.TIMEOUT, FailureKind.CANCELLED, FailureKind.FETCH_FAILED, FailureKind.ENGINE_KILLED}


@dataclass(frozen=True, slots=True)
class ClipWarning:
    """A remark about a clip that was extracted; ``counts`` holds the numbers that belong to it."""

    kind: str
    message: str
    counts: Mapping[str, int | float] = field(default_factory=lambda: MappingProxyType({}))

    def __hash__(self) -> int:
        return hash((self.kind, self.message, frozenset(self.counts.items())))

    def to_json(self) -> dict[str, Any]:
        """``{"kind", "message", **counts}``."""
        return {"kind": self.kind, "message": self.message, **self.counts}

    def __reduce__(self) -> tuple[Any, ...]:
        return (ClipWarning, (self.kind, self.message, dict(self.counts)))


@dataclass(frozen=True, slots=True)
class ClipFailure:
    """Why a clip failed. ``message`` is for people, ``diagnostic`` for bug reports."""

    clip_id: str
    kind: FailureKind
    message: str
    diagnostic: str = ""

    def for_clip(self, clip_id: str) -> ClipFailure:
        """The same failure of another clip: clips that share a source fail alike."""
        return replace(self, clip_id=clip_id)

    def to_json(self) -> dict[str, Any]:
        """``{"id", "kind", "retryable", "message"}`` and ``diagnostic`` where there is one."""
        shown = {
            "id": self.clip_id,
            "kind": self.kind.value,
            "retryable": self.kind.is_retryable,
            "message": self.message,
        }
        return shown | ({"diagnostic": self.diagnostic} if self.diagnostic else {})


@dataclass(frozen=True, slots=True)
class Placement:
    """When a clip's frames are shown on the timeline; exact times in seconds.

    Attributes:
        start, end: on screen from start to end, both included.
        playback_rate: source seconds per timeline second.
        fps: frames per second of source time.
        wraps: whether the frames are one whole cycle of a loop, to be repeated.
    """

    start: Fraction
    end: Fraction
    playback_rate: Fraction
    fps: Fraction
    wraps: bool = False


@dataclass(frozen=True, slots=True)
class ExtractedClip:
    """A clip's frames on disk.

    Attributes:
        frames: their number; the files are ``pattern % 1`` to ``pattern % frames`` in ``directory``.
        size: (width, height) in pixels.
        placement: when they are shown.
        pixels: what converted them, ``kernel`` or ``libavfilter``; empty where nothing was.
    """

    clip_id: str
    frames: int
    directory: Path
    pattern: str
    size: tuple[int, int]
    placement: Placement
    warnings: tuple[ClipWarning, ...] = ()
    is_cached: bool = False
    pixels: str = ""

    def path_of(self, index: int) -> Path:
        """The file of frame ``index``, counted from 0.

        Raises:
            IndexError: there is no such frame.
        """
        if not 0 <= index < self.frames:
            raise IndexError(f"clip {self.clip_id!r} has frames 0 to {self.frames - 1}, not {index}")
        return self.directory / (self.pattern % (index + 1))

    def to_json(self) -> dict[str, Any]:
        """``{"id", "frames", "directory", "pattern", "width", "height", "cached", "pixels", "warnings"}``."""
        return {
            "id": self.clip_id,
            "frames": self.frames,
            "directory": str(self.directory),
            "pattern": self.pattern,
            "width": self.size[0],
            "height": self.size[1],
            "cached": self.is_cached,
            "pixels": self.pixels,
            "warnings": [warning.to_json() for warning in self.warnings],
        }


@dataclass(frozen=True, slots=True)
class ExtractionResult:
    """The outcome of one call: one entry per clip, in the composition's order.

    A context manager: frames that are read from the cache are not evicted until it is closed. ``profile`` is there
    where a recorder was given.
    """

    outcomes: tuple[ExtractedClip | ClipFailure, ...]
    breakdown: Breakdown
    notes: tuple[ClipWarning, ...] = ()
    leases: tuple[Closeable, ...] = field(default=(), compare=False, repr=False)
    profile: StageProfile | None = field(default=None, compare=False, repr=False)

    def close(self) -> None:
        """Release the frames that are read from the cache: they may be evicted now. A second call does nothing."""
        for lease in self.leases:
            lease.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:  # a lease belongs to the process that holds it
        return (ExtractionResult, (self.outcomes, self.breakdown, self.notes, (), self.profile))

    @property
    def clips(self) -> tuple[ExtractedClip, ...]:
        """The clips that have frames."""
        return tuple(each for each in self.outcomes if isinstance(each, ExtractedClip))

    @property
    def failures(self) -> tuple[ClipFailure, ...]:
        """The clips that failed."""
        return tuple(each for each in self.outcomes if isinstance(each, ClipFailure))

    @property
    def success(self) -> bool:
        """Whether no clip failed."""
        return not self.failures

    def to_json(self) -> dict[str, Any]:
        """``{"success", "clips", "failures", "notes", "breakdown"}`` and ``"profile"`` if there is one, JSON-able."""
        shown = {
            "success": self.success,
            "clips": [clip.to_json() for clip in self.clips],
            "failures": [failure.to_json() for failure in self.failures],
            "notes": [note.to_json() for note in self.notes],
            "breakdown": self.breakdown.to_json(),
        }
        return shown if self.profile is None else shown | {"profile": self.profile.to_json()}
