"""Damage that decoders don't notice: lost packets of a transport stream, whose pictures are simply not there."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

import hfbench
from tests.makers.clip_maker import ClipMaker, ids_of

PACKET_BYTES = 188
ENCODERS = {
    "mpeg2": ("-c:v", "mpeg2video", "-q:v", "2", "-g", "15", "-bf", "2"),
    "mpeg2-plain": ("-c:v", "mpeg2video", "-q:v", "2", "-g", "15", "-bf", "0"),
}


@pytest.fixture(scope="module", params=list(ENCODERS))
def lossy(request, make_clip: ClipMaker, tmp_path_factory) -> tuple[Path, Path]:
    """A recording, and the same without 12 packets in the middle."""
    whole = make_clip(f"lossy-{request.param}.ts", seconds=3, size=(192, 108), encoder=ENCODERS[request.param])
    data = whole.read_bytes()
    cut = len(data) // 2 // PACKET_BYTES * PACKET_BYTES
    path = tmp_path_factory.mktemp("lossy") / whole.name
    path.write_bytes(data[:cut] + data[cut + 12 * PACKET_BYTES :])
    return whole, path


def window(out: Path, path: Path, backend: str, start: Fraction, count: int) -> hfbench.ExtractedClip:
    clip = hfbench.Clip("a", str(path), 0, Fraction(count, 30), start)
    options = hfbench.ExtractOptions(backend=backend, format="jpg")
    (found,) = hfbench.extract(hfbench.Composition([clip], fps=30), out, options).clips
    return found


@pytest.mark.parametrize("backend", ["libav", "ffmpeg"])
def test_lost_packets_are_reported_where_they_matter(tmp_path, lossy, backend):
    _, path = lossy
    across = window(tmp_path / "across", path, backend, Fraction(1), 40)
    assert ids_of(across) != list(range(30, 70))
    assert "source_damaged" in {each.kind for each in across.warnings}
    for start in (Fraction(0), Fraction(8, 3)):
        apart = window(tmp_path / str(start.numerator), path, backend, start, 6)
        assert ids_of(apart) == list(range(int(start * 30), int(start * 30) + 6))
        assert "source_damaged" not in {each.kind for each in apart.warnings}


@pytest.mark.parametrize("backend", ["libav", "ffmpeg"])
def test_negative_control_the_whole_recording_has_no_damage(tmp_path, lossy, backend):
    across = window(tmp_path, lossy[0], backend, Fraction(1), 40)
    assert ids_of(across) == list(range(30, 70))
    assert "source_damaged" not in {each.kind for each in across.warnings}
