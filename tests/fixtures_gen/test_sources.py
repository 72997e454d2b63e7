from __future__ import annotations

import hashlib
import tracemalloc
from fractions import Fraction

import numpy as np
import pytest

from fixtures_gen.sources import Camera, Screen, input_arguments, raw_frames, splitmix64

RATE = Fraction(30)
PAINTINGS = {
    "camera": Camera(320, 180, RATE, 3),
    "camera-10-bit": Camera(320, 180, RATE, 3, depth=10, ceiling=160, noise=9),
    "full-range": Camera(320, 180, RATE, 3, floor=0, ceiling=255),
    "screen": Screen(320, 180, RATE, 3),
}
PINNED = {
    "camera": "01ff315dbf5031a4",
    "camera-10-bit": "8a93bafd2f16ebf7",
    "full-range": "8f8d2bf83c4c09c3",
    "screen": "cc787ac3be26b45c",
}


def digest(painting: Camera | Screen) -> str:
    joined = hashlib.sha256()
    for planes in raw_frames(painting):
        for plane in planes:
            joined.update(plane)
    return joined.hexdigest()


@pytest.mark.parametrize("name", PAINTINGS)
def test_the_same_bytes_on_every_machine(name: str) -> None:
    # A change here changes every fixture: raise PAINTING_VERSION and rewrite SHA256SUMS with it.
    assert digest(PAINTINGS[name])[:16] == PINNED[name]


def test_another_seed_gives_another_picture() -> None:
    assert digest(Camera(320, 180, RATE, 2, seed=1)) != digest(Camera(320, 180, RATE, 2, seed=2))


@pytest.mark.parametrize(("name", "low", "high"), [("camera", 16, 235), ("full-range", 0, 255), ("screen", 16, 240)])
def test_codes_stay_legal(name: str, low: int, high: int) -> None:
    for planes in PAINTINGS[name].paint():
        for plane in planes:
            assert plane.min() >= low
            assert plane.max() <= high


def test_ten_bit_codes_stay_below_the_ceiling() -> None:
    for y, u, v in PAINTINGS["camera-10-bit"].paint():
        assert y.dtype == u.dtype == v.dtype == np.uint16
        assert y.min() >= 64
        assert y.max() <= 160 * 4
        assert max(u.max(), v.max()) <= 960


def test_planes_are_4_2_0_and_every_frame_differs() -> None:
    seen = set()
    for y, u, v in PAINTINGS["camera"].paint():
        assert (y.shape, u.shape, v.shape) == ((180, 320), (90, 160), (90, 160))
        seen.add(y.tobytes())
    assert len(seen) == 3


def test_noise_is_white_and_without_bias() -> None:
    camera = Camera(640, 360, RATE, 2)
    first, second = (y[300:, :].astype(int) for y, _, _ in camera.paint())
    assert 3 < (first - second).std() < 40
    words = splitmix64(100_000, 9)
    bits = np.unpackbits(words.view(np.uint8))
    assert abs(bits.mean() - 0.5) < 0.005


def test_ffmpeg_is_told_what_is_piped() -> None:
    told = input_arguments(PAINTINGS["camera-10-bit"])
    assert told[told.index("-pix_fmt") + 1] == "yuv420p10le"
    assert told[told.index("-video_size") + 1] == "320x180"
    assert told[-2:] == ("-i", "pipe:0")


def test_frames_are_streamed_not_kept() -> None:
    camera = Camera(320, 180, RATE, 600)
    tracemalloc.start()
    for _ in camera.paint():
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20e6  # scene and noise alone; all frames together would be 52 MB
