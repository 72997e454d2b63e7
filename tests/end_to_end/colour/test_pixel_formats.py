"""One picture in every family of pixel formats, through the whole engine: backends, scopes, image formats, beside HDR.

Every single format is held to its layout in ``tests/backends/libav/test_graph.py``; here the ways that it can take are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import hfbench
from tests.makers import patches, pixel_layouts, runs
from tests.makers.clip_maker import run_ffmpeg
from tests.oracles import reference

if TYPE_CHECKING:
    from pathlib import Path

#: One of each family that raw video in NUT can hold: what decoders give, packed, planar, padded, deep, grey, floats.
FORMATS = (
    "yuv420p", "yuv411p", "yuv410p", "yuv440p", "yuv422p10le", "yuv444p12le", "yuv420p16be", "yuva420p", "yuva444p10le",
    "nv12", "uyvy422", "yuyv422", "uyyvyy411", "vuya", "xv30le",
    "rgb24", "bgr0", "0rgb", "abgr", "rgb8", "bgr4_byte", "rgb565be", "rgb555le", "rgb555be", "rgb444le", "rgb48be",
    "rgba64le", "gbrp", "gbrp10le", "gbrap12be", "gbrpf32le", "gray", "gray10le", "gray12be", "gray16be", "ya8",
)  # fmt: skip
#: One of each family, for the ways that cost more.
FEW = (
    "yuv411p",
    "yuva444p10le",
    "uyyvyy411",
    "bgr0",
    "rgb555be",
    "rgb444le",
    "gbrap12be",
    "gbrpf32le",
    "gray10le",
    "ya8",
)
WIDTH, HEIGHT = 33, 17
#: Largest difference of a signal: 2 codes of 16 bits, 1 of 8, JPEG's own, 10-bit 4:2:0 and x264, PQ through a cube.
LIMITS = {"png16": 4 / 65535, "png": 1.01 / 255, "jpg": 3.5 / 255, "rate": 0.02, "pq": 0.0015, "pq-segment": 0.004}


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> dict[str, tuple[pixel_layouts.Flat, dict[bool, Path]]]:
    """Each format's colour, as a file of a constant rate and one of a variable rate; untagged: BT.601 by their size."""
    folder, made = tmp_path_factory.mktemp("formats"), {}
    for name in FORMATS:
        flat = pixel_layouts.colour(name, 1, is_full_range=name in pixel_layouts.GREY)
        padding = int(name in pixel_layouts.UNDEFINED_BITS)
        paths = {
            rate_change: pixel_layouts.nut(folder, flat, WIDTH, HEIGHT, padding=padding, rate_change=rate_change)
            for rate_change in (False, True)
        }
        made[name] = (flat, paths)
    return made


