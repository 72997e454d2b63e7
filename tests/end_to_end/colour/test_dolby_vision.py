"""Dolby Vision is found and named; profile 5, which has no BT.2020 base layer, is refused with the reason."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

import hfbench
from hfbench.backends import create_backend
from hfbench.backends.libav import frame_facts
from hfbench.engine.plan import plan_clip
from hfbench.model.cancellation import Control
from hfbench.model.media import HdrFacts
from hfbench.model.plan import ClipPlan, ProbedClip, ResolvedClip
from hfbench.model.result import ClipFailure, FailureKind
from tests.makers import measures, patches, runs


def probed(bench, profile):
    path = bench.hdr("pq")
    backend = create_backend("libav", 1)
    media = replace(backend.probe(path, Control()).media, hdr=HdrFacts(dolby_vision_profile=profile))
    backend.close()
    return ProbedClip(ResolvedClip(hfbench.Clip("dolby", str(path), 0, "0.04"), path), media)


def planned(bench, profile):
    options = hfbench.ExtractOptions()
    return plan_clip(probed(bench, profile), fps=25, timeline_end=None, target=None, options=options)


def test_profile_5_is_refused_by_name(bench):
    refused = planned(bench, 5)
    assert isinstance(refused, ClipFailure)
    assert refused.kind is FailureKind.UNSUPPORTED_MEDIA
    assert "profile 5" in refused.message
    assert "base layer" in refused.message


@pytest.mark.parametrize("profile", [None, 4, 7, 8])
def test_profiles_with_a_base_layer_are_taken(bench, profile):
    assert isinstance(planned(bench, profile), ClipPlan)


@pytest.mark.parametrize(
    ("rpu_profile", "is_full_range", "depth", "resamples", "no_residual", "profile"),
    [
        (0, 1, 12, 0, 1, 5),
        (0, 0, 12, 0, 1, 0),
        (1, 0, 12, 1, 0, 7),
        (1, 0, 14, 1, 0, 4),
        (1, 0, 12, 0, 1, 8),
        (1, 0, 12, 1, 1, 8),
    ],
)
def test_profile_from_the_rpu_header(rpu_profile, is_full_range, depth, resamples, no_residual, profile):
    """The rule for streams without a configuration box, as FFmpeg's dovi_rpu.c applies it (ETSI TS 103 572)."""
    header = bytearray(24)
    header[4], header[10], header[13], header[15], header[16] = (
        rpu_profile,
        is_full_range,
        depth,
        resamples,
        no_residual,
    )
    data = struct.pack("=QQQ", 24, 0, 0) + bytes(header)
    assert frame_facts._dolby_vision_profile(data) == profile


def test_refused_clips_hurt_no_other(bench, monkeypatch):
    """Through the whole engine: the probe finds profile 5 in one of two files."""
    made = patches.standard(side=measures.FLAT_SIDE)
    dolby, plain = bench.hdr("pq"), bench.clip_of(made)
    facts = frame_facts.hdr_facts_of
    wide = made.picture_size()[0]
    found = HdrFacts(dolby_vision_profile=5)
    monkeypatch.setattr(
        "hfbench.backends.libav.probe.hdr_facts_of", lambda frame: facts(frame) if frame.width == wide else found
    )
    clips = [hfbench.Clip("dolby", str(dolby), 0, "0.04"), hfbench.Clip("plain", str(plain), 0, "0.04")]
    result = hfbench.extract(hfbench.Composition(clips, fps=25), bench.out())
    assert {failure.clip_id: failure.kind for failure in result.failures} == {"dolby": FailureKind.UNSUPPORTED_MEDIA}
    assert [clip.clip_id for clip in result.clips] == ["plain"]


@pytest.mark.media
def test_a_real_phones_profile_8_is_taken(bench, media):
    """An iPhone's HLG with Dolby Vision data: alone it is an HLG composition, beside PQ it is converted."""
    phone = media / "phone-edit-list.mp4"
    alone = runs.extract(bench.out(), phone)
    beside = runs.extract(bench.out(), phone, bench.hdr("pq"))
    assert alone.size == (1080, 1920)
    cicp = [dict(patches.png_chunks(clip.path_of(0)))["cICP"][1] for clip in (alone, beside)]
    assert cicp == [18, 16]
    pixels = [patches.signal_of(clip.path_of(0)) for clip in (alone, beside)]
    assert abs(pixels[0] - pixels[1]).mean() > 0.01
