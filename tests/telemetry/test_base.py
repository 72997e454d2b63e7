"""Events, specs, endpoints, the registry."""

from __future__ import annotations

import json
import math
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfbench.errors import HfbenchError, MachineError, NotInstalledError, UsageError
from hfbench.telemetry.base import SinkFactory, SinkSpec, TelemetryEvent
from hfbench.telemetry.clients import require
from hfbench.telemetry.endpoint import check_url, parse_endpoint
from hfbench.telemetry.registry import BUILT_IN, find_factory

if TYPE_CHECKING:
    from pathlib import Path


def test_event_is_frozen_and_copies_its_properties() -> None:
    properties = {"a": 1}
    event = TelemetryEvent("x", properties)
    properties["a"] = 2
    assert event.properties["a"] == 1
    with pytest.raises(TypeError):
        event.properties["a"] = 3  # type: ignore[index]
    with pytest.raises(FrozenInstanceError):
        event.name = "y"  # type: ignore[misc]


@pytest.mark.parametrize("value", [None, math.nan, math.inf, [1], b"x", {"a": 1}])
def test_event_refuses_what_is_no_finite_scalar(value: object) -> None:
    with pytest.raises(UsageError, match="'a' must be a finite str, int, float or bool"):
        TelemetryEvent("x", {"a": value})  # type: ignore[dict-item]


@given(
    st.dictionaries(
        st.text(), st.text() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    )
)
def test_line_is_one_line_of_plain_json(properties: dict[str, str | int | float | bool]) -> None:
    line = TelemetryEvent("x", properties, 1_700_000_000_123_456_789).to_line()
    assert line.isascii()
    assert "\n" not in line
    assert json.loads(line) == {
        "schema": 1,
        "event": "x",
        "timestamp": "2023-11-14T22:13:20.123456+00:00",
        "properties": properties,
    }


def test_event_knows_when_it_happened() -> None:
    before = datetime.now(tz=UTC)
    event = TelemetryEvent("x", {})
    assert abs((event.moment - before).total_seconds()) < 60


@pytest.mark.parametrize(
    ("text", "scheme", "target"),
    [
        ("jsonl:runs.jsonl", "jsonl", "runs.jsonl"),
        ("sqlite:/a b/c:d.db", "sqlite", "/a b/c:d.db"),
        ("POSTHOG:", "posthog", ""),
        (" otlp:http://h:4318 ", "otlp", "http://h:4318"),
        ("my-sink.v2:x", "my-sink.v2", "x"),
    ],
)
def test_spec_is_scheme_and_target(text: str, scheme: str, target: str) -> None:
    assert SinkSpec.parse(text) == SinkSpec(scheme, target)


@pytest.mark.parametrize("text", ["", "stdout", "runs.jsonl", ":x", "1x:y", "/a/b:c"])
def test_spec_without_scheme_gets_one_line_that_says_what_to_write(text: str) -> None:
    with pytest.raises(UsageError, match=r"has no scheme: write jsonl:FILE, .* stdout: or memory:$") as caught:
        SinkSpec.parse(text)
    assert "\n" not in str(caught.value)


def test_key_in_a_spec_is_not_shown() -> None:
    spec = SinkSpec.parse("posthog:https://h?key=phc_secret")
    assert spec.label == "posthog:https://h"
    assert "secret" not in repr(spec)
    assert "secret" not in repr(parse_endpoint(spec, frozenset({"key"})))


def test_endpoint_is_url_and_options() -> None:
    endpoint = parse_endpoint(SinkSpec("posthog", "https://h:1/p/?key=a%26b"), frozenset({"key"}))
    assert (endpoint.url, dict(endpoint.options)) == ("https://h:1/p", {"key": "a&b"})
    assert parse_endpoint(SinkSpec("posthog", "?key=k"), frozenset({"key"})).url == ""


