"""Which sinks are live."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfbench.errors import UsageError
from hfbench.telemetry.base import SinkSpec
from hfbench.telemetry.policy import choose_sinks, is_ci

NETWORK = "otlp:http://127.0.0.1:9"
LOCAL = "memory:policy"


def live(cli: list[str], environ: dict[str, str]) -> list[str]:
    return [choice.spec.scheme for choice in choose_sinks(cli, environ) if choice.is_live]


def test_nothing_is_live_unless_asked_for() -> None:
    assert choose_sinks([], {}) == ()
    assert choose_sinks([], {"POSTHOG_API_KEY": "k", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://h:4318"}) == ()


@pytest.mark.parametrize(
    ("cli", "environ", "expected"),
    [
        ([NETWORK], {}, ["otlp"]),
        ([], {"HFBENCH_SINK": NETWORK}, ["otlp"]),
        ([], {"HFBENCH_SINK": f"{LOCAL} {NETWORK}"}, ["memory", "otlp"]),
        ([], {"HFBENCH_SINK": f"{LOCAL} {NETWORK}", "CI": "true"}, ["memory"]),
        ([NETWORK], {"CI": "true"}, ["otlp"]),
        ([NETWORK], {"CI": "true", "HFBENCH_SINK": NETWORK}, ["otlp"]),
        ([NETWORK], {"HFBENCH_SINK": "posthog:", "GITHUB_ACTIONS": "true"}, ["otlp"]),
        ([NETWORK, LOCAL], {"DO_NOT_TRACK": "1"}, ["memory"]),
        ([NETWORK, LOCAL], {"HFBENCH_NO_TELEMETRY": "1"}, ["memory"]),
        ([NETWORK], {"DO_NOT_TRACK": "1", "CI": "1"}, []),
        ([NETWORK], {"DO_NOT_TRACK": "0", "HFBENCH_NO_TELEMETRY": "", "CI": "false"}, ["otlp"]),
        ([NETWORK], {"DO_NOT_TRACK": "anything"}, []),
        ([LOCAL, LOCAL], {"HFBENCH_SINK": LOCAL}, ["memory"]),
        ([LOCAL], {"HFBENCH_SINK": "memory:other"}, ["memory", "memory"]),
    ],
)
def test_table(cli: list[str], environ: dict[str, str], expected: list[str]) -> None:
    assert live(cli, environ) == expected


def test_why_a_sink_is_off_is_said() -> None:
    (choice,) = choose_sinks([], {"HFBENCH_SINK": NETWORK, "CI": "1"})
    assert choice.off_because == "in CI it must be named on the command line"
    (choice,) = choose_sinks([NETWORK], {"HFBENCH_NO_TELEMETRY": "yes"})
    assert choice.off_because == "HFBENCH_NO_TELEMETRY is set"


def test_blank_in_a_file_name_is_quoted() -> None:
    (choice,) = choose_sinks([], {"HFBENCH_SINK": "'jsonl:my runs.jsonl'"})
    assert choice.spec == SinkSpec("jsonl", "my runs.jsonl")


def test_open_quote_gets_one_line() -> None:
    with pytest.raises(UsageError, match=r"^HFBENCH_SINK has a quote that is not closed"):
        choose_sinks([], {"HFBENCH_SINK": "'jsonl:x"})


SWITCH = st.sampled_from([None, "", "0", "false", "1", "true"])


@given(
    named=st.booleans(),
    wished=st.booleans(),
    do_not_track=SWITCH,
    no_telemetry=SWITCH,
    ci=SWITCH,
    local=st.booleans(),
)
def test_network_sinks_obey_every_switch(
    *, named: bool, wished: bool, do_not_track: str | None, no_telemetry: str | None, ci: str | None, local: bool
) -> None:
    spec = LOCAL if local else NETWORK
    switches = {"DO_NOT_TRACK": do_not_track, "HFBENCH_NO_TELEMETRY": no_telemetry, "CI": ci}
    environ = {name: value for name, value in switches.items() if value is not None}
    found = live([spec] if named else [], environ | ({"HFBENCH_SINK": spec} if wished else {}))
    opted_out = do_not_track in {"1", "true"} or no_telemetry in {"1", "true"}
    in_ci = ci in {"1", "true"}
    expected = (named or wished) and (local or (not opted_out and (named or not in_ci)))
    assert bool(found) == expected


def test_ci_is_told_by_services_that_do_not_set_ci() -> None:
    assert is_ci({"TF_BUILD": "True"})
    assert is_ci({"JENKINS_URL": "http://j/"})
    assert not is_ci({})
