"""Every scenario, built: its clips lie within the truth of its fixture, and the fixture's hash names it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hfbench.bench.scenarios import HEADLINE, SCENARIOS, build_scenarios, find_scenario
from hfbench.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_is_built_and_shows_what_its_fixture_holds(
    name: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HFBENCH_HOME", str(home))
    scenario = find_scenario(name)
    (built,) = build_scenarios([scenario], "180p")
    assert built.scenario is scenario and scenario.name == name and scenario.title
    assert len(built.fixture_hash) == 16 and int(built.fixture_hash, 16)
    for part, clip in zip(scenario.parts, built.composition.clips, strict=True):
        shown = built.truth.file(part.file).pts
        assert clip.id == part.clip_id
        assert (clip.start, clip.end, clip.media_start) == (part.start, part.start + part.duration, part.media_start)
        assert any(part.media_start <= pts - shown[0] < part.media_start + part.duration for pts in shown)


def test_the_headline_is_a_scenario_and_a_near_name_is_suggested() -> None:
    assert HEADLINE in SCENARIOS
    with pytest.raises(UsageError, match=f"did you mean {HEADLINE}"):
        find_scenario(HEADLINE[:-1])
    with pytest.raises(UsageError, match="choose from"):
        find_scenario("?")


@pytest.mark.parametrize("size", ["17p", ""])
def test_an_unknown_size_is_refused(size: str) -> None:
    with pytest.raises(UsageError, match=r"size: .* is not allowed; choose one of 180p"):
        build_scenarios([], size)
