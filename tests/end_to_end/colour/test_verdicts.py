"""What a probe says of every fixture of the catalogue is what its truth says; and of the real clips, what is so."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from fixtures_gen import CATALOGUE
from fixtures_gen.recipe import Size
from fixtures_gen.store import Request
from fixtures_gen.truth import UNTAGGED, FileTruth, Tags
from hfbench.backends import create_backend
from hfbench.model.cancellation import Control
from hfbench.model.media import MediaInfo, Orientation

if TYPE_CHECKING:
    from hfbench.color import ColorTags

FILES = [(name, truth.name) for name, recipe in CATALOGUE.items() for truth in recipe.truth(Size.P180).files]
TURNS = {
    Orientation.UPRIGHT: 0,
    Orientation.QUARTER_CLOCKWISE: 90,
    Orientation.HALF_TURN: 180,
    Orientation.QUARTER_ANTICLOCKWISE: 270,
}
#: A timestamp in Matroska and FLV is rounded to a millisecond, and so may the length of the last frame be.
CLOCK = {"mkv": Fraction(1, 1000), "webm": Fraction(1, 1000), "flv": Fraction(1, 1000)}


def as_tags(tags: ColorTags) -> Tags:
    """In the vocabulary of the truth."""
    return Tags(tags.primaries, tags.transfer, tags.matrix, {0: None, 1: False, 2: True}[tags.range])


def verdicts(media: MediaInfo) -> dict[str, object]:
    """What hfbench says, in the truth's words."""
    display, light = media.hdr.mastering_display, media.hdr.content_light
    return {
        "codec": media.codec,
        "pix_fmt": media.pixel_format,
        "size": (media.width, media.height),
        "display_size": media.display_size,
        "rotation": TURNS.get(media.orientation, media.orientation),
        "alpha": media.has_alpha,
        "hdr": media.hdr_target.value if media.hdr_target else None,
        "is_vfr": media.timing.is_vfr,
        "time_base": media.time_base,
        "resolved": as_tags(media.tags),
        "mastering": None if display is None else _mastering_units(display),
        "content_light": None if light is None else (light.max_cll, light.max_fall),
        "conflict": any(kind == "conflicting_tags" for kind, _ in media.notes),
        "dolby_vision": media.hdr.dolby_vision_profile,
    }


def truth_of(truth: FileTruth) -> dict[str, object]:
    """The same of the recipe's own words. The decoder's name for full-range yuv420p, yuvj420p, is FFmpeg's."""
    told, light = truth.container or UNTAGGED, truth.content_light
    return {
        "codec": truth.codec,
        "pix_fmt": truth.pix_fmt,
        "size": (truth.width, truth.height),
        "display_size": truth.display_size,
        "rotation": truth.rotation,
        "alpha": truth.alpha,
        "hdr": truth.hdr,
        "is_vfr": truth.is_vfr,
        "time_base": truth.time_base,
        "resolved": truth.resolved,
        "mastering": truth.mastering,
        "content_light": None if light is None else (light.max_cll, light.max_fall),
        "conflict": _disagree(told, truth.bitstream),
        "dolby_vision": None,
    }


def _disagree(one: Tags, other: Tags) -> bool:
    pairs = ((one.primaries, other.primaries), (one.transfer, other.transfer), (one.matrix, other.matrix))
    ranges = one.full_range is not None and other.full_range is not None and one.full_range != other.full_range
    return ranges or any(2 not in pair and pair[0] != pair[1] for pair in pairs)


def _mastering_units(display):
    from fixtures_gen.truth import MasteringDisplay

    red, green, blue, white = (
        tuple(round(value * 50_000) for value in point) for point in (*display.primaries_xy, display.white_xy)
    )
    most, least = (round(value * 10_000) for value in (display.max_luminance, display.min_luminance))
    return MasteringDisplay(green, blue, red, white, most, least)


def probe(path) -> MediaInfo:
    backend = create_backend("libav", 1)
    try:
        return backend.probe(path, Control()).media
    finally:
        backend.close()


@pytest.fixture(scope="session")
def probed(store):
    """Each file of the catalogue at 180 lines: its probe and its truth."""
    store.ensure([Request(name, Size.P180) for name in CATALOGUE])
    return {
        (name, file): (probe(store.path(name, file, Size.P180)), store.truth(name, Size.P180).file(file))
        for name, file in FILES
    }


def container_tags_allowed(truth: FileTruth) -> tuple[Tags, ...]:
    """The container's; where it says nothing, libavformat has looked into the first packets before anyone decodes."""
    return (UNTAGGED, truth.bitstream) if truth.container is None else (truth.container,)


def bitstream_tags_allowed(truth: FileTruth) -> tuple[Tags, ...]:
    """The bitstream's; VP9 has no place for primaries and transfer: its decoder hands on what the container said."""
    return (truth.bitstream, truth.resolved) if truth.codec == "vp9" else (truth.bitstream,)


