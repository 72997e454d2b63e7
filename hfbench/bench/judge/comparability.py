"""Which measurements may be compared, and which fact differs where they may not."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from hfbench.bench.case import COMPARED, Case
from hfbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hfbench.bench.record import RunRecord, Sample

#: Facts that must be equal for two timings to be comparable. The kernel's release and Python's are not among them:
#: they are shown, but a security update of either does not make it another machine.
IDENTITY: Final = ("cpu", "cores", "threads", "memory_gib", "system", "architecture")

#: The fact that differs in a case whose frames are not what the truth says.
WRONG_FRAMES: Final = "wrong frames"
_RIGHT: Final = "right"
_NO_FACTS: Final[Mapping[str, str]] = MappingProxyType({})


def case_of(sample: Sample, across: Iterable[str] = ()) -> Case:
    """The case that a sample belongs to; with the engine left open, because engines are what is compared."""
    axes = {axis: getattr(sample, axis) for axis in COMPARED}
    return Case(sample.scenario, **axes).across({"engine", *across})


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
            UsageError: two different cases become one when ``across`` is left open.
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
                raise UsageError(
                    f"{self.name} holds {case} twice in one round (engines: {engines}); choose one with --engine NAME"
                )
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
    """Why two measurements are not compared: the fact that differs, and its values; no case = the machines differ.

    Wrong frames are such a fact, too: the values are what should be shown and what is shown.
    """

    fact: str
    case: Case | None
    before: str
    after: str

    @property
    def message(self) -> str:
        """One sentence."""
        if self.fact == WRONG_FRAMES:
            found = "; ".join(each for each in (self.before, self.after) if each != _RIGHT)
            return f"{self.case}: wrong frames: {found}"
        return f"{self.case or 'machine'}: {self.fact} differs: {self.before} against {self.after}"


def unlike_machines(base: Side, contender: Side) -> tuple[Unlike, ...]:
    """The facts in which the two machines differ."""
    return tuple(
        Unlike(name, None, str(base.machine.get(name, "unknown")), str(contender.machine.get(name, "unknown")))
        for name in IDENTITY
        if base.machine.get(name) != contender.machine.get(name)
    )


def unlike_cases(base: Side, contender: Side, across: frozenset[str]) -> dict[Case, Unlike]:
    """The baseline's cases that can't be compared, each with the first reason: axis, wrong frames, fixture, count."""
    before, after = base.cases(across), contender.cases(across)
    found: dict[Case, Unlike] = {}
    for case, samples in before.items():
        unlike = (
            _unlike_axis(case, after)
            or _wrong_frames(case, (base.name, samples), (contender.name, after[case]))
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
    return [axis for axis in COMPARED if getattr(one, axis) != getattr(other, axis)]


def _wrong_frames(case: Case, *sides: tuple[str, Iterable[Sample]]) -> Unlike | None:
    found = [
        next((f"{name}: {sample.wrong_frames}" for sample in samples if sample.wrong_frames), _RIGHT)
        for name, samples in sides
    ]
    return None if found == [_RIGHT, _RIGHT] else Unlike(WRONG_FRAMES, case, *found)


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
    """Frames by clip as the engine says, and the files that the harness found, so that what is reported is checked."""
    reported = tuple(sorted(sample.frames.items()))
    written = sample.metrics.get("framesWritten")
    if not reported and sample.files is None and written is not None:
        reported = (("frames", int(written)),)
    return reported if sample.files is None else (*reported, ("files", sample.files))


def _spell(count: tuple[tuple[str, int], ...]) -> str:
    return ", ".join(f"{name} {frames}" for name, frames in count) or "unknown"


def _join(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
