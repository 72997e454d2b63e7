"""PNG and JPEG files read back by libraries that share no code with their writers."""

from __future__ import annotations

import io
import struct
import zlib

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hfbench.color import ColorTags, Matrix, Primaries, Transfer
from hfbench.model.plan import ImageFormat, ImageSpec
from hfbench.pixels.images import encode_image
from hfbench.pixels.jpeg import encode_jpeg
from hfbench.pixels.png import encode_png

stable = settings(max_examples=40)

SDR = ColorTags(Primaries.BT709, Transfer.BT709, Matrix.BT709)
PQ = ColorTags(Primaries.BT2020, Transfer.SMPTE2084, Matrix.BT2020_NCL)
HLG = ColorTags(Primaries.BT2020, Transfer.ARIB_STD_B67, Matrix.BT2020_NCL)
SHAPES = [(1, 1), (1, 7), (7, 1), (16, 16), (17, 23), (180, 321)]


def noise(shape: tuple[int, int], channels: int, kind: type, seed: int = 1) -> np.ndarray:
    top = int(np.iinfo(kind).max)
    return np.random.default_rng(seed).integers(0, top, (*shape, channels), kind, endpoint=True)


def by_pillow(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


def by_pyav(data: bytes, pixel_format: str) -> np.ndarray:
    with av.open(io.BytesIO(data), format="png_pipe") as container:
        return next(container.decode(video=0)).to_ndarray(format=pixel_format)


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Type and content of each chunk; every checksum is looked at."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    found, at = [], 8
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", data, at + 8 + length)[0] == zlib.crc32(kind + body)
        found.append((kind, body))
        at += 12 + length
    return found


class TestPng:
    @pytest.mark.parametrize("shape", SHAPES)
    @pytest.mark.parametrize("channels", [3, 4])
    def test_8_bits_come_back_to_the_bit(self, shape, channels):
        pixels = noise(shape, channels, np.uint8)
        data = encode_png(pixels, SDR)
        assert (by_pillow(data) == pixels).all()
        assert (by_pyav(data, "rgb24" if channels == 3 else "rgba") == pixels).all()

    @pytest.mark.parametrize("shape", SHAPES)
    @pytest.mark.parametrize("channels", [3, 4])
    def test_16_bits_come_back_to_the_bit(self, shape, channels):
        pixels = noise(shape, channels, np.uint16)
        data = encode_png(pixels, PQ)
        assert (by_pyav(data, "rgb48le" if channels == 3 else "rgba64le") == pixels).all()

    @stable
    @given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([3, 4]), st.integers(0, 2**32 - 1))
    def test_any_size(self, height, width, channels, seed):
        pixels = noise((height, width), channels, np.uint8, seed)
        assert (by_pillow(encode_png(pixels, SDR)) == pixels).all()

    def test_a_view_that_is_not_contiguous(self):
        whole = noise((40, 40), 4, np.uint16)
        assert (by_pyav(encode_png(whole[5:25, 3:33, :3], SDR), "rgb48le") == whole[5:25, 3:33, :3]).all()

    @pytest.mark.parametrize("kind", [np.uint8, np.uint16])
    @pytest.mark.parametrize("channels", [3, 4])
    def test_the_header_says_what_it_is(self, kind, channels):
        found = chunks(encode_png(noise((5, 9), channels, kind), SDR))
        assert [name for name, _ in found] == [b"IHDR", b"IDAT", b"IEND"]
        depth, color_type = np.dtype(kind).itemsize * 8, {3: 2, 4: 6}[channels]
        assert found[0][1] == struct.pack(">IIBBBBB", 9, 5, depth, color_type, 0, 0, 0)

    @pytest.mark.parametrize(("tags", "body"), [(PQ, b"\x09\x10\x00\x01"), (HLG, b"\x09\x12\x00\x01")])
    @pytest.mark.parametrize("kind", [np.uint8, np.uint16])
    def test_hdr_is_said_in_cicp_before_the_pixels(self, tags, body, kind):
        """PNG, third edition, 11.3.2.6: primaries, transfer, matrix 0 (RGB), full range."""
        found = chunks(encode_png(noise((5, 9), 3, kind), tags))
        assert [name for name, _ in found] == [b"IHDR", b"cICP", b"IDAT", b"IEND"]
        assert found[1][1] == body

    def test_readers_see_the_tags(self):
        data = encode_png(noise((5, 9), 3, np.uint16), PQ)
        with av.open(io.BytesIO(data), format="png_pipe") as container:
            frame = next(container.decode(video=0))
        assert (int(frame.color_primaries), int(frame.color_trc), int(frame.color_range)) == (9, 16, 2)

    def test_sdr_has_no_cicp_even_with_wide_primaries(self):
        wide = ColorTags(Primaries.BT2020, Transfer.BT2020_10, Matrix.BT2020_NCL)
        assert b"cICP" not in dict(chunks(encode_png(noise((5, 9), 3, np.uint8), wide)))


