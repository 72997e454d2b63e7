"""From probed clips to plans: which part of a source a clip shows, how many frames, and what must be done to it."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from hfbench import Clip, ClipFailure
from hfbench.color import HdrTarget
from hfbench.engine.plan import NeverShown, composition_target, grid_over_source, source_window
from hfbench.model.media import HdrFacts
from hfbench.model.plan import ClipPlan, ImageFormat, Scope, Segment, WholeSource
from hfbench.timebase import FrameGrid
from tests.makers.grids import walked
from tests.makers.media_maker import HLG_TAGS, PQ_TAGS, SDR_TAGS, media_info, planned, probed, timing

stable = settings(max_examples=60, suppress_health_check=[HealthCheck.filter_too_much])

HALF = Fraction(1, 2)
seconds = st.fractions(min_value=0, max_value=20, max_denominator=1000)
lengths = st.fractions(min_value=Fraction(1, 1000), max_value=20, max_denominator=1000)
starts = st.fractions(min_value=-5, max_value=5, max_denominator=1000)
speeds = st.sampled_from([Fraction(1), Fraction(2), Fraction(1, 2), Fraction(3, 10), Fraction(5), Fraction(1, 10)])
rates = st.sampled_from([Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(30), Fraction(60)])


@st.composite
def clips(draw: st.DrawFn, *, loop: st.SearchStrategy[bool] = st.booleans()) -> Clip:
    start = draw(starts)
    end = draw(st.none() | lengths.map(lambda length: start + length))
    return Clip("a", "a.mp4", start, end, draw(seconds), playback_rate=draw(speeds), loop=draw(loop))


def requested(plan: ClipPlan) -> int:
    """The slots that a clip asks for, be they there or not."""
    short = [each.counts["requested_frames"] for each in plan.warnings if each.kind == "shorter_than_requested"]
    return short[0] if short else plan.grid.count


class TestSourceWindow:
    @stable
    @given(clips(loop=st.just(False)), lengths, st.none() | lengths)
    def test_the_window_is_the_visible_part_of_the_clip_in_source_time(self, clip, length, timeline_end):
        """Seconds of the source = seconds of the timeline x rate; what the timeline hides is not asked for."""
        source = timing(length)
        assume(clip.media_start < source.end)
        window = source_window(clip, source, timeline_end)
        natural_end = clip.start + (source.end - clip.media_start) / clip.playback_rate
        end = natural_end if clip.end is None else clip.end
        visible_from = clip.start if timeline_end is None else max(clip.start, 0)
        visible_to = end if timeline_end is None else min(end, timeline_end)
        if visible_to <= visible_from:
            assert window is None
            return
        assert window is not None
        assert (window.shown_from, window.shown_to) == (visible_from, visible_to)
        assert not window.wraps
        assert window.wanted == (visible_to - visible_from) * clip.playback_rate
        first = clip.media_start + (visible_from - clip.start) * clip.playback_rate
        if first < source.end:
            assert window.start == first
        else:  # the source ran out before the timeline began: its last frame is held
            assert clip.media_start <= window.start < source.end
            assert window.start >= source.last_pts
        assert window.available == source.end - window.start > 0

    @stable
    @given(clips(loop=st.just(True)), lengths, st.none() | lengths)
    def test_a_loop_that_crosses_its_end_keeps_its_whole_cycle(self, clip, length, timeline_end):
        source = timing(length)
        assume(clip.media_start < source.end)
        window = source_window(clip, source, timeline_end)
        assume(window is not None)
        natural_end = clip.start + (source.end - clip.media_start) / clip.playback_rate
        assert window.wraps == (window.shown_to > natural_end)
        if window.wraps:
            assert (window.start, window.wanted) == (clip.media_start, source.end - clip.media_start)
            assert window.shown_from == clip.start  # the phase of the cycle counts from the clip's own start
        else:
            assert window.start + window.wanted <= source.end

    @stable
    @given(clips(), lengths, lengths)
    def test_no_timeline_end_hides_nothing(self, clip, length, far):
        source = timing(length)
        assume(clip.media_start < source.end)
        window = source_window(clip, source, None)
        assert window is not None
        assert window.shown_from == clip.start
        if clip.start >= 0:
            assert source_window(clip, source, window.shown_to + far) == window

    @pytest.mark.parametrize(
        ("clip", "timeline_end", "start", "wanted"),
        [
            (Clip("a", "a", -1, 3), 10, 1, 3),  # invisible preroll
            (Clip("a", "a", -1, 3, 2), 10, 3, 3),
            (Clip("a", "a", -1, 3, playback_rate=2), 10, 2, 6),
            (Clip("a", "a", 8, 20), 10, 0, 2),  # past the end of the timeline
            (Clip("a", "a", 0, 4, 9), None, 9, 4),  # past the end of the source: said elsewhere
            (Clip("a", "a"), None, 0, 10),
            (Clip("a", "a", 5, None, 4, playback_rate="0.5"), None, 4, 6),
        ],
    )
    def test_by_hand(self, clip, timeline_end, start, wanted):
        window = source_window(clip, timing(10), None if timeline_end is None else Fraction(timeline_end))
        assert window is not None
        assert (window.start, window.wanted) == (start, wanted)

    @pytest.mark.parametrize(("start", "end"), [(10, 12), (11, 12), (-3, 0), (-3, -1)])
    def test_outside_the_timeline_is_never_shown(self, start, end):
        assert source_window(Clip("a", "a", start, end), timing(10), Fraction(10)) is None
        assert isinstance(planned(Clip("a", "a", start, end), media_info(), timeline_end=Fraction(10)), NeverShown)


class TestCounts:
    @stable
    @given(clips(), lengths, rates, st.none() | lengths)
    def test_frames_are_what_exists_of_what_was_asked(self, clip, length, fps, timeline_end):
        media = media_info(timing=timing(length))
        assume(clip.media_start < media.timing.end)
        plan = planned(clip, media, fps=fps, timeline_end=timeline_end)
        assume(isinstance(plan, ClipPlan))
        window = source_window(clip, media.timing, timeline_end)
        asked = max(1, math.floor(window.wanted * fps + HALF))
        there = max(1, math.floor(window.available * fps + HALF))
        assert requested(plan) == asked
        assert plan.grid == FrameGrid(window.start, fps, min(asked, there))
        short = [each for each in plan.warnings if each.kind == "shorter_than_requested"]
        assert bool(short) == (there < asked)
        if short:
            assert dict(short[0].counts) == {"requested_frames": asked, "available_frames": there}

    @pytest.mark.parametrize("beyond", [0, "0.5", 90])
    def test_media_start_at_or_past_the_end_is_one_failure_with_both_values(self, beyond):
        clip = Clip("a", "a", 0, 1, Fraction("2.5") + Fraction(beyond))
        failure = planned(clip, media_info(timing=timing(Fraction("2.5"))))
        assert isinstance(failure, ClipFailure)
        assert failure.kind.value == "media_start_out_of_range"
        assert "2.5 s" in failure.message
        assert f"{float(clip.media_start):g} s" in failure.message

    def test_the_last_instant_of_a_source_is_still_in_range(self):
        plan = planned(Clip("a", "a", 0, 1, Fraction("2.499")), media_info(timing=timing(Fraction("2.5"))))
        assert isinstance(plan, ClipPlan)
        assert plan.grid.count == 1

    @stable
    @given(clips(), lengths)
    def test_the_callers_clip_is_carried_not_changed(self, clip, length):
        plan = planned(clip, media_info(timing=timing(length)))
        if isinstance(plan, ClipPlan):
            assert plan.clip is clip

    @stable
    @given(clips(), lengths, rates, lengths)
    def test_every_instant_on_screen_has_a_frame(self, clip, length, fps, timeline_end):
        """The placement and the grid speak of the same frames: no look-up inside the window leaves it."""
        media = media_info(timing=timing(length))
        plan = planned(clip, media, fps=fps, timeline_end=timeline_end)
        assume(isinstance(plan, ClipPlan))
        place = plan.placement
        assert place.start < place.end
        assert place.playback_rate == clip.playback_rate
        if not place.wraps:
            wanted = (place.end - place.start) * place.playback_rate * fps
            assert abs(requested(plan) - wanted) <= HALF or requested(plan) == 1


class TestPreflight:
    @pytest.mark.parametrize("scope", list(Scope))
    @pytest.mark.parametrize("is_vfr", [False, True])
    @pytest.mark.parametrize("tags", [SDR_TAGS, PQ_TAGS, HLG_TAGS], ids=["sdr", "pq", "hlg"])
    @pytest.mark.parametrize("target", [None, HdrTarget.PQ, HdrTarget.HLG])
    def test_who_is_normalised_and_how_much_of_it(self, scope, is_vfr, tags, target):
        if tags.hdr_target is not None and target is None:
            return  # then the clip itself would be the target
        plan = planned(
            Clip("a", "a", 0, 2, 3), media_info(tags=tags, timing=timing(is_vfr=is_vfr)), target=target, scope=scope
        )
        assert isinstance(plan, ClipPlan)
        needs_color = target is not None and tags.hdr_target is not target
        assert (plan.color is not None) == needs_color
        assert plan.is_regularized == is_vfr
        if scope is Scope.FUSED or not (needs_color or is_vfr):
            assert plan.normalize is None
            return
        assert plan.normalize is not None
        assert plan.normalize.color == plan.color
        if scope is Scope.SEGMENT:
            assert plan.normalize.extent == Segment(plan.grid)
        else:
            assert isinstance(plan.normalize.extent, WholeSource)
            assert (plan.normalize.extent.grid is not None) == is_vfr

    def test_pq_wins_over_hlg_and_sdr_alone_has_no_target(self):
        def target(*tags):
            return composition_target(tuple(probed(Clip("a", "a"), media_info(tags=each)) for each in tags))

        assert target(SDR_TAGS) is None
        assert target() is None
        assert target(SDR_TAGS, HLG_TAGS) is HdrTarget.HLG
        assert target(HLG_TAGS, PQ_TAGS) is target(PQ_TAGS, HLG_TAGS) is HdrTarget.PQ

    @pytest.mark.parametrize(
        ("asked", "alpha", "target", "written", "notes"),
        [
            (None, False, None, ImageFormat.JPG, set()),
            (None, True, None, ImageFormat.PNG, set()),
            (None, False, HdrTarget.PQ, ImageFormat.PNG16, set()),
            (None, True, HdrTarget.HLG, ImageFormat.PNG16, set()),
            ("jpg", False, None, ImageFormat.JPG, set()),
            ("jpg", True, None, ImageFormat.PNG, {"alpha_needs_png"}),
            ("jpg", False, HdrTarget.PQ, ImageFormat.JPG, {"jpg_beside_hdr"}),
            ("png", True, HdrTarget.PQ, ImageFormat.PNG, set()),
            ("png16", False, None, ImageFormat.PNG16, set()),
        ],
    )
    def test_image_format(self, asked, alpha, target, written, notes):
        plan = planned(Clip("a", "a"), media_info(has_alpha=alpha), target=target, format=asked)
        assert isinstance(plan, ClipPlan)
        assert plan.image.format is written
        assert {each.kind for each in plan.warnings} == notes

    def test_dolby_vision_without_a_base_layer_is_refused(self):
        failure = planned(Clip("a", "a"), media_info(tags=PQ_TAGS, hdr=HdrFacts(dolby_vision_profile=5)))
        assert isinstance(failure, ClipFailure)
        assert failure.kind.value == "unsupported_media"


@st.composite
def grids_and_sources(draw: st.DrawFn) -> tuple[FrameGrid, list[Fraction]]:
    """A clip's slots, and frame times of a VFR source around them, many on slot boundaries."""
    rate = draw(rates)
    start = draw(st.fractions(min_value=0, max_value=4, max_denominator=1000))
    grid = FrameGrid(start, rate, draw(st.integers(1, 30)))
    tie = st.integers(-40, 80).map(lambda halves: start + Fraction(halves, 2) / rate)
    anywhere = st.fractions(min_value=0, max_value=6, max_denominator=90_000)
    first = draw(st.sampled_from([Fraction(0), Fraction(1, 7)]) | anywhere)
    times = draw(st.lists(tie | anywhere, max_size=50))
    return grid, sorted({first, *(each for each in times if each > first)})


