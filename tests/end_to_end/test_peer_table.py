"""The acceptance table for behaviour, row by row (those that need no cache, no telemetry and no right colours)."""

from __future__ import annotations

import copy
import math
import shutil
import threading
import time
from fractions import Fraction
from pathlib import Path

import psutil
import pytest

import hfbench
from hfbench.errors import CompositionError, OptionsError
from hfbench.model.result import FailureKind
from tests.makers.clip_maker import ClipMaker, files_in, ids_of, run_ffmpeg

BACKENDS = ("libav", "ffmpeg")
SCOPES = ("source", "segment", "fused")
Clip, Composition = hfbench.Clip, hfbench.Composition


def extract(out: Path, *clips: hfbench.Clip, fps: object = 30, **options: object) -> hfbench.ExtractionResult:
    options.setdefault("format", "jpg")
    return hfbench.extract(Composition(clips, fps=fps), out, hfbench.ExtractOptions(**options))  # type: ignore[arg-type]


def kinds(result: hfbench.ExtractionResult) -> dict[str, str]:
    return {failure.clip_id: failure.kind.value for failure in result.failures}


def warnings_of(result: hfbench.ExtractionResult, clip_id: str) -> dict[str, hfbench.ClipWarning]:
    clip = next(clip for clip in result.clips if clip.clip_id == clip_id)
    return {warning.kind: warning for warning in clip.warnings}


@pytest.fixture
def sdr(make_clip: ClipMaker) -> str:
    return str(make_clip("sdr.mp4"))


@pytest.fixture
def pq(make_clip: ClipMaker) -> str:
    return str(make_clip.pq())


@pytest.fixture
def vfr(fixture_file) -> str:
    return str(fixture_file("vfr-screen-recording", "screen.mp4")[0])


class TestMediaStartAtOrPastTheEnd:
    """media start at or past EOF: SDR only / mixed / VFR."""

    @pytest.mark.parametrize("backend", BACKENDS)
    @pytest.mark.parametrize("scope", SCOPES)
    @pytest.mark.parametrize("media_start", [3, 7.5])
    def test_one_failure_with_both_values_and_the_others_unharmed(self, tmp_path, sdr, pq, backend, scope, media_start):
        clips = (Clip("bad", sdr, 0, 1, media_start), Clip("good", sdr, 0, 0.2), Clip("hdr", pq, 0, 0.2))
        result = extract(tmp_path, *clips, backend=backend, scope=scope)
        assert kinds(result) == {"bad": "media_start_out_of_range"}
        assert f"{media_start:g} s" in result.failures[0].message
        assert "3 s" in result.failures[0].message
        assert [clip.frames for clip in result.clips] == [6, 6]

    @pytest.mark.parametrize("backend", BACKENDS)
    def test_sdr_only(self, tmp_path, sdr, backend):
        result = extract(tmp_path, Clip("bad", sdr, 0, 1, 3), backend=backend)
        assert kinds(result) == {"bad": "media_start_out_of_range"}
        assert files_in(tmp_path) == []

    @pytest.mark.parametrize("backend", BACKENDS)
    @pytest.mark.parametrize("scope", SCOPES)
    def test_vfr(self, tmp_path, vfr, backend, scope):
        result = extract(tmp_path, Clip("bad", vfr, 0, 1, 99), backend=backend, scope=scope)
        assert kinds(result) == {"bad": "media_start_out_of_range"}


