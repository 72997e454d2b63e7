"""Scenarios: what is measured. Each is a small composition over fixtures whose truth is known."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from hfbench.composition import Clip, Composition
from hfbench.errors import MachineError, UsageError
from hfbench.home import fixtures_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from fixtures_gen import Progress, Size, Store, Truth


@dataclass(frozen=True, slots=True)
class Part:
    """One clip of a scenario: a fixture's file, and when it is shown (seconds)."""

    clip_id: str
    file: str
    start: Fraction
    duration: Fraction
    media_start: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A named composition over one fixture."""

    name: str
    title: str
    fixture: str
    parts: tuple[Part, ...]
    fps: Fraction = Fraction(30)


@dataclass(frozen=True, slots=True)
class BuiltScenario:
    """A scenario whose fixture is on disk.

    Attributes:
        fixture_hash: hash of the fixture's recipe (of the sources' content where there is none), because only
            measurements of equal sources are compared.
        truth: what the fixture's files hold; None where there is no fixture.
        frames: without a fixture: clip id -> how many frames it must give, or the barcode of each. Without either,
            frames are not checked.
    """

    scenario: Scenario
    composition: Composition
    fixture_hash: str
    truth: Truth | None
    frames: Mapping[str, int | tuple[int, ...]] | None = None


def _part(clip_id: str, file: str, start: int, duration: int, media_start: int = 0) -> Part:
    return Part(clip_id, file, Fraction(start), Fraction(duration), Fraction(media_start))


SCENARIOS: Final[Mapping[str, Scenario]] = MappingProxyType(
    {
        scenario.name: scenario
        for scenario in (
            Scenario(
                "hdr-sdr-mixed-scope",
                "2 s of a 30 s SDR clip beside 2 s of HDR10: how much of the SDR source is re-encoded?",
                "hdr-sdr-mixed-scope",
                (_part("sdr", "sdr-30s.mp4", 0, 2, 13), _part("hdr", "hdr-2s.mp4", 2, 2)),
            ),
            Scenario(
                "vfr-screen-recording",
                "4 s of a screen recording with bursts and holds, from 3 s on",
                "vfr-screen-recording",
                (_part("screen", "screen.mp4", 0, 4, 3),),
            ),
            Scenario(
                "vfr-b-frames",
                "the same recording with B-frames, whose container declares too short a duration",
                "vfr-screen-recording",
                (_part("screen", "screen-b-frames.mp4", 0, 4, 3),),
            ),
            Scenario(
                "cfr-sdr-cache",
                "3 s of plain SDR: nothing to normalise",
                "cfr-sdr-cache",
                (_part("sdr", "sdr-3s.mp4", 0, 3),),
            ),
        )
    }
)
#: The main scenario of the suite: what ``hfbench run`` runs by default.
HEADLINE: Final = "hdr-sdr-mixed-scope"


def find_scenario(name: str) -> Scenario:
    """The scenario of that name.

    Raises:
        UsageError: there is none; the message names the nearest.
    """
    if name in SCENARIOS:
        return SCENARIOS[name]
    near = difflib.get_close_matches(name, SCENARIOS, 1)
    hint = f"; did you mean {near[0]}?" if near else f"; choose from {', '.join(SCENARIOS)}"
    raise UsageError(f"there is no scenario {name!r}{hint}")


def fixture_store() -> Store:
    """The store of fixtures under hfbench's home.

    Raises:
        MachineError: there is no ffmpeg program to build them with.
    """
    from fixtures_gen import FixtureError, Store

    try:
        return Store(fixtures_folder())
    except FixtureError as error:
        raise MachineError(str(error)) from error


def build_scenarios(
    scenarios: Iterable[Scenario],
    size: str | None = None,
    jobs: int = 2,
    on_progress: Callable[[Progress], None] | None = None,
) -> tuple[BuiltScenario, ...]:
    """Build the fixtures that are missing, then make the compositions.

    Args:
        scenarios: what to build.
        size: ``180p`` to ``2160p``; each fixture's own where it is None.
        jobs: fixtures built at once.
        on_progress: called for each fixture.

    Raises:
        MachineError: a fixture can't be built; the message says what is missing.
        UsageError: no such size.
    """
    from fixtures_gen import FixtureError
    from fixtures_gen.store import Request

    chosen = tuple(scenarios)
    store = fixture_store()
    picture_size = _size(size)
    try:
        store.ensure((Request(each.fixture, picture_size) for each in chosen), jobs, on_progress)
        return tuple(_built(each, store, picture_size) for each in chosen)
    except FixtureError as error:
        raise MachineError(str(error)) from error


def _size(name: str | None) -> Size | None:
    from fixtures_gen import Size

    if name is None:
        return None
    try:
        return Size(name)
    except ValueError:
        raise UsageError(
            f"size: {name!r} is not allowed; choose one of {', '.join(each.value for each in Size)}"
        ) from None


def _built(scenario: Scenario, store: Store, size: Size | None) -> BuiltScenario:
    entry = store.entry(scenario.fixture, size)
    clips = (_clip(part, entry.folder) for part in scenario.parts)
    composition = Composition(clips, fps=scenario.fps, root=entry.folder)
    fixture_hash = entry.folder.name.rpartition("-")[2]
    return BuiltScenario(scenario, composition, fixture_hash, store.truth(scenario.fixture, size))


def _clip(part: Part, folder: Path) -> Clip:
    source = str(folder / part.file)
    return Clip(part.clip_id, source, part.start, part.start + part.duration, part.media_start)
