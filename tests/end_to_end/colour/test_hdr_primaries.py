"""HDR of any primaries ends in one colour space: BT.2020 with the composition's transfer, and its tags say so."""

from __future__ import annotations

import numpy as np
import pytest

from tests.makers import measures, patches, runs
from tests.oracles import reference, zscale_oracle

#: Name of the oracle -> FFmpeg's name of the tag.
PRIMARIES = {"bt709": "bt709", "p3": "smpte432", "dci": "smpte431", "bt2020": "bt2020"}
TRANSFERS = {"pq": "smpte2084", "hlg": "arib-std-b67"}
CICP = {"pq": b"\x09\x10\x00\x01", "hlg": b"\x09\x12\x00\x01"}


def kind_of(primaries: str, transfer: str) -> patches.Kind:
    tags = f"color_primaries={PRIMARIES[primaries]}:color_trc={TRANSFERS[transfer]}:colorspace=bt2020nc"
    return patches.Kind(f"{primaries}-{transfer}", "bt2020", primaries, 10, chroma="444", tags=tags, hdr=transfer)


@pytest.fixture(scope="module")
def made():
    kinds = [kind_of(primaries, transfer) for primaries in PRIMARIES for transfer in TRANSFERS]
    return {kind.name: patches.standard(kind, random=8) for kind in kinds}


def wanted(each: patches.Patches, target: str) -> np.ndarray:
    return reference.hdr_to_bt2020(each.signal, each.kind.hdr, target, each.kind.primaries)


def check(clip, each: patches.Patches, target: str, scope: str = "fused") -> None:
    found = each.centres(patches.signal_of(clip.path_of(0)))
    limits = measures.delta_e_limits("png16", scope, target)
    assert measures.errors(found, wanted(each, target), target).within(limits), each.kind.name
    assert dict(patches.png_chunks(clip.path_of(0)))["cICP"] == CICP[target], each.kind.name


@pytest.mark.parametrize("backend", runs.BACKENDS)
@pytest.mark.parametrize("scope", ["fused", "segment"])
@pytest.mark.parametrize("beside", runs.TARGETS)
def test_beside_another_hdr_clip(bench, made, backend, scope, beside):
    """PQ wins over HLG, so beside an HLG clip only the HLG ones stay in HLG: each is a composition of its own kind."""
    for transfer in TRANSFERS:
        target = "pq" if "pq" in {transfer, beside} else "hlg"
        own = {name: each for name, each in made.items() if each.kind.hdr == transfer}
        sources = {name: bench.clip_of(each) for name, each in own.items()}
        clips = runs.extract_all(bench.out(), sources, bench.hdr(beside), backend=backend, scope=scope, format="png16")
        for name, each in own.items():
            check(clips[name], each, target, scope)


@pytest.mark.parametrize("backend", runs.BACKENDS)
def test_alone(bench, made, backend):
    for each in made.values():
        check(runs.extract(bench.out(), bench.clip_of(each), backend=backend, format="png16"), each, each.kind.hdr)


@pytest.mark.parametrize("image_format", ["png", "jpg"])
def test_eight_bits_alone(bench, made, image_format):
    each = made["p3-pq"]
    found = bench.measured(each, format=image_format)
    limits = measures.delta_e_limits(image_format, "fused", "pq")
    assert measures.errors(found, wanted(each, "pq"), "pq").mean < limits[0] * 1.5


def test_negative_control_unconverted_pixels_are_far_off(made):
    for name in ("bt709-pq", "p3-pq", "dci-pq", "bt709-hlg", "p3-hlg"):
        each = made[name]
        signal = np.clip(each.signal, 0, 1)
        error = measures.errors(signal[:, None], wanted(each, each.kind.hdr), each.kind.hdr)
        assert error.worst > 20, name


@pytest.mark.parametrize("transfer", TRANSFERS)
@pytest.mark.parametrize("primaries", ["bt709", "p3", "bt2020"])
def test_the_closed_form_agrees_with_zimg(made, primaries, transfer):
    """zimg keeps light out of range negative until the end and works in single precision."""
    each = made[f"{primaries}-{transfer}"]
    name = PRIMARIES[primaries]
    npl = "10000" if transfer == "pq" else "1000"
    way = (
        f"zscale=pin={name}:tin={TRANSFERS[transfer]}:min=gbr:rin=full:p=bt2020:m=gbr:r=full:t=smpte2084:npl={npl}:"
        "agamma=0"
    )
    found = zscale_oracle.through(each.signal, way)
    inside = ((each.signal > 0.02) & (each.signal < 0.98)).all(axis=-1)
    assert reference.delta_e(found[inside], wanted(each, "pq")[inside], "pq").max() < 0.5


def test_white_stays_white():
    """zimg carries DCI's greenish white over as it is; ICC and players adapt it, and so do we."""
    import colour

    spaces = (colour.RGB_COLOURSPACES["DCI-P3"], colour.RGB_COLOURSPACES["ITU-R BT.2020"])
    theirs = colour.matrix_RGB_to_RGB(*spaces, chromatic_adaptation_transform="Bradford")
    assert abs(reference.to_bt2020("dci") - theirs).max() < 2e-4
    assert abs(reference.to_bt2020("dci").sum(axis=1) - 1).max() < 1e-12
