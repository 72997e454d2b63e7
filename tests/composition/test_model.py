"""Clips and compositions as values."""

from __future__ import annotations

import dataclasses
import math
import pickle
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from hfbench.composition import MAX_CLIPS, Clip, Composition, CompositionNote, NoteKind
from hfbench.errors import CompositionError


def refusal(**values: Any) -> str:
    with pytest.raises(CompositionError) as caught:
        Clip(**{"id": "a", "src": "a.mp4", **values})
    assert "\n" not in caught.value.message
    return caught.value.message


class TestClip:
    def test_defaults(self) -> None:
        clip = Clip("a", "a.mp4")
        assert (clip.start, clip.end, clip.media_start, clip.playback_rate) == (0, None, 0, 1)
        assert (clip.loop, clip.has_audio) == (False, False)

    @pytest.mark.parametrize("spelling", [2.05, "2.05", "41/20", Decimal("2.05"), Fraction(41, 20), " 2.05 "])
    def test_every_spelling_of_a_number_is_exact(self, spelling: Any) -> None:
        clip = Clip("a", "a.mp4", end=spelling)
        assert clip.end == Fraction(41, 20)
        assert type(clip.end) is Fraction

    @pytest.mark.parametrize("end", [None, math.inf, "Infinity", "inf", Decimal("Infinity")])
    def test_end_infinity_or_omitted_goes_to_eof(self, end: Any) -> None:
        assert Clip("a", "a.mp4", 1, end).end is None

    @pytest.mark.parametrize(
        ("start", "end", "got"),
        [
            (2, 2, "0"),
            (2, 1, "-1"),
            (0, math.nan, "NaN"),
            (0, "nan", "NaN"),
            (0, -math.inf, "-Infinity"),
            (0, -1, "-1"),
        ],
    )
    def test_end_at_or_before_start_or_nan_is_rejected(self, start: Any, end: Any, got: str) -> None:
        assert refusal(start=start, end=end).startswith(f"clip 'a': end: duration must be positive (got {got})")

    @pytest.mark.parametrize("media_start", [-1, "-0.5", -1e-9])
    def test_negative_media_start_is_rejected(self, media_start: Any) -> None:
        message = refusal(media_start=media_start)
        assert message.startswith("clip 'a': media_start: ")
        assert "allowed: 0 or more seconds" in message

    @pytest.mark.parametrize("rate", [0, 0.09, 5.01, -1, math.nan, math.inf, "fast", None])
    def test_playback_rate_outside_its_range_is_rejected(self, rate: Any) -> None:
        message = refusal(playback_rate=rate)
        assert message.startswith("clip 'a': playback_rate: ")
        assert message.endswith("allowed: 0.1 to 5")

    @pytest.mark.parametrize("rate", [0.1, 5, "1/3"])
    def test_playback_rate_within_its_range(self, rate: Any) -> None:
        assert Fraction(1, 10) <= Clip("a", "a.mp4", playback_rate=rate).playback_rate <= 5

    @pytest.mark.parametrize(
        "clip_id",
        [
            "../escape",
            "..",
            ".",
            "",
            " ",
            "a/b",
            "a\\b",
            "/abs",
            "a\0b",
            "a\nb",
            "\x1b[31m",
            ".hidden",
            "\ud800",
            "x" * 201,
            5,
        ],
    )
    def test_id_escape_is_rejected(self, clip_id: Any) -> None:
        """An id is the name of a folder: whatever is not a plain one is rejected."""
        assert "id: " in refusal(id=clip_id)

    @pytest.mark.parametrize(
        "clip_id", ["hf-video-0", "-dash", "50%05d", "a b", "é🎬", "x" * 200, "a..b", "a:b", "'q\""]
    )
    def test_ids_that_are_plain_folder_names(self, clip_id: str) -> None:
        assert Clip(clip_id, "a.mp4").id == clip_id

    @pytest.mark.parametrize("key", ["start", "media_start"])
    @pytest.mark.parametrize(
        "value",
        [
            math.nan,
            math.inf,
            "abc",
            "",
            True,
            None,
            [],
            "1e999999999",
            pytest.param(10**5000, id="5001 digits"),
            5e-324,
            "1/0",
        ],
    )
    def test_what_is_no_time_names_clip_key_and_value(self, key: str, value: Any) -> None:
        assert refusal(**{key: value}).startswith(f"clip 'a': {key}: ")

    @pytest.mark.parametrize(
        ("key", "value"), [("src", ""), ("src", "a\0"), ("src", 5), ("loop", 1), ("has_audio", "true")]
    )
    def test_other_values(self, key: str, value: Any) -> None:
        assert refusal(**{key: value}).startswith(f"clip 'a': {key}: ")

    def test_messages_stay_short(self) -> None:
        assert len(refusal(start="9" * 100_000)) < 250

    def test_is_frozen_hashable_replaceable_and_pickles(self) -> None:
        clip = Clip("a", "a.mp4", 1, 2, playback_rate=2, loop=True)
        assert dataclasses.replace(clip, media_start=1) == Clip("a", "a.mp4", 1, 2, 1, playback_rate=2, loop=True)
        assert pickle.loads(pickle.dumps(clip)) == clip
        assert len({clip, Clip("a", "a.mp4", 1, 2, playback_rate=2, loop=True)}) == 1
        with pytest.raises(dataclasses.FrozenInstanceError):
            clip.end = None  # type: ignore[misc]


