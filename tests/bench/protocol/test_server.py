from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest

from hfbench.bench.protocol.client import EngineError, EngineProcess, EngineSpec
from hfbench.bench.protocol.messages import PROTOCOL, Hello, Refusal, RunAnswer, RunRequest
from hfbench.bench.protocol.server import serve
from hfbench.errors import MeasurementError


def hello() -> Hello:
    return Hello(name="x", version="1")


def run(request: RunRequest) -> RunAnswer | Refusal:
    if request.scenario == "unknown":
        return Refusal(kind="unsupported", message="no such thing")
    if request.scenario == "broken":
        raise MeasurementError("no ffmpeg program")
    return RunAnswer(metrics={"cpuMs": 1.5}, frames={"a": 2})


def served(*lines: dict[str, Any] | str) -> list[dict[str, Any]]:
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    answers = io.BytesIO()
    serve(io.BytesIO(text.encode()), answers, hello, run)
    return [json.loads(line) for line in answers.getvalue().splitlines()]


def test_a_whole_conversation() -> None:
    request = RunRequest(scenario="s", composition={}, out="o")
    first, second, third = served(
        {"op": "hello", "protocol": PROTOCOL}, request.to_json(5), {"op": "bye"}, "never read"
    )
    assert (first["ok"], first["protocol"]) == (True, PROTOCOL)
    assert second == {"ok": True, "id": 5, "sample": {"metrics": {"cpuMs": 1.5}, "frames": {"a": 2}}}
    assert third == {"ok": True}


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("garbage", "bad_request"),
        ({"op": "dance", "id": 1}, "unknown_op"),
        ({"id": 1}, "unknown_op"),
        ({"op": "run", "id": 1}, "bad_request"),
        (RunRequest(scenario="unknown", composition={}, out="o").to_json(1), "unsupported"),
        (RunRequest(scenario="broken", composition={}, out="o").to_json(1), "failed"),
    ],
)
def test_trouble_is_an_answer_and_the_loop_goes_on(line: Any, kind: str) -> None:
    answer, after = served(line, {"op": "hello"})
    assert (answer["ok"], answer["error"]["kind"]) == (False, kind)
    assert answer.get("id", 1) == 1
    assert after["ok"]


WORKER = """
import os, sys
from hfbench.bench.protocol.messages import Hello, RunAnswer
from hfbench.bench.protocol.server import private_stdout, serve
def run(request):
    print("chatter of a library")
    os.write(1, b"chatter of a C library\\n")
    return RunAnswer(metrics={"cpuMs": 1.0})
with private_stdout() as answers:
    serve(sys.stdin.buffer, answers, lambda: Hello(name="x", version="1"), run)
print("and after")
"""


def test_both_ends_together_with_a_chatty_library() -> None:
    with EngineProcess(EngineSpec("x", (sys.executable, "-c", WORKER))) as engine:
        assert engine.hello().name == "x"
        for _ in range(3):
            assert engine.run(RunRequest(scenario="s", composition={}, out="o")).metrics["cpuMs"] == 1.0


def test_an_unforeseen_exception_is_a_death_with_last_words() -> None:
    broken = WORKER.replace('print("chatter of a library")', "raise KeyError('clips')")
    spec, words = EngineSpec("x", (sys.executable, "-c", broken)), "exit code 1; its last words: KeyError: 'clips'"
    with EngineProcess(spec) as engine, pytest.raises(EngineError, match=words):
        engine.run(RunRequest(scenario="s", composition={}, out="o"))
