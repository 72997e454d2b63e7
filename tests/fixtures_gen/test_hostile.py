"""The hostile set is what it says it is: checked with PyAV alone, in another process with a time limit."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from fixtures_gen.hostile import HOSTILE, HostileFile, write_hostile

if TYPE_CHECKING:
    from pathlib import Path

Looks = dict[str | bytes, dict[str, Any]]

KINDS = {
    "invalid_media",
    "not_a_regular_file",
    "source_missing",
    "no_frames",
    "source_damaged",
    "too_large",
    "long_hold",
    "unsupported_media",
    "ok",
}
ALLOWED = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,avi,flv,h264"
PROBE = f"""
import av, json, sys
from av.stream import Disposition
av.logging.set_level(None)
def look(path):
    try:
        container = av.open(path, options={{"protocol_whitelist": "file", "format_whitelist": "{ALLOWED}"}})
    except (av.FFmpegError, OSError, ValueError):
        return {{"opened": False}}
    with container:
        streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
        if not streams or streams[0].codec_context is None:
            return {{"opened": False}}
        stream, frames, errors, corrupt = streams[0], 0, 0, 0
        area = stream.codec_context.width * stream.codec_context.height
        if area > 1e8:
            return {{"opened": True, "huge": True}}
        sizes = set()
        for packet in container.demux(stream):
            try:
                for frame in packet.decode():
                    frames += 1
                    corrupt += frame.is_corrupt
                    sizes.add((frame.width, frame.height, frame.format.name))
            except av.FFmpegError:
                errors += 1
        return {{"opened": True, "huge": False, "frames": frames, "bad": errors + corrupt, "sizes": len(sizes)}}
for path in json.load(sys.stdin):
    print(json.dumps(look(path)), flush=True)
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    assert len(write_hostile(folder)) >= 45
    return folder


@pytest.fixture(scope="module")
def seen(root: Path) -> Looks:
    regular = [h for h in HOSTILE if h.path_in(root).is_file() and not h.path_in(root).is_symlink()]
    paths = json.dumps([str(h.path_in(root).absolute()) for h in regular])
    told = subprocess.run(
        [sys.executable, "-c", PROBE], input=paths, capture_output=True, text=True, check=False, timeout=120
    )
    assert told.returncode == 0, told.stderr
    return dict(zip((h.name for h in regular), map(json.loads, told.stdout.splitlines()), strict=True))


def ids(hostile: HostileFile) -> str:
    return ascii(hostile.name)


def test_there_are_enough_of_known_kinds_and_different_names() -> None:
    assert len(HOSTILE) >= 45
    assert len({h.name for h in HOSTILE}) == len(HOSTILE)
    assert all(h.expected and h.expected <= KINDS and h.how for h in HOSTILE)


def test_they_are_the_same_every_time(root: Path, tmp_path: Path) -> None:
    write_hostile(tmp_path)
    write_hostile(tmp_path)  # over the first ones
    for hostile in HOSTILE:
        path = hostile.path_in(root)
        if path.is_file() and not path.is_symlink():
            assert hostile.path_in(tmp_path).read_bytes() == path.read_bytes(), hostile.name
    assert [p for p in tmp_path.iterdir() if p.name.startswith(".hostile")] == []


@pytest.mark.parametrize("hostile", [h for h in HOSTILE if h.expected == {"invalid_media"}], ids=ids)
def test_what_is_no_media_gives_no_video_stream(seen: Looks, hostile: HostileFile) -> None:
    assert seen[hostile.name] == {"opened": False}


@pytest.mark.parametrize("hostile", [h for h in HOSTILE if h.expected == {"ok"}], ids=ids)
def test_what_is_sound_decodes_without_a_complaint(seen: Looks, hostile: HostileFile) -> None:
    if hostile.name not in seen:
        pytest.skip("this file system does not allow the name")
    look = seen[hostile.name]
    assert look["frames"] in {1, 60}
    assert look["bad"] == 0


@pytest.mark.parametrize("hostile", [h for h in HOSTILE if h.expected == {"source_damaged"}], ids=ids)
def test_what_is_damaged_gives_some_frames_and_some_errors(seen: Looks, hostile: HostileFile) -> None:
    look = seen[hostile.name]
    assert 0 < look["frames"] < 60
    assert look["bad"] > 0


@pytest.mark.parametrize("name", ["stco-out-of-range.mp4", "stsz-huge.mp4", "no-keyframes.mp4"])
def test_what_has_no_frames_opens_without_an_error(seen: Looks, name: str) -> None:
    assert seen[name] == {"opened": True, "huge": False, "frames": 0, "bad": 0, "sizes": 0}


def test_the_huge_picture_is_declared_before_decoding(seen: Looks) -> None:
    assert seen["huge-16000.mov"] == {"opened": True, "huge": True}


@pytest.mark.parametrize("name", ["size-change.mp4", "format-change.mp4"])
def test_changes_on_the_way_are_silent_in_the_library(seen: Looks, name: str) -> None:
    assert (seen[name]["sizes"], seen[name]["bad"], seen[name]["frames"]) == (2, 0, 90)


def test_special_files_are_special(root: Path) -> None:
    assert stat.S_ISFIFO(os.lstat(root / "fifo.mp4").st_mode)
    assert stat.S_ISSOCK(os.lstat(root / "socket.mp4").st_mode)
    assert (root / "directory.mp4").is_dir()
    assert (root / "loop.mp4").is_symlink()
    assert not (root / "dangling.mp4").exists()
