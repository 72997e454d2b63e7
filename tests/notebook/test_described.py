from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from bs4 import BeautifulSoup

from hfbench import notebook as nb
from hfbench.bench.judge.comparison import Comparison
from hfbench.bench.judge.verdict import CouldNotMeasure, Fail, Pass, Unsure
from hfbench.bench.record import RunRecord, Sample
from hfbench.history import History, Point, find_steps
from hfbench.notebook.colorimetry import delta_e_itp, light_to_pq, pq_to_light, sdr_to_light
from hfbench.notebook.described import Table, logarithmic, new_figure, number, percent
from tests.makers.repositories import record, save


def _record(**scopes: float) -> RunRecord:
    samples = tuple(
        Sample(
            scenario="s<b>",
            backend="libav",
            scope=scope,
            format="jpg",
            round=number_,
            metrics={"cpuMs": value + number_, "videoExtractMs": value, "framesDecoded": 10, "hdrPreflightMs": value},
            frames={"a": 1},
        )
        for scope, value in scopes.items()
        for number_ in range(1, 9)
    )
    return RunRecord(samples=samples, notes=("a <script> note",))


def test_a_figure_carries_its_words_and_its_numbers() -> None:
    figure, _ = new_figure()
    html = figure.described('says "this" & that', Table(("a",), (("<1>",),)))._repr_html_()
    page = BeautifulSoup(html, "html5lib")
    assert page.select_one("img")["alt"] == 'says "this" & that'  # type: ignore[index]
    assert page.select_one("td").text == "<1>"  # type: ignore[union-attr]


def test_names_from_outside_never_become_markup() -> None:
    record = _record(source=100.0, fused=1.0)
    shown = (nb.show_record(record), nb.scope_figure(record, "hdrPreflightMs"), nb.work_table(record))
    for each in shown:
        assert "<b>" not in each._repr_html_()
        assert "<script>" not in each._repr_html_()


def test_the_scope_figure_says_the_change_in_words() -> None:
    figure = nb.scope_figure(_record(source=100.0, segment=20.0, fused=0.01), "hdrPreflightMs")
    assert "libav segment 20 ms (-80.0% against source)" in figure.alt
    assert "*" not in figure.alt
    assert "below -99.9%" in figure.alt
    assert figure.axes[0].get_xlabel().startswith("hdrPreflightMs (ms)")


def test_external_engines_have_rows_of_their_own_that_carry_their_names() -> None:
    """Kind: an engine that the page does not name, and two engines in one row."""
    own = _record(source=100.0, fused=50.0)
    other = tuple(
        replace(sample, engine="peer", backend="node", scope="whole", metrics={"cpuMs": 300.0, "framesDecoded": 7})
        for sample in own.samples
    )
    facts = {"peer": {"engine": "hyperframes", "version": "0.8.33", "revision": "a" * 40}}
    record = replace(own, samples=own.samples + other, engines=facts)
    figure = nb.scope_figure(record, "cpuMs")
    assert [row[1:3] for row in figure.numbers.rows] == [  # type: ignore[union-attr]
        ("libav", "source"),
        ("libav", "fused"),
        ("peer node", "whole"),
    ]
    assert "peer node whole 300 ms" in figure.alt
    assert "peer node" in repr(nb.work_table(replace(record, samples=other)))
    assert "engines: hfbench, peer (hyperframes 0.8.33 at aaaaaaaa)" in repr(nb.show_record(record))


def test_two_scopes_of_one_record_are_compared_in_pairs() -> None:
    sides = nb.comparison_sides(_record(segment=100.0, fused=50.0))
    outcome = nb.comparison_of(sides)
    assert nb.show_comparison(outcome).headline.startswith("✓ PASS")
    assert "8" in [row[4] for row in nb.changes_figure(outcome).numbers.rows]  # type: ignore[union-attr]
    assert len(nb.pairs_figure(sides).numbers.rows) == 8  # type: ignore[union-attr]


@pytest.mark.parametrize("verdict", [Pass(), Fail(("why",)), Unsure(("why",)), CouldNotMeasure(("why",))])
def test_every_verdict_has_a_sign_of_its_own(verdict: Pass | Fail | Unsure | CouldNotMeasure) -> None:
    blank = Comparison("base", "head", (), (), None, (), verdict)
    others = [replace(blank, verdict=other) for other in (Pass(), Fail(), Unsure(), CouldNotMeasure())]
    mine = nb.show_comparison(blank).headline[0]
    assert [nb.show_comparison(other).headline[0] for other in others].count(mine) == 1


