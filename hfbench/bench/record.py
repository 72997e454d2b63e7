"""The run record: one versioned JSON document per run. Here are its values.

:mod:`hfbench.bench.record_writer` keeps it on disk while a run goes on; :mod:`hfbench.bench.record_reader` reads every
version that was ever written.

History of the format, newest first:

* ``hfbench-record/1``: the first one. Added later: ``runs`` of a sample (absent: 1); ``wrong_frames``, ``lowest``,
  ``warm_up`` and ``pixels``, each only where there is something to say; ``rule`` (of a gate) and ``terms`` (of engines
  side by side) among the options; ``trouble``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from statistics import median
from types import MappingProxyType
from typing import Any, Final

from hfbench.errors import RecordError
from hfbench.model.metrics import is_counted

#: The version that is written. A change of a meaning or a name needs a new one; :mod:`hfbench.bench.record_reader`
#: keeps reading the old ones.
SCHEMA: Final = "hfbench-record/1"

#: Fields of a sample that are written only where they are not empty.
_ONLY_WHERE_ANY: Final = ("wrong_frames", "lowest", "warm_up", "pixels")
Metrics = Mapping[str, float | int | None]
_EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Load:
    """Load averages: runnable processes over the last one, five and fifteen minutes (getloadavg(3))."""

    one_minute: float
    five_minutes: float
    fifteen_minutes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One run of one scenario (or the median of a few, see ``runs``), with everything that was measured.

    Attributes:
        round: which round (or pair) of the run, from 1; samples of one round were taken next to each other.
        metrics: by the names that ``hfbench metrics`` lists; None where the engine can't tell.
        engine: the name of the engine that ran, as in ``NAME=COMMAND``.
        role: what the sample is for in a gate: ``baseline``, ``contender``, ``canary-a``, ``canary-b``; else ``""``.
        cache: state of the extraction cache: ``off``, ``cold`` or ``warm``.
        frames: clip id -> frames, as the engine reported them.
        files: image files that the harness itself found in the output folder; None where it did not look.
        order: place in the run, from 0: shows drift of the machine.
        runs: number of consecutive runs that this is the median of.
        wrong_frames: which frame is wrong and what it should be, where frames were compared with the truth; empty where
            all were right, or none were checked.
        lowest: counters that were not the same in all ``runs`` (``metrics`` has the highest) -> the lowest.
        pixels: what converted the frames of the built-in backends: ``kernel``, ``libavfilter``, or both.
        warm_up: counters that had another value in the warm-up right before this sample -> that value.
    """

    scenario: str
    backend: str
    scope: str
    format: str
    round: int
    metrics: Metrics
    engine: str = "hfbench"
    role: str = ""
    cache: str = "off"
    frames: Mapping[str, int] = field(default_factory=lambda: _EMPTY)
    files: int | None = None
    order: int = 0
    runs: int = 1
    wrong_frames: str = ""
    pixels: str = ""
    lowest: Mapping[str, float] = field(default_factory=lambda: _EMPTY)
    warm_up: Mapping[str, float] = field(default_factory=lambda: _EMPTY)

    def __post_init__(self) -> None:
        """Reject numbers that JSON can't hold.

        Raises:
            RecordError: a metric is NaN, infinite, or not a number.
        """
        for name, value in self.metrics.items():
            if value is not None and not is_finite_number(value):
                shown = str(value)[:40]
                raise RecordError(
                    f"scenario {self.scenario!r}: metric {name} is {shown}; it must be a finite number or null"
                )

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dict with the fields' own names."""
        plain = {each.name: getattr(self, each.name) for each in fields(self)}
        plain |= {name: dict(plain[name]) for name in ("metrics", "frames", "lowest", "warm_up")}
        return {name: value for name, value in plain.items() if value or name not in _ONLY_WHERE_ANY}


def merged(samples: Sequence[Sample]) -> Sample:
    """One sample for a few runs of the same case: medians of the metrics (unknown if one is unknown).

    Counted work is usually the same in each; where it is not, the highest is kept, and so are frames and files that
    differ from the first, so that a run that lost frames is not hidden by two that did not.
    """
    first = samples[0]
    odd = next((each for each in samples if (each.frames, each.files) != (first.frames, first.files)), first)
    values = {name: [each.metrics.get(name) for each in samples] for name in first.metrics}
    return replace(
        first,
        metrics={name: _middle(name, given) for name, given in values.items()},
        frames=odd.frames,
        files=odd.files,
        runs=len(samples),
        lowest=dict(_lowest(values)),
    )


def _middle(name: str, values: Sequence[float | int | None]) -> float | int | None:
    """The median of a time, the highest value of a counter; None if one is unknown.

    The metric's name decides which it is, not the number: whole milliseconds are times as well.
    """
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    return max(known) if is_counted(name) else median(known)


def _lowest(values: Mapping[str, Sequence[float | int | None]]) -> Iterator[tuple[str, float]]:
    for name, given in values.items():
        known = [value for value in given if value is not None]
        if is_counted(name) and len(known) == len(given) and min(known) < max(known):
            yield name, min(known)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run: its samples, and the conditions that they were measured under.

    Attributes:
        created: when the run started, ISO 8601 in UTC.
        machine: :func:`hfbench.bench.machine.machine_facts`.
        versions: :func:`hfbench.bench.machine.versions` of the process that measured.
        engines: engine name -> what it reported about itself (version, revision, libraries).
        options: how the run was asked for, JSON-able.
        fixtures: scenario -> hash of the recipe its sources were built by.
        load_before: load averages; ``load_after`` is None while the run is under way.
        trouble: why the measurement ended early, if it did; the verdict says so, too.
        interrupted: true until the run is finished, so that a record on disk is right even after a power cut.
    """

    schema: str = SCHEMA
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    samples: tuple[Sample, ...] = ()
    machine: Mapping[str, str | int] = field(default_factory=lambda: _EMPTY)
    versions: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    engines: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: _EMPTY)
    options: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    fixtures: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    load_before: Load | None = None
    load_after: Load | None = None
    notes: tuple[str, ...] = ()
    trouble: tuple[str, ...] = ()
    interrupted: bool = False

    def to_json(self) -> dict[str, Any]:
        """The document, JSON-able, ``schema`` first."""
        return {
            "schema": self.schema,
            "created": self.created,
            "samples": [sample.to_json() for sample in self.samples],
            "machine": dict(self.machine),
            "versions": dict(self.versions),
            "engines": {name: dict(facts) for name, facts in self.engines.items()},
            "options": dict(self.options),
            "fixtures": dict(self.fixtures),
            "load_before": asdict(self.load_before) if self.load_before else None,
            "load_after": asdict(self.load_after) if self.load_after else None,
            "notes": list(self.notes),
            **({"trouble": list(self.trouble)} if self.trouble else {}),
            "interrupted": self.interrupted,
        }


def is_finite_number(value: object) -> bool:
    """A number that JSON can hold and a float can: an integer may be too large for one."""
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:
        return False