@pytest.mark.parametrize(("name", "file"), FILES, ids=[f"{name}/{file}" for name, file in FILES])
class TestCatalogue:
    def test_every_verdict_is_the_truth(self, probed, name, file):
        media, truth = probed[name, file]
        assert verdicts(media) == truth_of(truth)

    def test_tags_of_container_and_bitstream_are_the_truth(self, probed, name, file):
        media, truth = probed[name, file]
        assert as_tags(media.container_tags) in container_tags_allowed(truth)
        assert as_tags(media.frame_tags) in bitstream_tags_allowed(truth)

    def test_times_are_the_truth(self, probed, name, file):
        """Media time starts at 0 where the container does; the truth's own times start where the recipe put them."""
        media, truth = probed[name, file]
        first, last = truth.pts[0], truth.pts[-1]
        assert media.timing.first_pts == first - Fraction(media.origin_ticks) * media.time_base
        assert media.timing.last_pts - media.timing.first_pts == last - first
        assert media.timing.frames in {None, truth.frames}
        ends = [last + (truth.last_duration or 0), last + (truth.last_duration or media.timing.period)]
        slack = CLOCK.get(file.rpartition(".")[2], Fraction(0))
        length = media.timing.end - media.timing.first_pts
        assert min(abs(length - (end - first)) for end in ends) <= slack
        if not truth.is_vfr:
            assert abs(media.timing.period - 1 / truth.frame_rate) * truth.frames <= 2 * slack


def test_nothing_of_the_catalogue_is_left_out(probed):
    assert {name for name, _ in probed} == set(CATALOGUE)
    assert len(probed) == len(FILES) >= 60


def test_negative_control_wrong_truths_are_noticed(probed):
    """Each field of the comparison tells at least two fixtures apart, save those that only the real clips vary."""
    rows = [truth_of(truth) for _, truth in probed.values()]
    for field in set(rows[0]) - {"dolby_vision"}:
        assert len({repr(row[field]) for row in rows}) > 1, field
    media, truth = probed["hlg-sei", "hlg-sei.mp4"]
    assert verdicts(media) != truth_of(replace(truth, hdr=None))
    assert verdicts(replace(media, frame_tags=media.container_tags)) != truth_of(truth)


#: What is so of the real clips: read off their boxes with an editor for ISO BMFF and Matroska, and off ffmpeg's report.
#: The rotation matrix of portrait-rotated.mp4 is the identity (720x1080 as stored).
REAL = {
    "alpha-vp9.webm": {"size": (1280, 720), "alpha": True, "resolved": Tags(full_range=False), "pix_fmt": "yuva420p"},
    "bikes-sdr.mp4": {"size": (640, 272), "resolved": UNTAGGED, "duration": Fraction(10)},
    "hdr10-av1.mp4": {"size": (720, 1280), "hdr": "pq", "resolved": Tags(9, 16, 9, full_range=False), "codec": "av1"},
    "hlg10-color.mp4": {"size": (1920, 1080), "hdr": "hlg", "resolved": Tags(9, 18, 9, full_range=False)},
    # two video streams, both marked default: the ffmpeg program takes the larger one, 0:3
    "nasa-sdr.mp4": {
        "size": (480, 270),
        "resolved": Tags(1, 1, 1, full_range=False),
        "duration": Fraction(13013, 1000),
    },
    "phone-edit-list.mp4": {
        "size": (1920, 1080),
        "display_size": (1080, 1920),
        "rotation": 90,
        "hdr": "hlg",
        "resolved": Tags(9, 18, 9, full_range=False),
        "dolby_vision": 8,
        "pix_fmt": "yuv420p10le",
    },
    "portrait-rotated.mp4": {"size": (720, 1080), "rotation": 0, "resolved": UNTAGGED},
    "screen-recording-vfr.mp4": {
        "size": (3026, 1386),
        "is_vfr": True,
        "resolved": Tags(1, 1, 1, full_range=False),
        "frames": 63,
        "duration": Fraction(502589, 57600),
    },
}


@pytest.mark.media
@pytest.mark.parametrize("file", REAL)
def test_real_clips(media, file):
    usual = {"hdr": None, "alpha": False, "is_vfr": False, "rotation": 0, "dolby_vision": None, "conflict": False}
    wanted = {**usual, "display_size": REAL[file]["size"], **REAL[file]}
    found = probe(media / file)
    seen = verdicts(found) | {"frames": found.timing.frames, "duration": found.timing.end - found.timing.first_pts}
    assert {key: seen[key] for key in wanted} == wanted


@pytest.mark.media
def test_every_real_clip_is_looked_at(media):
    assert {path.name for path in media.iterdir()} == set(REAL)
