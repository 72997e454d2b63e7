"""Argument lists for the ffmpeg program. Pure text, so that commands can be read and tested."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from hfbench.color import ColorRange, ColorTags, HdrTarget, Matrix
from hfbench.model.plan import ClipPlan, ImageFormat, Segment
from hfbench.pixels.cube_files import cube_of
from hfbench.pixels.filters import (
    color_chain,
    deep_rgb_chain,
    geometry_chain,
    grid_chain,
    intermediate_chain,
    jfif_chain,
    join,
    narrow_chain,
    rgb_chain,
    scaled_media,
    size_chain,
    source_chain,
)
from hfbench.pixels.tags import intermediate_tags, tags_after

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hfbench.backends.base import ExtractJob
    from hfbench.backends.libav.feed import Fed
    from hfbench.model.media import MediaInfo
    from hfbench.pixels.intermediates import IntermediateSpec

#: Prints one line per frame that leaves the decoder: the only exact count of a window's frames.
_FRAME_LOG: Final = "showinfo=checksum=0"
#: A graph that is rebuilt where size, format or tags change would begin its grid again and lose the frames between.
_ONE_GRAPH: Final = ("-reinit_filter", "0")
#: Seconds: below the shortest time between two pictures, above the microseconds that ``trim`` keeps.
_LESS_THAN_A_FRAME: Final = Fraction(1, 4000)
EIGHT_BITS: Final = 8
_BEST_MJPEG, _WORST_MJPEG = 1, 31


def input_arguments(media: MediaInfo, fed: Fed) -> list[str]:
    """Read the packets that are fed through a pipe, with the times that they were given."""
    name = fed.codec or (media.decoder if media.decoder.startswith("libvpx") else "")
    decoder = ["-c:v", name] if name else []
    # The container's crop is a filter of ours, as in process: here it would come before sizes are compared.
    decoder += ["-apply_cropping", "codec"] if media.crop else []
    safety = ["-protocol_whitelist", "pipe", "-noautorotate"]
    return [*safety, *decoder, *_ONE_GRAPH, "-copyts", "-f", fed.container, "-i", "pipe:0"]


def hidden_chain(fed: Fed) -> str:
    """Drop the pictures that an edit list hides: no container used here carries their packets' discard flag."""
    return f"trim=start={float(fed.first - _LESS_THAN_A_FRAME):.6f}"


def extract_arguments(job: ExtractJob, folders: Mapping[int, str], fed: Fed) -> list[str]:
    """Decode once, write each target of ``folders`` (number -> folder below the working folder).

    Args:
        job: the job whose targets are written.
        folders: which of them, and where.
        fed: how packets come in, and the offset of their times from media time.
    """
    outputs = len(folders)
    source = f"[0:0]{join(_FRAME_LOG, hidden_chain(fed))}"
    split = f",split={outputs}" if outputs > 1 else ""
    graph = [source + split + "".join(f"[s{index}]" for index in folders)]
    arguments: list[str] = []
    shown = scaled_media(job.media, job.image.size)
    for index, folder in folders.items():
        grid = job.targets[index].grid
        chain = join(
            grid_chain(replace(grid, start=grid.start + fed.bias), fed.time_base),
            source_chain(job.media),
            size_chain(job.media, job.image.size),
            color_chain(job.color, shown, cube_of(job.color)),
            geometry_chain(shown),
            image_chain(job),
        )
        graph.append(f"[s{index}]{chain}[o{index}]")
        arguments += ["-map", f"[o{index}]", "-frames:v", str(grid.count), "-fps_mode", "passthrough"]
        arguments += [*encoder_arguments(job), "-start_number", "1", f"{folder}/{job.image.pattern}"]
    return [*input_arguments(job.media, fed), "-filter_complex", ";".join(graph), *arguments]


def image_chain(job: ExtractJob) -> str:
    """The chain to what the image encoder takes."""
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
    """Tag RGB frames, because the png encoder writes cICP from the frame's own tags."""
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


def normalize_arguments(plan: ClipPlan, spec: IntermediateSpec, output: Path, fed: Fed) -> list[str]:
    """Re-encode what is fed to an intermediate."""
    color = plan.normalize.color if plan.normalize is not None else None
    clock = spec.time_base.denominator
    if spec.grid is None:
        timing = f"settb=1/{clock},setpts=if(eq(N\\,0)\\,0\\,PTS-{round(fed.bias * clock)})"
    else:
        timing = grid_chain(replace(spec.grid, start=spec.grid.start + fed.bias), fed.time_base)
    chain = join(
        _FRAME_LOG,
        hidden_chain(fed),
        timing,
        source_chain(plan.media),
        color_chain(color, plan.media, cube_of(color)),
        intermediate_chain(color, plan.media, spec.codec.pixel_formats),
    )
    limit = [] if spec.grid is None else ["-frames:v", str(spec.grid.count)]
    return [
        *input_arguments(plan.media, fed),
        "-map", "0:0", "-an", "-sn", "-dn", "-map_metadata", "-1", "-map_chapters", "-1",
        "-vf", chain, *limit, "-fps_mode", "passthrough", "-enc_time_base", f"1:{clock}",
        "-c:v", spec.codec.encoder, *(part for key, value in spec.codec.options for part in (f"-{key}", value)),
        *_tag_arguments(intermediate_tags(color, plan.media)),
        "-video_track_timescale", str(clock), "-f", spec.codec.muxer, f"file:{output}",
    ]  # fmt: skip


def _tag_arguments(tags: ColorTags) -> list[str]:
    """Output options for the encoder; since FFmpeg 7.1 they no longer re-tag frames, setparams does that."""
    pairs = {"-color_primaries": tags.primaries, "-color_trc": tags.transfer, "-colorspace": tags.matrix}
    return [part for key, value in pairs.items() for part in (key, str(int(value)))]


def is_segment(plan: ClipPlan) -> bool:
    """Whether the preflight covers only what the clip uses."""
    return plan.normalize is not None and isinstance(plan.normalize.extent, Segment)
