"""Sources that are odd and yet no damage: limits, several streams, cover pictures, side data, matrices."""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar

import av
import numpy as np
import pytest

import hfbench
from hfbench.backends.base import MAX_PIXELS
from hfbench.backends.libav.probe import probe
from hfbench.model.cancellation import Control
from hfbench.model.result import FailureKind
from tests.makers import patches, runs
from tests.makers.clip_maker import run_ffmpeg
from tests.oracles import reference

if TYPE_CHECKING:
    from pathlib import Path

X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "0")


def colour_clip(path: Path, name: str, size: str = "64x48", *, chain: str = "null", encoder=X264) -> Path:
    source = ("-f", "lavfi", "-i", f"color=c={name}:s={size}:r=25:d=0.2", "-vf", chain)
    return run_ffmpeg(path, *source, *encoder)


def outcomes(out: Path, sources: dict[str, Path], **options) -> dict[str, hfbench.ExtractedClip | hfbench.ClipFailure]:
    clips = [hfbench.Clip(name, str(path), 0, "0.04") for name, path in sources.items()]
    result = hfbench.extract(hfbench.Composition(clips, fps=25), out, hfbench.ExtractOptions(**options))
    return {each.clip_id: each for each in result.outcomes}


@pytest.mark.parametrize("backend", runs.BACKENDS)
class TestLimits:
    @pytest.mark.parametrize(
        ("size", "aspect", "shown"),
        [
            ("640x360", "1088", None),  # 696320 x 360: more than the limit
            ("64x48", "40", (64, 48)),
            ("64x48", "1/40", (64, 48)),
            ("640x360", "1/1088", (640, 360)),
            ("64x48", "16", (1024, 48)),
            ("64x48", "1/16", (4, 48)),
            ("64x48", "2", (128, 48)),
        ],
    )
    def test_what_would_be_written_counts(self, tmp_path, backend, size, aspect, shown):
        path = colour_clip(tmp_path / "a.mp4", "red", size, chain="setsar=2,format=yuv420p")
        data = path.read_bytes()
        at = data.index(b"pasp") + 4
        path.write_bytes(data[:at] + struct.pack(">II", *Fraction(aspect).as_integer_ratio()) + data[at + 8 :])
        (found,) = outcomes(tmp_path / "out", {"a": path}, backend=backend).values()
        if shown is None:
            assert isinstance(found, hfbench.ClipFailure)
            assert found.kind is FailureKind.TOO_LARGE
            return
        assert found.size == shown
        assert patches.pixels_of(found.path_of(0)).shape[1::-1] == shown
        is_absurd = not Fraction(1, 16) <= Fraction(aspect) <= 16
        assert ("odd_aspect" in runs.warnings_of(found)) == is_absurd

    def test_a_jpg_holds_65500_pixels_a_side(self, tmp_path, backend):
        path = colour_clip(tmp_path / "a.mp4", "red", "4400x16", chain="setsar=15,format=yuv420p")
        (found,) = outcomes(tmp_path / "out", {"a": path}, backend=backend, format="jpg").values()
        assert isinstance(found, hfbench.ClipFailure)
        assert found.kind is FailureKind.TOO_LARGE
        assert "png" in found.message


def test_the_limit_is_that_of_sixteen_k(tmp_path):
    """Negative control of the limit itself: it is not small."""
    assert MAX_PIXELS > 8 * 3840 * 2160
    path = colour_clip(tmp_path / "a.mp4", "red", "640x360", chain="setsar=15,format=yuv420p")
    assert probe(path, Control()).media.display_size == (9600, 360)


