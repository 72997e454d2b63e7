"""The cache as the engine uses it: what is a hit, what never is, and that nobody is hurt by its trouble."""

from __future__ import annotations

import os
import pickle
import shutil
import time
from pathlib import Path

import pytest

import hfbench
from tests.makers.clip_maker import ClipMaker, files_in, ids_of

Clip = hfbench.Clip
BACKENDS = ("libav", "ffmpeg")


@pytest.fixture
def sdr(make_clip: ClipMaker) -> str:
    return str(make_clip("sdr.mp4"))


@pytest.fixture
def cache(tmp_path) -> Path:
    return tmp_path / "cache"


def extract(out: Path, cache: Path | None, *clips: hfbench.Clip, **options: object) -> hfbench.ExtractionResult:
    options = {"format": "jpg", **options}
    return hfbench.extract(hfbench.Composition(clips), out, hfbench.ExtractOptions(cache=cache, **options))  # type: ignore[arg-type]


def hits(result: hfbench.ExtractionResult) -> tuple[int, int]:
    breakdown = result.breakdown
    return breakdown.cache_hits, breakdown.cache_misses


def entries(cache: Path) -> list[Path]:
    return sorted(path for path in cache.iterdir() if path.name.startswith("hfcache-v1-"))


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_warm_run_opens_no_media_and_starts_no_process(tmp_path, cache, sdr, backend):
    with extract(tmp_path / "1", cache, Clip("a", sdr, 0, 1), backend=backend) as cold:
        assert hits(cold) == (0, 1)
    with extract(tmp_path / "2", cache, Clip("a", sdr, 0, 1), backend=backend) as warm:
        assert hits(warm) == (1, 0)
        assert warm.clips[0].is_cached
        assert ids_of(warm.clips[0]) == list(range(30))
        work = warm.breakdown.work
        assert (work.files_opened, work.processes_spawned, work.frames_decoded, work.frames_written) == (0, 0, 0, 0)
        assert work.packets_read == 0


def test_off_unless_asked(tmp_path, sdr):
    assert hits(extract(tmp_path, None, Clip("a", sdr, 0, 0.2))) == (0, 0)


def test_frames_survive_the_clean_up_of_a_render(tmp_path, cache, sdr):
    with extract(tmp_path / "out", cache, Clip("a", sdr, 0, 0.2)) as result:
        directory = result.clips[0].directory
    shutil.rmtree(tmp_path / "out")
    assert len(files_in(directory)) == 6 + 1  # and the manifest


def test_copied_frames_are_the_caller_s_own(tmp_path, cache, sdr):
    """With ``cached_in_place=False`` the output holds the frames, cold and warm, and editing them hurts nobody."""
    for turn in ("cold", "warm"):
        result = extract(tmp_path / turn, cache, Clip("a", sdr, 0, 0.2), cached_in_place=False)
        assert result.clips[0].directory == tmp_path / turn / "a"
        assert ids_of(result.clips[0]) == list(range(6))
        result.clips[0].path_of(0).write_bytes(b"edited in place")
    assert hits(extract(tmp_path / "again", cache, Clip("a", sdr, 0, 0.2), cached_in_place=False)) == (1, 0)
    with extract(tmp_path / "last", cache, Clip("a", sdr, 0, 0.2)) as last:
        assert ids_of(last.clips[0]) == list(range(6))


@pytest.mark.parametrize(
    "other",
    [{"format": "png"}, {"quality": 60}, {"backend": "ffmpeg"}, {"cache_identity": "content"}],
    ids=["format", "quality", "backend", "identity"],
)
def test_never_a_hit_across(tmp_path, cache, sdr, other):
    """JPEG quality in the cache key; format; backend."""
    extract(tmp_path / "1", cache, Clip("a", sdr, 0, 0.2)).close()
    with extract(tmp_path / "2", cache, Clip("a", sdr, 0, 0.2), **other) as result:
        assert hits(result) == (0, 1)


@pytest.mark.parametrize("scope", ["source", "segment", "fused"])
def test_sdr_frames_cached_alone_are_not_served_beside_hdr(tmp_path, cache, sdr, make_clip, scope):
    """SDR frames cached, then the clip used beside HDR."""
    hdr = Clip("hdr", str(make_clip.pq()), 0, 0.2)
    alone = extract(tmp_path / "1", cache, Clip("a", sdr, 0, 0.2), scope=scope)
    beside = extract(tmp_path / "2", cache, Clip("a", sdr, 0, 0.2), hdr, scope=scope)
    assert hits(beside) == (0, 2)
    assert alone.clips[0].path_of(0).read_bytes() != beside.clips[0].path_of(0).read_bytes()
    again = extract(tmp_path / "3", cache, Clip("a", sdr, 0, 0.2), scope=scope)
    assert hits(again) == (1, 0)
    assert again.clips[0].path_of(0).read_bytes() == alone.clips[0].path_of(0).read_bytes()
    for result in (alone, beside, again):
        result.close()