@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        ("ftp://h", "must look like https://host"),
        ("h:4318", "must look like https://host"),
        ("http://", "must look like https://host"),
        ("http://h:99999", "can't be read"),
        ("http://[::1", "can't be read"),
        ("http://ann:pw@h", "must hold no user name"),
        ("http://h#x", "must end with the path"),
        ("http://h/a b", "a blank or a control character"),
        ("http://h\n.evil", "a blank or a control character"),
        ("http://h?token=x", "option 'token' is unknown; allowed: key"),
        ("http://h?key=", "option 'key' is empty"),
        ("http://h?key=a&key=b", "given twice"),
        ("http://h?key", "name=value"),
    ],
)
def test_bad_endpoint_gets_one_line(target: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=r"^sink posthog:") as caught:
        parse_endpoint(SinkSpec("posthog", target), frozenset({"key"}))
    assert complaint in caught.value.message


@given(st.text(max_size=40))
def test_any_text_is_an_endpoint_or_one_clear_error(text: str) -> None:
    try:
        url = check_url(text, "x")
    except UsageError:
        return
    assert url.lower().startswith(("http://", "https://"))


@pytest.mark.parametrize("scheme", BUILT_IN)
def test_built_in_sinks_are_found_without_their_clients(scheme: str) -> None:
    factory = find_factory(scheme)
    assert factory.network == (scheme in {"posthog", "otlp"})


def test_unknown_sink_gets_the_list() -> None:
    with pytest.raises(UsageError, match=r"^unknown sink 'kafka'; known are jsonl:, sqlite:, posthog:, otlp:, stdout:"):
        find_factory("kafka")


class ThirdParty:
    FACTORY = SinkFactory(lambda *_: None)  # type: ignore[arg-type,return-value]
    NOT_A_FACTORY = 3


def offer(monkeypatch: pytest.MonkeyPatch, **points: str) -> None:
    made = tuple(EntryPoint(name, value, "hfbench.sinks") for name, value in points.items())
    monkeypatch.setattr("importlib.metadata.entry_points", lambda *, group: made if group == "hfbench.sinks" else ())


def test_third_party_sink_is_found_by_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, kafka=f"{__name__}:ThirdParty.FACTORY", broken="no_such_module_at_all:x")
    assert find_factory("kafka") is ThirdParty.FACTORY  # and the broken one, which nobody asked for, is not imported


def test_third_party_can_not_take_over_a_built_in_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, jsonl=f"{__name__}:ThirdParty.FACTORY")
    assert find_factory("jsonl") is not ThirdParty.FACTORY


@pytest.mark.parametrize("value", ["no_such_module_at_all:x", f"{__name__}:ThirdParty.NOT_A_FACTORY"])
def test_broken_third_party_gets_one_line(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, kafka=value)
    with pytest.raises(MachineError, match=r"^sink 'kafka' \(") as caught:
        find_factory("kafka")
    assert "\n" not in caught.value.message


def test_third_party_schemes_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, kafka=f"{__name__}:ThirdParty.FACTORY")
    with pytest.raises(UsageError, match=r"memory:, kafka:$"):
        find_factory("other")


@pytest.mark.parametrize("scheme", ["posthog", "otlp"])
def test_missing_client_gets_the_pip_command(scheme: str) -> None:
    with pytest.raises(NotInstalledError, match=rf"pip install 'hfbench\[{scheme}\]'$"):
        require(scheme, scheme, ("there_is_no_such_client",))
    with pytest.raises(NotInstalledError):
        require(scheme, scheme, ("there_is_no_such_parent.child",))
    require(scheme, scheme, ("json",))


@pytest.mark.parametrize("scheme", ["posthog", "otlp"])
def test_sink_whose_client_is_missing_says_so_when_it_is_opened(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hfbench.telemetry.clients.require.__defaults__", (lambda _: None,))
    with pytest.raises(NotInstalledError, match="pip install"):
        find_factory(scheme).open(SinkSpec(scheme, ""), {"POSTHOG_API_KEY": "k"})


@pytest.mark.parametrize(
    "spec", ["jsonl:", "sqlite:", "jsonl:no/such/folder/x", "jsonl:/dev/null", "sqlite:.", "jsonl:a\0b", "stdout:x"]
)
def test_spec_that_can_not_be_opened_gets_one_line(spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    parsed = SinkSpec.parse(spec)
    with pytest.raises(HfbenchError, match=f"^sink {parsed.scheme}:") as caught:
        find_factory(parsed.scheme).open(parsed, {})
    assert "\n" not in caught.value.message
