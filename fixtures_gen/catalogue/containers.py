"""What containers do to time: edit lists, odd and negative starts, a wrapping clock, missing durations."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from fixtures_gen.catalogue.parts import THIRTY, SdrClip, milliseconds, remux
from fixtures_gen.recipe import Recipe, Size, Step
from fixtures_gen.truth import FileTruth, Truth, Uniform

_FRAMES = 90
_STEP = 1 / THIRTY
_PARAMS = "keyint=30:min-keyint=30:bframes=2:scenecut=0"
_CUT = 18  # frames that the edit list hides: into the first group of pictures
_EARLY = 15  # frames before zero
_ODD_START = Fraction(1234567, 1000)
_TS_TICKS = 90_000
_WRAP_START = Fraction(954427, 10)
_TS_WRAP = Fraction(1 << 33, _TS_TICKS)
_TS_PLAIN = ("-muxdelay", "0", "-muxpreload", "0")


def _base(size: Size) -> SdrClip:
    return SdrClip("base.mp4", size, _FRAMES, params=_PARAMS)


def _from_base(size: Size, *steps: Step) -> tuple[Step, ...]:
    return _base(size).step(), *steps


def _shown(size: Size, name: str, first: Fraction = Fraction(0), notes: str = "") -> FileTruth:
    truth = _base(size).truth()
    return replace(truth, name=name, timing=Uniform(first, _STEP, _FRAMES), notes=notes)


def _edit_list_truth(size: Size) -> Truth:
    shown = _FRAMES - _CUT
    why = f"the edit list hides the first {_CUT} frames, which must be decoded all the same"
    entry = replace(
        _shown(size, "edit-list.mp4", notes=why),
        timing=Uniform(Fraction(0), _STEP, shown),
        frame_ids=range(_CUT, _FRAMES),
        packets=_FRAMES,
    )
    return Truth((entry,))


def _negative_start_truth(size: Size) -> Truth:
    why = "fragments cannot be cut by an edit list, so the first half second is shown before zero"
    return Truth((_shown(size, "negative-start.mp4", -_EARLY * _STEP, why),))


def _ts_truth(size: Size, name: str, first: Fraction, notes: str) -> Truth:
    entry = _shown(size, name, first, notes)
    return Truth((replace(entry, time_base=Fraction(1, _TS_TICKS), container=None),))


def _matroska_truth(size: Size) -> Truth:
    times = milliseconds(THIRTY, _FRAMES)
    entry = _shown(size, "no-duration.mkv", notes="no duration, no cues: as a recorder leaves it that was cut off")
    return Truth((replace(entry, time_base=Fraction(1, 1000), timing=times, last_duration=None),))


def _fragmented_truth(size: Size) -> Truth:
    # Without an edit list the delay of two B-frames stays visible.
    return Truth((_shown(size, "fragmented.mp4", 2 * _STEP, "moof fragments, no sample table"),))


def _moov_truth(size: Size) -> Truth:
    return Truth((_shown(size, "moov-at-end.mp4"), _shown(size, "moov-at-front.mp4")))


_TAGS = frozenset({"sdr", "container", "timing"})

RECIPES = (
    Recipe(
        name="edit-list",
        title="an edit list hides packets: packet count is not frame count",
        tags=_TAGS,
        default_size=Size.P180,
        steps=lambda size: _from_base(
            size, remux("edit-list.mp4", "base.mp4", before=("-ss", f"{float(_CUT * _STEP):.3f}"))
        ),
        truth=_edit_list_truth,
    ),
    Recipe(
        name="negative-start",
        title="the first half second has negative timestamps",
        tags=_TAGS,
        default_size=Size.P180,
        steps=lambda size: _from_base(
            size,
            remux(
                "negative-start.mp4",
                "base.mp4",
                *("-output_ts_offset", f"-{float(_EARLY * _STEP)}", "-avoid_negative_ts", "disabled"),
                *("-movflags", "frag_keyframe+delay_moov"),
            ),
        ),
        truth=_negative_start_truth,
    ),
    Recipe(
        name="ts-odd-start",
        title="a transport stream that starts at 1234.567 s",
        tags=_TAGS,
        default_size=Size.P180,
        steps=lambda size: _from_base(
            size, remux("odd-start.ts", "base.mp4", "-output_ts_offset", f"{float(_ODD_START)}", *_TS_PLAIN)
        ),
        truth=lambda size: _ts_truth(size, "odd-start.ts", _ODD_START, "starts far from zero"),
    ),
    Recipe(
        name="near-wrap-ts",
        title="a transport stream whose 33-bit clock wraps after a second",
        tags=_TAGS,
        default_size=Size.P180,
        steps=lambda size: _from_base(
            size,
            remux("near-wrap.ts", "base.mp4", *("-output_ts_offset", f"{float(_WRAP_START)}", "-mpegts_copyts", "1")),
        ),
        truth=lambda size: _ts_truth(
            size, "near-wrap.ts", _WRAP_START - _TS_WRAP, "libavformat unwraps to negative times before the wrap"
        ),
    ),
    Recipe(
        name="fragmented",
        title="fragmented MP4",
        tags=_TAGS,
        default_size=Size.P180,
        steps=lambda size: _from_base(
            size,
            remux("fragmented.mp4", "base.mp4", "-movflags", "frag_keyframe+empty_moov+default_base_moof"),
        ),
        truth=_fragmented_truth,
    ),
    Recipe(
        name="moov-at-end",
        title="the index after the media, and before it",
        tags=_TAGS,
        default_size=Size.P180,
        steps=lambda size: _from_base(
            size,
            remux("moov-at-end.mp4", "base.mp4"),
            remux("moov-at-front.mp4", "base.mp4", "-movflags", "faststart"),
        ),
        truth=_moov_truth,
    ),
    Recipe(
        name="mkv-no-duration",
        title="Matroska without duration and cues",
        tags=_TAGS,
        default_size=Size.P180,
        steps=lambda size: _from_base(size, remux("no-duration.mkv", "base.mp4", "-live", "1")),
        truth=_matroska_truth,
    ),
)