@pytest.mark.parametrize("damage", ["emptied", "one gone", "zero bytes", "no manifest"])
def test_a_damaged_entry_is_a_miss_and_heals(tmp_path, cache, sdr, damage):
    """a cached entry emptied / one frame gone / one frame zero bytes."""
    extract(tmp_path / "1", cache, Clip("a", sdr, 0, 0.2)).close()
    (entry,) = entries(cache)
    frame = entry / "frame_00003.jpg"
    if damage == "emptied":
        for path in entry.iterdir():
            path.unlink()
    elif damage == "one gone":
        frame.unlink()
    elif damage == "zero bytes":
        frame.write_bytes(b"")
    else:
        (entry / ".hf-complete").unlink()
    with extract(tmp_path / "2", cache, Clip("a", sdr, 0, 0.2)) as healed:
        assert hits(healed) == (0, 1)
        assert ids_of(healed.clips[0]) == list(range(6))
    with extract(tmp_path / "3", cache, Clip("a", sdr, 0, 0.2)) as warm:
        assert hits(warm) == (1, 0)
        assert ids_of(warm.clips[0]) == list(range(6))


def test_an_unusable_folder_is_a_warning_and_the_run_goes_uncached(tmp_path, sdr):
    """cache folder unusable."""
    in_the_way = tmp_path / "file"
    in_the_way.write_text("not a folder")
    result = extract(tmp_path / "out", in_the_way, Clip("a", sdr, 0, 0.2))
    assert [note.kind for note in result.notes] == ["cache_unusable"]
    assert ids_of(result.clips[0]) == list(range(6))


def test_a_changed_source_is_another_source(tmp_path, cache, make_clip):
    path = tmp_path / "clip.mp4"
    shutil.copyfile(make_clip("sdr.mp4"), path)
    extract(tmp_path / "1", cache, Clip("a", str(path), 0, 0.2)).close()
    shutil.copyfile(make_clip("other.mp4", first_id=100), path)
    with extract(tmp_path / "2", cache, Clip("a", str(path), 0, 0.2)) as result:
        assert ids_of(result.clips[0]) == list(range(100, 106))


def test_by_content_a_touched_or_moved_file_still_hits(tmp_path, cache, make_clip):
    first, moved = tmp_path / "first.mp4", tmp_path / "moved.mp4"
    shutil.copyfile(make_clip("sdr.mp4"), first)
    long_ago = time.time() - 3600
    os.utime(first, (long_ago, long_ago))
    extract(tmp_path / "1", cache, Clip("a", str(first), 0, 0.2), cache_identity="content").close()
    os.utime(first)
    shutil.move(first, moved)
    with extract(tmp_path / "2", cache, Clip("a", str(moved), 0, 0.2), cache_identity="content") as result:
        assert hits(result) == (1, 0)
        assert result.breakdown.work.files_opened == 0


def test_failures_never_make_an_entry(tmp_path, cache, sdr):
    result = extract(tmp_path / "1", cache, Clip("gone", "gone.mp4", 0, 1), Clip("late", sdr, 0, 1, 99))
    assert len(result.failures) == 2
    assert entries(cache) == []


def test_damage_stays_with_the_entry(tmp_path, cache, make_clip):
    """Frames with a ``source_damaged`` or ``shorter`` warning carry it into the entry."""
    encoder = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", "30", "-movflags", "+faststart")
    whole = make_clip("faststart.mp4", seconds=4, encoder=encoder).read_bytes()
    half = tmp_path / "half.mp4"
    half.write_bytes(whole[: int(len(whole) * 0.55)])
    seen = []
    for turn in ("cold", "warm"):
        with extract(tmp_path / turn, cache, Clip("a", str(half), 0, 4)) as result:
            seen.append([(warning.kind, dict(warning.counts)) for warning in result.clips[0].warnings])
    assert seen[0] == seen[1]
    assert "source_damaged" in [kind for kind, _ in seen[0]]
    assert hits(result) == (1, 0)
    strict = extract(tmp_path / "strict", cache, Clip("a", str(half), 0, 4), strict=True)
    assert [failure.kind.value for failure in strict.failures] == ["source_damaged"]


def test_a_result_pickles_without_its_leases(tmp_path, cache, sdr):
    extract(tmp_path / "1", cache, Clip("a", sdr, 0, 0.2)).close()
    with extract(tmp_path / "2", cache, Clip("a", sdr, 0, 0.2)) as result:
        assert pickle.loads(pickle.dumps(result)) == result
