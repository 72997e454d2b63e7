"""Pictures scaled to a displayed size in the same pass: size, bytes, and the colours of an independent scaler."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import hfbench
from fixtures_gen import Store
from fixtures_gen.recipe import Size
from fixtures_gen.store import Request
from hfbench.color import Matrix
from hfbench.engine.plan import fitted_size
from hfbench.model import plan
from hfbench.pixels.filters import scaled_media
from tests.makers.clip_maker import read_pixels, run_ffmpeg
from tests.makers.media_maker import media_info

#: Backend and what converts pixels.
WAYS = (("libav", "kernel"), ("libav", "libavfilter"), ("ffmpeg", "libavfilter"))


@pytest.fixture(scope="module")
def camera(home: Path) -> Path:
    store = Store(home / "fixtures")
    store.ensure([Request("cfr-sdr-cache", Size.P180)])
    return store.path("cfr-sdr-cache", size=Size.P180)


def extracted(source: Path, out: Path, **options: object) -> hfbench.ExtractedClip:
    composition = hfbench.Composition([hfbench.Clip("a", str(source), 0, "0.1")])
    result = hfbench.extract(composition, out, hfbench.ExtractOptions(**options))
    assert result.success, result.failures
    return result.clips[0]


def scaled_by_pillow(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bicubic (a = -0.5), widened by the ratio, on the values as they are."""
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)).astype(int)


@pytest.mark.parametrize(("backend", "pixels"), WAYS)
@pytest.mark.parametrize("image_format", ["png", "jpg"])
class TestPictures:
    def test_size_and_bytes(self, camera, tmp_path, backend, pixels, image_format):
        options = {"backend": backend, "pixels": pixels, "format": image_format}
        whole = extracted(camera, tmp_path / "whole", **options)
        small = extracted(camera, tmp_path / "small", size=(160, 160), **options)
        assert (whole.size, small.size) == ((320, 180), (160, 90))
        assert read_pixels(small.path_of(0)).shape == (90, 160, 3)
        assert small.path_of(0).stat().st_size * 3 < whole.path_of(0).stat().st_size
        assert small.pixels == pixels

    def test_colours_are_those_of_an_independent_scaler(self, camera, tmp_path, backend, pixels, image_format):
        """Within 2 of 255 on average, as the two kernels differ at edges and in noise, and without a cast.

        The ffmpeg program's own planes of a JPEG file are up to a code off, at any size.
        """
        cast = 1.0 if (backend, image_format) == ("ffmpeg", "jpg") else 0.5
        whole = read_pixels(extracted(camera, tmp_path / "whole", format="png").path_of(0))
        options = {"backend": backend, "pixels": pixels, "format": image_format, "quality": 100}
        small = read_pixels(extracted(camera, tmp_path / "small", size=(160, 90), **options).path_of(0)).astype(int)
        difference = small - scaled_by_pillow(whole, (160, 90))
        assert np.abs(difference).mean() < 2
        assert np.abs(difference.mean(axis=(0, 1))).max() < cast
        assert np.abs((difference + 1).mean(axis=(0, 1))).max() > cast


@pytest.mark.parametrize(("backend", "pixels"), WAYS)
def test_a_turned_picture_fits_as_it_is_shown(camera, tmp_path, backend, pixels):
    turned = run_ffmpeg(tmp_path / "turned.mp4", "-display_rotation", "90", "-i", str(camera), "-c", "copy")
    clip = extracted(turned, tmp_path / "out", backend=backend, pixels=pixels, size=(90, 500), format="png")
    assert clip.size == (90, 160)
    assert read_pixels(clip.path_of(0)).shape == (160, 90, 3)


def test_small_pictures_stay_as_they_are(camera, tmp_path):
    own, boxed = (extracted(camera, tmp_path / str(size), size=size) for size in (None, (320, 4000)))
    assert own.path_of(1).read_bytes() == boxed.path_of(1).read_bytes()


@pytest.mark.parametrize("scope", ["segment", "source"])
def test_behind_an_intermediate(make_clip, tmp_path, scope):
    clips = [hfbench.Clip("a", str(make_clip("sized.mp4")), 0, "0.1"), hfbench.Clip("b", str(make_clip.pq()), 0, "0.1")]
    options = hfbench.ExtractOptions(scope=scope, size=(160, 90))
    result = hfbench.extract(hfbench.Composition(clips), tmp_path, options)
    assert [read_pixels(clip.path_of(0)).shape for clip in result.clips] == [(90, 160, 3)] * 2


@pytest.mark.parametrize(
    ("size", "box", "wanted"),
    [
        ((3840, 2160), (1920, 1080), (1920, 1080)),
        ((3840, 2160), (1000, 1000), (1000, 562)),
        ((3840, 1607), (1920, 1080), (1920, 804)),
        ((100, 2), (10, 10), (10, 2)),
        ((100, 100), (33, 33), (32, 32)),
        ((100, 100), (100, 100), None),
    ],
)
def test_even_sides_for_subsampled_chroma(size, box, wanted):
    found = fitted_size(media_info(width=size[0], height=size[1]), box)
    assert found == (None if wanted is None else plan.Size(*wanted))


def test_any_sides_without():
    assert fitted_size(media_info(width=100, height=100, pixel_format="yuv444p"), (33, 40)) == plan.Size(33, 33)


def test_a_guessed_matrix_stays_with_a_smaller_picture():
    untagged = media_info(width=1920, height=1080, tags=hfbench.color.ColorTags())
    assert untagged.matrix == Matrix.BT709
    small = scaled_media(untagged, plan.Size(320, 180))
    assert (small.matrix, small.display_size, small.sample_aspect_ratio) == (Matrix.BT709, (320, 180), Fraction(1))


@pytest.mark.parametrize("size", [(0, 5), (5,), (5, -1), "5x5", (5.0, 5), (True, 5)])
def test_a_size_is_two_whole_numbers(size):
    with pytest.raises(hfbench.HfbenchError, match="size"):
        hfbench.ExtractOptions(size=size)