def differences(out, clips, *, vfr: bool = False, beside: tuple[Path, ...] = (), **options) -> dict[str, float]:
    """Of each format's middle from the closed form: R'G'B' (PQ beside HDR) and alpha."""
    clip_list = [hfbench.Clip(name, str(paths[vfr]), 0, "0.2") for name, (_, paths) in clips.items()]
    clip_list += [hfbench.Clip(f"beside{n}", str(path), 0, "0.04") for n, path in enumerate(beside)]
    result = hfbench.extract(hfbench.Composition(clip_list, fps=25), out, hfbench.ExtractOptions(**options))
    assert not result.failures
    found = {}
    for clip in result.clips:
        if clip.clip_id not in clips:
            continue
        wanted = clips[clip.clip_id][0].signal
        if beside:
            wanted = np.append(reference.sdr_to_hdr(wanted[:3], "pq"), wanted[3])
        pixel = patches.signal_of(clip.path_of(0))[HEIGHT // 2, WIDTH // 2]
        found[clip.clip_id] = float(abs(pixel - wanted[: len(pixel)]).max())
    assert set(found) == set(clips)
    return found


def few_of(clips):
    return {name: each for name, each in clips.items() if name in FEW}


def beyond(found: dict[str, float], limit: float) -> dict[str, float]:
    return {name: each for name, each in found.items() if each > limit}


@pytest.mark.parametrize("backend", runs.BACKENDS)
class TestEveryFamily:
    @pytest.mark.parametrize("image_format", ["png16", "png", "jpg"])
    def test_alone(self, clips, tmp_path, backend, image_format):
        found = differences(tmp_path / "out", clips, backend=backend, format=image_format)
        assert not beyond(found, LIMITS[image_format])

    @pytest.mark.parametrize("scope", ["segment", "source"])
    def test_after_a_change_of_rate(self, clips, tmp_path, backend, scope):
        """RGB, grey and alpha stay exact: their intermediates lose nothing."""
        clips = few_of(clips) if scope == "source" else clips
        found = differences(tmp_path / "out", clips, vfr=True, backend=backend, scope=scope, format="png16")
        exact = {name: each for name, each in found.items() if name not in pixel_layouts.YCBCR}
        assert not beyond(exact, LIMITS["png16"])
        assert not beyond(found, LIMITS["rate"])

    @pytest.mark.parametrize("scope", ["fused", "segment"])
    def test_beside_hdr(self, clips, tmp_path, bench, backend, scope):
        beside = (bench.hdr("pq"),)
        found = differences(tmp_path / "out", few_of(clips), beside=beside, backend=backend, scope=scope)
        assert not beyond(found, LIMITS["pq" if scope == "fused" else "pq-segment"])


def test_negative_control_another_colour_is_far_off(clips, tmp_path):
    name = "rgb555le"
    other = (pixel_layouts.colour(name, 2), clips[name][1])
    assert differences(tmp_path / "out", {name: other}, format="png16")[name] > 0.1


@pytest.mark.parametrize("backend", runs.BACKENDS)
@pytest.mark.parametrize("scope", ["fused", "segment"])
def test_grey_video_of_either_range(tmp_path, bench, backend, scope):
    """FFV1, HEVC and AV1 without chroma; black and white are black and white, alone and beside PQ."""
    kinds = {
        "ffv1-full": ("gray", "pc", ".mkv", ("-c:v", "ffv1")),
        "ffv1-limited": ("gray10le", "tv", ".mkv", ("-c:v", "ffv1")),
        "hevc-limited": ("gray", "tv", ".mp4", ("-c:v", "libx265", "-x265-params", "lossless=1:log-level=0")),
        "hevc-full": ("gray10le", "pc", ".mp4", ("-c:v", "libx265", "-x265-params", "lossless=1:log-level=0")),
    }
    for shade, level in (("white", 1.0), ("black", 0.0)):
        sources = {}
        for name, (pixel_format, sample_range, suffix, encoder) in kinds.items():
            top = 2 ** (10 if "10" in pixel_format else 8) - 1
            scale = (top + 1) // 256
            code = {"pc": (0, top), "tv": (16 * scale, 235 * scale)}[sample_range][round(level)]
            raw = np.full((64, 64), code, "<u2" if top > 255 else "u1").tobytes() * 2
            path = tmp_path / f"{name}-{shade}{suffix}"
            reading = ["-f", "rawvideo", "-pix_fmt", pixel_format, "-s", "64x64", "-color_range", sample_range]
            (tmp_path / "raw").write_bytes(raw)
            arguments = [*reading, "-r", "25", "-i", str(tmp_path / "raw"), *encoder, "-color_range", sample_range]
            sources[name] = run_ffmpeg(path, *arguments)
        alone = runs.extract_all(tmp_path / f"a-{shade}", sources, backend=backend, scope=scope, format="png16")
        beside = runs.extract_all(tmp_path / f"b-{shade}", sources, bench.hdr("pq"), backend=backend, scope=scope)
        limit = 20 if scope == "fused" else 200
        for name in kinds:
            pixels = patches.pixels_of(alone[name].path_of(0)).astype(int)
            assert abs(pixels - round(level * 65535)).max() <= 2, (name, shade)
            mapped = patches.pixels_of(beside[name].path_of(0)).astype(int)
            assert abs(mapped - round(level * 38055)).max() <= limit, (name, shade)


@pytest.mark.parametrize("backend", runs.BACKENDS)
def test_a_palette_with_alpha(tmp_path, backend):
    """PNG in MOV with a transparent palette entry, beside one that is opaque."""
    from PIL import Image

    sources = {}
    for name, alpha in (("see-through", b"\x40\xff"), ("opaque", b"\xff\xff")):
        image = Image.new("P", (64, 48))
        image.putpalette([200, 40, 10, 0, 0, 255])
        image.paste(1, (32, 0, 64, 48))
        image.save(tmp_path / f"{name}.png", transparency=alpha)
        movie = tmp_path / f"{name}.mov"
        sources[name] = run_ffmpeg(movie, "-loop", "1", "-i", str(tmp_path / f"{name}.png"), "-t", "0.2", "-c", "copy")
    clips = runs.extract_all(tmp_path / "out", sources, backend=backend, format="png")
    found = patches.pixels_of(clips["see-through"].path_of(0))
    assert found[24, 8].tolist() == [200, 40, 10, 64]
    assert found[24, 50].tolist() == [0, 0, 255, 255]
    assert patches.pixels_of(clips["opaque"].path_of(0))[24, 8].tolist() == [200, 40, 10]


@pytest.mark.parametrize("backend", runs.BACKENDS)
@pytest.mark.parametrize("name", ["y210be", "bayer_rggb8", "gbrap32le"])
def test_pixels_that_cant_be_converted_are_named(backend, name):
    """By way of plans, for no container at hand keeps all of these."""
    from dataclasses import replace

    from hfbench.engine.plan import plan_clip
    from hfbench.model.plan import ProbedClip, ResolvedClip
    from tests.makers.media_maker import media_info

    media = replace(media_info(), pixel_format=name)
    clip = ProbedClip(ResolvedClip(hfbench.Clip("a", "a.mp4", 0, 1), media.path), media)
    options = hfbench.ExtractOptions(backend=backend)
    failure = plan_clip(clip, fps=30, timeline_end=None, target=None, options=options)
    assert isinstance(failure, hfbench.ClipFailure)
    assert failure.kind.value == "unsupported_media"
    assert name in failure.message
