"""What is handed back: frozen, picklable, and JSON with the keys that are promised."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType

import pytest

import hfbench
from hfbench import Clip, ClipFailure, ClipWarning, ExtractedClip, ExtractionResult, FailureKind
from hfbench.backends.base import ClipTrouble, damage_warning
from hfbench.color import ColorTags, HdrTarget
from hfbench.errors import HfbenchError, OutputError
from hfbench.model.cancellation import CancelToken, Control, StopWork
from hfbench.model.media import ContentLight, HdrFacts, MasteringDisplay, MediaInfo, Orientation
from hfbench.model.metrics import METRICS, Breakdown, Phase, PhaseTiming, WorkCounters
from hfbench.model.plan import ClipPlan, ImageFormat
from hfbench.model.result import Placement
from hfbench.timebase import FrameGrid
from tests.makers.media_maker import PQ_TAGS, media_info, planned, timing

WORK = WorkCounters(1, 2, 3, 4, 5, 6, 7)
TIMINGS = (PhaseTiming(Phase.RESOLVE, 1.0), PhaseTiming(Phase.EXTRACT, 2.00049), PhaseTiming(Phase.EXTRACT, 3.0))
BREAKDOWN = Breakdown(TIMINGS, 9.5, 4.25, 1, 2, 3, 4, 500, 400, WORK)
PLACE = Placement(Fraction(0), Fraction(2), Fraction(1), Fraction(30))
WARNING = ClipWarning("source_damaged", "the source is damaged", {"requested_frames": 60, "frames": 30})
CLIP = ExtractedClip("a", 60, Path("out/a"), "frame_%05d.jpg", (320, 180), PLACE, (WARNING,))
FAILURE = ClipFailure("b", FailureKind.TIMEOUT, "took longer than 3 s", "why")
RESULT = ExtractionResult((CLIP, FAILURE), BREAKDOWN, (ClipWarning("no_source", "left out"),))
LIGHT = MasteringDisplay(((0.7, 0.3), (0.2, 0.8), (0.1, 0.05)), (0.31, 0.33), 0.01, 1000.0)
MEDIA = media_info(tags=PQ_TAGS, hdr=HdrFacts(LIGHT, ContentLight(1000, 400), 8), notes=(("kind", "message"),))


def plan(**options: object) -> ClipPlan:
    made = planned(Clip("a", "a.mp4", 0, 4), media_info(timing=timing(2, is_vfr=True)), target=HdrTarget.PQ, **options)
    assert isinstance(made, ClipPlan)
    return made


VALUES = [
    *(WORK, BREAKDOWN, PLACE, WARNING, CLIP, FAILURE, RESULT, MEDIA, MEDIA.timing, MEDIA.hdr, ColorTags()),
    *(plan(scope=scope) for scope in ("source", "segment", "fused")),
    *(FrameGrid(Fraction(0), Fraction(30), 3), Clip("a", "a.mp4", 0, 1)),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
class TestEveryValue:
    def test_is_frozen(self, value):
        name = dataclasses.fields(value)[0].name
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, name, None)
        with pytest.raises((AttributeError, TypeError)):
            value.something_new = 1

    def test_pickles_and_copies_to_an_equal_one(self, value):
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
            assert pickle.loads(pickle.dumps(value, protocol)) == value
        assert copy.deepcopy(value) == value

    def test_two_equal_ones_are_one_in_a_set(self, value):
        assert len({value, copy.deepcopy(value)}) == 1


class TestJson:
    def test_the_result_has_the_promised_keys(self):
        document = json.loads(json.dumps(RESULT.to_json(), allow_nan=False))
        assert set(document) >= {"success", "clips", "failures", "breakdown"}
        assert document["success"] is False
        assert set(document["clips"][0]) >= {"id", "frames", "directory", "pattern", "warnings"}
        assert set(document["failures"][0]) >= {"id", "kind", "retryable", "message"}
        assert document["clips"][0]["warnings"] == [
            {"kind": "source_damaged", "message": "the source is damaged", "requested_frames": 60, "frames": 30}
        ]
        assert document["failures"][0]["kind"] == "timeout"
        assert document["failures"][0]["retryable"] is True

    def test_the_breakdown_has_every_metric_of_the_table_and_no_other(self):
        document = BREAKDOWN.to_json()
        assert list(document) == list(METRICS)
        table = (
            "resolveMs hdrProbeMs hdrPreflightMs hdrPreflightCount vfrProbeMs vfrPreflightMs vfrPreflightCount "
            "extractMs cacheHits cacheMisses videoExtractMs tmpPeakBytes tmpFinalBytes cpuMs filesOpened packetsRead "
            "framesDecoded "
            "framesConverted framesWritten bytesWritten processesSpawned"
        )
        assert set(document) >= set(table.split())
        assert document["extractMs"] == 5.0
        assert document["vfrProbeMs"] == 0
        assert (document["tmpPeakBytes"], document["tmpFinalBytes"]) == (500, 400)
        assert [document[name] for name in table.split()[-7:]] == [1, 2, 3, 4, 5, 6, 7]

    def test_outcomes_keep_the_clips_order(self):
        assert RESULT.clips == (CLIP,)
        assert RESULT.failures == (FAILURE,)
        assert not RESULT.success
        assert ExtractionResult((CLIP,), BREAKDOWN).success


class TestCounters:
    def test_they_add_field_by_field(self):
        assert WorkCounters(2, 4, 6, 8, 10, 12, 14) == WORK + WORK
        assert WorkCounters() + WORK == WORK

    def test_an_unknown_packet_count_stays_unknown(self):
        unknown = WorkCounters(packets_read=None)
        assert (unknown + WORK).packets_read is None
        assert (WORK + unknown).packets_read is None


class TestWords:
    def test_only_some_failures_are_worth_a_retry(self):
        assert {kind for kind in FailureKind if kind.is_retryable} == {
            FailureKind.TIMEOUT,
            FailureKind.CANCELLED,
            FailureKind.FETCH_FAILED,
            FailureKind.ENGINE_KILLED,
        }

    @pytest.mark.parametrize("kind", list(FailureKind))
    def test_kinds_are_plain_words(self, kind):
        assert kind.value == kind.name.lower()

    @pytest.mark.parametrize(
        ("wanted", "got", "errors", "corrupt", "says"),
        [
            (60, 60, 0, 0, None),
            (60, 61, 0, 0, None),
            (60, 59, 0, 0, "59 of 60"),
            (60, 60, 2, 0, "2"),
            (9, 9, 0, 1, "1"),
        ],
    )
    def test_damage(self, wanted, got, errors, corrupt, says):
        warning = damage_warning(wanted=wanted, got=got, decode_errors=errors, corrupt_frames=corrupt)
        if says is None:
            assert warning is None
            return
        assert warning is not None
        assert says in warning.message
        assert dict(warning.counts) == {
            "requested_frames": wanted,
            "frames": got,
            "decode_errors": errors,
            "corrupt_frames": corrupt,
        }

    def test_a_warnings_counts_cannot_be_changed(self):
        counts = {"frames": 1}
        warning = ClipWarning("a", "b", MappingProxyType(counts))
        with pytest.raises(TypeError):
            warning.counts["frames"] = 2

    @pytest.mark.parametrize(
        "error", [HfbenchError("a", diagnostic="b"), OutputError("a"), ClipTrouble(FailureKind.NO_FRAMES, "a", "b")]
    )
    def test_errors_say_themselves(self, error):
        assert str(error) == error.message == "a"

    @pytest.mark.parametrize("error", [HfbenchError("a", diagnostic="b"), OutputError("a", diagnostic="b")])
    def test_errors_cross_processes_whole(self, error):
        again = pickle.loads(pickle.dumps(error))
        assert (again.message, again.diagnostic) == ("a", "b")


class TestMediaInfo:
    @pytest.mark.parametrize("turn", list(Orientation))
    def test_display_size(self, turn):
        turned = {"QUARTER_CLOCKWISE", "QUARTER_ANTICLOCKWISE", "TRANSPOSE", "ANTITRANSPOSE"}
        media: MediaInfo = media_info(orientation=turn, width=720, height=480, sample_aspect_ratio=Fraction(8, 9))
        assert media.display_size == ((480, 640) if turn.name in turned else (640, 480))

    def test_patterns_name_frames_from_one(self):
        assert CLIP.path_of(0) == Path("out/a/frame_00001.jpg")
        assert CLIP.path_of(59) == Path("out/a/frame_00060.jpg")
        assert plan(format="png16").image.pattern == "frame_%05d.png"
        assert [each.suffix for each in ImageFormat] == [".jpg", ".png", ".png"]


class TestControl:
    def test_a_cancelled_token_stops_all_work_under_it(self):
        token = CancelToken()
        control = Control(token, 100)
        control.check()
        token.cancel()
        assert token.is_cancelled
        for each in (control, control.restarted()):
            with pytest.raises(StopWork) as stop:
                each.check()
            assert FailureKind(stop.value.kind) is FailureKind.CANCELLED

    def test_cancelled_wins_over_late(self):
        token = CancelToken()
        token.cancel()
        with pytest.raises(StopWork) as stop:
            Control(token, -1).check()
        assert stop.value.kind == "cancelled"

    def test_late_is_a_timeout(self):
        with pytest.raises(StopWork) as stop:
            Control(limit_seconds=-1).check()
        assert FailureKind(stop.value.kind) is FailureKind.TIMEOUT


def test_every_public_name_loads():
    assert all(getattr(hfbench, name) is not None for name in hfbench.__all__)
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        _ = hfbench.nothing_of_the_kind
