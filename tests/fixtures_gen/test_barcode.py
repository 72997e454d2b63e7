from __future__ import annotations

import io
import subprocess
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fixtures_gen.barcode import MODULUS, drawbox_chain, find_barcode, paint, pattern, read_barcode, strip_size
from fixtures_gen.sources import Camera, splitmix64

if TYPE_CHECKING:
    from fixtures_gen.program import Program

SIZES = [(320, 180), (180, 320), (319, 179), (640, 360), (1280, 720), (1920, 1080), (3026, 1386), (3840, 2160)]


def picture(width: int, height: int, frame_id: int, black: int = 0, white: int = 255) -> np.ndarray:
    noise = (splitmix64(width * height, 3) % np.uint64(200)).astype(np.uint8).reshape(height, width)
    paint(noise, frame_id, black, white)
    return np.repeat(noise[:, :, None], 3, axis=2)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("frame_id", [0, 1, 0x5555, 0xAAAA, MODULUS - 1])
def test_reads_what_was_painted_at_any_size(size: tuple[int, int], frame_id: int) -> None:
    assert read_barcode(picture(*size, frame_id)) == frame_id


@given(st.integers(0, MODULUS - 1))
@settings(max_examples=50)
def test_survives_jpeg_at_quality_80(frame_id: int) -> None:
    buffer = io.BytesIO()
    Image.fromarray(picture(320, 180, frame_id)).save(buffer, "JPEG", quality=80)
    assert read_barcode(np.asarray(Image.open(buffer))) == frame_id


def pq(light: np.ndarray) -> np.ndarray:
    """SMPTE ST 2084 inverse EOTF of cd/m², written here again from the standard's constants."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    y = (light / 10_000) ** m1
    return ((c1 + c2 * y) / (1 + c3 * y)) ** m2


@pytest.mark.parametrize("frame_id", [0, 4711, MODULUS - 1])
def test_survives_sdr_to_pq_in_16_bits_and_an_8_bit_jpeg_of_it(frame_id: int) -> None:
    mapped = pq(203 * (picture(640, 360, frame_id) / 255.0) ** 2.4)
    assert read_barcode(np.round(mapped * 65535).astype(np.uint16)) == frame_id
    buffer = io.BytesIO()
    Image.fromarray(np.round(mapped * 255).astype(np.uint8)).save(buffer, "JPEG", quality=80)
    assert read_barcode(np.asarray(Image.open(buffer))) == frame_id


def test_survives_scaling_down_and_a_range_error() -> None:
    small = Image.fromarray(picture(1280, 720, 1234, 16, 235)).resize((320, 180), Image.Resampling.BILINEAR)
    assert read_barcode(np.asarray(small)) == 1234


def test_reads_grey_and_alpha_pictures() -> None:
    rgb = picture(320, 180, 99)
    assert read_barcode(rgb[:, :, 0]) == 99
    transparent = np.dstack([rgb, np.zeros((180, 320), np.uint8)])
    assert read_barcode(transparent) == 99
    assert read_barcode(rgb / 255.0) == 99


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_finds_a_turned_barcode_and_says_the_turn_that_rights_it(turn: int) -> None:
    stored = np.rot90(picture(320, 180, 321), turn // 90)  # numpy turns anticlockwise
    assert find_barcode(stored) == (321, turn)
    if turn:
        assert read_barcode(stored) is None


@pytest.mark.parametrize("level", [0, 128, 255])
def test_no_barcode_in_an_even_picture(level: int) -> None:
    assert read_barcode(np.full((180, 320, 3), level, np.uint8)) is None


@pytest.mark.parametrize("seed", range(20))
def test_no_barcode_in_noise(seed: int) -> None:
    noise = splitmix64(320 * 180 * 3, seed).astype(np.uint8).reshape(180, 320, 3)
    assert read_barcode(noise) is None


def test_no_barcode_in_a_picture_too_small() -> None:
    assert read_barcode(np.zeros((10, 10, 3), np.uint8)) is None


@pytest.mark.parametrize("column", range(1, 17))
def test_one_wrong_cell_is_noticed(column: int) -> None:
    damaged = picture(720, 720, 0x1234)
    cell = 30
    damaged[:cell, column * cell : (column + 1) * cell] ^= 255
    assert read_barcode(damaged) is None


def test_two_frames_blended_are_noticed() -> None:
    blend = (picture(320, 180, 0x00FF).astype(np.uint16) + picture(320, 180, 0xFF00)) // 2
    assert read_barcode(blend.astype(np.uint8)) is None


def test_pattern_is_complementary() -> None:
    cells = pattern(0xBEEF)
    assert (cells[0] ^ cells[1]).all()


@pytest.mark.parametrize("size", [(320, 180), (640, 360), (358, 202)])
def test_drawbox_draws_what_paint_paints(program: Program, size: tuple[int, int]) -> None:
    width, height = size
    first, frames = 65_000, 3
    graph = f"color=c=gray:s={width}x{height}:r=30,format=yuv420p,{drawbox_chain(width, height, first)}"
    command = [program.path, "-v", "error", "-nostdin", "-f", "lavfi", "-i", graph, "-frames:v", str(frames)]
    raw = subprocess.run([*command, "-f", "rawvideo", "-"], capture_output=True, check=True).stdout
    wide, high = strip_size(width, height)
    per_frame = width * height * 3 // 2
    for n in range(frames):
        luma = np.frombuffer(raw, np.uint8, width * height, n * per_frame).reshape(height, width)
        painted = luma.copy()
        paint(painted, first + n, 16, 235)
        np.testing.assert_array_equal(luma[:high, :wide], painted[:high, :wide])
        assert read_barcode(luma) == first + n


def test_every_camera_frame_carries_its_number() -> None:
    camera = Camera(320, 180, 30, 5, first_id=40_000)
    assert [read_barcode(y) for y, _, _ in camera.paint()] == list(range(40_000, 40_005))
