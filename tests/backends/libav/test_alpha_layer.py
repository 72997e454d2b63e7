"""HEVC with an alpha layer, and with one that can't be decoded.

The ffmpeg program's x265 writes no such layer, so the stream is put together here: two HEVC streams of one geometry,
the second renumbered to layer 1, announced by the message of H.265 annex F. The VPS says nothing of the layer: the
ffmpeg program shows the base alone. In process the announcement is enough.
"""

from __future__ import annotations

import struct
from pathlib import Path

import av
import pytest

import hfbench
from hfbench.backends.libav.alpha_layer import has_alpha_layer
from hfbench.backends.libav.probe import probe
from hfbench.model.cancellation import Control
from tests.makers import patches
from tests.makers.clip_maker import run_ffmpeg

WIDTH, HEIGHT = 96, 64
#: Prefix SEI, alpha channel information: not cancelled, auxiliary picture is the alpha, 8 bits, 255 opaque.
ALPHA_SEI = bytes((39 << 1, 1, 165, 4, 0x00, 0x00, 0x7F, 0x90, 0x80))
#: The same structure whatever the pictures are, so that the n-th packets of two clips belong together.
X265 = "log-level=0:info=0:bframes=2:b-adapt=0:scenecut=0:keyint=10:frame-threads=1:pools=1:crf=4"
PARAMETER_SETS, FIRST_HEADER = {33, 34}, 32


def encoded(path: Path, chain: str) -> Path:
    """Ten pictures, red or what the chain draws."""
    source = ["-f", "lavfi", "-i", f"color=c=red:s={WIDTH}x{HEIGHT}:r=25:d=0.4", "-vf", chain]
    return run_ffmpeg(path, *source, "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", X265, "-tag:v", "hvc1")


def kind(unit: bytes) -> int:
    return unit[0] >> 1 & 0x3F


def units_of(data: bytes) -> list[bytes]:
    """Behind lengths of four bytes."""
    units = []
    while data:
        size = int.from_bytes(data[:4], "big")
        units.append(data[4 : 4 + size])
        data = data[4 + size :]
    return units


def headers_of(record: bytes) -> list[bytes]:
    """Of a configuration record in which each array holds one unit, as FFmpeg's muxer writes it."""
    units, at = [], 23
    for _ in range(record[22]):
        size = int.from_bytes(record[at + 3 : at + 5], "big")
        units.append(record[at + 5 : at + 5 + size])
        at += 5 + size
    return units


def as_layer(unit: bytes) -> bytes:
    return bytes((unit[0], unit[1] | 1 << 3)) + unit[2:]


def layered_file(folder: Path, *, damage: bool = False) -> Path:
    """Both layers: the packets and headers of two clips, put together; NUT leaves headers as they are."""
    half = f"format=gray,geq=lum='if(lt(X,{WIDTH // 2}),255,64)',scale=out_range=pc,format=yuvj420p"
    base, alpha = encoded(folder / "base.mp4", "format=yuv420p"), encoded(folder / "alpha.mp4", half)
    path = folder / f"layered-{damage:d}.nut"
    with av.open(str(base)) as one, av.open(str(alpha)) as other, av.open(str(path), "w", format="nut") as output:
        streams = one.streams.video[0], other.streams.video[0]
        records = [bytes(each.codec_context.extradata) for each in streams]
        own = [as_layer(unit) for unit in headers_of(records[1]) if kind(unit) in PARAMETER_SETS]
        own = [unit[:4] + bytes(len(unit) - 4) for unit in own] if damage else own
        stream = output.add_stream_from_template(streams[0], opaque=True)
        stream.codec_context.extradata = _record(records[0], [*headers_of(records[0]), *own, ALPHA_SEI])
        for packet, second in zip(one.demux(streams[0]), other.demux(streams[1]), strict=True):
            if packet.size:
                units = units_of(bytes(packet)) + [as_layer(unit) for unit in units_of(bytes(second))]
                both = av.Packet(b"".join(len(unit).to_bytes(4, "big") + unit for unit in units))
                both.pts, both.dts, both.duration = packet.pts, packet.dts, packet.duration
                both.time_base, both.is_keyframe, both.stream = packet.time_base, packet.is_keyframe, stream
                output.mux(both)
    return path


def _record(given: bytes, units: list[bytes]) -> bytes:
    """The configuration record with one array a unit."""
    arrays = b"".join(bytes((kind(unit), 0, 1)) + struct.pack(">H", len(unit)) + unit for unit in units)
    return given[:22] + bytes((len(units),)) + arrays


@pytest.fixture(scope="module")
def layered(tmp_path_factory) -> Path:
    return layered_file(tmp_path_factory.mktemp("layers"))


def test_both_layers_come_out(layered, tmp_path):
    result = hfbench.extract(hfbench.Composition([hfbench.Clip("a", str(layered), 0, "0.4")], fps=25), tmp_path / "out")
    clip = result.clips[0]
    assert clip.frames == 10
    for slot in range(clip.frames):
        pixels = patches.pixels_of(clip.path_of(slot))
        assert pixels.shape == (HEIGHT, WIDTH, 4)
        left, right = pixels[8:-8, 8 : WIDTH // 2 - 16, 3], pixels[8:-8, WIDTH // 2 + 16 : -8, 3]
        assert (abs(left.astype(int) - 255) <= 3).all()
        assert (abs(right.astype(int) - 64) <= 3).all()
        assert pixels[HEIGHT // 2, WIDTH // 2, 0] > 245


def test_a_window_in_the_middle(layered, tmp_path):
    clip = hfbench.Clip("a", str(layered), 0, "0.12", media_start="0.2")
    result = hfbench.extract(hfbench.Composition([clip], fps=25), tmp_path / "out")
    assert result.clips[0].frames == 3
    assert patches.pixels_of(result.clips[0].path_of(2))[HEIGHT // 2, -10, 3] == pytest.approx(64, abs=3)


def test_a_layer_that_cant_be_decoded_is_noted(tmp_path):
    media = probe(layered_file(tmp_path, damage=True), Control()).media
    assert not media.has_alpha
    assert "alpha_not_decoded" in {kind for kind, _ in media.notes}


def test_negative_control_plain_hevc_announces_none(layered):
    with av.open(str(layered.parent / "base.mp4")) as container:
        assert not has_alpha_layer(container.streams.video[0])
    with av.open(str(layered)) as container:
        assert has_alpha_layer(container.streams.video[0])
