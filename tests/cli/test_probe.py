"""``hfbench probe``: what the table and the document say of a file's dynamic range and streams."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import imageio_ffmpeg
import pytest
from click.testing import CliRunner

from hfbench.backends.libav.probe import probe
from hfbench.cli.probe import command, dynamic_range
from hfbench.model.cancellation import Control
from hfbench.model.media import HdrFacts

if TYPE_CHECKING:
    from pathlib import Path

    from hfbench.model.media import MediaInfo


@pytest.fixture(scope="module")
def two_streams(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small video stream first, a large one second, neither marked as the default."""
    path = tmp_path_factory.mktemp("media") / "two.mkv"
    sources = ["-f", "lavfi", "-i", "testsrc=s=64x48:d=1:r=5", "-f", "lavfi", "-i", "testsrc=s=128x96:d=1:r=5"]
    streams = ["-map", "0", "-map", "1", "-c:v", "libx264", "-disposition", "0", str(path)]
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *sources, *streams], check=True)
    return path


@pytest.fixture(scope="module")
def media(two_streams: Path) -> MediaInfo:
    return probe(two_streams, Control()).media


@pytest.mark.parametrize(
    ("facts", "shown"),
    [
        (HdrFacts(), "SDR"),
        (HdrFacts(dolby_vision_profile=5), "SDR, Dolby Vision 5"),
        (HdrFacts(dolby_vision_profile=5, dolby_vision_compatibility=0), "SDR, Dolby Vision 5"),
        (HdrFacts(dolby_vision_profile=8, dolby_vision_compatibility=4), "SDR, Dolby Vision 8.4"),
        (HdrFacts(has_hdr10_plus=True), "SDR, HDR10+"),
        (
            HdrFacts(dolby_vision_profile=8, dolby_vision_compatibility=1, has_hdr10_plus=True),
            "SDR, Dolby Vision 8.1, HDR10+",
        ),
    ],
)
def test_dynamic_metadata_is_named(media: MediaInfo, facts: HdrFacts, shown: str) -> None:
    assert dynamic_range(replace(media, hdr=facts)) == shown


def test_the_stream_that_is_used(two_streams: Path) -> None:
    done = CliRunner().invoke(command, [str(two_streams), "--json"])
    assert done.exit_code == 0
    (found,) = json.loads(done.stdout)["files"]
    assert (found["videoStream"], found["width"], found["height"]) == (1, 128, 96)
    assert (found["dolbyVisionProfile"], found["dolbyVisionCompatibility"], found["hdr10Plus"]) == (None, None, False)
    assert "several_video_streams" in [note["kind"] for note in found["notes"]]
    table = CliRunner().invoke(command, [str(two_streams)]).stdout.splitlines()
    assert table[-1].startswith("two.mkv: the file has 2 video streams")
