"""Argument lists for the ffmpeg program. Pure text, so that what is run can be read and tested."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from hfbench.backends.base import DEMUXERS, ExtractJob
from hfbench.color import ColorRange, ColorTags, HdrTarget, Matrix
from hfbench.model.plan import ClipPlan, ImageFormat, Segment
from hfbench.pixels.cube_files import cube_of
from hfbench.pixels.filters import (
    color_chain,
    deep_rgb_chain,
    geometry_chain,
    grid_chain,
    intermediate_chain,
    intermediate_tags,
    jfif_chain,
    join,
    narrow_chain,
    rgb_chain,
    source_chain,
    tags_after,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction
    from pathlib import Path

    from hfbench.model.media import MediaInfo
    from hfbench.pixels.intermediates import IntermediateSpec

#: Prints one line a frame that leaves the decoder: the only exact count that a window has.
_FRAME_LOG: Final = "showinfo=checksum=0"
#: A graph that is rebuilt where size, format or tags change would begin its grid again and lose the frames between.
_ONE_GRAPH: Final = ("-reinit_filter", "0")
EIGHT_BITS: Final = 8
_BEST_MJPEG, _WORST_MJPEG = 1, 31


def input_arguments(media: MediaInfo, seek_to: Fraction | None) -> list[str]:
    """Open a file safely, from a keyframe at or before ``seek_to`` (seconds), with media time starting at 0.

    Nothing before the wanted time is thrown away (``-noaccurate_seek``): the frame on screen there is needed.
    """
    seek = [] if seek_to is None else ["-noaccurate_seek", "-ss", f"{math.floor(seek_to * 1_000_000)}us"]
    decoder = ["-c:v", media.decoder] if media.decoder.startswith("libvpx") else []
    # The container's crop is a filter of ours, as in process: here it would come before sizes are compared.
    decoder += ["-apply_cropping", "codec"] if media.crop else []
    safety = ["-protocol_whitelist", "file", "-format_whitelist", DEMUXERS, "-noautorotate"]
    return [*safety, *decoder, *_ONE_GRAPH, *seek, "-copyts", "-start_at_zero", "-i", f"file:{media.path}"]


def dated_frames(media: MediaInfo) -> str:
    """The decoder's frames with their media times, each logged."""
    if not media.is_dated_by_order or media.timing.is_vfr:
        return _FRAME_LOG
    first, period = (round(each / media.time_base) for each in (media.timing.first_pts, media.timing.period))
    return join(f"setpts=N*{max(1, period)}+{first}", _FRAME_LOG)


def extract_arguments(job: ExtractJob, folders: Mapping[int, str], seek_to: Fraction | None) -> list[str]:
    """Decode once, write each target of ``folders`` (number -> folder below the working folder)."""
    outputs = len(folders)
    source = f"[0:{job.media.stream_index}]{dated_frames(job.media)}"
    split = f",split={outputs}" if outputs > 1 else ""
    graph = [source + split + "".join(f"[s{index}]" for index in folders)]
    arguments: list[str] = []
    for index, folder in folders.items():
        grid = job.targets[index].grid
        chain = join(
            grid_chain(grid, job.media.time_base),
            source_chain(job.media),
            color_chain(job.color, job.media, cube_of(job.color)),
            geometry_chain(job.media),
            image_chain(job),
        )
        graph.append(f"[s{index}]{chain}[o{index}]")
        arguments += ["-map", f"[o{index}]", "-frames:v", str(grid.count), "-fps_mode", "passthrough"]
        arguments += [*encoder_arguments(job), "-start_number", "1", f"{folder}/{job.image.pattern}"]
    return [*input_arguments(job.media, seek_to), "-filter_complex", ";".join(graph), *arguments]


