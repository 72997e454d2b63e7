"""What containers hide of a picture: read from the boxes, and cut off alike on both backends and in all scopes."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from hfbench.backends.libav.container_facts import ContainerFacts, DolbyVision, container_facts
from hfbench.backends.libav.frame_facts import tags_of
from hfbench.backends.libav.picture_facts import picture_notes
from hfbench.backends.libav.probe import probe
from hfbench.model.cancellation import Control
from hfbench.model.media import Crop
from tests.makers import cropped, patches, runs
from tests.makers.cropped import Cropped
from tests.oracles import reference

RGB = {"lime": (0, 1, 0), "blue": (0, 0, 1), "white": (1, 1, 1), "yellow": (1, 1, 0)}
NAMES = ("mp4", "mov", "mkv", "odd-chroma", "sar", "mkv-sar", "turned", "hevc")


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Cropped]:
    return cropped.all_of(tmp_path_factory.mktemp("cropped"))


@pytest.fixture(scope="module")
def pq(tmp_path_factory) -> Path:
    return patches.hdr_clip(tmp_path_factory.mktemp("pq"), "pq")


def quadrants(path: Path) -> np.ndarray:
    signal = patches.signal_of(path)
    height, width = signal.shape[:2]
    return np.stack([signal[height * y // 4, width * x // 4] for y in (1, 3) for x in (1, 3)])


def shows_padding(path: Path) -> bool:
    """Whether the outermost pixels are red."""
    signal = patches.signal_of(path)
    edges = np.concatenate([signal[0], signal[-1], signal[:, 0], signal[:, -1]])
    return bool(((edges[:, 0] > 0.6) & (edges[:, 1] < 0.4) & (edges[:, 2] < 0.4)).any())


def test_every_kind_is_here(files):
    assert set(NAMES) == set(files)


@pytest.mark.parametrize("name", NAMES)
def test_a_probe_says_what_is_cut(files, name):
    media = probe(files[name].path, Control()).media
    assert media.crop == Crop(cropped.LEFT, cropped.TOP, cropped.RIGHT, cropped.BOTTOM)
    assert (media.width, media.height) == cropped.VISIBLE
    assert media.decoded_size == (cropped.WIDTH, cropped.HEIGHT)
    assert media.display_size == files[name].size


@pytest.mark.parametrize("backend", runs.BACKENDS)
@pytest.mark.parametrize("scope", [None, *runs.SCOPES], ids=["alone", *runs.SCOPES])
def test_crop_then_aspect_then_orientation(files, pq, tmp_path, backend, scope):
    """Alone, and beside HDR in every scope, where the re-encoding ones crop before they encode."""
    sources = {name: files[name].path for name in NAMES}
    beside, options = ([], {}) if scope is None else ([pq], {"scope": scope})
    clips = runs.extract_all(tmp_path / "out", sources, *beside, backend=backend, format="png", **options)
    for name in NAMES:
        path = clips[name].path_of(0)
        assert clips[name].size == files[name].size, name
        assert patches.pixels_of(path).shape[1::-1] == files[name].size, name
        assert not shows_padding(path), name
        assert "size_change" not in runs.warnings_of(clips[name]), name
        wanted = np.array([RGB[cropped.COLORS[number]] for number in files[name].order])
        found = quadrants(path)
        if scope is not None:
            wanted = reference.sdr_to_hdr(wanted, "pq")
        assert abs(found - wanted).max() < 0.03, name


def test_negative_control_without_the_box_the_padding_is_there(files, tmp_path):
    path = files["mp4"].path.with_name("plain.mp4")
    clip = runs.extract(tmp_path / "out", path, format="png")
    assert clip.size == (cropped.WIDTH, cropped.HEIGHT)
    assert shows_padding(clip.path_of(0))


def test_what_cant_be_is_no_crop():
    wide = ContainerFacts(aperture=(Fraction(4000), Fraction(10), Fraction(0), Fraction(0)))
    away = ContainerFacts(aperture=(Fraction(100), Fraction(100), Fraction(900), Fraction(0)))
    for facts in (
        wide,
        away,
        ContainerFacts(),
        ContainerFacts(crop=Crop(80, 0, 80, 0)),
        ContainerFacts(crop=Crop(0, 0, 0, 0)),
    ):
        assert facts.crop_of(160, 120) is None


@pytest.mark.parametrize("damage", ["cut", "zeros", "none"])
def test_damaged_headers_say_nothing(files, tmp_path, damage):
    data = files["mp4"].path.read_bytes()
    path = tmp_path / "damaged.mp4"
    at = data.index(b"moov")
    path.write_bytes({"cut": data[: at + 40], "zeros": data[:at] + bytes(200), "none": b""}[damage])
    for file, name in ((path, "mov,mp4"), (path, "matroska,webm"), (tmp_path / "missing.mp4", "mov,mp4")):
        assert container_facts(file, name, track_id=1, index=0) == ContainerFacts()


def test_dolby_visions_record_is_read(files, tmp_path):
    """dvcC: version 1.0, profile 8, level 4, RPU and base layer, compatibility 4 (HLG)."""
    record = bytes((1, 0, 8 << 1, 4 << 3 | 0b101, 4 << 4)) + bytes(19)
    path = tmp_path / "dolby.mp4"
    box = (8 + len(record)).to_bytes(4, "big") + b"dvvC" + record
    path.write_bytes(cropped.with_box(files["hevc"].path.with_name("h.mp4").read_bytes(), box))
    assert container_facts(path, "mov,mp4", track_id=1, index=0).dolby_vision == DolbyVision(8, 4)
    facts = probe(path, Control()).media.hdr
    assert (facts.dolby_vision_profile, facts.dolby_vision_compatibility) == (8, 4)


def test_several_layers_are_noted(files, tmp_path):
    """lhvC (ISO/IEC 14496-15, 9.5.3.1) beside hvcC, as MV-HEVC of spatial video has it: the base view is used."""
    path = tmp_path / "spatial.mp4"
    plain = files["hevc"].path.with_name("h.mp4")
    path.write_bytes(cropped.with_box(plain.read_bytes(), b"\0\0\0\x0elhvC\1\xf0\0\xfc\xcf\0"))
    facts = container_facts(path, "mov,mp4", track_id=1, index=0)
    assert facts.has_more_layers
    with av.open(str(plain)) as container:
        stream = container.streams.video[0]
        frame = next(container.decode(stream))
        notes = [picture_notes(container, stream, frame, each, tags_of(frame)) for each in (facts, ContainerFacts())]
    assert [[kind for kind, _ in each] for each in notes] == [["base_view_only"], []]


@pytest.mark.media
def test_a_real_phones_record(media):
    facts = probe(media / "phone-edit-list.mp4", Control()).media.hdr
    assert (facts.dolby_vision_profile, facts.dolby_vision_compatibility) == (8, 4)
