"""Rates and seconds in every spelling, exactly; and the one frame-grid rule against its own words."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfbench.timebase import (
    MAX_FRAME_RATE,
    FrameGrid,
    GridSampler,
    frame_count,
    parse_rate,
    rate_text,
    round_half_up,
    seconds_text,
    to_fraction,
)
from tests.makers.grids import walked

NTSC = Fraction(30000, 1001)
HALF = Fraction(1, 2)
fractions = st.fractions(min_value=-1000, max_value=1000, max_denominator=100_000)
rates = st.sampled_from([Fraction(24), Fraction(25), NTSC, Fraction(30), Fraction(60), Fraction(24000, 1001)]) | (
    st.fractions(min_value=Fraction(1, 10), max_value=240, max_denominator=2002)
)
starts = st.fractions(min_value=0, max_value=50, max_denominator=90_000)


class TestToFraction:
    @pytest.mark.parametrize(
        ("spelling", "value"),
        [
            (2.05, Fraction(41, 20)),
            ("2.05", Fraction(41, 20)),
            (Decimal("2.05"), Fraction(41, 20)),
            (Fraction(41, 20), Fraction(41, 20)),
            (" 2.05 ", Fraction(41, 20)),
            ("41/20", Fraction(41, 20)),
            (" 41 / 20 ", Fraction(41, 20)),
            ("4.1/2", Fraction(41, 20)),
            (3, Fraction(3)),
            (10**30, Fraction(10**30)),
            (-0.0, Fraction(0)),
            ("1e-3", Fraction(1, 1000)),
            (1e-7, Fraction(1, 10**7)),
            (0.1 + 0.2, Fraction("0.30000000000000004")),
        ],
    )
    def test_every_spelling_is_exact(self, spelling, value):
        assert to_fraction(spelling) == value

    @pytest.mark.parametrize(
        "nonsense",
        [None, True, False, "", " ", "a", "1/0", "1/2/3", "/", "1/", "nan", "inf", "-Infinity", "nan/1", "1/inf"]
        + [math.nan, math.inf, -math.inf, Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), [], {}, object(), 1j],
    )
    def test_everything_else_is_a_value_error(self, nonsense):
        with pytest.raises(ValueError, match="number"):
            to_fraction(nonsense)

    @given(st.floats(allow_nan=False, allow_infinity=False))
    def test_a_float_means_its_shortest_spelling(self, number):
        assert float(to_fraction(number)) == number
        assert to_fraction(number) == to_fraction(repr(number)) == Fraction(Decimal(repr(number)))

    @given(fractions)
    def test_text_of_a_fraction_reads_back(self, value):
        assert to_fraction(str(value)) == to_fraction(f"{value.numerator} / {value.denominator}") == value


class TestParseRate:
    @pytest.mark.parametrize(
        "spelling",
        [
            *("30000/1001", " 30000 / 1001 ", "29.97", "29.970", 29.97, Decimal("29.97"), Fraction("29.97"), NTSC),
            *({"num": 30000, "den": 1001}, {"den": "1001", "num": "30000"}, [30000, 1001], (30000, 1001)),
            *(["30000", "1001"], (Fraction(30), Fraction(1001, 1000))),
        ],
    )
    def test_thirty_less_a_thousandth_in_every_spelling(self, spelling):
        assert parse_rate(spelling) == NTSC

    @pytest.mark.parametrize(
        ("spelling", "nominal"),
        [("23.976", 24), (23.98, 24), ("47.952", 48), (47.95, 48), (59.94, 60), ("59.940", 60), (119.88, 120)],
    )
    def test_broadcast_decimals_mean_their_ratio(self, spelling, nominal):
        assert parse_rate(spelling) == Fraction(nominal * 1000, 1001)

    @pytest.mark.parametrize("rate", [1, 24, 25, "12.5", 29.971, "29.9", MAX_FRAME_RATE, Fraction(1, 1000), "0.5"])
    def test_other_numbers_are_themselves(self, rate):
        assert parse_rate(rate) == to_fraction(rate)

    @pytest.mark.parametrize(
        "nonsense",
        [0, -30, 1000.001, 90000, math.nan, math.inf, "fast", "", None, True, [30], [30, 1, 1], [30, 0], (0, 1)]
        + [
            {"num": 30},
            {"num": 30, "den": 0},
            {"num": 30, "den": 1, "x": 1},
            {"num": -30, "den": 1},
            {},
            "0/1",
            "30/-1",
        ],
    )
    def test_nonsense_is_a_value_error_that_repeats_it(self, nonsense):
        with pytest.raises(ValueError, match="number|rate"):
            parse_rate(nonsense)

    @given(rates)
    def test_a_rate_reads_back_from_its_own_text(self, rate):
        assert parse_rate(rate_text(rate)) == rate
        assert parse_rate({"num": rate.numerator, "den": rate.denominator}) == rate


class TestRounding:
    @pytest.mark.parametrize(
        ("value", "nearest"),
        [("1/2", 1), ("-1/2", 0), ("3/2", 2), ("-3/2", -1), ("61.5", 62), ("0.4999", 0), ("-0.51", -1)],
    )
    def test_halves_go_up(self, value, nearest):
        assert round_half_up(Fraction(value)) == nearest

    @given(fractions)
    def test_nearest_and_never_below_on_a_tie(self, value):
        nearest = round_half_up(value)
        assert -HALF < nearest - value <= HALF

    @pytest.mark.parametrize(
        ("duration", "rate", "frames"),
        [("2.05", 30, 62), ("0.001", 30, 1), ("2", NTSC, 60), ("1", Fraction(24000, 1001), 24), ("1/60", 30, 1)],
    )
    def test_frame_count(self, duration, rate, frames):
        assert frame_count(Fraction(duration), Fraction(rate)) == frames

    def test_seconds_for_people(self):
        shown = [seconds_text(value) for value in (None, Fraction(0), Fraction(1, 3), Fraction(2), Fraction(-1, 10**9))]
        assert shown == ["natural end", "0", "0.333333", "2", "0"]

    @pytest.mark.parametrize(("rate", "count"), [(30, 0), (0, 1), (-1, 1), (30, -5)])
    def test_an_impossible_grid_is_refused(self, rate, count):
        with pytest.raises(ValueError, match="grid"):
            FrameGrid(Fraction(0), Fraction(rate), count)


@st.composite
def grids(draw: st.DrawFn) -> FrameGrid:
    return FrameGrid(draw(starts), draw(rates), draw(st.integers(1, 40)))


@st.composite
def grids_and_frames(draw: st.DrawFn) -> tuple[FrameGrid, list[Fraction]]:
    """A grid, and ascending frame times around it: some exactly between two slots, where rounding decides."""
    grid = draw(grids())
    on_a_boundary = st.integers(-6, 90).map(lambda halves: grid.start + Fraction(halves, 2) / grid.rate)
    anywhere = st.fractions(min_value=grid.start - 3, max_value=grid.start + 3, max_denominator=90_000)
    times = draw(st.lists(on_a_boundary | anywhere, min_size=1, max_size=60, unique=True))
    return grid, sorted(times)


def by_the_rule(grid: FrameGrid, times: list[Fraction]) -> list[int]:
    """Slot k shows the last frame whose pts < start + (k + 1/2) / rate; before the file's first frame, the first."""
    rows = []
    for slot in range(grid.count):
        before = [position for position, pts in enumerate(times) if pts < grid.start + (slot + HALF) / grid.rate]
        rows.append(before[-1] if before else 0)
    return rows