class TestGridOverSource:
    """Scope ``source`` samples a VFR file twice: once over the whole file, once out of the intermediate."""

    @stable
    @given(grids_and_sources())
    def test_sampling_twice_is_sampling_once(self, case):
        grid, times = case
        source = timing(times[-1] + Fraction(1, 60), is_vfr=True)
        whole = grid_over_source(grid, source)
        intermediate = walked(whole, times)
        in_intermediate = FrameGrid(grid.start - whole.start, grid.rate, grid.count)
        its_times = [Fraction(slot) / grid.rate for slot in range(whole.count)]
        twice = [intermediate[position] for position in walked(in_intermediate, its_times)]
        assert twice == walked(grid, times)

    @stable
    @given(grids_and_sources())
    def test_in_step_with_the_clip_and_over_all_of_the_file(self, case):
        grid, times = case
        source = timing(max(times[-1], grid.start) + Fraction(1, 60), is_vfr=True)
        whole = grid_over_source(grid, source)
        steps = (grid.start - whole.start) * grid.rate
        assert steps.denominator == 1
        assert steps >= 0
        assert 0 <= whole.start < 1 / grid.rate
        assert whole.count >= steps + grid.count
        assert whole.start + (whole.count + HALF) / whole.rate >= source.end

    def test_negative_control_a_grid_out_of_step_repeats_or_drops_frames(self):
        grid = FrameGrid(Fraction(1, 100), Fraction(30), 10)
        times = [Fraction(n, 30) + Fraction(1, 100) for n in range(20)]
        out_of_step = FrameGrid(Fraction(0), Fraction(30), 30)
        intermediate = walked(out_of_step, [each + Fraction(1, 150) for each in times])
        its_times = [Fraction(slot, 30) for slot in range(30)]
        twice = [intermediate[position] for position in walked(FrameGrid(grid.start, grid.rate, 10), its_times)]
        assert twice != walked(grid, [each + Fraction(1, 150) for each in times])
