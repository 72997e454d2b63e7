"""libavfilter chains as text: the one description of the pixels that both backends follow. Pure.

Sources: the filter documentation of FFmpeg 8.1 and 9.0; the exactness of each conversion was measured.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import ceil, lcm
from typing import TYPE_CHECKING, Final

from hfbench.color import ColorRange, ColorTags, HdrTarget, Matrix
from hfbench.model.pixel_format import PixelFamily, is_read_only, padded_bits_of
from hfbench.model.plan import ColorMap, GamutSwap
from hfbench.pixels.tags import intermediate_tags, source_tags, tags_after
from hfbench.timebase import FrameGrid, rate_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hfbench.model.media import MediaInfo
    from hfbench.model.plan import Size

#: H.273 matrix -> the name that the scale filter has for it.
_SCALE_MATRIX: Final = {
    Matrix.BT709: "bt709",
    Matrix.FCC: "fcc",
    Matrix.BT470BG: "bt601",
    Matrix.SMPTE170M: "bt601",
    Matrix.SMPTE240M: "smpte240m",
    Matrix.BT2020_NCL: "bt2020",
}
#: H.273 matrix -> the name that frames carry it by. A frame of another matrix, or of none that the scaler knows, would
#: end the graph, though the matrix to read by is stated.
_MATRIX_NAME: Final[Mapping[int, str]] = {
    Matrix.BT709: "bt709",
    Matrix.FCC: "fcc",
    Matrix.BT470BG: "bt470bg",
    Matrix.SMPTE170M: "smpte170m",
    Matrix.SMPTE240M: "smpte240m",
    Matrix.BT2020_NCL: "bt2020nc",
}
#: libavfilter keeps time bases as two signed 32-bit numbers.
_LARGEST_TIME_BASE: Final = 2**31 - 1
#: swscale's x86 code differs from its C code without these; together they are also its most exact integer path.
_EXACT_SCALE: Final = "flags=bicubic+accurate_rnd+full_chroma_int+bitexact"
#: Fewer bits without a change of matrix: rounds to the nearest code where nothing is dithered.
_EXACT_DEPTH: Final = f"scale={_EXACT_SCALE}:sws_dither=none"


def join(*chains: str) -> str:
    """Chains in order, empty ones left out; ``null`` where nothing remains."""
    return ",".join(chain for chain in chains if chain) or "null"


def grid_chain(grid: FrameGrid, time_base: Fraction) -> str:
    """Sample frames on a grid: time becomes exact ticks with the grid's start at 0, then the ``fps`` filter.

    ``fps`` rounds to nearest in integers, so the only source of error would be its ``start_time`` (a double in
    microseconds). A frame at p is shown in slot k if p - (k + 1/2) / rate < start. The left side is a multiple of one
    tick of a clock that divides both the time base and half a slot, so nothing changes when the start, whatever its
    denominator, moves up to the next tick of that clock: then everything is a whole number. A last frame that lasts
    less than half a slot is still kept (``eof_action``): it is held where the source holds it. ``trim`` ends the
    sampling: a frame that is followed by one hours later would be repeated until then.

    Args:
        grid: in seconds of media time.
        time_base: seconds per tick of the incoming frames.
    """
    ticks_per_second = lcm(time_base.denominator, 2 * grid.rate.numerator)
    if ticks_per_second > _LARGEST_TIME_BASE:
        ticks_per_second = 1_000_000
    shift = ceil(grid.start * ticks_per_second)
    sampling = f"fps={rate_text(grid.rate)}:start_time=0:round=near:eof_action=pass,trim=end_frame={grid.count}"
    return f"settb=1/{ticks_per_second},setpts=PTS-{shift},{sampling}"


def source_chain(media: MediaInfo) -> str:
    """What every chain begins with: frames of the first one's size and format, cropped, in samples that can be read.

    The order is that of the standards: the container's crop (ISO/IEC 14496-12, 12.1.4; Matroska's PixelCrop), then the
    sample aspect ratio, then the orientation (:func:`geometry_chain`). Nothing is done to an intermediate of ours.
    """
    if media.is_intermediate:
        return ""
    width, height = media.decoded_size
    crop = media.crop
    name = _MATRIX_NAME.get(media.matrix)
    naming = f"setparams=colorspace={name}" if name else ""
    to_first_size = f"scale={width}:{height}:flags=bicubic+accurate_rnd"
    cropping = f"crop={media.width}:{media.height}:{crop.left}:{crop.top}:exact=1" if crop else ""
    if is_read_only(media.pixel_format):  # a later picture of another format is read as it is
        return join(naming, _readable_chain(media), to_first_size, cropping)
    return join(naming, to_first_size, f"format={media.pixel_format}", cropping, _readable_chain(media))


def _readable_chain(media: MediaInfo) -> str:
    """Samples that libswscale would misread, as plain RGB.

    Grey: its scaler takes it for full range whatever the frame says, so it becomes RGB unchanged, and limited range
    is expanded after that (BT.709-6 clause 3: black at 16, white at 235, of 8 bits). Packed RGB of 5 or 4 bits:
    undefined bits saturate its exact path; its table-driven one leaves them out, in little-endian order, but rounds, so
    that the levels are taken out again and scaled here.
    """
    pixel_format = media.pixel_format
    if media.pixel_family is PixelFamily.GRAY:
        planar = "gbrap16le" if media.has_alpha else "gbrp16le"
        full = f"scale=in_range=pc:out_range=pc:flags=unstable,format={planar}"
        return full if media.range == ColorRange.FULL else join(full, _limited_to_full(media))
    if is_read_only(pixel_format):
        return _written_chain(media)
    bits = padded_bits_of(pixel_format)
    if not bits:
        return ""
    level = f"floor(val/{1 << (8 - bits)})"
    levels = f"format={pixel_format[:-2]}le,format=rgb24,lutrgb=r={level}:g={level}:b={level},format=gbrp"
    return join(levels, "scale=flags=unstable,format=gbrp16le", _stretched(0, ((1 << bits) - 1) / 255))


def _written_chain(media: MediaInfo) -> str:
    """What comes nearest, without loss, to a format that libswscale does not write."""
    if media.pixel_format == "uyyvyy411":
        return "format=yuv411p"
    if media.pixel_format == "pal8":
        return "format=rgba,format=gbrap" if media.has_alpha else "format=rgb24,format=gbrp"
    return f"scale=flags=unstable,format={'gbrap16le' if media.has_alpha else 'gbrp16le'}"


def _limited_to_full(media: MediaInfo) -> str:
    """Limited-range grey that was widened to 16 bits as if it were full: each bit depth has its own scale."""
    bits = min(media.bit_depth, 16)
    black, white, top = 16 << (bits - 8), 235 << (bits - 8), (1 << bits) - 1
    return _stretched(black / top, white / top)


def _stretched(black: float, white: float) -> str:
    """16-bit RGB with these signals at 0 and 1; tables end at 65280, so ``lutrgb`` can't do it."""
    return "colorlevels=" + ":".join(f"{c}imin={black:.9f}:{c}imax={white:.9f}" for c in "rgb")


