from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hfbench.bench.measure.scale import ScaleMeasurement, measure_scale
from hfbench.bench.record_reader import load_record
from hfbench.bench.record_writer import RecordWriter
from hfbench.bench.scale_axes import ScaleAxis, scale_axes
from hfbench.bench.scenarios import build_scenarios
from hfbench.errors import MeasurementError, UsageError
from hfbench.model.cancellation import CancelToken


@pytest.fixture(scope="module")
def wanted(home: Path) -> ScaleMeasurement:
    """The two shortest points of the axis of clip lengths."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HFBENCH_HOME", str(home))
        axis = next(each for each in scale_axes() if each.name == "clip length")
        short = replace(axis, points=axis.points[:2])
        built = build_scenarios([point.scenario for point in short.points], "180p")
    return ScaleMeasurement((short,), {each.scenario.name: each for each in built}, rounds=2)


def test_every_point_is_measured_once_a_round(wanted: ScaleMeasurement, tmp_path: Path) -> None:
    record = measure_scale(wanted, tmp_path / "record.json", token=CancelToken())
    found = sorted((sample.scenario, sample.round) for sample in record.samples)
    assert found == [(f"scale-clip-{seconds}s", number) for seconds in (1, 2) for number in (1, 2)]
    assert {sample.frames["clip-000"] for sample in record.samples} == {30, 60}
    assert not record.interrupted


def test_an_interrupted_run_goes_on_where_it_ended(wanted: ScaleMeasurement, tmp_path: Path) -> None:
    path, token = tmp_path / "record.json", CancelToken()

    def stop_in_second_round(_step: object) -> None:
        if path.exists() and len(load_record(path).samples) == 3:
            token.cancel()

    with pytest.raises(MeasurementError):
        measure_scale(wanted, path, token=token, on_step=stop_in_second_round)
    kept = load_record(path).samples
    assert len(kept) == 3
    finished = measure_scale(wanted, path, token=CancelToken())
    assert finished.samples[:3] == kept
    assert len(finished.samples) == 4


def test_a_record_of_something_else_is_not_continued(wanted: ScaleMeasurement, tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    RecordWriter(path, replace(measure_scale(replace(wanted, rounds=1), path, token=CancelToken()), options={}))
    with pytest.raises(UsageError, match="another measurement"):
        measure_scale(wanted, path, token=CancelToken())


def test_positions_of_every_axis_rise_and_scenarios_have_names_of_their_own() -> None:
    axes: tuple[ScaleAxis, ...] = scale_axes(cores=4)
    assert [axis.name for axis in axes] == ["source length", "clip length", "clip count", "resolution", "workers"]
    names = [point.scenario.name for axis in axes for point in axis.points]
    assert len(set(names)) == len(names)
    for axis in axes:
        positions = [point.position for point in axis.points]
        assert positions == sorted(set(positions))
        assert len(positions) >= 2
