"""The kernels against a float64 oracle written here, and against libavfilter, which is their reference."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from hfbench.backends.base import ExtractJob
from hfbench.backends.libav.graph import ChainRunner
from hfbench.backends.libav.pictures import picture_chain
from hfbench.color import ColorRange, ColorTags, HdrTarget, Matrix, Primaries, Transfer
from hfbench.model.media import Crop, Orientation
from hfbench.model.plan import GamutSwap, HdrToHdr, ImageFormat, ImageSpec, SdrEotf, SdrToHdr
from hfbench.pixels.images import to_eight_bits
from hfbench.pixels.jpeg import encode_jpeg
from hfbench.pixels.kernels.layouts import layout_of
from hfbench.pixels.kernels.loading import load
from hfbench.pixels.kernels.pictures import PictureMaker
from hfbench.pixels.tags import tags_after
from tests.makers.media_maker import media_info
from tests.oracles import reference

SIZES = [(1, 1), (1, 7), (7, 1), (2, 2), (16, 16), (23, 17), (65, 38)]
MATRICES = {
    Matrix.BT709: "bt709",
    Matrix.BT470BG: "bt601",
    Matrix.SMPTE170M: "bt601",
    Matrix.BT2020_NCL: "bt2020",
    Matrix.FCC: "fcc",
    Matrix.SMPTE240M: "smpte240m",
}
#: H.273 table 4: FCC and SMPTE 240M beside those of the reference.
LUMA = reference.LUMA | {"fcc": (0.30, 0.11), "smpte240m": (0.212, 0.087)}
HALVES = {"420": (2, 2), "422": (2, 1), "440": (1, 2), "444": (1, 1)}
PRIMARIES = {
    Primaries.BT709: "bt709",
    Primaries.SMPTE170M: "525",
    Primaries.BT470BG: "625",
    Primaries.BT2020: "bt2020",
    Primaries.SMPTE432: "p3",
}
PQ = SdrToHdr(HdrTarget.PQ, Primaries.BT709, SdrEotf.BT1886, 203.0)
HLG = SdrToHdr(HdrTarget.HLG, Primaries.BT709, SdrEotf.BT1886, 203.0)
KERNELS = load()
assert KERNELS is not None


@dataclass(frozen=True)
class Source:
    """A picture as a decoder gives it."""

    size: tuple[int, int] = (65, 38)
    chroma: str = "420"
    depth: int = 8
    matrix: Matrix = Matrix.BT709
    range: ColorRange = ColorRange.LIMITED
    transfer: Transfer = Transfer.BT709
    primaries: Primaries = Primaries.BT709
    orientation: Orientation = Orientation.UPRIGHT

    @property
    def pixel_format(self) -> str:
        return f"yuv{self.chroma}p" + (f"{self.depth}le" if self.depth > 8 else "")

    @property
    def media(self):
        width, height = self.size
        tags = ColorTags(self.primaries, self.transfer, self.matrix, self.range)
        facts = {"bit_depth": self.depth, "orientation": self.orientation, "pixel_format": self.pixel_format}
        return media_info(tags=tags, width=width, height=height, **facts)

    def planes(self, seed: int = 1, *, smooth: bool = False, stride: int = 0) -> list[np.ndarray]:
        """Random codes, those outside the range included; rows ``stride`` samples longer than the picture is wide."""
        (width, height), (step_x, step_y) = self.size, HALVES[self.chroma]
        draw = np.random.default_rng(seed)
        kind = np.uint8 if self.depth == 8 else np.uint16
        top = 2**self.depth - 1
        shapes = [(height, width)] + [(-(-height // step_y), -(-width // step_x))] * 2
        planes = []
        for number, (rows, columns) in enumerate(shapes):
            if smooth:
                y, x = np.mgrid[:rows, :columns]
                wave = np.sin(x / (9 + number)) * np.cos(y / (7 + 2 * number))
                values = (0.5 + (0.4 if number == 0 else 0.12) * wave) * top
            else:
                values = draw.integers(0, top, (rows, columns + stride), endpoint=True)
            planes.append(np.ascontiguousarray(np.round(values).astype(kind)))
        return planes

    def signal(self, planes, *, siting: str = "bicubic") -> np.ndarray:
        """The R'G'B' signal in float64: chroma brought to full size, then the matrix."""
        (width, height), (step_x, step_y) = self.size, HALVES[self.chroma]
        full = [planes[0][:, :width].astype(float)]
        enlarged = upsampled if siting == "bicubic" else replicated
        for plane in planes[1:]:
            chroma = plane[:, : -(-width // step_x)].astype(float)
            chroma = enlarged(chroma, height, 0) if step_y == 2 else chroma
            full.append(enlarged(chroma, width, 1) if step_x == 2 else chroma)
        return rgb_of_codes(np.stack(full, -1), self.matrix, self.depth, is_full=self.range == ColorRange.FULL)


def rgb_of_codes(codes, matrix, depth, *, is_full):
    known = reference.LUMA
    try:
        reference.LUMA = LUMA
        return reference.rgb_of_codes(codes, MATRICES[matrix], depth, is_full_range=is_full)
    finally:
        reference.LUMA = known


def bicubic(distance):
    """Mitchell and Netravali's family at B = 0, C = 0.6 (swscale's default)."""
    x = np.abs(distance)
    near = 1.4 * x**3 - 2.4 * x**2 + 1
    far = -0.6 * x**3 + 3 * x**2 - 4.8 * x + 2.4
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


def upsampled(plane, count, axis):
    """Twice the samples, sited between each other; outermost ones go on beyond the edge."""
    rows = np.moveaxis(plane, axis, 0)
    position = (np.arange(count) - 0.5) / 2
    first = np.floor(position).astype(int)
    total = np.zeros((count, *rows.shape[1:]))
    for tap in range(-1, 3):
        weight = bicubic(position - (first + tap)).reshape(-1, *[1] * (rows.ndim - 1))
        total += weight * rows[np.clip(first + tap, 0, len(rows) - 1)]
    return np.moveaxis(total, 0, axis)


def replicated(plane, count, axis):
    return np.repeat(plane, 2, axis).take(range(count), axis)


def boxed(plane):
    """Means of 2 x 2 pixels; outermost ones count twice at an odd size."""
    height, width = plane.shape
    plane = np.pad(plane, ((0, height % 2), (0, width % 2)), mode="edge")
    return (plane[::2, ::2] + plane[1::2, ::2] + plane[::2, 1::2] + plane[1::2, 1::2]) / 4


def jfif_of(signal):
    """JFIF 1.02 in float64."""
    r, g, b = np.moveaxis(signal, -1, 0) * 255
    y = 0.299 * r + 0.587 * g + 0.114 * b
    return [y, boxed(128 + (b - y) / 1.772), boxed(128 + (r - y) / 1.402)]


def maker(source, color=None, image_format=ImageFormat.PNG):
    layout = layout_of(source.media, color)
    assert layout is not None
    return PictureMaker(KERNELS, layout, color, ImageSpec(image_format), tags_after(color, source.media))


def pixels_of(data: bytes) -> np.ndarray:
    if data[24] == 16:
        with av.open(io.BytesIO(data), format="png_pipe") as container:
            return next(container.decode(video=0)).to_ndarray(format="rgb48le")
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


def jfif_planes(made: PictureMaker, planes):
    buffers = made._buffers()
    made._convert(made.layout.turned(planes), buffers)
    return [each.astype(int) for each in buffers.out]


def nearest(values, top):
    return np.clip(np.floor(values * top + 0.5), 0, top)


def agrees(found, ideal, *, worst: float = 1, exact: float = 0.998) -> bool:
    """Rounded as if it were computed exactly, but for what lies on the border between two codes."""
    difference = np.abs(found.astype(float) - ideal)
    return bool(difference.max() <= worst and (difference == 0).mean() >= exact)


@pytest.mark.parametrize("sample_range", [ColorRange.LIMITED, ColorRange.FULL])
@pytest.mark.parametrize("depth", [8, 10, 16])
@pytest.mark.parametrize("chroma", list(HALVES))
class TestRgb:
    def test_eight_bits(self, chroma, depth, sample_range):
        source = Source(chroma=chroma, depth=depth, range=sample_range)
        planes = source.planes(stride=3)
        found = pixels_of(maker(source).encoded(planes))
        ideal = nearest(source.signal(planes), 255)
        assert agrees(found, ideal)
        assert not agrees(np.clip(found.astype(int) + 1, 0, 255), ideal)  # negative control: one code

    def test_sixteen_bits(self, chroma, depth, sample_range):
        source = Source(chroma=chroma, depth=depth, range=sample_range)
        planes = source.planes(stride=3)
        found = pixels_of(maker(source, image_format=ImageFormat.PNG16).encoded(planes))
        assert agrees(found, nearest(source.signal(planes), 65535), exact=0.97)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("chroma", list(HALVES))
@pytest.mark.parametrize("image_format", list(ImageFormat))
def test_any_size(size, chroma, image_format):
    source = Source(size, chroma)
    planes = source.planes()
    for color in (None, PQ):
        data = maker(source, color, image_format).encoded(planes)
        with Image.open(io.BytesIO(data)) as image:
            assert image.size == size
        if image_format is ImageFormat.PNG and color is None:
            assert agrees(pixels_of(data), nearest(source.signal(planes), 255))


@pytest.mark.parametrize("matrix", list(MATRICES))
@pytest.mark.parametrize("sample_range", [ColorRange.LIMITED, ColorRange.FULL])
class TestMatrices:
    def test_rgb(self, matrix, sample_range):
        source = Source(matrix=matrix, range=sample_range)
        planes = source.planes()
        assert agrees(pixels_of(maker(source).encoded(planes)), nearest(source.signal(planes), 255))

    @pytest.mark.parametrize("depth", [8, 10])
    def test_jfif_planes_are_the_ideal_rounding(self, matrix, sample_range, depth):
        """A pixel has its block's chroma, as a reader of the file will give it."""
        source = Source(matrix=matrix, range=sample_range, depth=depth)
        planes = source.planes(stride=2)
        ideal = jfif_rounded(source.signal(planes, siting="block"))
        found = jfif_planes(maker(source, image_format=ImageFormat.JPG), planes)
        for plane, wanted in zip(found, ideal, strict=True):
            assert agrees(plane, wanted)
            assert not agrees(plane + 1, wanted)


def jfif_rounded(signal):
    return [np.clip(np.floor(each + 0.5), 0, 255) for each in jfif_of(signal)]


def mapped(signal, color):
    """The closed form for a map."""
    if isinstance(color, HdrToHdr):
        return hdr_mapped(np.clip(signal, 0, 1), color)
    names = {"primaries": PRIMARIES[color.primaries], "eotf": color.eotf.value, "white": color.white}
    return reference.sdr_to_hdr(np.clip(signal, 0, 1), color.target.value, **names)


def hdr_mapped(signal, color):
    """BT.2100-2: PQ is light of a display, HLG of a scene, and primaries are exchanged in that light."""
    matrix = reference.to_bt2020(PRIMARIES[color.primaries]).T
    if color.source is HdrTarget.PQ:
        return reference.pq_of_light(np.clip(reference.light_of_pq(signal) @ matrix, 0, None))
    low, high = signal**2 / 3, (np.exp((signal - reference.C) / reference.A) + reference.B) / 12
    scene = np.clip(np.where(signal <= 0.5, low, high) @ matrix, 0, None)
    light = 1000 * (scene @ reference.Y2020)[..., None] ** 0.2 * scene
    return reference.pq_of_light(light) if color.target is HdrTarget.PQ else reference.hlg_of_light(light)


MAPS = [
    *(HdrToHdr(source, Primaries.SMPTE432, source) for source in HdrTarget),
    HdrToHdr(HdrTarget.HLG, Primaries.SMPTE432, HdrTarget.PQ),
    *(SdrToHdr(target, primaries, SdrEotf.BT1886, 203.0) for target in HdrTarget for primaries in PRIMARIES),
    *(SdrToHdr(target, Primaries.BT709, eotf, 203.0) for target in HdrTarget for eotf in SdrEotf),
    *(
        SdrToHdr(target, Primaries.BT709, SdrEotf.BT1886, white)
        for target in HdrTarget
        for white in (1.0, 100.0, 900.0)
    ),
    SdrToHdr(HdrTarget.PQ, Primaries.BT709, SdrEotf.BT1886, 10_000.0),
    HdrToHdr(HdrTarget.HLG, Primaries.BT2020, HdrTarget.PQ),
]


@pytest.mark.parametrize("color", MAPS, ids=str)
class TestMaps:
    """At most 4 of 65535 from the closed form (16 from HDR, in the dark), or the nearest of 256 but for borders."""

    @pytest.mark.parametrize(("chroma", "depth"), [("420", 8), ("444", 10)])
    def test_sixteen_bits(self, color, chroma, depth):
        source = Source(chroma=chroma, depth=depth)
        planes = source.planes()
        signal = np.clip(mapped(source.signal(planes), color), 0, 1)
        found = pixels_of(maker(source, color, ImageFormat.PNG16).encoded(planes)) / 65535
        assert np.abs(found - signal).max() * 65535 <= (16 if isinstance(color, HdrToHdr) else 4)
        error = reference.delta_e(found, signal, color.target.value)
        assert error.mean() <= 0.01
        assert error.max() <= 0.1

    def test_eight_bits(self, color):
        source = Source()
        planes = source.planes()
        ideal = nearest(mapped(source.signal(planes), color), 255)
        found = pixels_of(maker(source, color).encoded(planes))
        assert agrees(found, ideal, exact=0.97)
        assert not agrees(np.minimum(found.astype(int) + 1, 255), ideal, exact=0.97)

    @pytest.mark.parametrize(("chroma", "depth"), [("420", 8), ("420", 10), ("422", 8), ("444", 8)])
    def test_jfif_planes(self, color, chroma, depth):
        """4:2:0 of 8 bits goes through a table, a pixel with its block's chroma; all else pixel by pixel."""
        source = Source(chroma=chroma, depth=depth)
        planes = source.planes()
        is_block = (chroma, depth) == ("420", 8)
        signal = np.clip(mapped(source.signal(planes, siting="block" if is_block else "bicubic"), color), 0, 1)
        found = jfif_planes(maker(source, color, ImageFormat.JPG), planes)
        for plane, wanted in zip(found, jfif_rounded(signal), strict=True):
            assert agrees(plane, wanted, exact=0.93)
            assert not agrees(plane + 1, wanted, exact=0.93)


@pytest.mark.parametrize("target", list(HdrTarget))
def test_anchors(target):
    """COLOUR: white at 203 cd/m², black at 0, greys in order and neutral."""
    color = SdrToHdr(target, Primaries.BT709, SdrEotf.BT1886, 203.0)
    source = Source(size=(220, 2), chroma="444")
    luma = np.repeat(np.arange(16, 236, dtype=np.uint8)[None], 2, axis=0)
    grey = np.full_like(luma, 128)
    found = pixels_of(maker(source, color, ImageFormat.PNG16).encoded([luma, grey, grey]))[0].astype(int)
    assert abs(found[-1] - {HdrTarget.PQ: 38055, HdrTarget.HLG: 49143}[target]).max() <= 20
    assert (found[0] == 0).all()
    assert (np.diff(found[:, 0]) > 0).all()
    assert np.ptp(found, axis=1).max() <= 2


def test_a_table_is_shared_by_threads_and_pictures():
    """Rows are filled on demand; the same picture gives the same planes whoever filled them."""
    source = Source((320, 180))
    pictures = [source.planes(seed) for seed in range(8)]
    alone = [maker(source, PQ, ImageFormat.JPG).encoded(planes) for planes in pictures]
    shared = maker(source, PQ, ImageFormat.JPG)
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(shared.encoded, pictures * 4))
    assert together == alone * 4


# --- against libavfilter --------------------------------------------------------------------------------------------


def by_libavfilter(source, color, image_format, planes) -> np.ndarray:
    job = ExtractJob(source.media, color, ImageSpec(image_format), ())
    runner = ChainRunner(picture_chain(job), tags_after(color, source.media))
    pixels = runner.run(frame_of(source, planes)).to_ndarray()
    return pixels if image_format is ImageFormat.PNG16 else to_eight_bits(pixels)


def frame_of(source, planes):
    frame = av.VideoFrame(*source.size, source.pixel_format)
    for plane, data in zip(frame.planes, planes, strict=True):
        rows = np.frombuffer(plane, np.uint8).reshape(plane.height, -1)
        rows[:, : data.shape[1] * data.itemsize] = data.view(np.uint8)
    frame.colorspace = int(source.matrix)
    frame.color_range = int(source.range)
    return frame


SOURCES = [
    Source((96, 64)),
    Source((96, 64), chroma="422"),
    Source((96, 64), chroma="444"),
    Source((96, 64), matrix=Matrix.SMPTE170M),
    Source((96, 64), depth=10),
    Source((96, 64), depth=10, matrix=Matrix.BT2020_NCL, primaries=Primaries.BT2020, transfer=Transfer.SMPTE2084),
    Source((96, 64), depth=16, chroma="444"),
    *(Source((96, 64), orientation=turn) for turn in Orientation if turn is not Orientation.UPRIGHT),
]
#: libavfilter is off by more: it stretches the chroma of odd sizes, and upsamples that of full range in 8 bits.
WORSE = [Source((97, 65)), Source((96, 64), range=ColorRange.FULL)]


@pytest.mark.parametrize("source", SOURCES, ids=str)
class TestAgainstLibavfilter:
    """Smooth pictures, for which it is nearly exact."""

    def test_eight_bits(self, source):
        planes = source.planes(smooth=True)
        ours = pixels_of(maker(source).encoded(planes)).astype(int)
        theirs = by_libavfilter(source, None, ImageFormat.PNG, planes).astype(int)
        assert ours.shape == theirs.shape
        assert np.abs(ours - theirs).max() <= 1
        assert np.abs(ours - theirs).mean() < 0.1
        assert np.abs(np.minimum(ours + 1, 255) - theirs).mean() > 0.1

    def test_sixteen_bits(self, source):
        planes = source.planes(smooth=True)
        ours = pixels_of(maker(source, None, ImageFormat.PNG16).encoded(planes)).astype(int)
        theirs = by_libavfilter(source, None, ImageFormat.PNG16, planes).astype(int)
        assert np.abs(ours - theirs).max() <= 64
        assert np.abs(ours - theirs).mean() < 2

    @pytest.mark.parametrize("color", [PQ, HLG], ids=str)
    def test_mapped(self, source, color):
        if source.transfer is Transfer.SMPTE2084:
            return  # it is HDR already
        planes = source.planes(smooth=True)
        ours = pixels_of(maker(source, color, ImageFormat.PNG16).encoded(planes)) / 65535
        theirs = by_libavfilter(source, color, ImageFormat.PNG16, planes) / 65535
        error = reference.delta_e(ours, theirs, color.target.value)
        assert error.mean() <= 0.05
        assert error.max() <= 0.8

    def test_jpg_of_both_shows_the_same(self, source):
        planes = source.planes(smooth=True)
        ours = decoded(maker(source, None, ImageFormat.JPG).encoded(planes))
        theirs = decoded(encode_jpeg(by_libavfilter(source, None, ImageFormat.PNG, planes), 95))
        assert ours.shape == theirs.shape
        assert np.abs(ours - theirs).mean() < 1
        assert np.abs((ours - theirs).mean(axis=(0, 1))).max() < 0.5


@pytest.mark.parametrize("source", [each for each in SOURCES if not each.orientation.value] + WORSE, ids=str)
def test_kernels_are_nearer_to_the_oracle_than_libavfilter(source):
    planes = source.planes(smooth=True)
    ideal = np.clip(source.signal(planes), 0, 1) * 65535
    ours = pixels_of(maker(source, None, ImageFormat.PNG16).encoded(planes))
    theirs = by_libavfilter(source, None, ImageFormat.PNG16, planes)
    assert np.abs(ours - ideal).max() <= min(1, np.abs(theirs - ideal).max())


def decoded(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image).astype(int)


# --- what they leave to libavfilter ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "facts",
    [
        {"pixel_format": "yuva420p", "has_alpha": True},
        {"pixel_format": "gbrp"},
        {"pixel_format": "gray"},
        {"pixel_format": "yuv410p"},
        {"sample_aspect_ratio": Fraction(4, 3)},
        {"tags": ColorTags(1, 1, Matrix.YCGCO, 1)},
        {"width": 97, "orientation": Orientation.QUARTER_CLOCKWISE},
    ],
    ids=str,
)
def test_what_is_not_served(facts):
    assert layout_of(media_info(**facts), None) is None


