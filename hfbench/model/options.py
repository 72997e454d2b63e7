"""Options of an extraction: validated once, then frozen."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

from hfbench.errors import OptionsError
from hfbench.model.plan import ImageFormat, Pixels, Scope, SdrEotf, SdrMapping

_Choice = TypeVar("_Choice", bound=Enum)

#: ``auto`` picks jpg for SDR, png where there is alpha, png16 where the composition has an HDR target.
AUTO_FORMAT = "auto"
BACKENDS = ("libav", "ffmpeg")
CACHE_IDENTITIES = ("stat", "content")
#: The top of libjpeg's scale.
BEST_QUALITY = 100
#: cd/m², SMPTE ST 2084.
PQ_PEAK = 10_000


@dataclass(frozen=True, slots=True)
class ExtractOptions:
    """Options of :func:`hfbench.extract`.

    Attributes:
        backend: ``libav`` (FFmpeg's libraries in this process) or ``ffmpeg`` (the ffmpeg program).
        scope: how much of each source the preflight touches.
        format: ``auto``, ``jpg``, ``png`` or ``png16``.
        quality: of jpg files, libjpeg's scale, 1-100.
        sdr_mapping: how SDR clips are brought into an HDR composition.
        sdr_eotf: of the display that SDR clips were made for (``bt2408`` only).
        sdr_white: luminance of SDR white in the HDR composition, cd/m², 1-10000 (``bt2408`` only).
        pixels: what converts pixels: ``kernel`` (compiled code, and libavfilter for what that can't do) or
            ``libavfilter``. The ``ffmpeg`` backend always uses libavfilter.
        size: (width, height) that pictures have to fit in, in pixels, as displayed: larger ones are scaled down, the
            aspect ratio kept. None: every picture has its own size.
        workers: clips worked on at once; 0 means one per core.
        clip_limit_seconds: time limit for the work on one clip in one phase.
        cache: folder of the extraction cache; None for none.
        cache_identity: how the cache identifies sources: ``stat`` (path, time of change, size) or ``content``.
        cached_in_place: whether frames that are in the cache are read from there (fast; they stay while the result is
            not closed), or copied to the output folder like all others.
        strict: whether damaged or too short sources are failures instead of warnings.
        confined: whether sources outside the project root are refused.
        allow_http: whether plain http sources may be fetched (https always may).
        allow_private_addresses: whether sources may be fetched from loopback and private addresses.

    Raises:
        OptionsError: a value outside what is allowed; the message lists what is.
    """

    backend: str = "libav"
    scope: Scope = Scope.FUSED
    format: ImageFormat | None = None
    quality: int = 95
    sdr_mapping: SdrMapping = SdrMapping.BT2408
    sdr_eotf: SdrEotf = SdrEotf.BT1886
    sdr_white: float = 203.0
    pixels: Pixels = Pixels.KERNEL
    size: tuple[int, int] | None = None
    workers: int = 0
    clip_limit_seconds: float = 300.0
    cache: Path | None = None
    cache_identity: str = "stat"
    cached_in_place: bool = True
    strict: bool = False
    confined: bool = False
    allow_http: bool = False
    allow_private_addresses: bool = False

    def __post_init__(self) -> None:
        _set(self, "scope", _choice("scope", self.scope, Scope))
        _set(self, "sdr_mapping", _choice("sdr_mapping", self.sdr_mapping, SdrMapping))
        _set(self, "sdr_eotf", _choice("sdr_eotf", self.sdr_eotf, SdrEotf))
        _set(self, "pixels", _choice("pixels", self.pixels, Pixels))
        asked: object = self.format
        is_auto = asked is None or asked == AUTO_FORMAT
        _set(self, "format", None if is_auto else _choice("format", asked, ImageFormat, AUTO_FORMAT))
        _set(self, "cache", _folder("cache", self.cache))
        _require("backend", self.backend, f"one of {', '.join(BACKENDS)}", ok=self.backend in BACKENDS)
        identities = f"one of {', '.join(CACHE_IDENTITIES)}"
        _require("cache_identity", self.cache_identity, identities, ok=self.cache_identity in CACHE_IDENTITIES)
        is_quality = _is_whole(self.quality) and 1 <= self.quality <= BEST_QUALITY
        _require("quality", self.quality, "a whole number from 1 to 100 (libjpeg's scale)", ok=is_quality)
        is_white = _is_number(self.sdr_white) and 1 <= self.sdr_white <= PQ_PEAK
        _require("sdr_white", self.sdr_white, "cd/m² from 1 to 10000 (BT.2408 says 203)", ok=is_white)
        _set(self, "size", _size(self.size))
        is_count = _is_whole(self.workers) and self.workers >= 0
        _require("workers", self.workers, "a whole number, 0 for one per core", ok=is_count)
        is_limit = _is_number(self.clip_limit_seconds) and self.clip_limit_seconds > 0
        _require("clip_limit_seconds", self.clip_limit_seconds, "seconds above 0", ok=is_limit)
        for name in ("strict", "confined", "allow_http", "allow_private_addresses", "cached_in_place"):
            _require(name, getattr(self, name), "True or False", ok=isinstance(getattr(self, name), bool))

    @property
    def worker_count(self) -> int:
        """``workers``, or the number of cores that this process may use."""
        return self.workers or available_cores()


def available_cores() -> int:
    """The number of cores that this process may run on: its CPU affinity where the system has one."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _set(options: ExtractOptions, name: str, value: object) -> None:
    object.__setattr__(options, name, value)


def _choice(name: str, value: object, kind: type[_Choice], *others: str) -> _Choice:
    try:
        return kind(value)
    except ValueError:
        allowed = ", ".join((*others, *(each.value for each in kind)))
        raise OptionsError(f"{name}: {value!r} is not allowed; choose one of {allowed}") from None


def _folder(name: str, value: object) -> Path | None:
    if value is None:
        return None
    _require(name, value, "a folder, or None", ok=isinstance(value, str | os.PathLike) and bool(os.fspath(value)))
    return Path(str(value)).absolute()


def _size(value: object) -> tuple[int, int] | None:
    if value is None:
        return None
    sides = tuple(value) if isinstance(value, tuple | list) else ()
    is_pair = len(sides) == 2 and all(_is_whole(side) and side > 0 for side in sides)
    _require("size", value, "(width, height) in pixels, or None", ok=is_pair)
    return sides[0], sides[1]


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | Fraction) and not isinstance(value, bool) and math.isfinite(value)


def _require(name: str, value: object, allowed: str, *, ok: bool) -> None:
    if not ok:
        raise OptionsError(f"{name}: {value!r} is not allowed; give {allowed}")
