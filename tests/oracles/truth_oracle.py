"""Holds a media file against its truth with PyAV used directly and with ``boxes``; nothing of hfbench.

``differences`` returns what is wrong, one line each, so that a wrong truth can be shown to be found.
"""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from av.sidedata.sidedata import Type

from fixtures_gen.barcode import find_barcode, read_barcode
from fixtures_gen.truth import FileTruth, Tags
from tests.oracles import boxes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_RANGES = {0: None, 1: False, 2: True}


def differences(path: Path, truth: FileTruth, every: int = 1) -> list[str]:
    """What the file says that the truth does not; barcodes are read from one frame in ``every``."""
    found: list[str] = []

    def same(what: str, seen: Any, told: Any) -> None:
        if seen != told:
            found.append(f"{truth.name}: {what} is {_short(seen)}, the truth says {_short(told)}")

    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        same("codec", context.codec.canonical_name, truth.codec)
        same("size", (context.width, context.height), (truth.width, truth.height))
        same("time base", stream.time_base, truth.time_base)
        before = _tags(context)
    _compare_container(path, truth, before, same)
    _compare_frames(path, truth, every, same)
    same("verdict of a variable rate", varies(truth), truth.is_vfr)
    return found


def _compare_container(path: Path, truth: FileTruth, before: Tags, same: Any) -> None:
    if path.suffix not in (".mp4", ".mov"):
        if truth.container is not None:
            same("container tags (PyAV, before decoding)", before, truth.container)
        return
    track = boxes.read(path)
    told = truth.container
    same(
        "colr",
        track.colr,
        None if told is None else (told.primaries, told.transfer, told.matrix, bool(told.full_range)),
    )
    same("turn of the tkhd matrix", track.rotation, truth.rotation)
    same("stsd size", track.size, (truth.width, truth.height))
    if track.samples:
        same("sample count", track.samples, truth.packets or truth.frames)
        same("mdhd time scale", Fraction(1, track.timescale), truth.time_base)


def _compare_frames(path: Path, truth: FileTruth, every: int, same: Any) -> None:
    times, ids, last, first = [], [], None, None
    for k, frame in enumerate(frames(path, alpha=truth.alpha)):
        first = first or _facts(frame)
        times.append(frame.pts * frame.time_base)
        last = frame.duration * frame.time_base
        if k % every == 0:
            ids.append(_frame_id(frame, truth))
    same("frame count", len(times), truth.frames)
    same("pts", tuple(times), truth.pts)
    same("barcodes", tuple(ids), tuple(truth.frame_ids)[::every])
    if truth.last_duration is not None:
        same("duration of the last frame", last, truth.last_duration)
    if first is not None:
        pix_fmt, tags, rotation, mastering, light = first
        same("pixel format", pix_fmt, truth.pix_fmt)
        same("bitstream tags", tags, truth.bitstream)
        same("rotation (PyAV)", -rotation % 360, truth.rotation)
        same("mastering display", mastering, _told_mastering(truth))
        same(
            "content light", light, truth.content_light and (truth.content_light.max_cll, truth.content_light.max_fall)
        )
        same("HDR verdict", {16: "pq", 18: "hlg"}.get(truth.resolved.transfer), truth.hdr)


def frames(path: Path, *, alpha: bool = False) -> Iterator[av.VideoFrame]:
    """Every frame in presentation order.

    VP9 gets a decoder that knows nothing of the container, whose tags would hide those of the stream, and that
    keeps the alpha plane where there is one.
    """
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        if stream.codec_context.codec.canonical_name == "vp9":
            decoder = av.CodecContext.create("libvpx-vp9" if alpha else "vp9", "r")
            for packet in container.demux(stream):
                for frame in decoder.decode(packet if packet.size else None):
                    frame.time_base = stream.time_base
                    yield frame
            return
        stream.thread_type = "AUTO"
        yield from container.decode(stream)


def _frame_id(frame: av.VideoFrame, truth: FileTruth) -> int | None:
    plane = frame.planes[0]
    kind = np.uint8 if frame.format.components[0].bits == 8 else np.dtype("<u2")
    luma = np.frombuffer(plane, kind).reshape(plane.height, -1)[:, : plane.width]
    luma = luma * (1 if kind == np.uint8 else 65535 // ((1 << frame.format.components[0].bits) - 1))
    if truth.rotation == 0:
        return read_barcode(luma.astype(kind))
    found = find_barcode(luma.astype(kind))
    return found[0] if found is not None and found[1] == truth.rotation else None


def _facts(frame: av.VideoFrame) -> tuple[Any, ...]:
    display, light = None, None
    # By name: iteration and other keys differ from PyAV 18 to 19.
    if (found := frame.side_data.get(Type.MASTERING_DISPLAY_METADATA.name)) is not None:
        # AVMasteringDisplayMetadata: 3 primaries and white as pairs of AVRational, min and max luminance
        numbers = np.frombuffer(bytes(found)[:80], np.int32).reshape(10, 2)
        display = tuple(Fraction(int(n), int(d)) for n, d in numbers)
    if (found := frame.side_data.get(Type.CONTENT_LIGHT_LEVEL.name)) is not None:
        light = tuple(int(v) for v in np.frombuffer(bytes(found)[:8], np.uint32))
    return frame.format.name, _tags(frame), frame.rotation, display, light


def _told_mastering(truth: FileTruth) -> tuple[Fraction, ...] | None:
    told = truth.mastering
    if told is None:
        return None
    points = [Fraction(v, 50_000) for v in (*told.red, *told.green, *told.blue, *told.white)]
    return (*points, Fraction(told.min_luminance, 10_000), Fraction(told.max_luminance, 10_000))


def _tags(source: Any) -> Tags:
    numbers = (int(source.color_primaries), int(source.color_trc), int(source.colorspace))
    return Tags(*numbers, full_range=_RANGES[int(source.color_range)])


def varies(truth: FileTruth) -> bool:
    """Whether timestamps leave a uniform grid by more than one tick of their time base."""
    times = truth.pts
    step = (times[-1] - times[0]) / (len(times) - 1)
    tolerance = max(truth.time_base, Fraction(1, 10_000))
    return any(abs(t - times[0] - k * step) > tolerance for k, t in enumerate(times)) or any(
        b <= a for a, b in itertools.pairwise(times)
    )


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) < 300 else f"{text[:300]}…"
