"""HyperFrames HTML, rule by rule: docs/composition.md describes them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfbench.composition import Clip, Composition, NoteKind
from hfbench.composition.html_format import parse
from hfbench.errors import CompositionError

#: Speed is not what these show, and the machine may be busy.


def video(attributes: str = "", *, clip_id: str | None = "v") -> str:
    name = "" if clip_id is None else f'id="{clip_id}" '
    return f'<video {name}src="a.mp4" {attributes}></video>'


def only(attributes: str) -> Clip:
    (clip,) = parse(video(attributes)).clips
    return clip


def starts(html: str) -> dict[str, Fraction]:
    return {clip.id: clip.start for clip in parse(html).clips}


def kinds(composition: Composition) -> list[tuple[NoteKind, str | None]]:
    return [(note.kind, note.clip_id) for note in composition.notes]


def test_only_video_with_a_src() -> None:
    composition = parse(
        "<audio src=x.mp3></audio><img src=x.png><video></video><video src=''></video>"
        "<video><source src=b.mp4></video><!-- <video src=c.mp4> --><script>'<video src=d.mp4>'</script>" + video()
    )
    assert [clip.id for clip in composition.clips] == ["v"]
    assert kinds(composition) == [(NoteKind.NO_SOURCE, None)] * 3
    assert not composition.absolute_sources


def test_ids_render_id_then_id_then_number_in_document_order() -> None:
    html = (
        '<video src="1"></video><video src="2" id="own" data-hf-render-id="own__2"></video>'
        '<video src="3" id="own"></video><video></video><video src="x" data-duration="0"></video>'
        '<video src="4"></video>'
    )
    assert [clip.id for clip in parse(html).clips] == ["hf-video-0", "own__2", "own", "hf-video-2"]


def test_two_clips_with_one_id_are_rejected() -> None:
    with pytest.raises(CompositionError, match="clip 'v': id: another clip has the same id"):
        parse(video() + video())


def test_id_escape_is_rejected() -> None:
    with pytest.raises(CompositionError, match="holds a path separator"):
        parse(video(clip_id="../escape"))


@pytest.mark.parametrize(
    "html",
    [
        "<template><video id=v src=a.mp4></video></template>",
        """<!doctype html><html><head><title>t</title></head><body>
        <!-- c --> <template>
        <div><video id=v src=a.mp4></video></div><template><video id=inert src=b.mp4></video></template></template>
        </body></html>""",
    ],
)
def test_a_body_that_is_one_template_is_read_as_its_content(html: str) -> None:
    assert [clip.id for clip in parse(html).clips] == ["v"]


@pytest.mark.parametrize(
    "html",
    [
        "<head></head><body><template>{}</template>",
        "<head><script>1</script></head><body><template>{}</template></body>",
        "<!doctype html><html><head><title>t</title></head><body class=x>\n<template>{}</template>\n</body></html>",
        "<template><script>1</script>{}</template>",
        "<!-- c --><template>{}</template>",
    ],
)
def test_what_stands_in_a_written_head_is_not_of_the_body(html: str) -> None:
    assert [clip.id for clip in parse(html.format(video())).clips] == ["v"]


@pytest.mark.parametrize(
    "html",
    [
        "<script>1</script><template>{}</template>",
        "<script src=gsap.js></script>\n<template id=scene>{}</template>",
        "<!doctype html><script>1</script><template>{}</template>",
        "<html><script>1</script><template>{}</template></html>",
        "<meta charset=utf-8><template>{}</template>",
        "<style>p {{}}</style><template>{}</template>",
        "<body><script>1</script><template>{}</template></body>",
        "<html><head><template>{}</template></head><body></body></html>",
        "<template>{}</template><script>1</script>",
        "<template><template>{}</template></template>",
    ],
)
def test_a_script_beside_the_template_makes_it_inert_wherever_a_browser_moves_it(html: str) -> None:
    """As the peer reads it, @hyperframes/engine 0.8.33, in every one of these."""
    with pytest.raises(CompositionError, match="no <video> with a src"):
        parse(html.format(video()))
    assert [clip.id for clip in parse(html.format(video(clip_id="inert")) + video()).clips] == ["v"]


def test_a_template_that_is_not_read_is_named_where_there_is_no_video() -> None:
    with pytest.raises(
        CompositionError, match=r"^no <video> with a src attribute outside <template> \(one is read only"
    ):
        parse(f"<p></p><template>{video()}</template>")


@pytest.mark.parametrize("beside", ["<p></p>", "words", "<template></template>"])
def test_any_other_template_is_inert(beside: str) -> None:
    with pytest.raises(CompositionError, match="no <video> with a src attribute"):
        parse(f"{beside}<template>{video()}</template>")
    assert len(parse(f"{beside}<template>{video(clip_id='inert')}</template>{video()}").clips) == 1


@pytest.mark.parametrize(
    ("raw", "start"),
    [("1.5", "3/2"), ("", "0"), ("-2", "0"), (" 2 ", "2"), (".5", "1/2"), ("1e1", "10"), ("+3", "3"), ("2.", "2")],
)
def test_start_is_a_number_and_never_below_0(raw: str, start: str) -> None:
    assert only(f'data-start="{raw}"').start == Fraction(start)


@pytest.mark.parametrize(
    ("expression", "start"),
    [
        ("intro", "4"),
        ("intro + 2", "6"),
        ("intro+2", "6"),
        ("intro - 0.5", "7/2"),
        ("intro - .5", "7/2"),
        ("intro - 9", "0"),
    ],
)
def test_start_may_be_a_reference_to_the_end_of_another_element(expression: str, start: str) -> None:
    target = '<div id="intro" data-start="1" data-duration="3"></div>'
    for html in (target + video(f'data-start="{expression}"'), video(f'data-start="{expression}"') + target):
        composition = parse(html)
        assert composition.clips[0].start == Fraction(start)
        assert composition.notes == ()


def test_reference_to_a_composition_id_and_id_goes_first() -> None:
    scene = '<div data-composition-id="scene" data-duration="4"></div>'
    assert starts(scene + video('data-start="scene"'))["v"] == 4
    assert starts(scene + '<p id="scene" data-end="7"></p>' + video('data-start="scene"'))["v"] == 7


def test_reference_to_a_video_by_its_number() -> None:
    assert starts(video("data-duration=3", clip_id=None) + video('data-start="hf-video-0 + 1"'))["v"] == 4


@pytest.mark.parametrize(
    ("target", "start"),
    [
        ("data-start=2", 2),
        ("data-start=2 data-end=5", 5),
        ("data-start=2 data-end=1", 2),
        ("data-start=2 data-duration=0", 2),
        ("data-start=2 data-duration=-1", 2),
        ("data-start=2 data-duration=3s", 2),
        ("", 0),
    ],
)
def test_a_target_without_duration_or_end_counts_as_ending_where_it_starts(target: str, start: int) -> None:
    assert starts(video(target, clip_id="t") + video("data-start=t"))["v"] == start


def test_references_chain() -> None:
    html = "".join(
        video(f'data-start="v{number + 1} + 1" data-duration=1', clip_id=f"v{number}") for number in range(3000)
    )
    assert starts(html + video("data-start=5", clip_id="v3000"))["v0"] == 5 + 2 * 3000 - 1


@pytest.mark.parametrize("expression", ["nobody", "nobody + 2", "5s"])
def test_an_unknown_target_gives_0_and_a_warning(expression: str) -> None:
    composition = parse(video(f'data-start="{expression}"'))
    assert composition.clips[0].start == 0
    assert kinds(composition) == [(NoteKind.UNKNOWN_START_REFERENCE, "v")]
    assert repr(expression) in composition.notes[0].message


def test_a_cycle_gives_0_and_a_warning_for_each_element_in_it() -> None:
    html = (
        video("data-start=b data-duration=2", clip_id="a")
        + video("data-start='a + 1' data-duration=3", clip_id="b")
        + video("data-start='b'", clip_id="after")
        + video("data-start=self data-duration=1", clip_id="self")
    )
    composition = parse(html)
    assert starts(html) == {"a": 0, "b": 0, "after": 3, "self": 0}
    assert kinds(composition) == [(NoteKind.CIRCULAR_START_REFERENCE, name) for name in ("a", "b", "self")]


def test_a_start_that_says_nothing_is_noted() -> None:
    composition = parse(video('data-start="intro * 2"') + '<p id="intro" data-start="oops!"></p>')
    assert kinds(composition) == [(NoteKind.UNREADABLE_START, "v")]


def test_the_note_of_an_element_that_is_no_clip() -> None:
    composition = parse('<p id="intro" data-start="nobody" data-duration=2></p>' + video("data-start=intro"))
    assert composition.clips[0].start == 2
    assert kinds(composition) == [(NoteKind.UNKNOWN_START_REFERENCE, "intro")]


@pytest.mark.parametrize(
    ("attributes", "end"),
    [
        ("data-start=1 data-end=5 data-duration=2", 5),
        ("data-start=1 data-duration=2", 3),
        ("data-start=1 data-end=5s data-duration=2", 3),
        ("data-start=1 data-duration=2s", None),
        ("data-start=1 data-end=Infinity", None),
        ("data-start=1 data-end=1e400", None),
        ("data-start=1", None),
    ],
)
def test_end_then_duration_then_natural_end_with_strict_numbers(attributes: str, end: int | None) -> None:
    assert only(attributes).end == end


@pytest.mark.parametrize(
    "attributes",
    [
        "data-duration=0",
        "data-duration=-1",
        "data-start=2 data-end=2",
        "data-start=2 data-end=1",
        "data-end=3 data-duration=0",
    ],
)
def test_what_is_never_shown_is_left_out_with_a_note(attributes: str) -> None:
    composition = parse(video(attributes, clip_id="gone") + video())
    assert [clip.id for clip in composition.clips] == ["v"]
    assert kinds(composition) == [(NoteKind.NEVER_SHOWN, "gone")]
    with pytest.raises(CompositionError, match="no <video> is ever shown: clip 'gone'"):
        parse(video(attributes, clip_id="gone"))


@pytest.mark.parametrize(
    ("attributes", "media_start"),
    [
        ("data-playback-start=2 data-media-start=3", 2),
        ("data-playback-start=-2 data-media-start=3", 3),
        ("data-playback-start=2s data-media-start=3", 3),
        ("data-media-start=-1", 0),
        ("data-media-start=junk", 0),
        ("", 0),
    ],
)
def test_media_start(attributes: str, media_start: int) -> None:
    assert only(attributes).media_start == media_start


@pytest.mark.parametrize(
    ("raw", "rate"),
    [("2", "2"), ("9", "5"), ("0.01", "1/10"), ("0", "1"), ("-1", "1"), ("junk", "1"), ("2x", "1"), ("", "1")],
)
def test_rate_is_kept_within_bounds_else_1(raw: str, rate: str) -> None:
    assert only(f'data-playback-rate="{raw}"').playback_rate == Fraction(rate)


@pytest.mark.parametrize(("attributes", "loop"), [("loop", True), ("loop=false", True), ("", False)])
def test_loop_by_presence(attributes: str, *, loop: bool) -> None:
    assert only(attributes).loop is loop


@pytest.mark.parametrize(
    ("attributes", "has_audio"), [("data-has-audio=true", True), ("data-has-audio=1", False), ("", False)]
)
def test_has_audio(attributes: str, *, has_audio: bool) -> None:
    assert only(attributes).has_audio is has_audio


def test_attributes_are_read_as_a_browser_reads_them() -> None:
    html = "<VIDEO SRC=' a&amp;b.mp4?v=1&copy=2 ' ID=v DATA-START=\"1\" data-start=9>"
    (clip,) = parse(html).clips
    assert (clip.src, clip.start) == ("a&b.mp4?v=1&copy=2", 1)


@pytest.mark.parametrize(
    "html", ["", "a.mp4", "<p>hello", "<?xml version='1.0'?><html xmlns='x'></html>", "{}", "\0\0"]
)
def test_html_with_no_video_is_one_clear_message(html: str) -> None:
    with pytest.raises(CompositionError, match=r"^no <video> with a src attribute: there is nothing to extract$"):
        parse(html)


def test_a_large_inline_script_is_no_trouble() -> None:
    assert len(parse("<script>" + "if (a < b && c > d) e();" * 100_000 + "</script>" + video()).clips) == 1


@given(
    st.text(), st.dictionaries(st.sampled_from(["data-start", "data-end", "data-duration", "id"]), st.text(max_size=12))
)
def test_any_text_is_read_or_refused(around: str, attributes: dict[str, str]) -> None:
    written = " ".join(f'{name}="{value}"' for name, value in attributes.items())
    try:
        composition = parse(f"<video src=a {written}></video>{around}")
    except CompositionError as error:
        assert "\n" not in error.message  # noqa: PT017
    else:
        assert all(clip.start >= 0 and (clip.end is None or clip.end > clip.start) for clip in composition.clips)
