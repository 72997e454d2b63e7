"""What a caller may choose about an extraction. Validated once, frozen after."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TypeVar

from hfbench.errors import OptionsError
from hfbench.plan import ImageFormat, Scope, SdrEotf, SdrMapping

_Choice = TypeVar("_Choice", bound=Enum)

#: ``auto`` picks jpg for SDR, png where there is alpha, png16 where the composition has an HDR target.
AUTO_FORMAT = "auto"
BACKENDS = ("libav", "ffmpeg")
CACHE_IDENTITIES = ("stat", "content")


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
        workers: clips worked on at once; 0 means one a core.
        clip_limit_seconds: time limit for the work on one clip in one phase.
        cache: folder of the extraction cache; None for none.
        cache_identity: how the cache tells sources apart: ``stat`` (path, time of change, size) or ``content``.
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
        asked: object = self.format
        is_auto = asked in {None, AUTO_FORMAT}
        _set(self, "format", None if is_auto else _choice("format", asked, ImageFormat, AUTO_FORMAT))
        _set(self, "cache", None if self.cache is None else Path(self.cache).absolute())
        if self.cache_identity not in CACHE_IDENTITIES:
            raise OptionsError(_refusal("cache_identity", self.cache_identity, CACHE_IDENTITIES))
        if self.backend not in BACKENDS:
            raise OptionsError(_refusal("backend", self.backend, BACKENDS))
        if isinstance(self.quality, bool) or not isinstance(self.quality, int) or not 1 <= self.quality <= 100:  # noqa: PLR2004  libjpeg's scale
            msg = f"quality: {self.quality!r} is not allowed; give a whole number from 1 to 100 (libjpeg's scale)"
            raise OptionsError(msg)
        if not 1 <= self.sdr_white <= 10_000:  # noqa: PLR2004  PQ's own range
            msg = f"sdr_white: {self.sdr_white!r} is not allowed; give cd/m² from 1 to 10000 (BT.2408 says 203)"
            raise OptionsError(msg)
        if isinstance(self.workers, bool) or not isinstance(self.workers, int) or self.workers < 0:
            msg = f"workers: {self.workers!r} is not allowed; give a whole number, 0 for one a core"
            raise OptionsError(msg)
        if not (math.isfinite(self.clip_limit_seconds) and self.clip_limit_seconds > 0):
            msg = f"clip_limit_seconds: {self.clip_limit_seconds!r} is not allowed; give seconds above 0"
            raise OptionsError(msg)

    @property
    def worker_count(self) -> int:
        """``workers``, or the number of cores that this process may use."""
        return self.workers or available_cores()


def available_cores() -> int:
    """Cores that this process may run on (its affinity where the system tells, not the machine's total)."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _set(options: ExtractOptions, name: str, value: object) -> None:
    object.__setattr__(options, name, value)


def _choice(name: str, value: object, kind: type[_Choice], *others: str) -> _Choice:
    try:
        return kind(value)
    except ValueError:
        raise OptionsError(_refusal(name, value, (*others, *(each.value for each in kind)))) from None


def _refusal(name: str, value: object, allowed: tuple[str, ...]) -> str:
    return f"{name}: {value!r} is not allowed; choose one of {', '.join(allowed)}"
