"""The judge is judged first: by colour-science, by zimg, and by the numbers that the standards give."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from tests.oracles import reference, zscale_oracle

EXACT = 1e-10


@pytest.fixture(scope="module")
def science():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it complains about every optional library that is not there
        return pytest.importorskip("colour.models", reason="colour-science is not installed")


@pytest.fixture(scope="module")
def drawn():
    return np.round(np.random.default_rng(1).random((2000, 3)) * 65535) / 65535  # what a file of 16 bits can hold


class TestAgainstColourScience:
    def test_sdr_eotfs(self, science, drawn):
        assert reference.light_of_sdr(drawn) == pytest.approx(science.eotf_BT1886(drawn, L_B=0, L_W=1), abs=EXACT)
        assert reference.light_of_sdr(drawn, "srgb") == pytest.approx(science.eotf_sRGB(drawn), abs=EXACT)
        assert reference.light_of_sdr(drawn, "gamma22") == pytest.approx(science.gamma_function(drawn, 2.2), abs=EXACT)

    def test_pq(self, science, drawn):
        light = drawn * 10_000
        assert reference.pq_of_light(light) == pytest.approx(science.eotf_inverse_ST2084(light), abs=EXACT)
        assert reference.light_of_pq(drawn) == pytest.approx(science.eotf_ST2084(drawn), rel=1e-8, abs=1e-8)

    def test_hlg(self, science, drawn):
        light = science.eotf_BT2100_HLG(drawn, L_W=1000, gamma=1.2)
        assert reference.light_of_hlg(drawn) == pytest.approx(light, rel=1e-7)
        assert reference.hlg_of_light(light) == pytest.approx(drawn, abs=1e-7)

    @pytest.mark.parametrize(("ours", "theirs"), [("bt709", "ITU-R BT.709"), ("525", "SMPTE C"), ("p3", "P3-D65")])
    def test_primaries(self, science, ours, theirs):
        spaces = science.RGB_COLOURSPACES
        to_xyz = spaces[theirs].matrix_RGB_to_XYZ
        matrix = np.linalg.solve(spaces["ITU-R BT.2020"].matrix_RGB_to_XYZ, to_xyz)
        assert reference.to_bt2020(ours) == pytest.approx(matrix, abs=2e-4)  # they round their matrices
        assert reference.to_bt2020(ours).sum(axis=1) == pytest.approx(
            np.ones(3), abs=2e-6
        )  # BT.2087 prints six decimals

    @pytest.mark.parametrize(
        ("ours", "theirs"), [("bt709", "ITU-R BT.709"), ("bt601", "ITU-R BT.601"), ("bt2020", "ITU-R BT.2020")]
    )
    @pytest.mark.parametrize("depth", [8, 10])
    @pytest.mark.parametrize("is_full", [False, True])
    def test_matrices(self, science, drawn, ours, theirs, depth, is_full):
        weights = science.WEIGHTS_YCBCR[theirs]
        wanted = science.RGB_to_YCbCr(drawn, K=weights, out_bits=depth, out_legal=not is_full, out_int=True)
        codes = reference.codes_of_rgb(drawn, ours, depth, is_full_range=is_full)
        assert (codes == wanted).mean() > 0.99  # halves are rounded otherwise there
        assert abs(codes - wanted).max() <= 1
        back = reference.rgb_of_codes(codes, ours, depth, is_full_range=is_full)
        assert back == pytest.approx(drawn, abs=3 / 2**depth)

    def test_delta_e(self, science, drawn):
        import colour

        light = drawn * 1000
        other = light * 1.01 + 0.01
        theirs = [science.RGB_to_ICtCp(each, method="ITU-R BT.2100-2 PQ", L_p=10_000) for each in (light, other)]
        wanted = colour.difference.delta_E_ITP(*theirs)
        assert reference.delta_e_of_light(light, other) == pytest.approx(wanted, abs=EXACT)

    def test_the_whole_map(self, science, drawn):
        linear = science.eotf_BT1886(drawn, L_B=0, L_W=1) @ reference.BT709_TO_BT2020.T * 203
        assert reference.sdr_to_hdr(drawn, "pq") == pytest.approx(science.eotf_inverse_ST2084(linear), abs=EXACT)
        with np.errstate(invalid="ignore"):  # it takes both branches of the OETF everywhere
            wanted = science.eotf_inverse_BT2100_HLG(linear, L_W=1000, gamma=1.2)
        assert reference.sdr_to_hdr(drawn, "hlg") == pytest.approx(wanted, abs=1e-7)


class TestAnchors:
    @pytest.mark.parametrize(
        ("eight_bit", "target", "codes"),
        [
            ((255, 255, 255), "pq", (38055, 38055, 38055)),
            ((255, 255, 255), "hlg", (49143, 49143, 49143)),
            ((255, 0, 0), "pq", (34900, 21431, 14422)),
            ((255, 0, 0), "hlg", (46434, 17468, 8508)),
            ((194, 150, 130), "pq", (32350, 29996, 27894)),
            ((194, 150, 130), "hlg", (40203, 34756, 29461)),
            ((0, 0, 0), "pq", (0, 0, 0)),
            ((0, 0, 0), "hlg", (0, 0, 0)),
        ],
    )
    def test_codes_of_sixteen_bits(self, eight_bit, target, codes):
        signal = reference.sdr_to_hdr(np.array(eight_bit) / 255, target)
        assert tuple(np.round(signal * 65535).astype(int)) == codes

    def test_white_in_ten_bits_and_grey_in_light(self):
        assert reference.sdr_to_hdr(np.ones(3), "pq")[0] * 876 + 64 == pytest.approx(573, abs=0.5)
        assert reference.sdr_to_hdr(np.ones(3), "hlg")[0] * 876 + 64 == pytest.approx(721, abs=0.5)
        assert reference.sdr_light(np.full(3, 0.5)) == pytest.approx(38.5, abs=0.05)

    def test_there_and_back(self, drawn):
        assert reference.pq_to_sdr(reference.sdr_to_hdr(drawn, "pq")) == pytest.approx(drawn, abs=1e-6)


class TestAgainstZimg:
    @pytest.mark.parametrize("target", ["pq", "hlg"])
    @pytest.mark.parametrize("primaries", zscale_oracle.PRIMARIES)
    def test_both_oracles_agree_within_a_code(self, drawn, target, primaries):
        ours = reference.sdr_to_hdr(drawn, target, primaries=primaries)
        theirs = zscale_oracle.sdr_to_hdr(drawn, target, primaries)
        bright = reference.light_of(ours, target).min(axis=-1) > 0.01  # steep below: the input's 16 bits show
        assert abs(ours - theirs)[bright].max() * 65535 < 1

    def test_hlg_to_pq(self, drawn):
        assert abs(reference.hlg_to_pq(drawn) - zscale_oracle.hlg_to_pq(drawn)).max() * 65535 < 2

    def test_ten_bit_codes(self, drawn):
        signal = np.round(reference.sdr_to_hdr(drawn, "pq") * 65535) / 65535
        assert (zscale_oracle.yuv420p10(signal, "pq") == reference.codes_of_rgb(signal, "bt2020", 10)).mean() > 0.999

    @pytest.mark.parametrize("target", ["pq", "hlg"])
    def test_negative_control_without_npl_it_is_far_off(self, drawn, target):
        wrong = zscale_oracle.sdr_to_hdr(drawn, target, npl="")
        assert reference.delta_e(wrong, reference.sdr_to_hdr(drawn, target), target).mean() > 30
