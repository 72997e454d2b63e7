from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfbench.bench.protocol.messages import Hello, ProtocolError, Refusal, RunAnswer, RunRequest, decode, encode

numbers = st.none() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)


@given(st.dictionaries(st.text(), numbers), st.dictionaries(st.text(), st.integers(0, 10**9)))
def test_an_answer_survives_the_line(metrics: dict[str, float | int | None], frames: dict[str, int]) -> None:
    answer = RunAnswer(metrics=metrics, frames=frames)
    line = encode(answer.to_json())
    assert line.count(b"\n") == 1
    assert RunAnswer.from_json(decode(line)) == answer


@given(st.text(), st.text())
def test_a_request_survives_the_line(scenario: str, source: str) -> None:
    request = RunRequest(
        scenario=scenario,
        composition={"clips": [{"src": source}]},
        options={"backend": "libav"},
        cache="warm",
        out="out",
        cache_folder="cache",
    )
    message = decode(encode(request.to_json(7)))
    assert (message["op"], message["id"]) == ("run", 7)
    assert RunRequest.from_json(message) == request


def test_hello_and_refusal_survive() -> None:
    hello = Hello(name="x", version="1", axes={"scope": "fused"}, capabilities={"formats": ["jpg"]}, facts={"av": "18"})
    assert Hello.from_json(decode(encode(hello.to_json()))) == hello
    refusal = Refusal(kind="unsupported", message="no")
    assert Refusal.from_json(decode(encode(refusal.to_json()))) == refusal


def test_nan_is_never_sent() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode(RunAnswer(metrics={"cpuMs": math.nan}).to_json())


def test_a_file_name_that_is_no_utf8_survives() -> None:
    request = RunRequest(scenario="s", composition={"clips": [{"src": "\udcff.mp4"}]}, out="o")
    assert RunRequest.from_json(decode(encode(request.to_json(1)))) == request


@pytest.mark.parametrize(
    "line", [b"", b"frame= 60\n", b"[1]\n", b"\xff\n", b'{"a": NaN}\n', b'{"a": -Infinity}\n', b'"x"', b"[" * 100_000]
)
def test_lines_that_are_no_message(line: bytes) -> None:
    with pytest.raises(ProtocolError, match="not a JSON"):
        decode(line)


@pytest.mark.parametrize(
    ("read", "message", "words"),
    [
        (Hello.from_json, {"protocol": "other/9", "name": "x", "version": "1"}, "other/9"),
        (Hello.from_json, {"protocol": "hfbench-worker/1", "version": "1"}, "'name'"),
        (Hello.from_json, {"protocol": "hfbench-worker/1", "name": "x", "version": 3}, "'version'"),
        (RunAnswer.from_json, {}, "'sample'"),
        (RunAnswer.from_json, {"sample": {"frames": {}}}, "'metrics'"),
        (RunAnswer.from_json, {"sample": {"metrics": {"cpuMs": "12"}}}, "cpuMs"),
        (RunAnswer.from_json, {"sample": {"metrics": {"cpuMs": True}}}, "cpuMs"),
        (RunAnswer.from_json, {"sample": {"metrics": {}, "frames": {"a": -1}}}, "'a'"),
        (RunAnswer.from_json, {"sample": {"metrics": {}, "frames": {"a": 1.5}}}, "'a'"),
        (Refusal.from_json, {"error": {}}, "'message'"),
        (RunRequest.from_json, {"scenario": "s", "composition": []}, "'composition'"),
        (RunRequest.from_json, {"scenario": "s", "composition": {}}, "'out'"),
        (RunRequest.from_json, {"scenario": "s", "composition": {}, "out": ""}, "'out'"),
        (RunRequest.from_json, {"scenario": "s", "composition": {}, "out": "a\0"}, "'out'"),
        (
            RunRequest.from_json,
            {"scenario": "s", "composition": {}, "out": "a", "cache_folder": "\0"},
            "'cache_folder'",
        ),
    ],
)
def test_a_message_that_lacks_something_says_what(read: object, message: dict[str, object], words: str) -> None:
    assert callable(read)
    with pytest.raises(ProtocolError) as caught:
        read(json.loads(json.dumps(message)))
    assert words in str(caught.value)
