"""Rotation, sample aspect ratio and odd sizes: the right pixel in the right place, with the right colour."""

from __future__ import annotations

import numpy as np
import pytest

from tests.makers import measures, patches, runs
from tests.oracles import reference, zscale_oracle

QUADRANTS = np.array([[0.9, 0.1, 0.1], [0.1, 0.9, 0.1], [0.1, 0.1, 0.9], [0.9, 0.9, 0.1]])
#: clockwise turn for display -> which quadrant (0 1 / 2 3) comes to stand where.
TURNED = {0: (0, 1, 2, 3), 90: (2, 0, 3, 1), 180: (3, 2, 1, 0), 270: (1, 3, 0, 2)}


def four(bench, *layout):
    made = patches.of_rgb(patches.Kind("four", codec="x264"), QUADRANTS, side=96, **dict(layout))
    return made, bench.clip_of(made)


def quadrants_of(path):
    """The middles of the four quarters, in rows."""
    signal = patches.signal_of(path)
    height, width = signal.shape[:2]
    return np.stack([signal[height * y // 4, width * x // 4] for y in (1, 3) for x in (1, 3)])


def changed(bench, source, name, *options):
    path = bench.folder / name
    before, after = options
    zscale_oracle.run([*before, "-i", str(source), "-c", "copy", *after, str(path)])
    return path


@pytest.mark.parametrize("backend", runs.BACKENDS)
@pytest.mark.parametrize("scope", runs.SCOPES)
class TestMapped:
    """Beside PQ, so that the re-encoding scopes re-encode."""

    def expected(self, made):
        return measures.wanted_of(made, "pq")

    def test_rotation(self, bench, backend, scope):
        made, source = four(bench)
        turned = {
            f"turn{turn}": changed(bench, source, f"{backend}{scope}{turn}.mp4", ("-display_rotation", str(-turn)), ())
            for turn in TURNED
        }
        clips = runs.extract_all(bench.out(), turned, bench.hdr("pq"), backend=backend, scope=scope)
        for turn, order in TURNED.items():
            found = quadrants_of(clips[f"turn{turn}"].path_of(0))
            error = reference.delta_e(found, self.expected(made)[list(order)], "pq")
            assert error.max() < 1.5, turn
            assert reference.delta_e(found, self.expected(made)[list(TURNED[(turn + 90) % 360])], "pq").max() > 50

    def test_flips(self, bench, backend, scope):
        made, source = four(bench)
        kinds = {"hflip": ("-display_hflip", (1, 0, 3, 2)), "vflip": ("-display_vflip", (2, 3, 0, 1))}
        sources = {
            name: changed(bench, source, f"{backend}{scope}{name}.mp4", (option,), ())
            for name, (option, _) in kinds.items()
        }
        clips = runs.extract_all(bench.out(), sources, bench.hdr("pq"), backend=backend, scope=scope)
        for name, (_, order) in kinds.items():
            found = quadrants_of(clips[name].path_of(0))
            assert reference.delta_e(found, self.expected(made)[list(order)], "pq").max() < 1.5, name

    def test_sample_aspect_ratio(self, bench, backend, scope):
        made, source = four(bench)
        wide = changed(
            bench, source, f"{backend}{scope}sar.mp4", (), ("-bsf:v", "h264_metadata=sample_aspect_ratio=4/3")
        )
        both = changed(bench, wide, f"{backend}{scope}both.mp4", ("-display_rotation", "-90"), ())
        clips = runs.extract_all(
            bench.out(), {"wide": wide, "both": both}, bench.hdr("pq"), backend=backend, scope=scope
        )
        for name, size, turn in (("wide", (256, 192), 0), ("both", (192, 256), 90)):
            pixels = patches.pixels_of(clips[name].path_of(0))
            assert clips[name].size == size, name
            assert pixels.shape == (size[1], size[0], 3), name
            found = quadrants_of(clips[name].path_of(0))
            assert reference.delta_e(found, self.expected(made)[list(TURNED[turn])], "pq").max() < 1.5, name

    def test_odd_sizes(self, bench, backend, scope):
        """4:4:4 with both sides odd, and 4:2:0 with both sides odd; the last column and row too."""
        grey = np.array([[0.5, 0.5, 0.5]])
        kinds = (patches.Kind("odd444", chroma="444", codec="x264"), patches.Kind("odd420"))
        made = {kind.name: patches.of_rgb(kind, grey, side=128, size=(97, 55)) for kind in kinds}
        sources = {name: bench.clip_of(each) for name, each in made.items()}
        clips = runs.extract_all(bench.out(), sources, bench.hdr("pq"), backend=backend, scope=scope)
        for name, each in made.items():
            pixels = patches.signal_of(clips[name].path_of(0))
            assert pixels.shape == (55, 97, 3), name
            assert reference.delta_e(pixels, self.expected(each)[0], "pq").max() < 1.5, name


@pytest.mark.parametrize("backend", runs.BACKENDS)
@pytest.mark.parametrize("image_format", ["jpg", "png"])
def test_shapes_without_any_map(bench, backend, image_format):
    made, source = four(bench)
    turned = changed(bench, source, f"{backend}{image_format}-plain.mp4", ("-display_rotation", "-90"), ())
    clip = runs.extract(bench.out(), turned, backend=backend, format=image_format)
    found = quadrants_of(clip.path_of(0))
    assert abs(found - made.signal[list(TURNED[90])]).max() * 255 < 3
