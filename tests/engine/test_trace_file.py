from __future__ import annotations

import itertools
import json
from collections import defaultdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import hfbench
from hfbench.engine.trace_file import write_trace
from hfbench.errors import OutputError
from hfbench.model.profile import ProfileRecorder, StageProfile
from tests.makers.clip_maker import ClipMaker


@pytest.fixture(scope="module")
def extracted(make_clip: ClipMaker, tmp_path_factory: pytest.TempPathFactory) -> hfbench.ExtractionResult:
    """Two clips of two files, of which one is brought to the other's colours."""
    clips = (
        hfbench.Clip("sdr", str(make_clip("plain.mp4")), Fraction(0), Fraction(1, 2)),
        hfbench.Clip("hdr", str(make_clip.pq()), Fraction(0), Fraction(1, 2)),
    )
    out, recorder = tmp_path_factory.mktemp("out"), ProfileRecorder()
    return hfbench.extract(hfbench.Composition(clips), out, hfbench.ExtractOptions(format="png"), recorder=recorder)


def events(profile: StageProfile, folder: Path) -> list[dict[str, Any]]:
    write_trace(profile, folder / "trace.json")
    document = json.loads((folder / "trace.json").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = document["traceEvents"]
    return found


def test_every_step_of_every_picture_is_in_the_profile(extracted: hfbench.ExtractionResult) -> None:
    assert extracted.profile is not None
    count: dict[str, int] = defaultdict(int)
    for span in extracted.profile.spans:
        count[span.activity.value] += 1
    pictures = 30  # 15 of each clip, none held
    assert count["convert"] == count["encode"] == count["write"] == count["wait"] == pictures
    assert count["decode"] >= pictures
    assert count["demux"] >= pictures
    assert {span.source for span in extracted.profile.spans} == {"plain.mp4", "pq.mp4"}


def test_gauges_of_frames_come_back_to_zero_and_bytes_are_those_written(extracted: hfbench.ExtractionResult) -> None:
    assert extracted.profile is not None
    last = {gauge.name: gauge.value for gauge in extracted.profile.gauges}
    assert last["frames in flight"] == 0
    assert last["bytes written"] == extracted.breakdown.work.bytes_written
    assert last["resident memory"] > 10_000_000


def test_spans_of_a_track_do_not_overlap(extracted: hfbench.ExtractionResult, tmp_path: Path) -> None:
    assert extracted.profile is not None
    tracks: dict[tuple[int, int], list[tuple[float, float]]] = defaultdict(list)
    for event in events(extracted.profile, tmp_path):
        if event["ph"] == "X":
            tracks[event["pid"], event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
    assert len(tracks) > 2
    for spans in tracks.values():
        spans.sort()
        assert all(end <= start + 0.001 for (_, end), (start, _) in itertools.pairwise(spans))


def test_every_track_has_a_name_and_every_source_a_group(extracted: hfbench.ExtractionResult, tmp_path: Path) -> None:
    assert extracted.profile is not None
    found = events(extracted.profile, tmp_path)
    named = {(event["pid"], event.get("tid")) for event in found if event["ph"] == "M"}
    used = {(event["pid"], event["tid"]) for event in found if event["ph"] == "X"}
    assert used <= named
    groups = {event["args"]["name"] for event in found if event["name"] == "process_name"}
    assert groups == {"threads and processes", "plain.mp4", "pq.mp4"}
    assert all(event["ts"] >= 0 for event in found if event["ph"] in {"X", "C"})
    assert {event["name"] for event in found if event["ph"] == "C"} == {
        "frames in flight",
        "bytes written",
        "resident memory",
    }


def test_without_a_recorder_there_is_no_profile(make_clip: ClipMaker, tmp_path: Path) -> None:
    clip = hfbench.Clip("a", str(make_clip("plain.mp4")), Fraction(0), Fraction(1, 10))
    result = hfbench.extract(hfbench.Composition((clip,)), tmp_path)
    assert result.profile is None
    assert "profile" not in result.to_json()


def test_the_ffmpeg_program_is_one_activity(make_clip: ClipMaker, tmp_path: Path) -> None:
    clip = hfbench.Clip("a", str(make_clip("plain.mp4")), Fraction(0), Fraction(1, 10))
    options = hfbench.ExtractOptions(backend="ffmpeg")
    result = hfbench.extract(hfbench.Composition((clip,)), tmp_path, options, recorder=ProfileRecorder())
    assert result.profile is not None
    assert "program" in {span.activity.value for span in result.profile.spans}


def test_a_place_that_cannot_be_written_is_named(extracted: hfbench.ExtractionResult, tmp_path: Path) -> None:
    assert extracted.profile is not None
    with pytest.raises(OutputError, match="trace"):
        write_trace(extracted.profile, tmp_path / "missing" / "trace.json")
