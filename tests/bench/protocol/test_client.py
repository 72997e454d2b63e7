"""The harness against real child processes, honest ones and others."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import psutil
import pytest

from hfbench.bench.protocol.client import EngineError, EngineProcess, EngineSpec
from hfbench.bench.protocol.messages import RunRequest
from hfbench.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

FakeEngine = Callable[..., EngineSpec]


@pytest.fixture
def request_to(tmp_path: Path) -> RunRequest:
    return RunRequest(scenario="demo", composition={"clips": []}, options={"backend": "libav"}, out=str(tmp_path))


def test_an_honest_engine(fake_engine: FakeEngine, request_to: RunRequest, tmp_path: Path) -> None:
    with EngineProcess(fake_engine(axes={"scope": "fused"})) as engine:
        hello = engine.hello()
        answer = engine.run(request_to)
    assert (hello.name, hello.version, hello.axes, hello.facts) == ("fake", "1.0", {"scope": "fused"}, {"av": "18.1"})
    assert answer.frames == {"a": 3}
    assert answer.metrics["framesDecoded"] == 60
    assert answer.metrics["cpuMs"] == pytest.approx(100, rel=0.02)
    assert len(list((tmp_path / "a").iterdir())) == 3


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("die", "exit code 7; its last words: fatal: the disk is on fire"),
        ("killed", "killed by SIGKILL"),
        ("close", "closed its output"),
        ("garbage", "not a JSON line: b'frame=  60"),
        ("endless", "not a JSON line: b'xxx"),
        ("wrong-id", "answered request 999 when asked 1"),
        ("nan", "not a JSON line"),
        ("text-metric", "metric cpuMs is '12'"),
        ("refuse", "refused 'run' (unsupported): no png16 here"),
        ("hang", "did not answer 'run' within 0.5 s"),
    ],
)
def test_misbehaviour_ends_in_one_error(fake_engine: FakeEngine, request_to: RunRequest, mode: str, words: str) -> None:
    # Only the hanging engine may run into its limit; the others must be found out by what they do.
    limit = 0.5 if mode == "hang" else 60
    with EngineProcess(fake_engine("odd", mode=mode)) as engine:
        engine.hello()
        with pytest.raises(EngineError, match="engine 'odd'") as caught:
            engine.run(request_to, limit_seconds=limit)
    assert words in caught.value.message
    assert "\n" not in caught.value.message


def test_last_words_are_kept_whole_in_the_diagnostic(fake_engine: FakeEngine, request_to: RunRequest) -> None:
    with EngineProcess(fake_engine(mode="die")) as engine, pytest.raises(EngineError) as caught:
        engine.run(request_to)
    assert caught.value.diagnostic == "first words\nfatal: the disk is on fire"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("frame=1\rframe=2\rfatal: no space\r", "fatal: no space"),
        ("\x1b[31mred\x1b[0m\x07", " [31mred [0m "),
        ("x" * 1000, "x" * 300 + "…"),
    ],
)
def test_last_words_are_one_line_whatever_they_are(
    fake_engine: FakeEngine, request_to: RunRequest, said: str, shown: str
) -> None:
    with EngineProcess(fake_engine(mode="killed", stderr=said)) as engine, pytest.raises(EngineError) as caught:
        engine.run(request_to)
    assert caught.value.message.endswith(f"was killed by SIGKILL; its last words: {shown}")
    assert caught.value.diagnostic == said.rstrip()


def test_an_engine_that_never_says_hello(fake_engine: FakeEngine) -> None:
    spec, words = fake_engine(mode="deaf", stderr="loading"), "'hello' within 3 s; its last words: loading"
    with EngineProcess(spec) as engine, pytest.raises(EngineError, match=words):
        engine.hello(limit_seconds=3)


def test_another_protocol(fake_engine: FakeEngine) -> None:
    with EngineProcess(fake_engine(protocol="other/2")) as engine, pytest.raises(EngineError, match="'other/2'"):
        engine.hello()


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"does not start: .*absent"):
        EngineProcess(EngineSpec("x", (str(tmp_path / "absent"),)))


def test_a_program_that_is_no_engine() -> None:
    spec = EngineSpec("x", (sys.executable, "-c", "raise SystemExit('no worker here')"))
    with EngineProcess(spec) as engine, pytest.raises(EngineError, match="code 1; its last words: no worker here"):
        engine.hello()


def test_an_engine_that_reads_nothing_does_not_block_the_harness(request_to: RunRequest) -> None:
    large = RunRequest(scenario="x" * 2**20, composition=request_to.composition, out=request_to.out)
    command = (sys.executable, "-c", "import time; time.sleep(600)")
    with EngineProcess(EngineSpec("x", command)) as engine, pytest.raises(EngineError, match="does not read"):
        engine.run(large, limit_seconds=0.5)


def is_gone(pid: int) -> bool:
    """Whether a process has ended; a zombie that nobody has reaped yet counts as ended."""
    for _ in range(100):
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    return False


def test_children_of_a_hanging_engine_end_with_it(fake_engine: FakeEngine, request_to: RunRequest) -> None:
    with EngineProcess(fake_engine(mode="hang-with-child")) as engine:
        engine.hello()
        with pytest.raises(EngineError) as caught:
            engine.run(request_to, limit_seconds=2)
    assert is_gone(int(caught.value.diagnostic.split()[-1]))


def test_an_engine_that_stays_after_bye_is_ended(fake_engine: FakeEngine) -> None:
    engine = EngineProcess(fake_engine(mode="stays"))
    engine.hello()
    child = engine._child.pid
    engine.close()
    assert is_gone(child)
    engine.close()  # closing twice is no trouble


def test_what_the_engine_does_not_tell_is_measured_from_outside(
    fake_engine: FakeEngine, request_to: RunRequest
) -> None:
    with EngineProcess(fake_engine(mode="silent-metrics")) as engine:
        engine.hello()
        answer = engine.run(request_to)
    # 0.2 s in the engine and 0.2 s in its child, by the kernel's clock; the rest is starting Python.
    assert answer.metrics["cpuMs"] is not None
    assert answer.metrics["cpuMs"] >= 380
    assert answer.metrics["videoExtractMs"] is not None


def test_the_hash_seed_is_steady() -> None:
    code = "import os, sys; sys.exit('seed ' + os.environ['PYTHONHASHSEED'])"
    spec = EngineSpec("x", (sys.executable, "-c", code))
    with EngineProcess(spec) as engine, pytest.raises(EngineError, match="seed 0"):
        engine.hello()


def test_engine_specifications() -> None:
    spec = EngineSpec.parse("theirs=node 'my adapter.mjs' --at=x")
    assert (spec.name, spec.command) == ("theirs", ("node", "my adapter.mjs", "--at=x"))


@pytest.mark.parametrize("text", ["", "name", "=command", "name=", "name='unclosed"])
def test_specifications_that_say_nothing(text: str) -> None:
    with pytest.raises(UsageError, match="engine"):
        EngineSpec.parse(text)
