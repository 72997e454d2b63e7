"""What may leave: the allow-list, value by value."""

from __future__ import annotations

import json
import math
import re
from enum import Enum
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfbench.model.metrics import METRICS
from hfbench.model.plan import Scope
from hfbench.model.result import FailureKind
from hfbench.telemetry.base import TelemetryEvent
from hfbench.telemetry.events import (
    EVENT_FIELDS,
    METRIC_KEYS,
    PHASE_KEYS,
    machine_facts,
    render_complete,
    render_failed,
    screen,
)
from hfbench.telemetry.fields import LARGEST_INTEGER, Count, Flag, Milliseconds, Version, Word

#: The keys that HyperFrames' own event has, spelled out: what readers of this event already look for.
HYPERFRAMES_KEYS = {
    "tmp_peak_bytes",
    "stage_video_extract_ms",
    "extract_resolve_ms",
    "extract_hdr_probe_ms",
    "extract_hdr_preflight_ms",
    "extract_hdr_preflight_count",
    "extract_vfr_probe_ms",
    "extract_vfr_preflight_ms",
    "extract_vfr_preflight_count",
    "extract_phase3_ms",
    "extract_cache_hits",
    "extract_cache_misses",
}


def test_the_fields_keys_are_kept() -> None:
    assert EVENT_FIELDS.keys() >= HYPERFRAMES_KEYS
    event = render_complete({"extractMs": 69, "videoExtractMs": 231}, {})
    assert dict(event.properties) == {"extract_phase3_ms": 69.0, "stage_video_extract_ms": 231.0}


def test_every_metric_has_a_key() -> None:
    assert METRIC_KEYS.keys() == METRICS.keys()
    assert len(set(METRIC_KEYS.values())) == len(METRIC_KEYS)


def test_phases_run_in_order() -> None:
    assert PHASE_KEYS == (
        "extract_resolve_ms",
        "extract_hdr_probe_ms",
        "extract_vfr_probe_ms",
        "extract_hdr_preflight_ms",
        "extract_vfr_preflight_ms",
        "extract_phase3_ms",
    )


def test_units_are_in_the_keys() -> None:
    for field in EVENT_FIELDS.values():
        assert (field.kind.unit == "ms") == field.name.endswith("_ms"), field.name


def test_unknown_is_absent_and_never_null() -> None:
    event = render_complete(
        {"packetsRead": None, "resolveMs": 1, "madeUp": 3}, {"scope": None, "more": "x", "cores": 2}
    )
    assert dict(event.properties) == {"extract_resolve_ms": 1.0, "cores": 2}
    assert "null" not in event.to_line()


def test_failures_are_counted_by_kind() -> None:
    event = render_failed({"invalid_media": 2, "timeout": 1, "johns_kind": 3, "cancelled": 0}, {"scope": "source"})
    assert dict(event.properties) == {
        "failure_count": 6,
        "failures_invalid_media": 2,
        "failures_timeout": 1,
        "failures_other": 3,
        "scope": "source",
    }


def test_every_failure_kind_has_a_key() -> None:
    assert {f"failures_{kind.value}" for kind in FailureKind} <= EVENT_FIELDS.keys()


def test_the_other_events_keys_are_left_out() -> None:
    assert dict(render_failed({}, {"tmp_peak_bytes": 3}).properties) == {"failure_count": 0}
    assert dict(render_complete({}, {"failures_timeout": 3, "tmp_peak_bytes": 3}).properties) == {}


