"""Every kind of bad input beside a sound clip: its own trouble, in its own place, and nothing left behind."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil
import pytest

import hfbench
from fixtures_gen.hostile import HOSTILE, HostileFile, write_hostile
from tests.makers.clip_maker import ids_of, read_pixels

BACKENDS = ("libav", "ffmpeg")
FORMAT_UNTOLD = ("format-change.mp4", "ffmpeg")
LIMIT_SECONDS = 60
FRAMES = 60
"""Two seconds at 30 fps: what a sound file of the collection holds."""

WHOLE = {file.name for file in HOSTILE if file.expected == {"ok"}} - {"one-frame.mp4"}
"""Files that look odd but hold every frame, 0 to 59."""


def label(file: HostileFile) -> str:
    return os.fsencode(file.name).decode("ascii", "backslashreplace").replace("\n", "\\n")[:40]


@dataclass(frozen=True)
class Run:
    """One call with every bad file, a sound clip first and last."""

    result: hfbench.ExtractionResult
    out: Path
    ids: dict[str | bytes, str]
    open_before: frozenset[str]
    open_after: frozenset[str]
    fds: tuple[int, int]
    children: list[str]

    def outcome(self, clip_id: str) -> hfbench.ExtractedClip | hfbench.ClipFailure:
        return next(each for each in self.result.outcomes if each.clip_id == clip_id)

    def of(self, file: HostileFile) -> hfbench.ExtractedClip | hfbench.ClipFailure:
        if file.name not in self.ids:
            pytest.skip(f"this file system has no {file.how}")
        return self.outcome(self.ids[file.name])


def what_came_of(outcome: hfbench.ExtractedClip | hfbench.ClipFailure) -> str:
    """In the words of ``HostileFile.expected``."""
    if isinstance(outcome, hfbench.ClipFailure):
        return outcome.kind.value
    said = {each.kind for each in outcome.warnings}
    return next((kind for kind in ("source_damaged", "long_hold") if kind in said), "ok")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory) -> tuple[Path, tuple[HostileFile, ...]]:
    root = tmp_path_factory.mktemp("hostile")
    return root, write_hostile(root)


def open_files() -> frozenset[str]:
    return frozenset(each.path for each in psutil.Process().open_files())


def run(root: Path, files: tuple[HostileFile, ...], out: Path, make_clip, **options: object) -> Run:
    sound = make_clip("sdr.mp4")
    ids = {file.name: f"h{number:03d}" for number, file in enumerate(files)}
    # Their frames are looked at in ``fused``; encoding all of them again would show nothing more.
    brief = WHOLE if options["scope"] != "fused" else set()
    seconds = {file.name: "0.2" if file.name in brief else "2" for file in files}
    clips = [hfbench.Clip(ids[file.name], str(file.path_in(root)), 0, seconds[file.name]) for file in files]
    if options["scope"] != "fused":
        clips.append(hfbench.Clip("hdr", str(make_clip.pq()), 0, "0.1"))
    composition = hfbench.Composition(
        [hfbench.Clip("first", str(sound), 0, "0.5"), *clips, hfbench.Clip("last", str(sound), 0, "0.5", 2)]
    )
    chosen = hfbench.ExtractOptions(format="jpg", clip_limit_seconds=LIMIT_SECONDS, **options)
    hfbench.extract(hfbench.Composition([hfbench.Clip("warm", str(sound), 0, "0.1")]), out / "warm", chosen)
    before, fds = open_files(), psutil.Process().num_fds()
    result = hfbench.extract(composition, out / "run", chosen)
    children = [child.name() for child in psutil.Process().children(recursive=True)]
    return Run(result, out / "run", ids, before, open_files(), (fds, psutil.Process().num_fds()), children)


@pytest.fixture(scope="module")
def runs(hostile, make_clip, tmp_path_factory):
    """``runs("libav", "segment")``, made once; beside an HDR clip, what can be opened goes through an intermediate."""
    root, files = hostile

    @cache
    def made(backend: str, scope: str) -> Run:
        return run(root, files, tmp_path_factory.mktemp(scope), make_clip, backend=backend, scope=scope)

    return made


@pytest.fixture(params=BACKENDS)
def fused(request, runs) -> Run:
    return runs(request.param, "fused")


@pytest.fixture(params=BACKENDS)
def segment(request, runs) -> Run:
    return runs(request.param, "segment")


@pytest.fixture(params=[(backend, scope) for scope in ("fused", "segment") for backend in BACKENDS], ids="-".join)
def either(request, runs) -> Run:
    return runs(*request.param)


@pytest.mark.parametrize("file", HOSTILE, ids=label)
class TestEachFile:
    def test_it_gets_what_the_table_says(self, fused, file):
        outcome = fused.of(file)
        said = outcome.message if isinstance(outcome, hfbench.ClipFailure) else f"{outcome.frames} frames"
        assert what_came_of(outcome) in file.expected, said

    def test_through_an_intermediate_as_well(self, segment, file):
        outcome = segment.of(file)
        said = outcome.message if isinstance(outcome, hfbench.ClipFailure) else f"{outcome.frames} frames"
        assert what_came_of(outcome) in file.expected, said

    def test_a_failure_is_one_line_that_names_no_bug(self, fused, file):
        outcome = fused.of(file)
        if isinstance(outcome, hfbench.ClipFailure):
            assert outcome.message
            assert outcome.message.isprintable()
            assert "please report" not in outcome.message
            assert not outcome.kind.is_retryable


class TestWhatIsWritten:
    @pytest.mark.parametrize("file", [file for file in HOSTILE if file.name in WHOLE], ids=label)
    def test_files_that_only_look_odd_give_every_frame(self, fused, file):
        outcome = fused.of(file)
        assert isinstance(outcome, hfbench.ExtractedClip), outcome
        assert ids_of(outcome) == list(range(FRAMES))

    @pytest.mark.parametrize("name", ["size-change.mp4", "format-change.mp4", "missing-timestamps.avi"])
    def test_a_change_in_the_middle_loses_no_frame_without_a_word(self, fused, name):
        file = next(each for each in HOSTILE if each.name == name)
        outcome = fused.of(file)
        if what_came_of(outcome) == "ok":
            assert ids_of(outcome) == list(range(FRAMES))

    def test_every_picture_has_its_clips_size_and_every_file_is_counted(self, fused):
        for clip in fused.result.clips:
            sizes = {read_pixels(clip.path_of(index)).shape[1::-1] for index in range(clip.frames)}
            assert sizes == {clip.size}, clip.clip_id
            assert len(list(clip.directory.iterdir())) == clip.frames

    def test_what_is_left_of_a_damaged_file_is_in_order_and_counted(self, fused):
        for clip in fused.result.clips:
            damage = [each for each in clip.warnings if each.kind == "source_damaged"]
            if not damage:
                continue
            seen = [number for number in ids_of(clip) if number is not None]
            assert seen == sorted(seen), clip.clip_id
            assert damage[0].counts["frames"] == clip.frames
            assert damage[0].counts["requested_frames"] <= FRAMES
            short = damage[0].counts["frames"] < damage[0].counts["requested_frames"]
            assert short or damage[0].counts["decode_errors"] or damage[0].counts["corrupt_frames"]

    def test_what_is_odd_is_noted(self, fused):
        file = next(each for each in HOSTILE if each.name == "two-video-streams.mp4")
        outcome = fused.of(file)
        assert isinstance(outcome, hfbench.ExtractedClip)
        assert "several_video_streams" in {each.kind for each in outcome.warnings}


@pytest.mark.parametrize("scope", ["fused", "segment"])
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["size-change.mp4", "format-change.mp4"])
class TestAChangeInTheMiddle:
    """90 frames, of another size or format from the 61st on."""

    def window(self, hostile, out, make_clip, name, backend, scope, seconds) -> hfbench.ExtractedClip:
        root, files = hostile
        path = next(each for each in files if each.name == name).path_in(root)
        clips = [hfbench.Clip("a", str(path), 0, *seconds), hfbench.Clip("hdr", str(make_clip.pq()), 0, "0.1")]
        options = hfbench.ExtractOptions(backend=backend, scope=scope, format="jpg")
        result = hfbench.extract(hfbench.Composition(clips), out, options)
        assert not result.failures
        return result.clips[0]

    def test_inside_the_window_it_is_noted_and_no_frame_is_lost(
        self, hostile, tmp_path, make_clip, name, backend, scope
    ):
        clip = self.window(hostile, tmp_path, make_clip, name, backend, scope, ("1", "1.5"))
        assert "size_change" in {each.kind for each in clip.warnings}
        assert ids_of(clip) == list(range(45, 75))
        assert {read_pixels(clip.path_of(index)).shape[1::-1] for index in range(clip.frames)} == {(320, 180)}

    def test_before_the_window_it_is_noted_too(self, hostile, tmp_path, make_clip, name, backend, scope):
        clip = self.window(hostile, tmp_path, make_clip, name, backend, scope, ("0.3", "2.4"))
        # Of a format the program does not tell: its graph begins with the later one.
        assert "size_change" in {each.kind for each in clip.warnings} or (name, backend) == FORMAT_UNTOLD
        assert ids_of(clip) == list(range(72, 81))
        assert {read_pixels(clip.path_of(index)).shape[1::-1] for index in range(clip.frames)} == {(320, 180)}

    def test_after_the_window_it_is_not(self, hostile, tmp_path, make_clip, name, backend, scope):
        clip = self.window(hostile, tmp_path, make_clip, name, backend, scope, ("1", "0.5"))
        assert "size_change" not in {each.kind for each in clip.warnings}
        assert ids_of(clip) == list(range(15, 45))


class TestNothingIsLeft:
    def test_the_sound_clips_are_unharmed(self, either):
        first, last = either.outcome("first"), either.outcome("last")
        assert isinstance(first, hfbench.ExtractedClip)
        assert isinstance(last, hfbench.ExtractedClip)
        assert ids_of(first) == list(range(15))
        assert ids_of(last) == list(range(60, 75))
        assert not {each.kind for each in (*first.warnings, *last.warnings)} - {"jpg_beside_hdr", "untagged_colors"}

    def test_one_outcome_a_clip_in_order(self, either):
        order = [each.clip_id for each in either.result.outcomes if each.clip_id != "hdr"]
        assert order == ["first", *either.ids.values(), "last"]

    def test_no_process_no_open_file_no_folder(self, either):
        assert either.children == []
        assert either.open_after == either.open_before
        assert either.fds[1] <= either.fds[0]
        assert sorted(os.listdir(either.out)) == sorted(clip.clip_id for clip in either.result.clips)