class TestDuration:
    @pytest.mark.parametrize("end", [1, 0.5, math.nan])
    def test_end_at_or_before_start_or_nan_is_rejected_when_read(self, end):
        """end == start, end < start, NaN."""
        with pytest.raises(CompositionError, match=r"duration must be positive|end"):
            Clip("a", "a.mp4", 1, end)

    @pytest.mark.parametrize("end", [None, math.inf])
    def test_infinite_or_omitted_end_goes_to_eof_and_nothing_is_mutated(self, tmp_path, sdr, end):
        """end = Infinity or omitted."""
        clip = Clip("a", sdr, 0, end)
        before = copy.deepcopy(clip)
        composition = Composition([clip])
        result = hfbench.extract(composition, tmp_path, hfbench.ExtractOptions(format="jpg"))
        assert result.clips[0].frames == 90
        assert clip == before
        assert composition.clips == (before,)

    @pytest.mark.parametrize("backend", BACKENDS)
    def test_past_eof_gives_what_exists_and_a_warning_with_both_numbers(self, tmp_path, sdr, backend):
        """duration reaches past EOF."""
        result = extract(tmp_path, Clip("a", sdr, 0, 4, 2), backend=backend)
        assert result.clips[0].frames == 30
        assert ids_of(result.clips[0]) == list(range(60, 90))
        warning = warnings_of(result, "a")["shorter_than_requested"]
        assert dict(warning.counts) == {"requested_frames": 120, "available_frames": 30}
        assert "4 s" in warning.message
        assert "1 s" in warning.message

    def test_strict_makes_it_a_failure(self, tmp_path, sdr):
        result = extract(tmp_path, Clip("a", sdr, 0, 4, 2), strict=True)
        assert kinds(result) == {"a": "shorter_than_requested"}
        assert files_in(tmp_path) == []

    def test_negative_media_start_is_rejected(self):
        """negative media start."""
        with pytest.raises(CompositionError, match="media_start"):
            Clip("a", "a.mp4", media_start=-1)

    @pytest.mark.parametrize("backend", BACKENDS)
    @pytest.mark.parametrize(("duration", "frames"), [("2.05", 62), ("0.001", 1)])
    def test_half_a_frame_rounds_up_and_one_frame_is_the_least(self, tmp_path, sdr, backend, duration, frames):
        """2.05 s at 30 / 1 ms at 30."""
        result = extract(tmp_path, Clip("a", sdr, 0, duration), backend=backend)
        assert ids_of(result.clips[0]) == list(range(frames))


class TestBadSources:
    """Trouble with one source never hurts the clip beside it."""

    @pytest.mark.parametrize("backend", BACKENDS)
    def test_missing_file_beside_a_valid_clip(self, tmp_path, sdr, backend):
        """missing file beside a valid clip."""
        result = extract(tmp_path, Clip("gone", "gone.mp4", 0, 1), Clip("good", sdr, 0, 1), backend=backend)
        assert kinds(result) == {"gone": "source_missing"}
        assert ids_of(result.clips[0]) == list(range(30))

    @pytest.mark.parametrize("backend", BACKENDS)
    @pytest.mark.parametrize("what", ["text", "zero bytes", "audio only", "no moov"])
    def test_unusable_file_beside_a_valid_clip(self, tmp_path, sdr, backend, what):
        """non-video, zero-byte, audio-only, moov-truncated file beside a valid clip."""
        bad = tmp_path / "bad.mp4"
        if what == "text":
            bad.write_text("<html>not a video</html>")
        elif what == "zero bytes":
            bad.touch()
        elif what == "audio only":
            run_ffmpeg(bad, "-f", "lavfi", "-i", "sine=d=1", "-c:a", "aac")
        else:
            bad.write_bytes(Path(sdr).read_bytes()[:2000])
        result = extract(tmp_path / "out", Clip("bad", str(bad), 0, 1), Clip("good", sdr, 0, 1), backend=backend)
        assert kinds(result) == {"bad": "invalid_media"}
        assert ids_of(result.clips[0]) == list(range(30))

    @pytest.fixture
    def half(self, tmp_path, make_clip: ClipMaker) -> str:
        """The index is whole (faststart), the second half of the data is gone."""
        encoder = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", "30", "-movflags", "+faststart")
        whole = make_clip("faststart.mp4", seconds=4, encoder=encoder).read_bytes()
        path = tmp_path / "half.mp4"
        path.write_bytes(whole[: int(len(whole) * 0.55)])
        return str(path)

    @pytest.mark.parametrize("backend", BACKENDS)
    @pytest.mark.parametrize("scope", ["segment", "fused"])
    def test_truncated_file_gives_the_frames_that_exist_and_counts(self, tmp_path, half, pq, sdr, backend, scope):
        """file truncated at 50%, frames asked from the lost half."""
        clips = (Clip("half", half, 0, 4), Clip("hdr", pq, 0, 0.1), Clip("good", sdr, 0, 0.1))
        result = extract(tmp_path / "out", *clips, backend=backend, scope=scope)
        clip = result.clips[0]
        warning = warnings_of(result, "half")["source_damaged"]
        assert 0 < clip.frames < 120
        assert warning.counts["requested_frames"] == 120
        assert warning.counts["frames"] == clip.frames
        assert ids_of(clip)[:-1] == list(range(clip.frames - 1))
        assert len(files_in(clip.directory)) == clip.frames

    def test_strict_makes_it_a_failure_source(self, tmp_path, half):
        result = extract(tmp_path / "out", Clip("half", half, 0, 4), strict=True)
        assert kinds(result) == {"half": "source_damaged"}