class TestSeveralStreams:
    """The oracle is the ffmpeg program: which of the streams it shows when it is not told."""

    LAYOUTS: ClassVar = {
        "larger second": (("red", "64x48", "0"), ("lime", "128x96", "0"), ("blue", "128x96", "0")),
        "default smaller": (("red", "128x96", "0"), ("lime", "64x48", "default"), ("blue", "128x96", "0")),
        "first of equals": (("red", "64x48", "0"), ("lime", "64x48", "0"), ("blue", "64x48", "0")),
    }

    @pytest.mark.parametrize("layout", LAYOUTS)
    @pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
    def test_the_programs_choice(self, tmp_path, layout, suffix):
        inputs, mapping = [], []
        for number, (name, size, disposition) in enumerate(self.LAYOUTS[layout]):
            inputs += ["-f", "lavfi", "-i", f"color=c={name}:s={size}:r=25:d=0.2"]
            mapping += ["-map", str(number), f"-disposition:v:{number}", disposition]
        path = run_ffmpeg(tmp_path / f"several{suffix}", *inputs, *mapping, *X264, "-pix_fmt", "yuv420p")
        shown = run_ffmpeg(tmp_path / "shown.png", "-i", str(path), "-frames:v", "1")
        for backend in runs.BACKENDS:
            (found,) = outcomes(tmp_path / backend, {"a": path}, backend=backend, format="png").values()
            assert "several_video_streams" in runs.warnings_of(found)
            ours, theirs = (patches.pixels_of(each) for each in (found.path_of(0), shown))
            assert ours.shape == theirs.shape
            assert abs(ours.astype(int) - theirs).max() <= 3

    @pytest.mark.parametrize("place", [0, 1])
    def test_a_cover_picture_is_no_stream(self, tmp_path, place):
        cover = run_ffmpeg(tmp_path / "c.png", "-f", "lavfi", "-i", "color=c=red:s=640x480", "-frames:v", "1")
        film = colour_clip(tmp_path / "film.mp4", "lime", chain="format=yuv420p")
        order = [str(cover), str(film)] if place == 0 else [str(film), str(cover)]
        inputs = [part for name in order for part in ("-i", name)]
        mapping = ["-map", "0", "-map", "1", "-c", "copy", f"-disposition:v:{place}", "attached_pic"]
        path = run_ffmpeg(tmp_path / "covered.mp4", *inputs, *mapping)
        media = probe(path, Control()).media
        assert (media.width, media.height) == (64, 48)
        assert not media.notes

    @pytest.mark.parametrize("backend", runs.BACKENDS)
    def test_avif_changes_no_size(self, tmp_path, backend):
        encoder = ("-frames:v", "1", "-c:v", "libsvtav1", "-svtav1-params", "lp=1", "-f", "avif")
        path = colour_clip(tmp_path / "still.avif", "lime", "96x64", encoder=encoder)
        (found,) = outcomes(tmp_path / "out", {"a": path}, backend=backend, format="png").values()
        assert found.size == (96, 64)
        assert runs.warnings_of(found) <= {"untagged_colors"}
        assert patches.pixels_of(found.path_of(0))[32, 48, 1] > 240


@pytest.mark.parametrize("backend", runs.BACKENDS)
class TestSideData:
    def test_exif_in_motion_jpeg(self, tmp_path, backend):
        """An APP1 segment is put into every JPEG; FFmpeg hands it out as side data that has no name in older PyAV."""
        jpeg = run_ffmpeg(tmp_path / "a.jpg", "-f", "lavfi", "-i", "color=c=red:s=64x48", "-frames:v", "1", "-q:v", "2")
        exif = b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 1) + struct.pack(">HHIHH", 0x0112, 3, 1, 1, 0) + bytes(4)
        data = jpeg.read_bytes()
        marked = data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]
        for number in range(6):
            (tmp_path / f"e{number}.jpg").write_bytes(marked)
        path = run_ffmpeg(tmp_path / "exif.mov", "-framerate", "25", "-i", str(tmp_path / "e%d.jpg"), "-c", "copy")
        with av.open(str(path)) as container:
            assert b"Exif" in bytes(next(container.demux(video=0)))
        (found,) = outcomes(tmp_path / "out", {"a": path}, backend=backend, format="png").values()
        assert isinstance(found, hfbench.ExtractedClip), found
        assert patches.pixels_of(found.path_of(0))[24, 32, 0] > 240


#: Sizes that crashed a conversion, or that the lossless intermediate could not be written in.
SMALL = ("1x1", "1x3", "3x2", "5x5", "1x33", "17x9")


@pytest.mark.parametrize("backend", runs.BACKENDS)
@pytest.mark.parametrize("scope", ["fused", "segment"])
def test_small_pictures_with_alpha_beside_hdr(tmp_path, bench_pq, backend, scope):
    """GIF, QuickTime animation and PNG: RGB with alpha in every size is kept, re-encoded or not."""
    encoders = (("gif", ".gif", "bgr8"), ("qtrle", ".mov", "argb"), ("png", ".mov", "rgba"))
    sources = {"pq": bench_pq}
    for number, size in enumerate(SMALL):
        encoder, suffix, pixel_format = encoders[number % len(encoders)]
        chosen = ("-c:v", encoder, "-pix_fmt", pixel_format)
        sources[size] = colour_clip(tmp_path / f"{size}{suffix}", "blue", size, encoder=chosen)
    found = outcomes(tmp_path / "out", sources, backend=backend, scope=scope)
    wanted = reference.sdr_to_hdr(np.array([0.0, 0.0, 1.0]), "pq")
    for size in SMALL:
        assert isinstance(found[size], hfbench.ExtractedClip), (size, found[size])
        pixels = patches.signal_of(found[size].path_of(0))
        assert f"{pixels.shape[1]}x{pixels.shape[0]}" == size
        assert abs(pixels[..., :3] - wanted).max() < 0.03, size


#: H.273 numbers. Those that are drawn, with the oracle's luma coefficients; FCC and 240M from table 4.
DRAWN = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
}
REFUSED = {8: "YCgCo", 10: "constant", 11: "2085", 13: "constant", 14: "ICtCp", 15: "IPT", 16: "YCgCo", 17: "YCgCo"}
CODES = np.array([[150, 100, 170], [90, 150, 110], [200, 120, 130]])


