from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from fixtures_gen import Store
from fixtures_gen.recipe import Size
from fixtures_gen.store import Request
from hfbench.bench.case import DECODE_LIMIT
from hfbench.bench.measure.decode_limit import DecodeLimit, decode_limit_cases
from hfbench.bench.measure.run import Measurement, measure
from hfbench.bench.scenarios import BuiltScenario, Scenario, find_scenario
from hfbench.cli.run_table import scenario_table
from hfbench.composition import Clip, Composition
from hfbench.errors import MeasurementError
from hfbench.model.cancellation import CancelToken

SCENARIO = find_scenario("cfr-sdr-cache")


@pytest.fixture(scope="module")
def built(store: Store) -> BuiltScenario:
    """One second from the middle of a clip of 3 s at 30 fps."""
    store.ensure([Request(SCENARIO.fixture, Size.P180)])
    entry = store.entry(SCENARIO.fixture, Size.P180)
    source = str(store.path(SCENARIO.fixture, None, Size.P180))
    clip = Clip("sdr", source, Fraction(0), Fraction(1), Fraction(3, 2))
    composition = Composition([clip], fps=Fraction(30), root=entry.folder)
    return BuiltScenario(SCENARIO, composition, "f" * 16, None)


def decoded(built: BuiltScenario) -> dict[str, float | int | None]:
    (case,) = decode_limit_cases([SCENARIO.name])
    limit = DecodeLimit({SCENARIO.name: built}, workers=1)
    limit.warm_up(case)
    return dict(limit.run(case, is_checked=True).sample.metrics)


def test_it_decodes_the_window_and_not_the_file(built: BuiltScenario) -> None:
    metrics = decoded(built)
    assert 30 <= (metrics["framesDecoded"] or 0) <= 90  # from a keyframe before 1.5 s to just past 2.5 s
    assert (metrics["packetsRead"] or 0) <= 90
    assert metrics["filesOpened"] == 1
    assert (metrics["cpuMs"] or 0) > 0


def test_its_counters_are_exact(built: BuiltScenario) -> None:
    first, second = decoded(built), decoded(built)
    assert first["framesDecoded"] == second["framesDecoded"]
    assert first["packetsRead"] == second["packetsRead"]


def test_a_longer_window_decodes_more(built: BuiltScenario) -> None:
    (clip,) = built.composition.clips
    longer = Composition([Clip(clip.id, clip.src, Fraction(0), Fraction(3))], fps=built.composition.fps)
    whole = BuiltScenario(built.scenario, longer, built.fixture_hash, None)
    assert decoded(whole)["framesDecoded"] == 90
    assert (decoded(built)["framesDecoded"] or 0) < 90


def test_run_shows_the_ratio_of_every_row(built: BuiltScenario, tmp_path: Path) -> None:
    wanted = Measurement((built,), (), 1, has_decode_limit=True)
    measured = measure(wanted, tmp_path / "record.json", token=CancelToken())
    assert [sample.engine for sample in measured.record.samples] == [DECODE_LIMIT]
    table = scenario_table(SCENARIO.name, measured)
    cells = {str(column.header): list(column.cells) for column in table.columns}
    assert cells["CPU/\ndecode"] == ["1.00"]
    assert [str(cell) for cell in cells["\nscope"]] == ["-"]


def test_a_source_that_cannot_be_decoded_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"no video")
    composition = Composition([Clip("a", str(tmp_path / "a.mp4"), Fraction(0), Fraction(1))])
    limit = DecodeLimit({"broken": BuiltScenario(Scenario("broken", "", "", ()), composition, "", None)}, workers=1)
    (case,) = decode_limit_cases(["broken"])
    with pytest.raises(MeasurementError, match="broken"):
        limit.run(case, is_checked=False)