def color_chain(color: ColorMap | None, media: MediaInfo, cube: str = "") -> str:
    """Bring a clip's colours to the composition's.

    ``bt2408`` and HLG to PQ go through 16-bit RGB and a cube (measured: within 1 of 65535 for white, ΔE ITP about .02
    on average). ``gamut`` swaps primaries and re-tags, as HyperFrames does: it is not
    colorimetric; the ``colorspace`` filter takes even sizes only, so odd ones are padded for it and cropped after.

    Args:
        color: None leaves frames as they are.
        media: the source.
        cube: path of the map's cube file, of plain characters; not used by ``gamut``.
    """
    if color is None:
        return ""
    transfer = _TRANSFER_NAME[color.target]
    if not isinstance(color, GamutSwap):
        return join(
            deep_rgb_chain(source_tags(media), has_alpha=media.has_alpha),
            f"lut3d=file={cube}:interp=tetrahedral",
            f"setparams=color_primaries=bt2020:color_trc={transfer}:colorspace=gbr:range=pc",
        )
    width, height = media.width, media.height
    is_odd = width % 2 or height % 2
    return join(
        "format=yuv420p|yuv422p|yuv444p|yuv420p10le|yuv422p10le|yuv444p10le",
        f"pad={width + width % 2}:{height + height % 2}" if is_odd else "",
        "colorspace=all=bt2020:iall=bt709:range=tv",
        f"crop={width}:{height}:0:0:exact=1" if is_odd else "",
        f"setparams=color_primaries=bt2020:color_trc={transfer}:colorspace=bt2020nc:range=tv",
    )


