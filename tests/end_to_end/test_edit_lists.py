"""What an editor or a phone wrote into an edit list is what is shown: by barcode, whatever the pieces are."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

import pytest

import hfbench
from tests.makers.clip_maker import ClipMaker, ids_of, slots_of
from tests.makers.edit_lists import Entry, with_edit_list

BACKENDS = ("libav", "ffmpeg")
RATE, PICTURES = 30, 90
#: Ticks a picture of the track at 30 fps, and of the movie (ffmpeg writes milliseconds).
TICKS, MOVIE_TICKS = 512, 1000
SOURCES = {
    "bframes": ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "30"),
    "plain": ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", "90"),
    "open-gop": (
        *("-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1"),
        *("-x265-params", "log-level=0:keyint=20:min-keyint=20:bframes=3:open-gop=1"),
    ),
}


@dataclass(frozen=True)
class Shown:
    """Pictures ``first`` to ``last`` (not included), half a tick of the movie's clock apart at most."""

    first: Fraction
    last: Fraction
    rate: float = 1


@dataclass(frozen=True)
class Nothing:
    """Seconds in which the track shows nothing."""

    seconds: Fraction


EDITS = {
    "cut": (Shown(Fraction(0), Fraction(40)), Shown(Fraction(75), Fraction(90))),
    "repeat": (Shown(Fraction(20), Fraction(50)), Shown(Fraction(20), Fraction(50))),
    "reorder": (Shown(Fraction(60), Fraction(90)), Shown(Fraction(0), Fraction(60))),
    "empty first": (Nothing(Fraction(1, 2)), Shown(Fraction(10), Fraction(40)), Shown(Fraction(50), Fraction(80))),
    "empty between": (Shown(Fraction(10), Fraction(40)), Nothing(Fraction(1, 2)), Shown(Fraction(50), Fraction(80))),
    "three pieces": tuple(Shown(Fraction(first), Fraction(first + 20)) for first in (65, 5, 37)),
    "within a picture": (Shown(Fraction(21, 2), Fraction(31)), Shown(Fraction(247, 4), Fraction(90))),
    "one piece": (Shown(Fraction(25), Fraction(70)),),
    "offset alone": (Nothing(Fraction(1, 2)), Shown(Fraction(0), Fraction(90))),
    "more than there is": (Shown(Fraction(70), Fraction(110)), Shown(Fraction(0), Fraction(20))),
    "nothing there": tuple(Shown(Fraction(first), Fraction(first + 20)) for first in (70, 400, 0)),
    "ends between references": (Shown(Fraction(0), Fraction(40)), Shown(Fraction(50), Fraction(72))),
    "double speed": (Shown(Fraction(0), Fraction(30)), Shown(Fraction(40), Fraction(60), rate=2)),
}
#: Those that every source goes through in each run of the tests.
OFTEN = ("cut", "reorder")
WINDOWS = ((Fraction(0), None), (Fraction(1), Fraction(1, 2)), (Fraction(7, 6), Fraction(1, 10)))


def entries(edits, delay: int) -> list[Entry]:
    """As an editor writes them: durations rounded to the movie's clock, starts exact in the track's."""
    rows = []
    for edit in edits:
        if isinstance(edit, Nothing):
            rows.append(Entry(int(edit.seconds * MOVIE_TICKS), -1))
        else:
            length = round((edit.last - edit.first) / RATE * MOVIE_TICKS)
            rows.append(Entry(length, int(edit.first * TICKS) + delay, edit.rate))
    return rows


def shown_times(edits) -> list[tuple[Fraction, int]]:
    """(seconds, picture) as laid out by the list; 0 is where the first picture of a file with video alone is shown."""
    found, at = [], Fraction(0)
    for edit in edits:
        if isinstance(edit, Nothing):
            at += edit.seconds
            continue
        length = Fraction(round((edit.last - edit.first) / RATE * MOVIE_TICKS), MOVIE_TICKS)
        for picture in range(int(edit.first), PICTURES):
            since = (picture - edit.first) / RATE
            if since < length:
                found.append((at + max(Fraction(0), since), picture))
        at += length
    return [(time - found[0][0], picture) for time, picture in found]