class TestComposition:
    @pytest.mark.parametrize(
        ("fps", "expected"),
        [
            (30, Fraction(30)),
            ("30000/1001", Fraction(30000, 1001)),
            ("29.97", Fraction(30000, 1001)),
            (29.97, Fraction(30000, 1001)),
            ({"num": 30000, "den": 1001}, Fraction(30000, 1001)),
            (Fraction(30000, 1001), Fraction(30000, 1001)),
        ],
    )
    def test_fps_30000_1001(self, fps: Any, expected: Fraction) -> None:
        """From "30000/1001", "29.97", {num, den} and Fraction."""
        assert Composition([Clip("a", "a.mp4")], fps=fps).fps == expected

    @pytest.mark.parametrize(
        "fps",
        [0, -30, math.nan, math.inf, "abc", None, True, {}, {"num": 1, "den": 0}, 10**9, "1e999999999", [30], object()],
    )
    def test_fps_0_negative_nan_is_rejected(self, fps: Any) -> None:
        with pytest.raises(CompositionError, match=r"^fps: .* is not a frame rate above 0 .*allowed: 30") as caught:
            Composition([Clip("a", "a.mp4")], fps=fps)
        assert len(caught.value.message) < 250

    @pytest.mark.parametrize(("first", "second"), [("a", "a"), ("a", "A"), ("é", "e\u0301"), ("straße", "STRASSE")])
    def test_two_clips_with_one_id_are_rejected(self, first: str, second: str) -> None:
        """Also ids that share a folder on a disk that folds case."""
        with pytest.raises(CompositionError, match="id: "):
            Composition([Clip(first, "a.mp4"), Clip(second, "b.mp4")])

    def test_needs_a_clip(self) -> None:
        with pytest.raises(CompositionError, match="at least one clip"):
            Composition([])

    def test_too_many_clips(self) -> None:
        with pytest.raises(CompositionError, match="at most 100000"):
            Composition([Clip("a", "a.mp4")] * (MAX_CLIPS + 1))

    @pytest.mark.parametrize("end", [0, -1, math.nan])
    def test_timeline_end_must_be_after_zero(self, end: float) -> None:
        with pytest.raises(CompositionError, match=r"^timeline_end: duration must be positive"):
            Composition([Clip("a", "a.mp4")], timeline_end=end)

    def test_root_is_absolute_and_the_value_pickles(self) -> None:
        note = CompositionNote(NoteKind.NEVER_SHOWN, "b", "words")
        composition = Composition([Clip("a", "a.mp4")], root="somewhere", notes=[note], timeline_end="5/2")
        assert composition.root == Path.cwd() / "somewhere"
        assert pickle.loads(pickle.dumps(composition)) == composition
