"""What may be compared with what: cases, sides, and the refusals that say which fact differs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from hfbench.bench import machine
from hfbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hfbench.bench.record import RunRecord, Sample

#: Axes along which two measurements must agree unless the comparison is across them on purpose.
AXES: Final = ("backend", "scope", "format", "cache")
_ANY: Final = "*"
_NO_FACTS: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, order=True)
class Case:
    """One thing that is measured: a scenario on fixed axes. ``*`` stands for an axis that is compared across."""

    scenario: str
    backend: str
    scope: str
    format: str
    cache: str = "off"

    def __str__(self) -> str:
        shown = [getattr(self, axis) for axis in AXES if getattr(self, axis) != _ANY]
        if self.cache == "off":
            shown = shown[:-1]
        return f"{self.scenario} [{' '.join(shown)}]" if shown else self.scenario

    def across(self, axes: Iterable[str]) -> Case:
        """The case with these axes left open."""
        return replace(self, **dict.fromkeys(axes, _ANY))

    def axes(self) -> dict[str, str]:
        """Axis name -> value."""
        return {axis: getattr(self, axis) for axis in AXES}


def case_of(sample: Sample, across: Iterable[str] = ()) -> Case:
    """The case that a sample belongs to."""
    return Case(sample.scenario, sample.backend, sample.scope, sample.format, sample.cache).across(across)


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two things compared: a name for people, its samples, and the facts that must agree."""

    name: str
    samples: tuple[Sample, ...]
    fixtures: Mapping[str, str] = field(default_factory=lambda: _NO_FACTS)
    machine: Mapping[str, str | int] = field(default_factory=lambda: _NO_FACTS)

    def cases(self, across: frozenset[str]) -> dict[Case, tuple[Sample, ...]]:
        """Samples by case, in the order of their rounds.

        Raises:
            UsageError: two different cases fall together once ``across`` is left open.
        """
        found: dict[Case, list[Sample]] = {}
        for sample in sorted(self.samples, key=lambda sample: sample.round):
            found.setdefault(case_of(sample, across), []).append(sample)
        for case, samples in found.items():
            closed = sorted({str(case_of(sample)) for sample in samples})
            if len(closed) > 1:
                raise UsageError(
                    f"{self.name} holds {' and '.join(closed)}; choose one of them to compare across {_join(across)}"
                )
            rounds = [sample.round for sample in samples]
            if len(set(rounds)) < len(rounds):
                engines = ", ".join(sorted({sample.engine for sample in samples}))
                raise UsageError(f"{self.name} holds {case} twice in one round (engines: {engines}); choose one engine")
        return {case: tuple(samples) for case, samples in found.items()}


def side_of(record: RunRecord, name: str, **chosen: str) -> Side:
    """The part of a record whose samples match ``chosen`` (``role="baseline"``, ``engine="x"``, ``scope="segment"``).

    Raises:
        UsageError: nothing matches.
    """
    samples = tuple(
        sample for sample in record.samples if all(getattr(sample, key) == value for key, value in chosen.items())
    )
    if not samples:
        wanted = ", ".join(f"{key}={value}" for key, value in chosen.items()) or "anything"
        raise UsageError(f"{name} holds no sample with {wanted}")
    return Side(name, samples, record.fixtures, record.machine)


@dataclass(frozen=True, slots=True)
class Unlike:
    """Why two measurements are not compared: the fact that differs, and its values; no case = the machines differ."""

    fact: str
    case: Case | None
    before: str
    after: str

    @property
    def message(self) -> str:
        """One sentence."""
        return f"{self.case or 'machine'}: {self.fact} differs: {self.before} against {self.after}"


def unlike_machines(base: Side, contender: Side) -> tuple[Unlike, ...]:
    """The facts in which the two machines differ."""
    return tuple(
        Unlike(name, None, str(base.machine.get(name, "unknown")), str(contender.machine.get(name, "unknown")))
        for name in machine.differences(base.machine, contender.machine)
    )


def unlike_cases(base: Side, contender: Side, across: frozenset[str]) -> dict[Case, Unlike]:
    """The baseline's cases that can't be compared, each with the first reason: missing, axis, fixture, frames."""
    before, after = base.cases(across), contender.cases(across)
    found: dict[Case, Unlike] = {}
    for case, samples in before.items():
        unlike = (
            _unlike_axis(case, after)
            or _unlike_fixture(case, base, contender)
            or _unlike_frames(case, samples, after.get(case, ()))
        )
        if unlike:
            found[case] = unlike
    return found


def _unlike_axis(case: Case, after: Mapping[Case, tuple[Sample, ...]]) -> Unlike | None:
    if case in after:
        return None
    near = [other for other in after if other.scenario == case.scenario]
    if not near:
        return Unlike("scenario", case, "measured", "not measured")
    closest = min(near, key=lambda other: (len(_differing(case, other)), other))
    axis = _differing(case, closest)[0]
    return Unlike(axis, case, getattr(case, axis), getattr(closest, axis))


def _differing(one: Case, other: Case) -> list[str]:
    return [axis for axis in AXES if getattr(one, axis) != getattr(other, axis)]


def _unlike_fixture(case: Case, base: Side, contender: Side) -> Unlike | None:
    before, after = (side.fixtures.get(case.scenario) for side in (base, contender))
    if before == after:
        return None
    return Unlike("fixture hash", case, before or "unknown", after or "unknown")


def _unlike_frames(case: Case, before: Iterable[Sample], after: Iterable[Sample]) -> Unlike | None:
    counts = {_frames(sample) for sample in before}, {_frames(sample) for sample in after}
    shown = [" or ".join(sorted(_spell(count) for count in side)) for side in counts]
    is_known = all(count and any(frames for _, frames in count) for side in counts for count in side)
    if counts[0] == counts[1] and len(counts[0]) == 1 and is_known:
        return None
    return Unlike("frame count", case, *shown)


def _frames(sample: Sample) -> tuple[tuple[str, int], ...]:
    """Frames by clip as the engine says, and the files that the harness found, so that a number told is checked."""
    told = tuple(sorted(sample.frames.items()))
    written = sample.metrics.get("framesWritten")
    if not told and sample.files is None and written is not None:
        told = (("frames", int(written)),)
    return told if sample.files is None else (*told, ("files", sample.files))


def _spell(count: tuple[tuple[str, int], ...]) -> str:
    return ", ".join(f"{name} {frames}" for name, frames in count) or "unknown"


def _join(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