class TestFrameRates:
    @pytest.mark.parametrize("backend", BACKENDS)
    @pytest.mark.parametrize("scope", SCOPES)
    def test_one_fps_source_shows_what_is_on_screen(self, tmp_path, make_clip, pq, backend, scope):
        """1 fps source from 1.5 s, 2 s at 30 fps."""
        slow = str(make_clip("slow.mp4", seconds=5, rate="1"))
        clips = (Clip("slow", slow, 0, 2, 1.5), Clip("hdr", pq, 0, 0.1))
        result = extract(tmp_path, *clips, backend=backend, scope=scope)
        assert ids_of(result.clips[0]) == [1] * 15 + [2] * 30 + [3] * 15

    @pytest.mark.parametrize("backend", BACKENDS)
    @pytest.mark.parametrize("rate", ["24000/1001", "25", "30000/1001", "60"])
    def test_two_seconds_of_any_rate_are_sixty_frames(self, tmp_path, make_clip, backend, rate):
        """23.976 / 25 / 29.97 / 60 -> 30, 2 s."""
        clip = make_clip(f"rate-{rate.replace('/', '-')}.mp4", rate=rate)
        result = extract(tmp_path, Clip("a", str(clip), 0, 2), backend=backend)
        assert result.clips[0].frames == 60

    @pytest.mark.parametrize("fps", ["30000/1001", "29.97", 29.97, {"num": 30000, "den": 1001}, Fraction(30000, 1001)])
    def test_ntsc_rate_in_every_spelling(self, tmp_path, sdr, fps):
        """fps 30000/1001."""
        assert extract(tmp_path, Clip("a", sdr, 0, 2), fps=fps).clips[0].frames == 60

    @pytest.mark.parametrize("fps", [0, -30, math.nan, "0/0", "fast"])
    def test_impossible_rates_are_rejected(self, fps):
        """fps 0, negative, NaN."""
        with pytest.raises(CompositionError, match="fps"):
            Composition([Clip("a", "a.mp4")], fps=fps)


class TestPictures:
    @pytest.mark.parametrize("backend", BACKENDS)
    @pytest.mark.parametrize("scope", SCOPES)
    def test_odd_444_size_beside_pq(self, tmp_path, make_clip, pq, backend, scope):
        """odd 4:4:4 size beside PQ."""
        odd = str(make_clip("odd.mp4", size=(321, 181), chain="format=yuv444p"))
        result = extract(tmp_path, Clip("odd", odd, 0, 0.5), Clip("hdr", pq, 0, 0.1), backend=backend, scope=scope)
        assert not result.failures
        assert result.clips[0].size == (321, 181)
        assert ids_of(result.clips[0]) == list(range(15))

    @pytest.mark.parametrize("backend", BACKENDS)
    @pytest.mark.parametrize("scope", SCOPES)
    def test_rotation_is_applied(self, tmp_path, make_clip, pq, backend, scope):
        """rotate 90."""
        flat = make_clip("sdr.mp4")
        turned = run_ffmpeg(tmp_path / "turned.mp4", "-display_rotation:v", "90", "-i", str(flat), "-c", "copy")
        clips = (Clip("turned", str(turned), 0, 0.2), Clip("hdr", pq, 0, 0.1))
        result = extract(tmp_path / "out", *clips, backend=backend, scope=scope)
        assert result.clips[0].size == (180, 320)
        assert ids_of(result.clips[0]) == list(range(6))

    @pytest.mark.parametrize("backend", BACKENDS)
    @pytest.mark.parametrize(
        "encoder",
        [
            ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-auto-alt-ref", "0"),
            ("-c:v", "prores_ks", "-profile:v", "4444", "-alpha_bits", "8"),
        ],
        ids=["vp9", "prores"],
    )
    def test_alpha_asked_as_jpg_is_png_and_a_note(self, tmp_path, make_clip, backend, encoder):
        """VP9 or ProRes with alpha, jpg asked."""
        is_vp9 = "libvpx-vp9" in encoder
        name, chain = ("alpha.webm", "format=yuva420p") if is_vp9 else ("alpha.mov", "format=yuva444p10le")
        fade = f"{chain},geq=lum='lum(X,Y)':cb='cb(X,Y)':cr='cr(X,Y)':a='X*{255 if is_vp9 else 1023}/W'"
        clip = make_clip(name, seconds=0.3, chain=fade, encoder=encoder)
        result = extract(tmp_path, Clip("a", str(clip), 0, 0.2), backend=backend)
        from tests.makers.clip_maker import read_pixels

        assert "alpha_needs_png" in warnings_of(result, "a")
        pixels = read_pixels(result.clips[0].path_of(0))
        assert result.clips[0].pattern.endswith(".png")
        assert pixels.shape == (180, 320, 4)
        assert pixels[:, 5, 3].mean() < 20
        assert pixels[:, -5, 3].mean() > 235