@pytest.mark.parametrize(
    ("metric", "value", "expected"),
    [
        ("framesDecoded", 60, 60),
        ("framesDecoded", 60.0, 60),
        ("framesDecoded", np.int64(60), 60),
        ("framesDecoded", LARGEST_INTEGER, LARGEST_INTEGER),
        ("framesDecoded", LARGEST_INTEGER + 1, None),
        ("framesDecoded", 60.5, None),
        ("framesDecoded", -1, None),
        ("framesDecoded", True, None),
        ("framesDecoded", "60", None),
        ("framesDecoded", 10**400, None),
        ("cpuMs", 1.23456, 1.235),
        ("cpuMs", np.float32(1.5), 1.5),
        ("cpuMs", Fraction(1, 2), 0.5),
        ("cpuMs", math.nan, None),
        ("cpuMs", math.inf, None),
        ("cpuMs", -0.1, None),
        ("cpuMs", 1j, None),
    ],
)
def test_numbers(metric: str, value: object, expected: float | None) -> None:
    found = render_complete({metric: value}, {}).properties  # type: ignore[dict-item]
    assert list(found.values()) == ([] if expected is None else [expected])
    assert all(type(each) is type(expected) for each in found.values())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("18.1.0", "18.1.0"),
        ("7.1", "7.1"),
        ("n7.1-12-gabc", "7.1"),
        ("5.1.9-0+deb12u1", "5.1.9"),
        ("1.0rc1", "1.0rc1"),
        ("0.2.0.dev3+ann.laptop", "0.2.0.dev3"),
        ("0.2.0+ann.laptop", "0.2.0"),
        ("192.168.1.17", None),
        ("10.0.0.5:4318", None),
        ("/home/ann/7.1", None),
        ("ann-7.1", None),
        ("7", None),
        ("", None),
        (7.1, None),
        ("\u0667.\u0661", None),
    ],
)
def test_versions_hold_three_numbers_and_nothing_else(text: object, expected: str | None) -> None:
    assert Version().clean(text) == expected


def test_words_are_the_tables_own() -> None:
    class Sly(str):
        __slots__ = ()

        def __str__(self) -> str:
            return "/home/ann"

    kind = Word(("fused", "macos"), (("darwin", "macos"),))
    assert kind.clean(Scope.FUSED) == "fused"
    assert kind.clean("Darwin") == "macos"
    assert kind.clean("ann") is None
    assert type(kind.clean(Sly("fused"))) is str
    assert kind.clean(Enum("E", {"A": 3}).A) is None  # type: ignore[attr-defined]


def test_this_machines_facts() -> None:
    facts = machine_facts({"CI": "true"})
    assert facts["ci"] is True
    assert isinstance(facts["cores"], int)
    assert {"hfbench_version", "python_version", "os", "arch"} <= facts.keys()
    assert machine_facts({})["ci"] is False


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.lists(st.integers())
KEYS = st.sampled_from([*METRICS, *EVENT_FIELDS, "path", "user"]) | st.text()


@given(st.dictionaries(KEYS, SCALARS), st.dictionaries(KEYS, SCALARS))
def test_whatever_goes_in_only_the_table_comes_out(breakdown: dict[str, object], facts: dict[str, object]) -> None:
    words = {word for field in EVENT_FIELDS.values() if isinstance(field.kind, Word) for word in field.kind.words}
    for event in (render_complete(breakdown, facts), render_failed(breakdown, facts)):  # type: ignore[arg-type]
        assert event == screen(event)
        json.loads(event.to_line())
        for key, value in event.properties.items():
            assert event.name in EVENT_FIELDS[key].events
            assert type(value) in {bool, int, float, str}
            if isinstance(value, str):
                assert value in words or re.fullmatch(
                    r"[0-9]{1,4}(\.[0-9]{1,4}){1,2}((a|b|rc|\.post|\.dev)[0-9]{1,4})?", value
                )


def test_event_of_another_name_may_not_leave() -> None:
    assert screen(TelemetryEvent("render_started", {"scope": "fused"})) is None


def type_name(kind: object) -> str:
    if isinstance(kind, Word):
        return " / ".join(f"`{word}`" for word in kind.words)
    return {Count: "integer", Milliseconds: "number", Flag: "boolean", Version: "version"}[type(kind)]


def fields_as_markdown() -> str:
    """The table of ``docs/telemetry.md``."""
    rows = ["| key | type | unit | events | meaning |", "|---|---|---|---|---|"]
    for field in EVENT_FIELDS.values():
        events = ", ".join(f"`{event}`" for event in field.events)
        source = f" (`{field.metric}`)" if field.metric else ""
        kind = f"{type_name(field.kind)} | {field.kind.unit}"
        rows.append(f"| `{field.name}` | {kind} | {events} | {field.meaning}{source} |")
    return "\n".join(rows) + "\n"


def test_documented_table_is_the_codes_table() -> None:
    text = (Path(__file__).parents[2] / "docs" / "telemetry.md").read_text(encoding="utf-8")
    _, _, after = text.partition("<!-- fields: begin -->\n")
    table, end, _ = after.partition("<!-- fields: end -->")
    assert end
    assert table == fields_as_markdown(), f"the table must be:\n{fields_as_markdown()}"
