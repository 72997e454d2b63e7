"""Every fixture against its truth, by PyAV used directly and by the box reader of these tests."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from fixtures_gen import CATALOGUE, Request, Size, Store, Tags
from fixtures_gen.truth import ContentLight, Listed, Uniform
from tests.oracles.truth_oracle import differences

LONG = {"long-10min", "long-30min", "long-10min-camera"}
PROMISED = (
    "hdr-sdr-mixed-scope",
    "cfr-sdr-cache",
    "vfr-screen-recording",
    "vfr-phone-jitter",
    "vfr-dropped",
    "vfr-24-30",
    "long-30s",
    "long-10min",
    "long-30min",
    "many-clips",
    "pq-hlg-mix",
    "4k-hdr",
    "hlg",
    "hlg-sei",
    "bt2020-sdr",
    "bt601",
    "untagged",
    "full-range",
    "container-tags-only",
    "bitstream-tags-only",
    "conflicting-tags",
    "tags-switch",
    "alpha-vp9",
    "alpha-prores",
    "rotated",
    "odd-size",
    "cfr-23.976",
    "cfr-29.97",
    "cfr-59.94",
    "open-gop",
    "long-gop-600",
    "all-intra",
    "edit-list",
    "negative-start",
    "ts-odd-start",
    "near-wrap-ts",
    "fragmented",
    "moov-at-end",
    "mkv-no-duration",
    "past-eof",
)


def found(store: Store, name: str, size: Size | None, every: int = 1) -> list[str]:
    [entry] = store.ensure([Request(name, size)])
    truth = store.truth(name, entry.size)
    return [line for file in truth.files for line in differences(entry.folder / file.name, file, every)]


def test_the_catalogue_is_whole() -> None:
    assert set(PROMISED) <= set(CATALOGUE)


@pytest.mark.parametrize("name", [name for name in CATALOGUE if name not in LONG])
def test_small_copies_hold_their_truth(store: Store, name: str) -> None:
    assert found(store, name, Size.P180) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n, r in CATALOGUE.items() if r.default_size is not Size.P180 or n in LONG])
def test_default_sizes_hold_their_truth(store: Store, name: str) -> None:
    assert found(store, name, None, every=7 if name in LONG else 1) == []


@pytest.mark.slow
def test_the_whole_catalogue_stays_within_200_megabytes(store: Store) -> None:
    assert sum(entry.bytes for entry in store.ensure(CATALOGUE)) < 200e6


WRONG = {
    "size": {"width": 318},
    "pts": {"timing": Uniform(Fraction(0), Fraction(1, 25), 30)},
    "frame count": {"timing": Uniform(Fraction(0), Fraction(1, 30), 29)},
    "barcodes": {"frame_ids": range(1, 31)},
    "colr": {"container": Tags(1, 1, 1, full_range=False)},
    "bitstream tags": {"bitstream": Tags(9, 18, 9, full_range=False)},
    "content light": {"content_light": ContentLight(1000, 401)},
    "mastering display": {"mastering": None},
    "pixel format": {"pix_fmt": "yuv420p"},
    "codec": {"codec": "h264"},
    "tkhd matrix": {"rotation": 90},
    "time base": {"time_base": Fraction(1, 90_000)},
    "last frame": {"last_duration": Fraction(1, 24)},
    "HDR verdict": {"hdr": None},
    "variable rate": {"frame_rate": None},
    "sample count": {"packets": 31},
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_truth_is_found(store: Store, what: str) -> None:
    [entry] = store.ensure([Request("pq-hlg-mix", Size.P180)])
    truth = store.truth("pq-hlg-mix", Size.P180).file("pq.mp4")
    lines = differences(entry.folder / "pq.mp4", replace(truth, **WRONG[what]))
    assert any(what in line for line in lines), lines


def test_a_wrong_variable_timestamp_is_found(store: Store) -> None:
    [entry] = store.ensure([Request("vfr-phone-jitter", Size.P180)])
    truth = store.truth("vfr-phone-jitter", Size.P180).files[0]
    assert isinstance(truth.timing, Listed)
    ticks = list(truth.timing.ticks)
    ticks[90] += 1
    wrong = replace(truth, timing=replace(truth.timing, ticks=tuple(ticks)))
    assert differences(entry.folder / truth.name, truth) == []
    assert differences(entry.folder / truth.name, wrong) != []


def test_the_headline_is_as_dense_as_phone_video(store: Store) -> None:
    [entry] = store.ensure([Request("cfr-sdr-cache", Size.P720)])
    bits_per_pixel = entry.bytes * 8 / (90 * 1280 * 720)
    assert 0.13 <= bits_per_pixel <= 0.37  # what real phone video was measured at