@pytest.mark.parametrize("image_format", [ImageFormat.PNG, ImageFormat.JPG])
def test_what_the_container_crops_is_not_seen(image_format):
    whole, shown = Source((80, 60)), Source((64, 50))
    planes = whole.planes()
    inner = [planes[0][2:52, 4:68], *(plane[1:26, 2:34] for plane in planes[1:])]
    media = replace(shown.media, crop=Crop(4, 2, 12, 8))
    layout = layout_of(media, None)
    assert layout is not None
    assert layout.fits(80, 60, "yuv420p")
    assert not layout.fits(64, 50, "yuv420p")
    made = PictureMaker(KERNELS, layout, None, ImageSpec(image_format), tags_after(None, media))
    assert made.encoded(planes) == maker(shown, None, image_format).encoded([np.ascontiguousarray(p) for p in inner])
    assert layout_of(replace(media, crop=Crop(3, 2, 12, 8)), None) is None


def test_gamut_is_a_filter():
    assert layout_of(media_info(), GamutSwap(HdrTarget.PQ)) is None


@pytest.mark.parametrize(("name", "stored", "depth"), [("nv12", 8, 8), ("p010le", 16, 10), ("p016le", 16, 16)])
def test_semi_planar(name, stored, depth):
    source = Source(depth=depth)
    y, u, v = source.planes()
    kind, shift = y.dtype, stored - depth
    both = np.empty((u.shape[0], 2 * u.shape[1]), kind)
    both[:, 0::2], both[:, 1::2] = u << shift, v << shift
    media = replace(source.media, pixel_format=name)
    layout = layout_of(media, None)
    assert layout is not None
    made = PictureMaker(KERNELS, layout, None, ImageSpec(ImageFormat.PNG), tags_after(None, media))
    assert (pixels_of(made.encoded([y << shift, both])) == pixels_of(maker(source).encoded([y, u, v]))).all()
