"""The schema ``hfbench-composition/1``: what it takes, what it says of the rest, and the way back."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfbench.composition import Clip, Composition, json_schema
from hfbench.composition.json_format import parse
from hfbench.errors import CompositionError

CLIP = '{"id": "a", "src": "a.mp4"%s}'
VALIDATOR = jsonschema.Draft202012Validator(json_schema())

times = st.fractions(min_value=0, max_value=10**6, max_denominator=10**9)
ids = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters="/\\."), min_size=1, max_size=20)

#: Speed is not what these show, and the machine may be busy.


@st.composite
def clips(draw: st.DrawFn) -> Clip:
    start = draw(times | st.fractions(-10, 0))
    return Clip(
        draw(ids),
        draw(st.text(min_size=1).filter(lambda text: text.strip() and "\0" not in text)),
        start,
        draw(st.none() | times.filter(bool).map(lambda duration: start + duration)),
        draw(times),
        playback_rate=draw(st.fractions(Fraction(1, 10), 5)),
        loop=draw(st.booleans()),
        has_audio=draw(st.booleans()),
    )


def whole(clip_part: str = "", document_part: str = "") -> str:
    return f'{{"clips": [{CLIP % clip_part}]{document_part}}}'


def refusal(text: str) -> str:
    with pytest.raises(CompositionError) as caught:
        parse(text)
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 400
    return caught.value.message


@given(
    st.lists(clips(), min_size=1, max_size=5, unique_by=lambda clip: clip.id.casefold()).filter(
        lambda found: len({clip.id.casefold() for clip in found}) == len(found)
    ),
    st.fractions(Fraction(1, 100), 1000),
    st.none() | times.filter(bool),
)
def test_round_trip(found: list[Clip], fps: Fraction, timeline_end: Fraction | None) -> None:
    try:
        composition = Composition(found, fps=fps, timeline_end=timeline_end, root="/project")
    except CompositionError as error:
        assert "names the same folder" in error.message  # noqa: PT017  Unicode spellings of one id
        return
    document = composition.to_json()
    VALIDATOR.validate(document)
    assert Composition.from_json(document, root="/project") == composition
    assert parse(json.dumps(document), root=Path("/project")) == composition


def test_negative_control_the_round_trip_sees_a_difference() -> None:
    document = Composition([Clip("a", "a.mp4", end=2)]).to_json()
    document["clips"][0]["end"] = 3
    assert Composition.from_json(document) != Composition([Clip("a", "a.mp4", end=2)])


def test_everything_is_read() -> None:
    part = ', "start": 1.1, "duration": "2/3", "media_start": 0.1, "playback_rate": 2, "loop": true, "has_audio": true'
    text = whole(part, ', "schema": "hfbench-composition/1", "fps": "24000/1001", "timeline_end": 9')
    VALIDATOR.validate(json.loads(text))
    composition = parse(text, root=Path("/project"))
    end = Fraction(11, 10) + Fraction(2, 3)
    assert composition.clips == (
        Clip("a", "a.mp4", "1.1", end, Fraction(1, 10), playback_rate=2, loop=True, has_audio=True),
    )
    assert (composition.fps, composition.timeline_end, composition.root) == (Fraction(24000, 1001), 9, Path("/project"))
    assert composition.absolute_sources


@pytest.mark.parametrize("fps", ["30000/1001", 29.97, "29.97", {"num": 30000, "den": 1001}, [30000, 1001]])
def test_fps_in_every_spelling(fps: Any) -> None:
    document = {"clips": [{"id": "a", "src": "a.mp4"}], "fps": fps}
    VALIDATOR.validate(document)
    assert parse(json.dumps(document)).fps == Fraction(30000, 1001)
    assert parse(json.dumps(document), fps=25).fps == 25


@pytest.mark.parametrize(
    "part", ["", ', "end": null', ', "end": Infinity', ', "duration": null', ', "end": "Infinity"']
)
def test_natural_end(part: str) -> None:
    """A clip without an end plays to the end of its source; Python's json writes the infinity as a bare word."""
    assert parse(whole(part)).clips[0].end is None


