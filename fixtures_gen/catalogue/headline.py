"""The main scenarios of the suite: a short HDR clip makes a long SDR source need work."""

from __future__ import annotations

from fixtures_gen.catalogue.parts import HdrClip, SdrClip
from fixtures_gen.recipe import Recipe, Size, Step
from fixtures_gen.truth import Truth

HDR_ID = 10_000
"""First barcode of the HDR file: the SDR file's are lower, so that a frame shows which file it is from."""


def _mixed(size: Size) -> tuple[SdrClip, HdrClip]:
    # Four frame threads: a fixed number gives fixed bytes, and the build is then twice as fast. A keyframe every
    # two seconds, as phones set them; x264's own 250 frames would make the seek cost more than the scope.
    sdr = SdrClip("sdr-30s.mp4", size, 900, threads=4, params="keyint=60")
    return sdr, HdrClip("hdr-2s.mp4", size, 60, first_id=HDR_ID)


def _mixed_steps(size: Size) -> tuple[Step, ...]:
    sdr, hdr = _mixed(size)
    return sdr.step(), hdr.step()


def _mixed_truth(size: Size) -> Truth:
    return Truth(tuple(clip.truth() for clip in _mixed(size)))


def _cache(size: Size) -> SdrClip:
    return SdrClip("sdr-3s.mp4", size, 90)


RECIPES = (
    Recipe(
        name="hdr-sdr-mixed-scope",
        title="30 s of SDR beside 2 s of HDR10: the preflight's scope decides how much is re-encoded",
        tags=frozenset({"headline", "hdr", "pq", "sdr"}),
        default_size=Size.P720,
        steps=_mixed_steps,
        truth=_mixed_truth,
    ),
    Recipe(
        name="cfr-sdr-cache",
        title="3 s of plain SDR at a constant rate, for the cache",
        tags=frozenset({"headline", "sdr"}),
        default_size=Size.P720,
        steps=lambda size: (_cache(size).step(),),
        truth=lambda size: Truth((_cache(size).truth(),)),
    ),
)