_TRANSFER_NAME: Final = {HdrTarget.PQ: "smpte2084", HdrTarget.HLG: "arib-std-b67"}


def intermediate_chain(color: ColorMap | None, media: MediaInfo, pixel_formats: str) -> str:
    """From the frames that leave :func:`color_chain` to what an intermediate's encoder takes.

    Matrix and depth are two steps here too: in one, swscale's luma is 1 to 2 codes of 10 bits too light.
    """
    to_ycbcr = f"scale=out_color_matrix=bt2020:out_range=tv:flags=unstable,format=yuv444p16le,{_EXACT_DEPTH}"
    is_needed = intermediate_tags(color, media) != tags_after(color, media)
    if color is None and media.pixel_family is not PixelFamily.YCBCR and pixel_formats.endswith("16le"):
        return deep_rgb_chain(source_tags(media), has_alpha=media.has_alpha)
    transfer = _TRANSFER_NAME[color.target] if color is not None else ""
    tagging = f"setparams=color_primaries=bt2020:color_trc={transfer}:colorspace=bt2020nc:range=tv"
    return join(to_ycbcr if is_needed else "", f"format={pixel_formats}", tagging if is_needed else "")


def scaled_media(media: MediaInfo, size: Size | None) -> MediaInfo:
    """A source as it is after :func:`size_chain`: of another size, with square pixels, its colours as they were.

    The matrix is stated, because it may have been guessed from the size.
    """
    if size is None:
        return media
    width, height = _before_turning(media, size)
    is_ycbcr = media.pixel_family is PixelFamily.YCBCR
    tags = replace(media.frame_tags, matrix=media.matrix) if is_ycbcr else media.frame_tags
    return replace(media, width=width, height=height, crop=None, sample_aspect_ratio=Fraction(1), frame_tags=tags)


def size_chain(media: MediaInfo, size: Size | None) -> str:
    """Scale what leaves :func:`source_chain` so that it is displayed at a size, in the same sample format.

    libswscale's bicubic kernel (B = 0, C = 0.6), widened by the ratio, on the coded (non-linear) values.
    """
    if size is None:
        return ""
    width, height = _before_turning(media, size)
    return f"scale={width}:{height}:{_EXACT_SCALE},setsar=1"


def _before_turning(media: MediaInfo, size: Size) -> tuple[int, int]:
    return (size.height, size.width) if media.orientation.swaps_sides else (size.width, size.height)


def geometry_chain(media: MediaInfo) -> str:
    """Turn and, where samples are not square, stretch to the displayed size; nothing for upright square pixels."""
    turn = media.orientation.value
    if media.sample_aspect_ratio == 1:
        return turn
    width = round(media.width * media.sample_aspect_ratio)
    return join(f"scale={width}:{media.height}:{_EXACT_SCALE},setsar=1", turn)