@pytest.mark.parametrize(
    ("clip_part", "document_part", "expected"),
    [
        (', "end": NaN', "", "clip 'a': end: duration must be positive (got NaN)"),
        (', "start": 2, "end": 2', "", "clip 'a': end: duration must be positive (got 0)"),
        (', "start": 2, "end": 1.5', "", "clip 'a': end: duration must be positive (got -0.5)"),
        (', "duration": 0', "", "clip 'a': duration: duration must be positive (got 0)"),
        (', "duration": -1', "", "clip 'a': duration: duration must be positive (got -1)"),
        (', "duration": NaN', "", "clip 'a': duration: duration must be positive (got NaN)"),
        (', "duration": 1, "end": 2', "", "clip 'a': duration: a clip has 'end' or 'duration', not both"),
        (', "start": NaN', "", "clip 'a': start: nan is not a finite number"),
        (', "start": Infinity', "", "clip 'a': start: inf is not a finite number"),
        (', "start": null', "", "clip 'a': start: null is not a number of seconds"),
        (', "start": true', "", "clip 'a': start: true is not a number of seconds"),
        (', "start": "soon"', "", "clip 'a': start: 'soon' is not a finite number"),
        (', "start": [1]', "", "clip 'a': start: a list is not a number"),
        (', "start": 1e999999999999999999999999', "", "clip 'a': start: "),
        (f', "start": {"9" * 5000}', "", "clip 'a': start: 999"),
        (', "start": 1e17', "", "clip 'a': start: 1E+17 is too large"),
        (', "media_start": -1', "", "clip 'a': media_start: -1 is before the source begins"),
        (', "playback_rate": 6', "", "clip 'a': playback_rate: 6 is not a playback rate; allowed: 0.1 to 5"),
        (', "loop": "yes"', "", "clip 'a': loop: 'yes' is not true or false"),
        (', "mediaStart": 1', "", "clip 'a': unknown key 'mediaStart'; did you mean 'media_start'?"),
        (', "Start": 1', "", "clip 'a': unknown key 'Start'; did you mean 'start'?"),
        (', "zzzzzz": 1', "", "clip 'a': unknown key 'zzzzzz' (allowed: id, src, start,"),
        (', "start": 1, "start": 2', "", "clip 'a': 'start': the key is given twice"),
        ("", ', "fps": 0', "fps: 0 is not a frame rate above 0"),
        ("", ', "fps": NaN', "fps: nan is not a frame rate"),
        ("", ', "fps": null', "fps: null is not a frame rate"),
        ("", ', "fsp": 30', "unknown key 'fsp'; did you mean 'fps'?"),
        ("", ', "schema": "hfbench-composition/2"', "schema: 'hfbench-composition/2' is not known; allowed: "),
        ("", ', "timeline_end": 0', "timeline_end: duration must be positive (got 0)"),
        ("", ', "clips": []', "'clips': the key is given twice"),
    ],
)
def test_one_clear_line_names_the_clip_and_the_key(clip_part: str, document_part: str, expected: str) -> None:
    assert refusal(whole(clip_part, document_part)).startswith(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "is not JSON: line 1, column 1"),
        ("{", "is not JSON: line 1"),
        ("<html>", "is not JSON: line 1, column 1: Expecting value (it looks like HTML: name it .html)"),
        ("[]", "a composition is an object"),
        ("3", "a composition is an object"),
        ("null", 'a composition is an object such as {"clips": […]}, not null'),
        ("{}", "clips: missing"),
        ('{"clips": {}}', "clips: an object is not a list of clips"),
        ('{"clips": []}', "clips: a composition needs at least one clip"),
        ('{"clips": [3]}', "clips[0]: a clip is an object with 'id' and 'src', not a number"),
        ('{"clips": [{"src": "a"}]}', "clips[0]: id: missing"),
        ('{"clips": [{"id": 5, "src": "a"}]}', "clips[0]: id: must be text, not a number"),
        ('{"clips": [{"id": "a"}]}', "clip 'a': src: missing"),
        ('{"clips": [{"id": "a", "src": null}]}', "clip 'a': src: null is not text"),
        ('{"clips": [{"id": "../escape", "src": "a"}]}', "clip '../escape': id: '../escape' holds a path separator"),
        ("[" * 100_000, "is nested too deeply"),
        ('{"clips":' * 100_000, "is nested too deeply"),
    ],
    ids=range(17),
)
def test_what_is_no_composition(text: str, expected: str) -> None:
    assert refusal(text).startswith(expected)


def test_duplicate_ids() -> None:
    text = f'{{"clips": [{CLIP % ""}, {CLIP % ""}]}}'
    assert refusal(text).startswith("clip 'a': id: another clip has the same id")


def test_a_million_clips_is_one_message() -> None:
    clips = ",".join(f'{{"id":"{number}","src":"a"}}' for number in range(10**6))
    assert refusal(f'{{"clips":[{clips}]}}') == "clips: 1000000 clips are too many; allowed: at most 100000"


def test_html_paths_keep_their_meaning_in_json() -> None:
    composition = Composition([Clip("a", "/assets/a.mp4")], absolute_sources=False)
    assert composition.to_json()["clips"][0]["src"] == "assets/a.mp4"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
keys = st.sampled_from(["id", "src", "start", "end", "duration", "media_start", "playback_rate", "loop", "has_audio"])


@given(st.dictionaries(keys, json_values | st.sampled_from(["a", 1, 0.5, True]), max_size=9))
def test_any_clip_is_read_or_refused_in_one_line(clip: dict[str, Any]) -> None:
    document = {"clips": [clip]}
    try:
        parse(json.dumps(document))
    except CompositionError as error:
        assert error.message.isprintable()  # noqa: PT017
    else:
        if not any((isinstance(value, float) and math.isinf(value)) or value == "inf" for value in clip.values()):
            VALIDATOR.validate(document)