def test_the_example_history_says_that_it_is_made_up_and_its_steps_are_found() -> None:
    history = nb.example_history()
    assert all("made up" in series.axes.machine for series in history.series)
    steps = find_steps(history)
    assert {step.commit_range for step in steps} == {"example-39..example-40"}
    assert "3 steps: 3 for the worse" in repr(nb.show_steps(steps))
    assert "+18" in nb.history_figure(history, "cpuMs").alt


def test_a_made_up_history_says_what_was_left_out_in_its_favour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records of another repository alone are no history of this one."""
    monkeypatch.setenv("HFBENCH_HOME", str(tmp_path))
    save(record("a" * 40), tmp_path / "records" / "1.json")
    save(record("b" * 40), tmp_path / "records" / "2.json")
    monkeypatch.chdir(tmp_path)
    shown = repr(nb.show_history(nb.history()))
    assert "made up" in shown
    assert "left out: 2 measurements of 2 commits without a place in the order of commits" in shown


def test_no_step_is_shown_with_what_was_searched_and_what_could_have_been_found() -> None:
    history = nb.example_history().where(metric=("cpuMs", "framesDecoded"))
    short = History(tuple(replace(series, points=series.points[:5]) for series in history.series))
    shown = repr(nb.show_steps(find_steps(short), short))
    assert "0 steps" in shown
    assert "Searched 2 lines: cpuMs, framesDecoded." in shown
    assert "1 line of times with fewer than 6 commits" in shown
    assert "none: too few commits" in shown
    assert "any difference" in shown
    complete = repr(nb.show_steps(find_steps(history), history))
    assert "fewer than" not in complete
    assert re.search(r"cpuMs.*60 +\+\d+\.\d%", complete)


def test_lines_that_would_cover_each_other_are_drawn_as_one_that_names_all() -> None:
    (series,) = nb.example_history().where(metric="framesDecoded").series
    alike = replace(series, axes=replace(series.axes, backend="ffmpeg"))
    other = replace(
        series,
        axes=replace(series.axes, scope="fused"),
        points=tuple(replace(point, values=(9.0,)) for point in series.points),
    )
    figure = nb.history_figure(History((series, alike, other)), "framesDecoded")
    named = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert named == ["libav segment jpg\nffmpeg segment jpg", "libav fused jpg"]
    many = [replace(other, points=(Point("c", 1.0, (float(number_),)),)) for number_ in range(8)]
    legend = nb.history_figure(History(tuple(many)), "framesDecoded").axes[0].get_legend()
    assert legend.get_title().get_text() == "the 6 highest of 8 lines"


def test_a_logarithmic_axis_is_labelled_as_densely_as_it_can_be_read() -> None:
    def labelled(high: float) -> int:
        figure, axis = new_figure()
        axis.plot([1, 1], [1, high])
        logarithmic(axis, "y")
        figure.draw_without_rendering()
        return sum(bool(label.get_text()) for label in axis.get_yticklabels(minor=True))

    assert labelled(6) >= 5
    assert 2 <= labelled(50) <= 8
    assert labelled(1e5) == 0


def test_numbers_are_written_for_people() -> None:
    assert [number(value) for value in (0, 0.0123456, 12.345, 1234.5)] == ["0", "0.0123", "12.3", "1,234"]
    assert [percent(value) for value in (None, 0.05, -0.99999, -1.0)] == ["", "+5.0%", "below -99.9%", "-100.0%"]


def test_the_anchors_of_the_standards() -> None:
    """BT.2408: white at 203 cd/m² is PQ .58069, 100% red is PQ 34900 21431 14422 of 65535."""
    white, red = sdr_to_light(np.array([[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]]))
    assert light_to_pq(white) == pytest.approx([0.58069] * 3, abs=1e-5)
    assert light_to_pq(red) * 65535 == pytest.approx([34900, 21431, 14422], abs=1)
    assert pq_to_light(light_to_pq(white)) == pytest.approx(white)
    assert delta_e_itp(white, white) == 0
    assert delta_e_itp(white, white * 1.02) == pytest.approx(1.4, abs=0.3)


@pytest.mark.parametrize("name", nb.__all__)
def test_a_name_stays_what_it_is_when_a_cell_runs_again(name: str) -> None:
    first = getattr(nb, name)
    assert getattr(nb, name) is first
    assert not isinstance(first, ModuleType)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = nb.nothing
