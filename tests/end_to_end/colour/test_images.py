"""What the files say and hold: chunks, formats, warnings, and one picture in two formats."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tests.makers import measures, patches, runs
from tests.oracles import reference

CICP = {"pq": b"\x09\x10\x00\x01", "hlg": b"\x09\x12\x00\x01"}
BACKENDS, SCOPES, TARGETS = runs.BACKENDS, runs.SCOPES, runs.TARGETS


@pytest.fixture(scope="module")
def plain():
    return patches.standard(side=measures.FLAT_SIDE)


def chunks(path):
    return patches.png_chunks(path)


@pytest.mark.parametrize("backend", BACKENDS)
class TestCicp:
    @pytest.mark.parametrize("target", TARGETS)
    @pytest.mark.parametrize("scope", SCOPES)
    def test_png16_of_a_mapped_clip_and_of_the_hdr_clip_itself(self, bench, plain, backend, target, scope):
        made = {"mapped": bench.clip_of(plain), "hdr": bench.hdr(target)}
        clips = runs.extract_all(bench.out(), made, backend=backend, scope=scope, format="png16")
        for clip in clips.values():
            found = chunks(clip.path_of(0))
            names = [name for name, _ in found]
            assert [data for name, data in found if name == "cICP"] == [CICP[target]]
            assert names.index("cICP") < names.index("IDAT")
            assert dict(found)["IHDR"][8:10] == b"\x10\x02"  # 16 bits, RGB

    @pytest.mark.parametrize("image_format", ["png", "png16"])
    def test_none_on_sdr(self, bench, plain, backend, image_format):
        clip = runs.extract(bench.out(), bench.clip_of(plain), backend=backend, format=image_format)
        names = {name for name, _ in chunks(clip.path_of(0))}
        assert "cICP" not in names
        assert not names & {"gAMA", "cHRM", "iCCP", "sRGB"}

    def test_eight_bit_png_beside_hdr_says_so_too(self, bench, plain, backend):
        clip = runs.extract(bench.out(), bench.clip_of(plain), bench.hdr("pq"), backend=backend, format="png")
        assert dict(chunks(clip.path_of(0)))["cICP"] == CICP["pq"]


class TestAutoFormat:
    """jpg for SDR, png for alpha, png16 where the composition has an HDR target."""

    @pytest.mark.parametrize(
        ("kind", "target", "suffix", "depth"),
        [
            ("bt709", "", ".jpg", None),
            ("bt2020-sdr-10bit", "", ".jpg", None),
            ("alpha", "", ".png", 8),
            ("bt709", "pq", ".png", 16),
            ("bt709", "hlg", ".png", 16),
            ("alpha", "pq", ".png", 16),
        ],
    )
    def test_rule(self, bench, kind, target, suffix, depth):
        made = patches.standard(next(each for each in patches.SDR_KINDS if each.name == kind))
        beside = [bench.hdr(target)] if target else []
        path = runs.extract(bench.out(), bench.clip_of(made), *beside).path_of(0)
        assert path.suffix == suffix
        assert depth is None or patches.depth_of(path) == depth

    def test_jpg_beside_hdr_warns_and_jpg_alone_does_not(self, bench, plain):
        path = bench.clip_of(plain)
        assert "jpg_beside_hdr" in runs.warnings_of(runs.extract(bench.out(), path, bench.hdr("hlg"), format="jpg"))
        assert not runs.warnings_of(runs.extract(bench.out(), path, format="jpg"))
        assert not runs.warnings_of(runs.extract(bench.out(), path, bench.hdr("hlg")))

    def test_the_hdr_clip_as_jpg_warns_too(self, bench):
        clip = runs.extract(bench.out(), bench.hdr("pq"), format="jpg")
        assert "jpg_beside_hdr" in runs.warnings_of(clip)


@pytest.mark.parametrize("backend", BACKENDS)
class TestEightBits:
    @pytest.mark.parametrize(
        "kind", [kind for kind in patches.SDR_KINDS if not kind.has_alpha], ids=lambda kind: kind.name
    )
    def test_jpg_and_png_of_one_sdr_clip_agree(self, bench, backend, kind):
        """Also a bt601 and a full-range source: both files mean the same colours whatever the video's matrix is."""
        mean, worst = measures.jpg_against_png(bench, backend, patches.standard(kind, side=measures.FLAT_SIDE))
        assert mean <= measures.JPG_PNG_MEAN
        assert worst <= measures.JPG_PNG_MAX

    @pytest.mark.parametrize("kind", ["bt709", "bt709-full", "bt601-625"])
    def test_png_holds_the_nearest_code(self, bench, backend, kind):
        made = patches.standard(next(each for each in patches.SDR_KINDS if each.name == kind))
        found = bench.measured(made, backend=backend, format="png") * 255
        difference = abs(found - np.round(np.clip(made.signal, 0, 1) * 255)[:, None])
        assert difference.max() <= 1
        assert (difference == 0).mean() > 0.98

    @pytest.mark.parametrize("target", TARGETS)
    @pytest.mark.parametrize("image_format", ["png", "jpg"])
    def test_mapped_colours_in_eight_bits(self, bench, plain, backend, target, image_format):
        found = bench.measured(plain, target, backend=backend, format=image_format)
        limits = measures.delta_e_limits(image_format, "fused", target)
        assert measures.errors(found, measures.wanted_of(plain, target), target).within(limits)
        banded = measures.errors(found, measures.wanted_of(plain, target), target)
        assert not banded.within(measures.DELTA_E_LIMITS["png16", "fused", target])  # why png16 is the format for HDR


def test_negative_control_a_jpg_with_the_videos_own_matrix_is_off(plain):
    """What HyperFrames writes: BT.709 limited planes, read as JFIF."""
    seen = reference.rgb_of_codes(plain.codes, "bt601", 8, is_full_range=True)
    assert abs(np.clip(seen, 0, 1) - np.clip(plain.signal, 0, 1)).mean() * 255 > 8


class TestQuality:
    def test_it_is_libjpegs_scale(self, bench, plain):
        """Pillow writes with libjpeg: equal quantisation tables mean equal quality."""
        for quality in (1, 50, 95, 100):
            clip = runs.extract(bench.out(), bench.clip_of(plain), format="jpg", quality=quality)
            memory = io.BytesIO()
            Image.fromarray(np.zeros((16, 16, 3), "u1")).save(memory, "jpeg", quality=quality)
            with Image.open(clip.path_of(0)) as ours, Image.open(memory) as theirs:
                assert ours.quantization == theirs.quantization

    def test_jpg_of_a_picture_loses_what_libjpeg_loses(self, bench, store):
        """Real detail: beside the DCT's own loss the jpg is the png, without a cast."""
        from fixtures_gen.recipe import Size
        from fixtures_gen.store import Request

        store.ensure([Request("cfr-sdr-cache", Size.P180)])
        source = store.path("cfr-sdr-cache", size=Size.P180)
        png, jpg = (
            patches.pixels_of(runs.extract(bench.out(), source, format=each).path_of(0)).astype(int)
            for each in ("png", "jpg")
        )
        memory = io.BytesIO()
        Image.fromarray(png.astype("u1")).save(memory, "jpeg", quality=95, subsampling="4:2:0")
        with Image.open(memory) as image:
            dct_loss = abs(np.asarray(image).astype(int) - png)
        assert abs(jpg - png).mean() <= dct_loss.mean() + measures.JPG_PNG_MEAN
        assert abs(jpg - png).max() <= dct_loss.max() + measures.JPG_PNG_MAX
        assert abs((jpg - png).mean(axis=(0, 1))).max() < 0.5