def flagged(path: Path, matrix: int, primaries: int = 1) -> Path:
    """Three patches in H.264 whose VUI says this matrix; the codes are the same in all."""
    planes = [np.repeat(CODES[:, n], 32)[None].repeat(32, 0).astype("u1") for n in range(3)]
    raw = path.with_suffix(".raw")
    raw.write_bytes(b"".join(plane.tobytes() for plane in planes) * 3)
    plain = path.with_name(f"plain-{path.name}")
    reading = ("-f", "rawvideo", "-pix_fmt", "yuv444p", "-s", "96x32", "-r", "25", "-i", str(raw))
    run_ffmpeg(plain, *reading, *X264, "-pix_fmt", "yuv444p")
    flag = f"h264_metadata=colour_primaries={primaries}:transfer_characteristics=1:matrix_coefficients={matrix}"
    return run_ffmpeg(path, "-i", str(plain), "-c", "copy", "-bsf:v", flag)


@pytest.mark.parametrize("backend", runs.BACKENDS)
class TestMatrices:
    def test_those_that_are_drawn_are_right(self, tmp_path, backend):
        """Chroma-derived (12) with BT.709's and BT.2020's primaries is their own matrix."""
        cases = {f"m{number}": (number, 1, luma) for number, luma in DRAWN.items()}
        cases |= {"m12-709": (12, 1, DRAWN[1]), "m12-2020": (12, 9, DRAWN[9])}
        sources = {name: flagged(tmp_path / f"{name}.mp4", *case[:2]) for name, case in cases.items()}
        clips = runs.extract_all(tmp_path / "out", sources, backend=backend, format="png16")
        for name, (_, _, luma) in cases.items():
            wanted = np.clip(rgb_of(CODES, *luma), 0, 1)
            found = patches.signal_of(clips[name].path_of(0))[16, [16, 48, 80]]
            assert abs(found - wanted).max() < 0.0005, name

    @pytest.mark.parametrize("scope", ["fused", "segment"])
    def test_those_that_are_not_fail_by_name_and_hurt_no_other(self, tmp_path, bench_pq, backend, scope):
        sources = {"good": flagged(tmp_path / "good.mp4", 1)}
        sources |= {f"m{number}": flagged(tmp_path / f"m{number}.mp4", number) for number in REFUSED}
        sources |= {"m12": flagged(tmp_path / "m12.mp4", 12, primaries=6), "last": sources["good"], "pq": bench_pq}
        found = outcomes(tmp_path / "out", sources, backend=backend, scope=scope)
        for name in ("good", "last", "pq"):
            assert isinstance(found[name], hfbench.ExtractedClip), name
        for number, words in REFUSED.items():
            failure = found[f"m{number}"]
            assert failure.kind is FailureKind.UNSUPPORTED_COLOUR, number
            assert words in failure.message
        assert found["m12"].kind is FailureKind.UNSUPPORTED_COLOUR

    def test_numbers_that_mean_nothing_are_guessed(self, tmp_path, backend):
        """RGB's number on Y'CbCr of 4:2:0, and a reserved one."""
        sources = {f"m{number}": flagged(tmp_path / f"m{number}.mp4", number) for number in (3, 200)}
        found = outcomes(tmp_path / "out", sources, backend=backend, format="png16")
        for clip in found.values():
            assert "untagged_colors" in runs.warnings_of(clip)
            pixel = patches.signal_of(clip.path_of(0))[16, 16]
            assert abs(pixel - np.clip(rgb_of(CODES, *DRAWN[6])[0], 0, 1)).max() < 0.0005


def rgb_of(codes: np.ndarray, kr: float, kb: float) -> np.ndarray:
    """R'G'B' of limited-range codes by a matrix's two coefficients (H.273, equations 38 to 40 backwards)."""
    y, b, r = (codes[:, 0] - 16) / 219, (codes[:, 1] - 128) / 224, (codes[:, 2] - 128) / 224
    red, blue = y + 2 * (1 - kr) * r, y + 2 * (1 - kb) * b
    return np.stack([red, (y - kr * red - kb * blue) / (1 - kr - kb), blue], axis=-1)


def test_the_two_oracles_agree():
    assert abs(rgb_of(CODES, *DRAWN[1]) - reference.rgb_of_codes(CODES, "bt709")).max() < 1e-12


@pytest.fixture(scope="module")
def bench_pq(tmp_path_factory) -> Path:
    return patches.hdr_clip(tmp_path_factory.mktemp("pq"), "pq")


def test_an_error_of_the_library_is_no_full_disk(tmp_path, monkeypatch):
    """A filter graph that can't be built while frames are written: this clip's failure, the other's frames stand."""
    from hfbench.backends.libav import pictures

    good = flagged(tmp_path / "good.mp4", 1)
    bad = colour_clip(tmp_path / "bad.mkv", "red", "32x32", chain="format=gbrp", encoder=("-c:v", "ffv1"))
    chain = pictures.picture_chain
    monkeypatch.setattr(
        pictures, "picture_chain", lambda job: "crop=9999:9999" if job.media.width == 32 else chain(job)
    )
    found = outcomes(tmp_path / "out", {"good": good, "bad": bad, "last": good}, format="png16")
    assert found["bad"].kind is FailureKind.UNSUPPORTED_COLOUR
    assert isinstance(found["good"], hfbench.ExtractedClip)
    assert isinstance(found["last"], hfbench.ExtractedClip)