def deep_rgb_chain(tags: ColorTags, *, has_alpha: bool) -> str:
    """To full-range planar RGB of 16 bits.

    Above 8 bits swscale's direct conversion is too dark (white becomes 65283 of 65535), so depth and matrix are two
    steps. The first shifts bits, which is right for limited range alone: full range and alpha (opaque would become
    65280) keep their depth until the second, which scales them.
    """
    planar, alpha = ("gbrap16le", "a") if has_alpha else ("gbrp16le", "")
    if tags.matrix == Matrix.RGB:
        return join(f"scale=flags=unstable,format={planar}", _without_sdr_tags(tags))
    depths = ("16le",)
    if has_alpha or tags.range == ColorRange.FULL:
        depths = ("", "9le", "10le", "12le", *(() if has_alpha else ("14le",)), "16le")
    upsampled = "|".join(f"yuv{alpha}444p{depth}" for depth in depths)
    reading = f"in_color_matrix={_scale_matrix(tags)}:in_range={_scale_range(tags)}"
    to_rgb = f"scale=flags=bicubic,format={upsampled},scale={reading}:out_range=pc:flags=unstable,format={planar}"
    return join(to_rgb, _without_sdr_tags(tags))


def narrow_chain(*, has_alpha: bool) -> str:
    """From 16-bit planar RGB to rgb24 or rgba, rounded: swscale alone is up to 2 codes high.

    Tables round to multiples of 256, which lose nothing when they are cut.
    """
    rounding = ":".join(f"{plane}=round(val/257)*256" for plane in ("rgba" if has_alpha else "rgb"))
    return f"lutrgb={rounding},{_EXACT_DEPTH},format={'rgba' if has_alpha else 'rgb24'}"


def rgb_chain(tags: ColorTags, *, has_alpha: bool) -> str:
    """From 8-bit pictures to full-range rgb24 or rgba."""
    packed = f"format={'rgba' if has_alpha else 'rgb24'}"
    if tags.matrix == Matrix.RGB:
        return join(packed, _without_sdr_tags(tags))
    reading = f"in_color_matrix={_scale_matrix(tags)}:in_range={_scale_range(tags)}"
    return join(f"scale={reading}:out_range=pc:{_EXACT_SCALE},{packed}", _without_sdr_tags(tags))


def _without_sdr_tags(tags: ColorTags) -> str:
    """SDR images carry no cICP; FFmpeg's png encoder would write one from the frame's tags."""
    return "" if tags.hdr_target is not None else "setparams=color_primaries=unknown:color_trc=unknown"


def jfif_chain(tags: ColorTags) -> str:
    """To the planes of a JPEG file: BT.601 matrix and full range, as JFIF 1.02 says, whatever the video used.

    From RGB (that of the colour maps has 16 bits) swscale's planes are up to a code off in the mean, which doubles the
    error of 8-bit PQ: the rounding is done by tables, to multiples of 256 that lose nothing when they are cut.
    """
    if tags.matrix == Matrix.RGB:
        luma, chroma = "round(val/257)*256", "(128+round((val-32768)/257))*256"
        planes = "scale=out_color_matrix=bt601:out_range=pc:flags=unstable,format=yuv444p16le"
        return f"{planes},lutyuv=y={luma}:u={chroma}:v={chroma},{_EXACT_DEPTH}:in_range=pc:out_range=pc,format=yuvj420p"
    reading = f"in_color_matrix={_scale_matrix(tags)}:in_range={_scale_range(tags)}"
    return f"scale={reading}:out_color_matrix=bt601:out_range=pc:{_EXACT_SCALE},format=yuvj420p"


def _scale_matrix(tags: ColorTags) -> str:
    return _SCALE_MATRIX.get(Matrix(tags.matrix), "bt709") if tags.matrix in Matrix._value2member_map_ else "bt709"


def _scale_range(tags: ColorTags) -> str:
    return "pc" if tags.range == ColorRange.FULL else "tv"
