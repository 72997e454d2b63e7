"""bt2408 from every kind of source, on both backends and in every scope, against both oracles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fixtures_gen.recipe import Size
from fixtures_gen.store import Request
from tests.makers import measures, patches, runs
from tests.oracles import reference, zscale_oracle

KINDS = {kind.name: kind for kind in patches.SDR_KINDS}
#: What a source without tags is taken for: BT.601 in standard definition, with the primaries of its line count.
UNTAGGED = {
    "untagged": (patches.Kind("untagged", "bt601", "bt709", tags=""), {}),
    "untagged-525": (patches.Kind("untagged-525", "bt601", "525", tags=""), {"size": (640, 480), "columns": 40}),
    "untagged-625": (patches.Kind("untagged-625", "bt601", "625", tags=""), {"size": (720, 576), "columns": 45}),
    "untagged-hd": (patches.Kind("untagged-hd", tags=""), {"size": (1280, 32), "columns": 80}),
}


@pytest.mark.parametrize("backend", runs.BACKENDS)
class TestSixteenBits:
    @pytest.mark.parametrize("target", runs.TARGETS)
    def test_every_kind_of_source(self, bench, backend, target):
        made = {name: patches.standard(kind) for name, kind in KINDS.items()}
        found = bench.measured_all(made, target, backend=backend, format="png16")
        limits = measures.DELTA_E_LIMITS["png16", "fused", target]
        for name, each in made.items():
            assert measures.errors(found[name], measures.wanted_of(each, target), target).within(limits), name
            assert measures.errors(found[name], measures.zscale_of(each, target), target).within(limits), name

    @pytest.mark.parametrize("name", UNTAGGED)
    def test_untagged_sources_by_the_size_rule_and_said_so(self, bench, backend, name):
        kind, layout = UNTAGGED[name]
        made = patches.standard(kind, **layout)
        clip = runs.extract(bench.out(), bench.clip_of(made), bench.hdr("pq"), backend=backend)
        found = made.centres(patches.signal_of(clip.path_of(0)))
        wanted = measures.wanted_of(made, "pq")
        assert measures.errors(found, wanted, "pq").within(measures.DELTA_E_LIMITS["png16", "fused", "pq"])
        assert "untagged_colors" in runs.warnings_of(clip)
        other = replace(made, kind=replace(kind, matrix="bt709" if kind.matrix == "bt601" else "bt601"))
        assert measures.errors(found, measures.wanted_of(other, "pq"), "pq").mean > 2  # the other guess would show

    @pytest.mark.parametrize("target", runs.TARGETS)
    def test_white(self, bench, backend, target):
        found = measures.white_codes(bench, target, backend)
        assert abs(found - measures.WHITE_CODE[target]).max() <= measures.WHITE_TOLERANCE

    @pytest.mark.parametrize("target", runs.TARGETS)
    @pytest.mark.parametrize("kind", ["bt709", "bt709-full", "bt709-10bit"])
    def test_every_grey(self, bench, backend, target, kind):
        found = measures.greys(bench, target, backend, KINDS[kind])
        assert found.is_increasing
        assert found.spread <= measures.GREY_SPREAD
        assert found.worst <= measures.GREY_DELTA_E
        assert found.black == 0

    @pytest.mark.parametrize("target", runs.TARGETS)
    def test_random_colours(self, bench, backend, target):
        assert measures.random_errors(bench, target, backend).worst <= measures.RANDOM_DELTA_E

    def test_sdr_to_pq_and_back(self, bench, backend):
        exact, worst = measures.round_trip(bench, backend)
        assert exact >= measures.ROUND_TRIP_EXACT
        assert worst <= measures.ROUND_TRIP_WORST

    @pytest.mark.parametrize(("eotf", "white"), [("bt1886", 1000.0), ("srgb", 203.0), ("gamma22", 100.0)])
    def test_eotf_and_white_are_obeyed(self, bench, backend, eotf, white):
        made = patches.standard()
        found = bench.measured(made, "pq", backend=backend, format="png16", sdr_eotf=eotf, sdr_white=white)
        right = measures.wanted_of(made, "pq", eotf=eotf, white=white)
        # The linear toe of sRGB lies inside one cell of the cube: 1.3 at most, in the dark corners of strong colours.
        assert measures.errors(found, right, "pq").within((0.05, 1.5))
        for other in (
            {"eotf": eotf, "white": white * 1.1},
            {"eotf": "srgb" if eotf == "bt1886" else "bt1886", "white": white},
        ):
            assert measures.errors(found, measures.wanted_of(made, "pq", **other), "pq").mean > 0.5

    def test_a_source_in_rgb(self, bench, backend, tmp_path):
        """RGB needs no matrix, and its eight bits are scaled, not shifted."""
        rgb = np.array(patches.COLOR_CHECKER + patches.PRIMARIES_AND_SECONDARIES, "u1")
        picture = np.broadcast_to(np.repeat(rgb, 16, axis=0), (16, len(rgb) * 16, 3))
        reading = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{picture.shape[1]}x16", "-r", "25", "-i", "pipe:0"]
        path = tmp_path / "rgb.mp4"
        zscale_oracle.run(
            [*reading, "-c:v", "libx264rgb", "-qp", "0", "-pix_fmt", "rgb24", str(path)], picture.tobytes() * 2
        )
        plain = runs.extract(bench.out(), path, backend=backend, format="png16")
        assert np.array_equal(patches.pixels_of(plain.path_of(0)), picture.astype(np.uint16) * 257)
        mapped = runs.extract(bench.out(), path, bench.hdr("pq"), backend=backend, format="png16")
        found = patches.signal_of(mapped.path_of(0))[8, 8::16]
        assert reference.delta_e(found, reference.sdr_to_hdr(rgb / 255, "pq"), "pq").max() <= 0.5


@pytest.mark.parametrize("backend", runs.BACKENDS)
@pytest.mark.parametrize("scope", ["source", "segment"])
class TestIntermediate:
    @pytest.mark.parametrize(("target", "kind"), [("pq", "bt709"), ("hlg", "bt709"), ("pq", "bt709-444-10bit")])
    def test_its_codes_are_within_one_of_the_oracle(self, bench, backend, scope, target, kind):
        """Of yuv420p10, or yuv444p10 where the source has all its chroma; the codec is lossy, the patches are flat."""
        made = patches.standard(KINDS[kind], side=measures.FLAT_SIDE)
        found = measures.intermediate_codes(bench, made, target, backend, scope)
        wanted = zscale_oracle.yuv420p10(measures.wanted_of(made, target), target)
        assert abs(found - wanted[:, None]).max() <= 1
        assert abs((found - wanted[:, None]).mean(axis=(0, 1))).max() < 0.1  # and not all to one side

    @pytest.mark.parametrize("target", runs.TARGETS)
    def test_frames_agree_with_the_closed_form_as_far_as_ten_bits_hold_it(self, bench, backend, scope, target):
        made = patches.standard(side=measures.FLAT_SIDE)
        found = bench.measured(made, target, backend=backend, scope=scope, format="png16")
        limits = measures.DELTA_E_LIMITS["png16", "intermediate", target]
        assert measures.errors(found, measures.wanted_of(made, target), target).within(limits)

    def test_other_sources(self, bench, backend, scope):
        names = ("bt601-525", "bt709-full", "bt2020-sdr-10bit")
        made = {name: patches.standard(KINDS[name], side=measures.FLAT_SIDE) for name in names}
        found = bench.measured_all(made, "pq", backend=backend, scope=scope, format="png16")
        limits = measures.DELTA_E_LIMITS["png16", "intermediate", "pq"]
        for name, each in made.items():
            assert measures.errors(found[name], measures.wanted_of(each, "pq"), "pq").within(limits), name


def test_what_ten_bits_hold_is_what_the_limits_say():
    """The bound of the intermediate is that of the format: rounding exactly would not be much better."""
    for target, least in (("pq", 0.45), ("hlg", 0.24)):
        wanted = measures.wanted_of(patches.standard(), target)
        rounded = reference.rgb_of_codes(reference.codes_of_rgb(wanted, "bt2020", 10), "bt2020", 10)
        mean, worst = measures.DELTA_E_LIMITS["png16", "intermediate", target]
        found = reference.delta_e(np.clip(rounded, 0, 1), wanted, target)
        assert least < found.mean() < mean < 1.5 * found.mean()
        assert found.max() < worst


@pytest.mark.parametrize("backend", runs.BACKENDS)
@pytest.mark.parametrize("scope", runs.SCOPES)
def test_alpha_is_kept_beside_pq(bench, backend, scope):
    made = {name: patches.standard(KINDS[name]) for name in ("alpha", "alpha-10bit-444")}
    sources = {name: bench.clip_of(each) for name, each in made.items()}
    clips = runs.extract_all(bench.out(), sources, bench.hdr("pq"), backend=backend, scope=scope)
    for name, each in made.items():
        pixels = patches.pixels_of(clips[name].path_of(0)).astype(int)
        wanted = patches.alpha_ramp(*each.picture_size(), each.kind.depth) * 65535 / (2**each.kind.depth - 1)
        assert abs(pixels[..., 3] - wanted).max() <= 1, name
        assert pixels[..., 3].max() == 65535, name  # opaque is opaque
        found = measures.errors(each.centres(pixels / 65535), measures.wanted_of(each, "pq"), "pq")
        assert found.within((0.05, 0.5)), name  # the intermediate is lossless: every scope is exact


class TestGamut:
    @pytest.mark.parametrize("backend", runs.BACKENDS)
    @pytest.mark.parametrize("scope", runs.SCOPES)
    @pytest.mark.parametrize("target", runs.TARGETS)
    def test_negative_control_the_peers_filter_is_far_off(self, bench, backend, scope, target):
        assert measures.gamut_errors(bench, target, backend, scope).mean > measures.GAMUT_LEAST_MEAN

    def test_it_does_what_the_peer_does(self, bench):
        """SDR white as the brightest there is: 10 000 cd/m² as PQ, 1000 as HLG, with the same pixels."""
        made = patches.standard(side=measures.FLAT_SIDE)
        codes = {t: bench.measured(made, t, format="png16", sdr_mapping="gamut")[30] for t in runs.TARGETS}
        assert abs(codes["pq"] - 1).max() < 0.003
        assert np.array_equal(codes["pq"], codes["hlg"])


def test_pq_and_hlg_targets_differ(bench):
    """HyperFrames gives both the same pixels."""
    made = patches.standard()
    found = {target: bench.measured(made, target, format="png16") for target in runs.TARGETS}
    assert abs(found["pq"] - found["hlg"]).mean() > 0.05


@pytest.mark.parametrize("backend", runs.BACKENDS)
class TestHdrClips:
    @pytest.mark.parametrize("scope", runs.SCOPES)
    def test_hlg_in_a_pq_composition_is_converted_not_relabelled(self, bench, backend, scope):
        made = patches.standard(patches.HLG, side=measures.FLAT_SIDE)
        found = bench.measured(made, "pq", backend=backend, scope=scope, format="png16")
        limits = measures.delta_e_limits("png16", scope, "pq")
        assert measures.errors(found, measures.wanted_of(made, "pq"), "pq").within(limits)
        assert measures.errors(found, zscale_oracle.hlg_to_pq(made.signal), "pq").within(limits)
        assert measures.errors(found, np.clip(made.signal, 0, 1), "pq").mean > 30  # what relabelling would give

    @pytest.mark.parametrize("kind", [patches.PQ, patches.HLG], ids=["pq", "hlg"])
    def test_a_clip_of_the_target_keeps_its_codes(self, bench, backend, kind):
        made = patches.standard(kind)
        found = bench.measured(made, backend=backend, format="png16")
        assert abs(found - np.clip(made.signal, 0, 1)[:, None]).max() * 65535 <= 1

    def test_pq_wins_over_hlg(self, bench, backend):
        made = patches.standard()
        both = [bench.hdr("hlg"), bench.hdr("pq")]
        clip = runs.extract(bench.out(), bench.clip_of(made), *both, backend=backend, format="png16")
        found = made.centres(patches.signal_of(clip.path_of(0)))
        assert measures.errors(found, measures.wanted_of(made, "pq"), "pq").within((0.05, 0.5))


@pytest.fixture(scope="module")
def camera(store):
    store.ensure([Request("cfr-sdr-cache", Size.P180)])
    return store.path("cfr-sdr-cache", size=Size.P180)


@pytest.fixture(scope="module")
def reference_frames(bench, camera):
    clip = runs.extract(bench.out(), camera, bench.hdr("pq"), seconds="0.2")
    return [patches.signal_of(clip.path_of(index)) for index in range(clip.frames)]


class TestScopesAgree:
    """A picture with noise and edges, frames of every backend and scope against those of libav's fused one.

    Nothing but the intermediate's 4:2:0 and its codec differ: without loss (qp 0) the mean would be .8, at the crf of
    16 that it shares with HyperFrames it is 3.4.
    """

    @pytest.mark.parametrize("backend", runs.BACKENDS)
    @pytest.mark.parametrize(("scope", "limit"), [("fused", 0.05), ("segment", 4.0), ("source", 4.0)])
    def test_within_the_stated_tolerance(self, bench, camera, reference_frames, backend, scope, limit):
        clip = runs.extract(bench.out(), camera, bench.hdr("pq"), seconds="0.2", backend=backend, scope=scope)
        found = [patches.signal_of(clip.path_of(index)) for index in range(clip.frames)]
        pairs = zip(found, reference_frames, strict=True)
        assert max(reference.delta_e(one, other, "pq").mean() for one, other in pairs) <= limit
        another = reference.delta_e(found[0], reference_frames[-1], "pq").mean()
        assert another > 2 * limit  # negative control: a frame that is .16 s away is further off