class TestSharing:
    @pytest.mark.parametrize("backend", BACKENDS)
    def test_same_clip_twice_is_extracted_once(self, tmp_path, sdr, backend):
        """same clip twice."""
        once = extract(tmp_path / "1", Clip("a", sdr, 0, 1), backend=backend).breakdown.work
        twice = extract(tmp_path / "2", Clip("a", sdr, 0, 1), Clip("b", sdr, 5, 6), backend=backend)
        assert twice.breakdown.work.frames_decoded == once.frames_decoded
        assert twice.breakdown.work.processes_spawned == once.processes_spawned
        assert [ids_of(clip) for clip in twice.clips] == [list(range(30))] * 2

    @pytest.mark.parametrize("backend", BACKENDS)
    def test_overlapping_windows_are_decoded_once(self, tmp_path, sdr, backend):
        """overlapping windows of one source."""
        union = extract(tmp_path / "1", Clip("a", sdr, 0, 2, 0.5), backend=backend).breakdown.work
        both = extract(tmp_path / "2", Clip("a", sdr, 0, 1.5, 0.5), Clip("b", sdr, 0, 1, 1.5), backend=backend)
        assert both.breakdown.work.frames_decoded == union.frames_decoded
        assert [ids_of(clip) for clip in both.clips] == [list(range(15, 60)), list(range(45, 75))]

    def test_two_clips_with_one_id_are_rejected(self):
        """two clips with one id."""
        with pytest.raises(CompositionError, match="a"):
            Composition([Clip("a", "a.mp4"), Clip("a", "b.mp4")])

    @pytest.mark.parametrize("clip_id", ["../escape", "..", "/abs", "a/b", "a\\b", ""])
    def test_escaping_ids_are_rejected(self, clip_id):
        """id `../escape`."""
        with pytest.raises(CompositionError, match="id"):
            Clip(clip_id, "a.mp4")

    @pytest.mark.parametrize("backend", BACKENDS)
    def test_stale_frames_are_never_counted(self, tmp_path, sdr, backend):
        """output folder with stale frames."""
        stale = tmp_path / "a"
        stale.mkdir()
        for number in range(1, 100):
            (stale / f"frame_{number:05d}.jpg").write_bytes(b"stale")
        result = extract(tmp_path, Clip("a", sdr, 0, 1), backend=backend)
        assert files_in(stale) == [f"frame_{number:05d}.jpg" for number in range(1, 31)]
        assert ids_of(result.clips[0]) == list(range(30))
        assert files_in(tmp_path) == ["a"]

    def test_a_folder_that_is_not_frames_is_never_replaced(self, tmp_path, sdr):
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / "holiday.mov").write_bytes(b"precious")
        with pytest.raises(hfbench.HfbenchError, match=r"holiday\.mov"):
            extract(tmp_path, Clip("a", sdr, 0, 1))
        assert (tmp_path / "a" / "holiday.mov").read_bytes() == b"precious"


class TestVfr:
    @pytest.mark.parametrize("backend", BACKENDS)
    @pytest.mark.parametrize("scope", SCOPES)
    @pytest.mark.parametrize("file", ["screen.mp4", "screen-b-frames.mp4"])
    def test_four_seconds_from_three_are_120_frames_none_stale(self, tmp_path, fixture_file, backend, scope, file):
        """VFR 4 s from 3 s at 30 fps."""
        path, truth = fixture_file("vfr-screen-recording", file)
        result = extract(tmp_path, Clip("a", str(path), 0, 4, 3), backend=backend, scope=scope)
        from tests.makers.clip_maker import expected_ids

        wanted = expected_ids(truth.pts, tuple(truth.frame_ids), Fraction(3), Fraction(30), 120)
        assert ids_of(result.clips[0]) == wanted
        assert result.clips[0].warnings == ()