def expected(edits, start: Fraction, count: int) -> list[int]:
    times = shown_times(edits)
    rows = []
    for slot in range(count):
        limit = start + (slot + Fraction(1, 2)) / RATE
        rows.append([picture for time, picture in times if time < limit][-1])
    return rows


@pytest.fixture(scope="module")
def edited(make_clip: ClipMaker, tmp_path_factory):
    folder = tmp_path_factory.mktemp("edits")

    @cache
    def get(source: str, name: str) -> Path:
        encoder = (*SOURCES[source], "-movflags", "-faststart", "-video_track_timescale", str(TICKS * RATE))
        made = make_clip(f"edit-{source}.mp4", seconds=3, size=(192, 108), encoder=encoder)
        path = folder / f"{source}-{name.replace(' ', '-')}.mp4"
        delay = first_presentation(made)
        path.write_bytes(with_edit_list(made.read_bytes(), entries(EDITS[name], delay)))
        return path

    return get


def first_presentation(path: Path) -> int:
    """The first picture's time on the track's own clock: where muxers begin the edit list of a whole file."""
    data = path.read_bytes()
    return int.from_bytes(data[(at := data.index(b"elst")) + 16 : at + 20], "big")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("name", "source"),
    [
        pytest.param(name, source, marks=() if source == "bframes" or name in OFTEN else pytest.mark.slow)
        for name in EDITS
        for source in SOURCES
    ],
)
def test_every_piece_is_shown_where_the_list_puts_it(tmp_path, edited, name, source, backend):
    path = str(edited(source, name))
    clips = [hfbench.Clip(f"w{number}", path, 0, length, start) for number, (start, length) in enumerate(WINDOWS)]
    options = hfbench.ExtractOptions(backend=backend, format="jpg")
    result = hfbench.extract(hfbench.Composition(clips, fps=RATE), tmp_path, options)
    assert not result.failures, result.failures[0].message
    for clip, (start, length) in zip(result.clips, WINDOWS, strict=True):
        assert ids_of(clip) == expected(EDITS[name], start, clip.frames)
        assert length is None or clip.frames == slots_of(length, Fraction(RATE))
        noted = {"edit_rate_ignored"} if name == "double speed" else set()
        assert {warning.kind for warning in clip.warnings} - {"untagged_colors"} == noted
    times = shown_times(EDITS[name])
    assert abs(result.clips[0].frames - (times[-1][0] + Fraction(1, RATE)) * RATE) < 1.5


@pytest.mark.parametrize("scope", ["segment", "source"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_through_an_intermediate_as_well(tmp_path, make_clip: ClipMaker, edited, backend, scope):
    clips = [hfbench.Clip(name, str(edited("bframes", name)), 0, "0.5", 1) for name in ("cut", "repeat", "reorder")]
    clips.append(hfbench.Clip("hdr", str(make_clip.pq()), 0, "0.1"))
    options = hfbench.ExtractOptions(backend=backend, scope=scope, format="jpg")
    result = hfbench.extract(hfbench.Composition(clips, fps=RATE), tmp_path, options)
    assert not result.failures, result.failures[0].message
    for clip in result.clips[:3]:
        assert ids_of(clip) == expected(EDITS[clip.clip_id], Fraction(1), 15)


def test_negative_control_the_lists_differ_from_the_plain_file():
    """Were the list not followed, every one of these would be noticed."""
    plain = list(range(30, 45))
    noticed = [name for name, edits in EDITS.items() if expected(edits, Fraction(1), 15) != plain]
    assert set(EDITS) - set(noticed) == {"offset alone"}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("source", list(SOURCES))
def test_the_last_picture_of_an_entry_is_on_screen_to_its_end(tmp_path, edited, source, backend):
    """Picture 71 refers to no other and ends where the list ends: what follows in the track is not shown after it."""
    path = str(edited(source, "ends between references"))
    clip = hfbench.Clip("a", path, 0, Fraction(1, RATE), Fraction(617, 10 * RATE))
    result = hfbench.extract(
        hfbench.Composition([clip], fps=RATE), tmp_path, hfbench.ExtractOptions(backend=backend, format="jpg")
    )
    assert ids_of(result.clips[0]) == [71]
