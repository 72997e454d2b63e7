"""Time to frame: HyperFrames' semantics as properties, against an oracle that walks the timeline frame by frame."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfbench import ExtractedClip, ExtractionResult, FrameLookup
from hfbench.model.lookup import frame_index
from hfbench.model.metrics import Breakdown, WorkCounters
from hfbench.model.result import Placement

EPSILON = Fraction(1, 10**9)
times = st.fractions(min_value=-3, max_value=12, max_denominator=3000)
speeds = st.sampled_from([Fraction(1), Fraction(2), Fraction(1, 2), Fraction(13, 10), Fraction(1, 10), Fraction(5)])
rates = st.sampled_from([Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(30), Fraction(60)])


@st.composite
def clips(draw: st.DrawFn, *, clip_id: str = "a") -> ExtractedClip:
    start = draw(st.fractions(min_value=-2, max_value=4, max_denominator=1000))
    end = start + draw(st.fractions(min_value=Fraction(1, 100), max_value=6, max_denominator=1000))
    place = Placement(start, end, draw(speeds), draw(rates), wraps=draw(st.booleans()))
    return clip(draw(st.integers(1, 200)), place, clip_id)


def clip(frames: int, place: Placement, clip_id: str = "a") -> ExtractedClip:
    return ExtractedClip(clip_id, frames, Path("out") / clip_id, "frame_%05d.jpg", (320, 180), place)


def result(*found: ExtractedClip) -> ExtractionResult:
    return ExtractionResult(found, Breakdown((), 0.0, 0.0, 0, 0, 0, 0, 0, 0, WorkCounters()))


def walked(of: ExtractedClip, time: Fraction) -> int | None:
    """Frame by frame: each is on screen from its own time (a billionth of a frame early) until the next one's."""
    place = of.placement
    if time < place.start or time > place.end:
        return None
    step = 1 / (place.playback_rate * place.fps)
    shown, frame = 0, 0
    while place.start + (frame + 1 - EPSILON) * step <= time:
        frame += 1
        shown = frame % of.frames if place.wraps else min(frame, of.frames - 1)
    return shown


class TestFrameIndex:
    @given(clips(), times)
    def test_it_is_the_frame_that_a_walk_arrives_at(self, of, time):
        assert frame_index(of, time) == walked(of, time)

    @given(clips())
    def test_visible_from_start_to_end_both_included_and_nowhere_else(self, of):
        place, little = of.placement, Fraction(1, 10**12)
        assert frame_index(of, place.start) == 0
        assert frame_index(of, place.end) is not None
        assert frame_index(of, place.start - little) is None
        assert frame_index(of, place.end + little) is None

    @given(clips(), times, times)
    def test_time_never_runs_backwards_without_a_loop(self, of, one, other):
        first, second = (frame_index(of, time) for time in sorted((one, other)))
        if None not in (first, second) and not of.placement.wraps:
            assert first <= second

    @given(clips(), st.integers(0, 400))
    def test_a_frames_own_time_shows_it_even_computed_in_floats(self, of, number):
        place = of.placement
        time = float(place.start) + number / (float(place.playback_rate) * float(place.fps))
        if place.start <= Fraction(Decimal(repr(time))) <= place.end:
            wanted = number % of.frames if place.wraps else min(number, of.frames - 1)
            assert FrameLookup(result(of)).frame("a", time) == of.path_of(wanted)

    def test_the_last_frame_is_held_through_the_end(self):
        of = clip(3, Placement(Fraction(0), Fraction(10), Fraction(1), Fraction(30)))
        assert [frame_index(of, Fraction(t)) for t in ("0", "0.0334", "0.0667", "0.1", "9.99", "10")] == [
            0,
            1,
            2,
            2,
            2,
            2,
        ]

    def test_a_loop_starts_again(self):
        of = clip(3, Placement(Fraction(1), Fraction(10), Fraction(1), Fraction(30), wraps=True))
        assert [frame_index(of, 1 + Fraction(n, 30)) for n in range(8)] == [0, 1, 2, 0, 1, 2, 0, 1]

    def test_playback_rate_skips_or_repeats(self):
        for rate, wanted in ((2, [0, 2, 4, 6]), (Fraction(1, 2), [0, 0, 1, 1])):
            of = clip(99, Placement(Fraction(0), Fraction(10), Fraction(rate), Fraction(30)))
            assert [frame_index(of, Fraction(n, 30)) for n in range(4)] == wanted

    def test_negative_control_without_the_epsilon_floats_fall_short(self):
        """1/30 + 1/30 + ... in floats lies below its frame often enough; the billionth is there for that."""
        time, short = 0.0, 0
        for number in range(1, 300):
            time += 1 / 30
            short += math.floor(time * 30) != number
            of = clip(300, Placement(Fraction(0), Fraction(10), Fraction(1), Fraction(30)))
            assert frame_index(of, Fraction(Decimal(repr(time)))) == number
        assert short > 0


class TestFrameLookup:
    @given(clips(clip_id="a"), clips(clip_id="b"), times)
    def test_all_clips_on_screen_in_order(self, one, other, time):
        lookup = FrameLookup(result(other, one))
        found = lookup.frames(time)
        assert list(found) == [each.clip_id for each in (other, one) if frame_index(each, time) is not None]
        for each in (one, other):
            assert found.get(each.clip_id) == lookup.frame(each.clip_id, time)

    @pytest.mark.parametrize("time", [0.5, "0.5", "1/2", Fraction(1, 2)])
    def test_times_in_every_spelling(self, time):
        of = clip(60, Placement(Fraction(0), Fraction(2), Fraction(1), Fraction(30)))
        assert FrameLookup(result(of)).frame("a", time) == Path("out/a/frame_00016.jpg")

    def test_an_unknown_clip_is_a_key_error_and_a_clip_without_frames_shows_nothing(self):
        empty = clip(0, Placement(Fraction(0), Fraction(2), Fraction(1), Fraction(30)))
        lookup = FrameLookup(result(empty))
        assert lookup.frames(1) == {}
        assert lookup.frame("a", 1) is None
        with pytest.raises(KeyError):
            lookup.frame("b", 1)

    @pytest.mark.parametrize("time", ["soon", math.nan, None, math.inf])
    def test_nonsense_is_a_value_error(self, time):
        of = clip(60, Placement(Fraction(0), Fraction(2), Fraction(1), Fraction(30)))
        with pytest.raises(ValueError, match="number"):
            FrameLookup(result(of)).frame("a", time)

    @pytest.mark.parametrize("index", [-1, 60, 10**9])
    def test_frames_that_are_not_there_are_an_index_error(self, index):
        of = clip(60, Placement(Fraction(0), Fraction(2), Fraction(1), Fraction(30)))
        with pytest.raises(IndexError, match="0 to 59"):
            of.path_of(index)