class TestFrameGrid:
    @given(grids_and_frames())
    def test_the_sampler_follows_the_rule(self, case):
        grid, times = case
        assert walked(grid, times) == by_the_rule(grid, times)

    def test_negative_control_another_rounding_fails(self):
        """With halves rounded to even, or the frame at the boundary included, the rule is broken, and seen to be."""
        grid = FrameGrid(Fraction(0), Fraction(30), 4)
        times = [Fraction(n, 60) for n in range(10)]  # every second one falls between two slots
        wanted = by_the_rule(grid, times)
        assert wanted == [0, 2, 4, 6]

        def with_boundary(rounding) -> list[int]:
            first = [rounding((pts - grid.start) * grid.rate) for pts in times]
            return [max(i for i, slot in enumerate(first) if slot <= k) for k in range(grid.count)]

        assert with_boundary(round_half_up) == wanted
        assert with_boundary(round) != wanted
        assert with_boundary(math.floor) != wanted
        assert with_boundary(math.ceil) != with_boundary(lambda value: math.ceil(value - HALF))

    @given(grids_and_frames())
    def test_nothing_from_the_end_of_need_on_is_shown(self, case):
        grid, times = case
        shown = {times[position] for position in walked(grid, times)}
        assert all(pts < grid.end_of_need or pts == times[0] for pts in shown)

    @given(grids_and_frames(), st.randoms(use_true_random=False))
    def test_frames_that_no_slot_shows_may_be_left_out(self, case, random):
        grid, times = case
        rows = walked(grid, times)
        kept = [pts for number, pts in enumerate(times) if number in set(rows) or random.random() < 0.3]
        assert [kept[row] for row in walked(grid, kept)] == [times[row] for row in rows]

    @given(grids())
    def test_its_own_rate_from_its_own_start_is_one_frame_a_slot(self, grid):
        times = [grid.start + k / grid.rate for k in range(grid.count)]
        assert walked(grid, times) == list(range(grid.count))

    @given(grids_and_frames(), fractions)
    def test_only_distances_matter(self, case, shift):
        grid, times = case
        moved = FrameGrid(grid.start + shift, grid.rate, grid.count)
        assert walked(moved, [pts + shift for pts in times]) == walked(grid, times)

    @given(grids_and_frames(), st.integers(0, 50))
    def test_a_sampler_that_is_told_where_the_file_ends_stops_there(self, case, slots):
        """A damaged file: the last frame is held up to ``end``, no further."""
        grid, times = case
        sampler = GridSampler(grid)
        for pts in times:
            sampler.advance(pts)
        before = sampler.filled
        end = grid.start + slots / grid.rate
        assert sampler.finish(end) == range(before, max(before, min(slots, grid.count)))

    def test_no_frame_fills_no_slot(self):
        sampler = GridSampler(FrameGrid(Fraction(0), Fraction(30), 3))
        assert list(sampler.finish()) == []
        assert sampler.filled == 0
        assert not sampler.is_full