def gradient(height: int = 64, width: int = 96) -> np.ndarray:
    rows, columns = np.mgrid[0:height, 0:width]
    parts = (columns * 255 / width, rows * 255 / height, (rows + columns) * 255 / (height + width))
    return np.stack(parts, -1).astype(np.uint8)


class TestJpeg:
    @pytest.mark.parametrize("shape", [(1, 1), (1, 17), (17, 23), (180, 321)])
    def test_size_and_kind(self, shape):
        data = encode_jpeg(noise(shape, 3, np.uint8), 95)
        with Image.open(io.BytesIO(data)) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", shape[::-1])
            assert "jfif" in image.info  # then BT.601 and full range are the law (JFIF 1.02)
            assert [layer[1:3] for layer in image.layer] == [(2, 2), (1, 1), (1, 1)]

    def test_smooth_pictures_come_back_nearly(self):
        pixels = gradient()
        error = np.abs(by_pillow(encode_jpeg(pixels, 95)).astype(int) - pixels.astype(int))
        assert error.mean() < 2
        assert error.max() < 16

    @pytest.mark.parametrize("level", [0, 1, 16, 128, 235, 254, 255])
    def test_greys_are_exact(self, level):
        pixels = np.full((32, 32, 3), level, np.uint8)
        assert (by_pillow(encode_jpeg(pixels, 100)) == level).all()

    def test_more_quality_is_more_bytes_and_less_error(self):
        pixels = noise((64, 64), 3, np.uint8)
        files = [encode_jpeg(pixels, quality) for quality in (1, 30, 60, 80, 95, 100)]
        sizes = [len(each) for each in files]
        errors = [np.abs(by_pillow(each).astype(int) - pixels.astype(int)).mean() for each in files]
        assert sizes == sorted(set(sizes))
        assert errors == sorted(errors, reverse=True)


class TestEncodeImage:
    @pytest.mark.parametrize("format_", list(ImageFormat))
    def test_each_format_is_what_its_name_says(self, format_):
        pixels = noise((18, 32), 3, np.uint16 if format_ is ImageFormat.PNG16 else np.uint8)
        data = encode_image(pixels, ImageSpec(format_), SDR)
        head = b"\xff\xd8\xff" if format_ is ImageFormat.JPG else b"\x89PNG"
        assert data.startswith(head)
        if format_ is not ImageFormat.JPG:
            assert data[24] == (16 if format_ is ImageFormat.PNG16 else 8)

    def test_deep_pixels_are_rounded_to_the_nearest_of_256(self):
        pixels = np.zeros((256, 256, 3), np.uint16)
        pixels[..., 0] = np.arange(65_536, dtype=np.uint16).reshape(256, 256)
        back = by_pillow(encode_image(pixels, ImageSpec(ImageFormat.PNG), SDR))[..., 0].astype(float)
        assert np.abs(back - pixels[..., 0] / 257).max() < 0.51
        assert (back.ravel()[[0, 65_535]] == [0, 255]).all()

    def test_quality_reaches_jpeg(self):
        pixels = noise((64, 64), 3, np.uint8)
        low, high = (len(encode_image(pixels, ImageSpec(ImageFormat.JPG, quality), SDR)) for quality in (10, 95))
        assert low < high / 2
