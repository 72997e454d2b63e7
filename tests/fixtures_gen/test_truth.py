from __future__ import annotations

import itertools
import json
from fractions import Fraction

import pytest

from fixtures_gen import CATALOGUE, Recipe, Size, Tags, Truth
from fixtures_gen.truth import FileTruth, Listed, Uniform

EVERY = pytest.mark.parametrize("recipe", CATALOGUE.values(), ids=lambda r: r.name)


@EVERY
@pytest.mark.parametrize("size", [Size.P180, Size.P2160])
def test_json_keeps_everything(recipe: Recipe, size: Size) -> None:
    truth = recipe.truth(size)
    assert Truth.from_json(json.loads(json.dumps(truth.to_json()))) == truth


@EVERY
def test_truths_are_consistent(recipe: Recipe) -> None:
    files = recipe.truth(recipe.default_size).files
    assert len({f.name for f in files}) == len(files)
    for entry in files:
        assert len(entry.pts) == len(entry.frame_ids) == entry.frames > 0
        assert all(a < b for a, b in itertools.pairwise(entry.pts))
        assert all(0 <= i < 65536 for i in entry.frame_ids)
        assert all((t / entry.time_base).denominator == 1 for t in entry.pts[:100])
        assert entry.hdr == {16: "pq", 18: "hlg"}.get(entry.resolved.transfer)


def test_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match="format 99"):
        Truth.from_json({"format": 99, "files": []})


def test_resolved_takes_each_field_from_the_bitstream_first() -> None:
    entry = FileTruth(
        name="x",
        codec="h264",
        pix_fmt="yuv420p",
        width=2,
        height=2,
        time_base=Fraction(1),
        timing=Uniform(Fraction(0), Fraction(1), 1),
        frame_ids=(0,),
        frame_rate=None,
        container=Tags(9, 16, 9, full_range=False),
        bitstream=Tags(1, 2, 2, full_range=None),
    )
    assert entry.resolved == Tags(1, 16, 9, full_range=False)


def test_rules_and_lists_of_times_agree() -> None:
    rule = Uniform(Fraction(1, 2), Fraction(1, 30), 4)
    listed = Listed((15, 16, 17, 18), Fraction(1, 30))
    assert rule.pts == listed.pts
    assert rule.count == listed.count


def test_a_quarter_turn_swaps_the_displayed_size() -> None:
    [quarter, half, three] = CATALOGUE["rotated"].truth(Size.P180).files
    assert (quarter.display_size, half.display_size, three.display_size) == ((180, 320), (320, 180), (180, 320))