class TestStopping:
    @pytest.mark.parametrize("backend", BACKENDS)
    def test_aborted_before_it_starts(self, tmp_path, sdr, backend):
        """aborted before it starts."""
        token = hfbench.CancelToken()
        token.cancel()
        options = hfbench.ExtractOptions(backend=backend)
        result = hfbench.extract(Composition([Clip("a", sdr, 0, 1)]), tmp_path, options, token=token)
        assert kinds(result) == {"a": "cancelled"}
        assert result.failures[0].kind.is_retryable
        assert files_in(tmp_path) == []

    @pytest.mark.parametrize("backend", BACKENDS)
    def test_aborted_in_the_middle_leaves_no_child_and_no_file(self, tmp_path, fixture_file, backend):
        path, _ = fixture_file("hdr-sdr-mixed-scope", "sdr-30s.mp4")
        hdr, _ = fixture_file("hdr-sdr-mixed-scope", "hdr-2s.mp4")
        token = hfbench.CancelToken()
        composition = Composition([Clip("a", str(path), 0, 1), Clip("hdr", str(hdr), 0, 1)])
        options = hfbench.ExtractOptions(backend=backend, scope="source")
        timer = threading.Timer(0.3, token.cancel)
        timer.start()
        result = hfbench.extract(composition, tmp_path, options, token=token)
        timer.join()
        assert kinds(result)["a"] == "cancelled"
        assert psutil.Process().children(recursive=True) == []
        assert not [name for name in files_in(tmp_path) if name.startswith(".hfbench")]

    @pytest.mark.parametrize("backend", BACKENDS)
    def test_timeout(self, tmp_path, fixture_file, backend):
        """timeout."""
        path, _ = fixture_file("hdr-sdr-mixed-scope", "sdr-30s.mp4")
        hdr, _ = fixture_file("hdr-sdr-mixed-scope", "hdr-2s.mp4")
        clips = (Clip("slow", str(path), 0, 1), Clip("hdr", str(hdr), 0, 0.1))
        result = extract(tmp_path, *clips, backend=backend, scope="source", clip_limit_seconds=0.25)
        assert kinds(result)["slow"] == "timeout"
        assert psutil.Process().children(recursive=True) == []

    @pytest.mark.parametrize("backend", BACKENDS)
    def test_one_window_out_of_time_leaves_the_files_others_alone(self, tmp_path, make_clip, backend):
        """timeout: of one clip of a file; its neighbour takes a hundredth of the limit, the slow one several of it."""
        path = str(make_clip("long.mp4", seconds=60, size=(640, 360)))
        clips = (Clip("slow", path, 0, 59), Clip("quick", path, 0, "0.1", "59.5"))
        result = extract(
            tmp_path, *clips, backend=backend, format="png16", clip_limit_seconds=2, workers=1, pixels="libavfilter"
        )
        assert kinds(result) == {"slow": "timeout"}
        assert [(clip.clip_id, clip.frames) for clip in result.clips] == [("quick", 3)]
        assert files_in(tmp_path) == ["quick"]


class TestOptions:
    @pytest.mark.parametrize("quality", [0, 150, -1, 9.5, True, "95"])
    def test_quality_outside_the_scale_is_rejected(self, quality):
        """quality 0 / 150."""
        with pytest.raises(OptionsError, match="1 to 100"):
            hfbench.ExtractOptions(quality=quality)

    def test_unknown_format_is_rejected_with_the_allowed_values(self):
        """format `webp`."""
        with pytest.raises(OptionsError, match="auto, jpg, png, png16"):
            hfbench.ExtractOptions(format="webp")  # type: ignore[arg-type]


def test_one_error_for_each_bad_clip(tmp_path, sdr):
    clips = [Clip(f"bad{n}", "gone.mp4", 0, 1) for n in range(5)]
    result = extract(tmp_path, *clips, Clip("good", sdr, 0, 0.1))
    assert [failure.clip_id for failure in result.failures] == [f"bad{n}" for n in range(5)]
    assert {failure.kind for failure in result.failures} == {FailureKind.SOURCE_MISSING}


def test_source_names_that_trip_command_lines(tmp_path, sdr):
    """Names with a newline, emoji, leading dash, quote, glob or %05d work in both backends."""
    for number, name in enumerate(["-dash.mp4", "new\nline.mp4", 'it\'s "q".mp4', "*[a].mp4", "%05d.mp4", "☃.mp4"]):
        shutil.copyfile(sdr, tmp_path / name)
        for backend in BACKENDS:
            composition = Composition([Clip("a", name, 0, 0.1)], root=tmp_path)
            options = hfbench.ExtractOptions(backend=backend, format="jpg")
            result = hfbench.extract(composition, tmp_path / f"out-{number}-{backend}", options)
            assert not result.failures, (name, backend)
            assert result.clips[0].frames == 3


def test_no_test_here_takes_the_wall_clock_for_granted():
    """A cancelled wait must not be mistaken for a finished one: the clock of a limit restarts for each clip."""
    from hfbench.model.cancellation import Control, StopWork

    control = Control(limit_seconds=0.01)
    time.sleep(0.02)
    with pytest.raises(StopWork):
        control.check()
    control.restarted().check()
