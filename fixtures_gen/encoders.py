"""Encoder arguments that give the same bytes on every machine, as measured for FFmpeg 9.0.2's libraries.

Each function returns output options for ffmpeg. Comments say what is pinned, and why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fixtures_gen.truth import ContentLight, MasteringDisplay, Tags

_PRIMARIES = {1: "bt709", 5: "bt470bg", 6: "smpte170m", 9: "bt2020", 2: "unknown"}
_TRANSFER = {1: "bt709", 6: "smpte170m", 14: "bt2020-10", 16: "smpte2084", 18: "arib-std-b67", 2: "unknown"}
_MATRIX = {0: "gbr", 1: "bt709", 5: "bt470bg", 6: "smpte170m", 9: "bt2020nc", 2: "unknown"}
_X265_TRANSFER = {**_TRANSFER, 2: "unknown"}


def x264(*, preset: str = "veryfast", crf: int = 23, threads: int = 1, params: str = "") -> tuple[str, ...]:
    """H.264. The thread count is written into the stream, so it is fixed; pixels must not depend on the CPU."""
    joined = "cpu-independent=1" + (f":{params}" if params else "")
    base = ("-c:v", "libx264", "-preset", preset, "-crf", str(crf), "-threads", str(threads))
    return (*base, "-x264-params", joined)


def x265(
    *,
    preset: str = "ultrafast",
    crf: int = 20,
    tags: Tags | None = None,
    mastering: MasteringDisplay | None = None,
    light: ContentLight | None = None,
    params: str = "",
) -> tuple[str, ...]:
    """HEVC. The info SEI names CPU and threads, so it is left out; one frame thread and one pool thread."""
    parts = ["info=0", "frame-threads=1", "pools=1", "log-level=0", "repeat-headers=1"]
    if tags is not None:
        parts += [f"colorprim={_PRIMARIES[tags.primaries]}", f"transfer={_X265_TRANSFER[tags.transfer]}"]
        parts += [f"colormatrix={_MATRIX[tags.matrix]}", f"range={'full' if tags.full_range else 'limited'}"]
    if mastering is not None:
        points = (("G", mastering.green), ("B", mastering.blue), ("R", mastering.red), ("WP", mastering.white))
        display = "".join(f"{name}({x},{y})" for name, (x, y) in points)
        parts.append(f"master-display={display}L({mastering.max_luminance},{mastering.min_luminance})")
    if light is not None:
        parts.append(f"max-cll={light.max_cll},{light.max_fall}")
    if params:
        parts.append(params)
    base = ("-c:v", "libx265", "-preset", preset, "-crf", str(crf), "-threads", "1", "-tag:v", "hvc1")
    return (*base, "-x265-params", ":".join(parts))


def vp9(*, crf: int = 36, pix_fmt: str = "yuv420p") -> tuple[str, ...]:
    """VP9. Row threads change the stream."""
    speed = ("-deadline", "realtime", "-cpu-used", "8", "-threads", "1", "-row-mt", "0")
    return ("-c:v", "libvpx-vp9", "-crf", str(crf), "-b:v", "0", *speed, "-pix_fmt", pix_fmt)


def prores4444() -> tuple[str, ...]:
    """ProRes 4444 with a 16-bit alpha plane."""
    kind = ("-c:v", "prores_ks", "-profile:v", "4444", "-alpha_bits", "16", "-vendor", "apl0")
    return (*kind, "-threads", "1", "-pix_fmt", "yuva444p10le")


def setparams(tags: Tags) -> str:
    """Filter that tags the frames: encoders and the muxer's colr box take them from there.

    ``-color_trc`` and its kin are dropped for frames that come from a filter graph.
    """
    known_range = {None: "unspecified", False: "limited", True: "full"}[tags.full_range]
    names = f"color_primaries={_PRIMARIES[tags.primaries]}:color_trc={_TRANSFER[tags.transfer]}"
    return f"setparams={names}:colorspace={_MATRIX[tags.matrix]}:range={known_range}"


def passthrough(ticks_per_second: int = 90_000) -> tuple[str, ...]:
    """Output options that keep every timestamp of the filter graph, in an MP4 or MOV track of that time scale."""
    base = f"1/{ticks_per_second}"
    return ("-fps_mode", "passthrough", "-enc_time_base", base, "-video_track_timescale", str(ticks_per_second))
