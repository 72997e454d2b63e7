from __future__ import annotations

from pathlib import Path

import pytest

from hfbench.bench.case import Case
from hfbench.bench.measure.in_process import InProcess
from hfbench.bench.measure.run_root import open_run_root
from hfbench.bench.record import Sample
from hfbench.bench.scenarios import BuiltScenario, build_scenarios, find_scenario
from hfbench.model.cancellation import CancelToken
from hfbench.model.options import ExtractOptions
from hfbench.model.plan import Pixels

SCENARIO = "cfr-sdr-cache"


@pytest.fixture(scope="module")
def built(home: Path) -> BuiltScenario:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HFBENCH_HOME", str(home))
        return build_scenarios([find_scenario(SCENARIO)], "180p")[0]


def sample(built: BuiltScenario, options: ExtractOptions, *, is_checked: bool = True) -> Sample:
    with open_run_root() as root:
        subject = InProcess({SCENARIO: built}, options, CancelToken(), root)
        outcome = subject.run(Case(SCENARIO), is_checked=is_checked)
    assert (outcome.check is not None) == is_checked
    if outcome.check is not None:
        assert outcome.check.is_right
    return outcome.sample


@pytest.mark.parametrize("pixels", list(Pixels))
def test_a_sample_says_what_converted_its_frames(built: BuiltScenario, pixels: Pixels) -> None:
    found = sample(built, ExtractOptions(pixels=pixels))
    assert found.pixels == pixels.value
    assert found.to_json()["pixels"] == pixels.value


def test_frames_are_read_only_where_asked(built: BuiltScenario) -> None:
    found = sample(built, ExtractOptions(), is_checked=False)
    assert found.files == 90
    assert dict(found.frames) == {"sdr": 90}
