from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

WORKER = (sys.executable, "-c", "import sys; from hfbench.cli import main; main(['worker', *sys.argv[1:]])")


def told(*options: str, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    lines = "".join(json.dumps(request) + "\n" for request in requests)
    done = subprocess.run([*WORKER, *options], input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_it_says_what_is_fixed() -> None:
    hello, bye = told("--backend", "ffmpeg", "--scope", "segment", requests=[{"op": "hello"}, {"op": "bye"}])
    assert hello["axes"] == {"backend": "ffmpeg", "scope": "segment"}
    assert hello["facts"]["python"]
    assert bye == {"ok": True}


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    import imageio_ffmpeg

    path = tmp_path / "clip.mp4"
    source = ["-f", "lavfi", "-i", "testsrc2=size=64x36:rate=30:duration=1", "-pix_fmt", "yuv420p"]
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *source, path], check=True)
    return path


def test_what_is_fixed_stays_so(clip: Path, tmp_path: Path) -> None:
    composition = {"fps": 30, "clips": [{"id": "a", "src": str(clip), "start": 0, "duration": 0.5}]}
    request = {"op": "run", "id": 1, "scenario": "s", "composition": composition, "out": str(tmp_path / "out")}
    asked = {"backend": "libav", "scope": "fused", "format": "jpg", "workers": 1, "unknown": True}
    (answer,) = told("--backend", "ffmpeg", requests=[{**request, "options": asked}])
    assert answer["ok"] is True, answer
    assert answer["sample"]["frames"] == {"a": 15}
    assert answer["sample"]["metrics"]["processesSpawned"] > 0  # libav, as asked, would spawn none
    assert len(list((tmp_path / "out" / "a").glob("*.jpg"))) == 15


def test_a_warm_cache_is_filled_before_the_clock_starts(clip: Path, tmp_path: Path) -> None:
    composition = {"fps": 30, "clips": [{"id": "a", "src": str(clip), "start": 0, "duration": 0.5}]}
    request = {"op": "run", "scenario": "s", "composition": composition, "options": {"format": "jpg"}}
    answers = told(
        requests=[
            {
                **request,
                "id": 1,
                "cache": cache,
                "out": str(tmp_path / cache),
                "cache_folder": str(tmp_path / f"c-{cache}"),
            }
            for cache in ("cold", "warm")
        ]
    )
    found = [
        (answer["sample"]["metrics"]["cacheHits"], answer["sample"]["metrics"]["cacheMisses"]) for answer in answers
    ]
    assert found == [(0, 1), (1, 0)]