def image_chain(job: ExtractJob) -> str:
    """Into what the image encoder takes."""
    tags = tags_after(job.color, job.media)
    alpha = job.media.has_alpha
    is_deep = job.media.bit_depth > EIGHT_BITS or tags.matrix == Matrix.RGB
    deep = deep_rgb_chain(tags, has_alpha=alpha)
    match job.image.format:
        case ImageFormat.JPG if is_deep:
            return join(deep, jfif_chain(replace(tags, matrix=Matrix.RGB, range=ColorRange.FULL)))
        case ImageFormat.JPG:
            return jfif_chain(tags)
        case ImageFormat.PNG16:
            return join(deep, f"format={'rgba64be' if alpha else 'rgb48be'}", hdr_tag_chain(tags))
        case ImageFormat.PNG if is_deep:
            return join(deep, narrow_chain(has_alpha=alpha), hdr_tag_chain(tags))
        case ImageFormat.PNG:
            return join(rgb_chain(tags, has_alpha=alpha), hdr_tag_chain(tags))


def hdr_tag_chain(tags: ColorTags) -> str:
    """Tag RGB frames, for the png encoder writes cICP from the frame's own tags."""
    if tags.hdr_target is None:
        return ""
    transfer = "smpte2084" if tags.hdr_target is HdrTarget.PQ else "arib-std-b67"
    return f"setparams=color_primaries={int(tags.primaries)}:color_trc={transfer}:colorspace=gbr:range=pc"


def encoder_arguments(job: ExtractJob) -> list[str]:
    """The image encoder and its quality (HyperFrames' own scale for mjpeg: ceil((100 - quality) / 3))."""
    if job.image.format is ImageFormat.JPG:
        scale = min(_WORST_MJPEG, max(_BEST_MJPEG, math.ceil((100 - job.image.quality) / 3)))
        return ["-c:v", "mjpeg", "-qmin", "1", "-q:v", str(scale)]
    return ["-c:v", "png", "-pred", "sub", "-compression_level", "1"]


def normalize_arguments(plan: ClipPlan, spec: IntermediateSpec, output: Path, seek_to: Fraction | None) -> list[str]:
    """Re-encode the whole source or a segment to an intermediate."""
    color = plan.normalize.color if plan.normalize is not None else None
    clock = spec.time_base.denominator
    own_times = f"settb=1/{clock},setpts=if(eq(N\\,0)\\,0\\,PTS)"
    timing = own_times if spec.grid is None else grid_chain(spec.grid, plan.media.time_base)
    chain = join(
        dated_frames(plan.media),
        timing,
        source_chain(plan.media),
        color_chain(color, plan.media, cube_of(color)),
        intermediate_chain(color, plan.media, spec.codec.pixel_formats),
    )
    limit = [] if spec.grid is None else ["-frames:v", str(spec.grid.count)]
    return [
        *input_arguments(plan.media, seek_to),
        "-map", f"0:{plan.media.stream_index}", "-an", "-sn", "-dn", "-map_metadata", "-1", "-map_chapters", "-1",
        "-vf", chain, *limit, "-fps_mode", "passthrough", "-enc_time_base", f"1:{clock}",
        "-c:v", spec.codec.encoder, *(part for key, value in spec.codec.options for part in (f"-{key}", value)),
        *_tag_arguments(intermediate_tags(color, plan.media)),
        "-video_track_timescale", str(clock), "-f", spec.codec.muxer, f"file:{output}",
    ]  # fmt: skip


def _tag_arguments(tags: ColorTags) -> list[str]:
    """Output options for the encoder; since FFmpeg 7.1 they no longer re-tag frames, setparams does that."""
    pairs = {"-color_primaries": tags.primaries, "-color_trc": tags.transfer, "-colorspace": tags.matrix}
    return [part for key, value in pairs.items() for part in (key, str(int(value)))]


def seek_for(grid_start: Fraction, media: MediaInfo, back_off: Fraction) -> Fraction | None:
    """Where to seek so that the frame on screen at ``grid_start`` is decoded; None: from the file's first packet."""
    wanted = grid_start - media.timing.reorder_delay - back_off
    return None if media.is_dated_by_order or wanted <= media.timing.first_pts else wanted


def is_segment(plan: ClipPlan) -> bool:
    """Whether the preflight covers only what the clip uses."""
    return plan.normalize is not None and isinstance(plan.normalize.extent, Segment)
