"""No size and no pixel format ends the process: every conversion runs in a child, where a crash is a failure here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from hfbench.backends.base import ClipTrouble
from hfbench.backends.libav import graph
from hfbench.backends.libav.pictures import picture_chain
from hfbench.color import ColorRange, ColorTags, Matrix, Primaries, Transfer
from hfbench.model.pixel_format import PixelFamily, family_of
from hfbench.model.plan import ImageFormat
from hfbench.model.result import FailureKind
from tests.makers import pixel_layouts
from tests.makers.media_maker import job_for, media_info

#: Beside those that are packed by hand: a palette, one bit a pixel, XYZ, Y'CbCr that is full range by name.
OTHERS = ("pal8", "monow", "monob", "xyz12le", "xyz12be", "yuvj420p", "yuvj422p", "yuvj444p", "yuvj440p", "yuvj411p")
#: Every width up to two blocks of the widest vector code, one row and three, and two larger sizes.
SIZES = [(width, 1) for width in range(1, 35)] + [(width, 3) for width in range(1, 35, 4)] + [(63, 17), (64, 64)]
ROOT = Path(__file__).parents[3]

CHILD = """
import sys
sys.path.insert(0, {root!r})
from tests.backends.libav import test_graph
{before}
for name in {names}:
    for width, height in {sizes}:
        print(name, width, height, flush=True)
        test_graph.convert_noise(name, width, height)
print("done", flush=True)
"""


def media_of(name: str, *, is_full_range: bool = False, matrix: int = Matrix.SMPTE170M):
    """What a probe would say of pictures in this format."""
    tags = ColorTags(Primaries.BT709, Transfer.BT709, matrix, ColorRange.FULL if is_full_range else ColorRange.LIMITED)
    components = av.VideoFormat(name).components
    return media_info(
        tags=tags,
        width=64,
        height=16,
        pixel_format=name,
        codec="rawvideo",
        bit_depth=max(each.bits for each in components),
        has_alpha=any(each.is_alpha for each in components),
    )


def convert_noise(name: str, width: int, height: int) -> None:
    """A picture of random bytes through the chain of a 16-bit image. Floats are zeros: noise holds numbers beyond."""
    from dataclasses import replace

    frame = av.VideoFrame(width, height, name)
    random = np.random.default_rng([width, height])
    for plane in frame.planes:
        room = memoryview(plane)
        is_float = name[-4:-2] in {"32", "16"} and "f" in name
        room[:] = bytes(len(room)) if is_float else random.integers(0, 256, len(room), np.uint8).tobytes()
    frame.color_range = 1
    job = job_for(replace(media_of(name), width=width, height=height), ImageFormat.PNG16)
    graph.ChainRunner(picture_chain(job), ColorTags()).run(frame)


def in_a_child(names, sizes, before: str = "") -> subprocess.CompletedProcess[str]:
    program = CHILD.format(root=str(ROOT), names=list(names), sizes=list(sizes), before=before)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("part", range(4))
def test_no_size_in_any_format_ends_the_process(part):
    names = sorted((*pixel_layouts.LAYOUTS, *OTHERS))[part::4]
    done = in_a_child(names, SIZES)
    assert done.stdout.split("\n")[-2:] == ["done", ""], (done.returncode, done.stdout[-80:], done.stderr[-300:])


def test_negative_control_without_room_a_small_picture_ends_it():
    done = in_a_child(["rgb24"], [(5, 16)], before="test_graph.graph._LEAST_WIDTH = 0")
    assert done.returncode < 0 or av.library_versions["libswscale"] >= (10,)


def test_every_format_of_the_library_is_converted_or_refused_by_name():
    """A format that a later FFmpeg adds has to be looked at."""
    hardware = {
        "amf", "cuda", "d3d11", "d3d11va_vld", "d3d12", "drm_prime", "dxva2_vld", "mediacodec", "mmal", "ohcodec",
        "opencl", "qsv", "vaapi", "vdpau", "videotoolbox_vld", "vulkan",
    }  # fmt: skip
    readable = {each for each in av.video.format.names if family_of(each) is not PixelFamily.UNREADABLE}
    assert readable - hardware == {*pixel_layouts.LAYOUTS, *OTHERS}


@pytest.mark.parametrize("name", ["bayer_rggb8", "y210be", "rgbaf32le", "yaf16le"])
def test_formats_that_are_refused(name):
    assert family_of(name) is PixelFamily.UNREADABLE


def closest(name: str, flat: pixel_layouts.Flat, padding: int) -> float:
    """The largest difference from the closed form, of 65535, of the picture's middle."""
    frame = av.VideoFrame(64, 16, name)
    rows = flat.planes(64, 16, padding)
    for plane, data in zip(frame.planes, rows, strict=True):
        row = len(data) // plane.height
        room = memoryview(plane)
        for y in range(plane.height):
            room[y * plane.line_size : y * plane.line_size + row] = data[y * row : (y + 1) * row]
    frame.color_range = ColorRange.FULL if flat.is_full_range else ColorRange.LIMITED
    job = job_for(media_of(name, is_full_range=flat.is_full_range), ImageFormat.PNG16)
    pixel = graph.ChainRunner(picture_chain(job), ColorTags()).run(frame).to_ndarray()[8, 30] / 65535
    return float(abs(pixel - flat.signal[: len(pixel)]).max()) * 65535


@pytest.mark.parametrize("is_full_range", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize("padding", [0, 1], ids=["zeros", "ones"])
def test_every_format_is_read_as_it_is_laid_out(is_full_range, padding):
    """To 16 bits: one code off by rounding, half floats within their own precision; undefined bits change nothing."""
    names = pixel_layouts.UNDEFINED_BITS if padding else pixel_layouts.LAYOUTS
    wrong = {}
    for name in names:
        for seed in range(3):
            flat = pixel_layouts.colour(name, seed, is_full_range=is_full_range)
            found = closest(name, flat, padding)
            limit = 33 if "f16" in name else 5
            if found > limit:
                wrong[name, seed] = found
    assert not wrong


def test_negative_control_grey_read_as_the_scaler_reads_it_is_off():
    flat = pixel_layouts.Flat("gray", {"Y": 235}, is_full_range=False)
    assert closest("gray", flat, 0) < 1
    full = pixel_layouts.Flat("gray", {"Y": 235}, is_full_range=True)
    assert abs(flat.signal[0] - full.signal[0]) * 65535 > 5000


def test_what_the_library_refuses_is_the_clips_failure():
    """Whatever Python class FFmpeg's error has (many derive from OSError), it is no full disk."""
    frame = av.VideoFrame(64, 16, "y210be")
    with pytest.raises(ClipTrouble) as caught:
        graph.convert(graph.ChainRunner("scale=flags=unstable,format=gbrp16le", ColorTags()), frame)
    assert caught.value.kind is FailureKind.UNSUPPORTED_COLOUR
    assert "y210be" in caught.value.message
    assert isinstance(caught.value.__cause__, av.error.FFmpegError)
