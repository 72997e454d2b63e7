"""``hfbench run --engine``: engines behind the worker protocol, in place of the built-in backends or beside them."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import psutil
import pytest

from hfbench.bench.scenarios import build_scenarios, find_scenario
from hfbench.model.metrics import METRICS

Run = Callable[..., Any]
Engine = Callable[..., str]

SCENARIO = "cfr-sdr-cache"
#: What the scenario's truth says: 3 s at 30 frames a second.
FRAMES = {"sdr": 90}
SMALL = (SCENARIO, "--size", "180p", "--record", "r.json")
COMMAND = (sys.executable, "-c", "import sys; from hfbench.cli import main; main(sys.argv[1:])")
PATIENCE = 60


@pytest.fixture(autouse=True)
def real_fixtures(quiet_place: None, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames are held against the truth, so there must be one."""
    del quiet_place  # it comes first
    monkeypatch.setenv("HFBENCH_HOME", str(home))
    monkeypatch.setattr("hfbench.bench.scenarios.build_scenarios", build_scenarios)


@pytest.fixture(scope="module")
def images(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The frames that the scenario must have, by the ffmpeg program alone: ``sdr/0001.jpg`` and so on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HFBENCH_HOME", str(home))
        (built,) = build_scenarios([find_scenario(SCENARIO)], "180p")
    folder = tmp_path_factory.mktemp("images")
    (folder / "sdr").mkdir()
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", built.composition.clips[0].src]
    subprocess.run([*command, "-q:v", "2", str(folder / "sdr" / "%04d.jpg")], check=True)
    return folder


@pytest.fixture
def right(engine: Engine, images: Path) -> Engine:
    """A fake engine that gives the frames that the scenario must have."""
    return lambda name, **config: engine(name, **{"frames": FRAMES, "images": str(images), **config})


def rows(out: str) -> dict[tuple[str, str], str]:
    cells = [line.split() for line in out.splitlines()]
    return {(line[0], line[1]): " ".join(line[2:]) for line in cells if len(line) > 2}


def test_engines_in_place_of_the_backends(hfbench: Run, right: Engine) -> None:
    peer = right("peer", axes={"backend": "theirs", "scope": "segment"}, cpu=200.0, counters={"framesDecoded": 91})
    told = hfbench("run", *SMALL, "--engine", right("ours"), "--engine", peer, "--scope", "source", "--scope", "fused")
    assert told.code == 0, told.err
    table = rows(told.out)
    assert [key for key in table if key[0] in {"ours", "peer", "libav", "ffmpeg", "theirs"}] == [
        ("ours", "source"),
        ("ours", "fused"),
        ("peer", "segment"),  # what it has fixed is run once, however often it is asked for
    ]
    assert table["ours", "fused"].endswith("60/- 90/90")  # framesConverted is not told: unknown, never 0
    assert table["peer", "segment"].endswith("91/- 90/90")
    assert "record: r.json" in told.err


def test_the_record_holds_what_the_engines_told(hfbench: Run, right: Engine) -> None:
    counters = {"framesDecoded": 60, "hdrPreflightMs": None, "ownInvention": 7}
    told = hfbench("run", *SMALL, "--engine", right("ours", counters=counters), "--scope", "fused", "--json")
    document = told.document
    assert json.loads(Path("r.json").read_text()) == document
    first, second = document["samples"]
    assert first["metrics"].keys() == {"cpuMs", "videoExtractMs", *counters}
    assert {name: first["metrics"][name] for name in counters} == counters
    assert [(each["engine"], each["round"], each["order"]) for each in (first, second)] == [
        ("ours", 1, 0),
        ("ours", 2, 1),
    ]
    assert (first["frames"], first["files"]) == (FRAMES, 90)
    assert document["engines"] == {"ours": {"engine": "fake", "version": "1.0", "av": "18.1"}}
    assert document["options"]["engines"] == ["ours"]
    assert document["interrupted"] is False
    assert len(document["fixtures"][SCENARIO]) == 16


def test_hfbench_s_own_worker_beside_a_built_in_backend(hfbench: Run) -> None:
    """The same engine through both doors: what is counted must be the same to the digit."""
    worker = f"own={shlex.join([*COMMAND, 'worker', '--backend', 'libav'])}"
    told = hfbench("run", *SMALL, "--backend", "libav", "--scope", "fused", "--rounds", 1, "--engine", worker, "--json")
    assert told.code == 0, told.err
    by_engine = {each["engine"]: each for each in told.document["samples"]}
    assert by_engine.keys() == {"hfbench", "own"}
    counted = [name for name, (unit, _) in METRICS.items() if unit != "ms"]
    own, built_in = (by_engine[name]["metrics"] for name in ("own", "hfbench"))
    assert own.keys() == built_in.keys() == METRICS.keys()
    assert {name: own[name] for name in counted} == {name: built_in[name] for name in counted}
    assert by_engine["own"]["frames"] == by_engine["hfbench"]["frames"] == FRAMES


def test_backends_and_engines_take_turns_in_every_round(hfbench: Run, right: Engine) -> None:
    beside = ("--backend", "libav", "--backend", "ffmpeg", "--scope", "fused", "--rounds", 3)
    told = hfbench("run", *SMALL, *beside, "--engine", right("peer"))
    assert told.code == 0, told.err
    assert [key[0] for key in rows(told.out) if key[1] == "fused"] == ["libav", "ffmpeg", "peer"]
    samples = json.loads(Path("r.json").read_text())["samples"]
    assert Counter((each["engine"], each["backend"]) for each in samples) == {
        ("hfbench", "libav"): 3,
        ("hfbench", "ffmpeg"): 3,
        ("peer", "libav"): 3,
    }
    assert [each["round"] for each in samples] == [1, 1, 1, 2, 2, 2, 3, 3, 3]


@pytest.mark.parametrize("as_json", [(), ("--json",)], ids=["table", "json"])
def test_as_many_frames_as_there_must_be_and_wrong(hfbench: Run, right: Engine, as_json: tuple[str, ...]) -> None:
    sides = ("--engine", right("good"), "--engine", right("bad", shift=1))
    told = hfbench("run", *SMALL, "--scope", "fused", *sides, *as_json)
    assert told.code == 3
    assert f"WRONG FRAMES in {SCENARIO} [bad libav fused jpg]: sdr frame 1 shows 1, should show 0" in told.err
    assert told.err.splitlines()[-1] == "hfbench: 1 of 2 cases gave wrong frames: their times mean nothing"
    by_engine = {
        each["engine"]: each for each in json.loads(Path("r.json").read_text())["samples"] if each["round"] == 1
    }
    assert by_engine["bad"]["wrong_frames"] == "sdr frame 1 shows 1, should show 0"
    assert "wrong_frames" not in by_engine["good"]
    # The record alone says so too.
    again = hfbench("compare", "r.json")
    assert again.code == 3
    assert "wrong frames: bad: sdr frame 1 shows 1, should show 0" in again.out


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"frames": {}}, "0 image files found, should be 90"),
        ({"images": ""}, "sdr frame 1 shows no barcode, should show 0"),
        ({"shift": 1}, "sdr frame 1 shows 1, should show 0"),
    ],
    ids=["no files", "empty files", "wrong frames"],
)
def test_every_command_refuses_wrong_frames_alike(
    hfbench: Run, right: Engine, config: dict[str, Any], words: str
) -> None:
    """Two engines that are wrong in the same way are no more comparable than one."""
    sides = ("--engine", right("a", **config), "--engine", right("b", **config))
    small = ("--size", "180p", "--scope", "fused")
    for command in (
        ("run", SCENARIO),
        ("compare", "--scenario", SCENARIO, "--rounds", 8),
        ("gate", "--scenario", SCENARIO, "--repeat", 1),
    ):
        told = hfbench(*command, *small, *sides, "--record", "r.json")
        assert told.code == 3, command
        assert words in told.out + told.err
    assert sum(each["role"] == "contender" for each in json.loads(Path("r.json").read_text())["samples"]) == 1


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"frames": {"sdr": 89}}, "[peer libav fused jpg]: sdr: 89 frames reported, should be 90"),
        ({"frames": {"sdr": 90, "extra": 1}}, "[peer libav fused jpg]: extra: 1 frames reported, should be 0"),
        ({"frames": {}}, "[peer libav fused jpg]: 0 image files found, should be 90"),
    ],
)
@pytest.mark.parametrize("as_json", [(), ("--json",)], ids=["table", "json"])
def test_frames_that_are_missing_are_no_measurement(
    hfbench: Run, right: Engine, config: dict[str, Any], words: str, as_json: tuple[str, ...]
) -> None:
    told = hfbench("run", *SMALL, "--scope", "fused", "--engine", right("peer", **config), *as_json)
    assert told.code == 3
    assert f"WRONG FRAMES in {SCENARIO} {words}" in told.err
    assert "their times mean nothing" in told.err.splitlines()[-1]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"mode": "die"}, "ended with exit code 7; its last words: fatal: the disk is on fire"),
        ({"mode": "killed"}, "was killed by SIGKILL"),
        ({"mode": "hang"}, "did not answer 'run' within 3 s"),
        ({"mode": "garbage"}, "does not keep to the protocol: not a JSON line"),
        ({"mode": "nan"}, "does not keep to the protocol"),
        ({"mode": "wrong-id"}, "answered request 999 when asked"),
        ({"mode": "refuse"}, "refused 'run' (unsupported): no png16 here"),
        ({"mode": "close"}, "closed its output"),
        ({"protocol": "hfbench-worker/9"}, "it speaks 'hfbench-worker/9'"),
    ],
    ids=lambda value: next(iter(value.values())) if isinstance(value, dict) else "",
)
def test_an_engine_that_fails_is_code_3_and_one_line(
    hfbench: Run, right: Engine, config: dict[str, Any], words: str
) -> None:
    bad = right("bad", after=2, stderr="warming the tubes", **config)
    limit = 3 if config.get("mode") == "hang" else 60  # the others are found out by what they do
    told = hfbench("run", *SMALL, "--scope", "fused", "--engine", right("good"), "--engine", bad, "--limit", limit)
    assert told.code == 3
    assert told.out == ""
    record, trouble = told.err.splitlines()
    assert record == "record: r.json"
    assert trouble.startswith("hfbench: engine 'bad' ")
    assert words in trouble
    kept = json.loads(Path("r.json").read_text())
    assert kept["interrupted"] is True
    measured = Counter(each["engine"] for each in kept["samples"])
    assert measured["bad"] == (0 if "protocol" in config else 1)  # the warm-up was its first run


def test_an_engine_that_leaves_a_very_deep_tree(
    hfbench: Run, right: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    told = hfbench("run", *SMALL, "--scope", "fused", "--engine", right("deep", depth=3000))
    assert told.code == 0, told.err
    assert rows(told.out)["deep", "fused"].endswith("90/90")
    (runs,) = tmp_path.glob("hfbench-*")
    assert [path.name for path in runs.iterdir()] == ["registry"]


def test_what_a_killed_run_leaves_goes_with_the_next(right: Engine, home: Path, tmp_path: Path) -> None:
    temporary = tmp_path / "t"
    temporary.mkdir()
    environment = os.environ | {"HFBENCH_HOME": str(home), "TMPDIR": str(temporary)}
    command = [*COMMAND, "run", *SMALL, "--scope", "fused", "--engine"]
    engine = right("slow", mode="hang", after=1)
    with subprocess.Popen([*command, engine, "--backend", "libav"], env=environment, cwd=tmp_path) as child:
        until = time.monotonic() + PATIENCE
        while not list(temporary.glob("hfbench-*/run-*/out-*")) and time.monotonic() < until:
            time.sleep(0.05)
        engines = psutil.Process(child.pid).children(recursive=True)
        child.kill()
    for each in engines:  # they are asleep, and would be for minutes
        each.kill()
    assert list(temporary.glob("hfbench-*/run-*"))  # the negative control: there is something to remove
    done = subprocess.run([*command, right("quick")], env=environment, cwd=tmp_path, timeout=PATIENCE, check=False)
    assert done.returncode == 0
    assert [path.name for path in temporary.glob("hfbench-*/*")] == ["registry"]


def test_a_command_that_does_not_start(hfbench: Run) -> None:
    told = hfbench("run", *SMALL, "--engine", "peer=/nowhere/worker --fast")
    assert told.code == 3
    assert "engine 'peer' does not start: /nowhere/worker: No such file or directory" in told.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--engine", "worker"), "write NAME=COMMAND"),
        (("--engine", "a='x"), "No closing quotation"),
        (("--engine", "a=x", "--engine", "a=y"), "two things in this run are called 'a'"),
        (("--engine", "libav=x", "--backend", "libav"), "two things in this run are called 'libav'"),
        (("--engine", "hfbench=x", "--backend", "libav"), "two things in this run are called 'hfbench'"),
        (("--engine", "a=x", "--limit", "0"), "--limit"),
    ],
)
def test_wrong_use_is_told_before_anything_is_built(
    hfbench: Run, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], words: str
) -> None:
    monkeypatch.setattr("hfbench.bench.scenarios.build_scenarios", lambda *_, **__: pytest.fail("built"))
    told = hfbench("run", *SMALL, *options)
    assert told.code == 2
    assert words in told.err
    assert not Path("r.json").exists()


def test_an_engine_s_name_is_shown_as_it_is(hfbench: Run, right: Engine) -> None:
    told = hfbench("run", *SMALL, "--scope", "fused", "--engine", right("[red]me[/]"))
    assert told.code == 0
    assert "[red]me[/]" in told.out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_does_not_wait_for_an_engine(right: Engine, home: Path, number: int) -> None:
    engine = right("slow", mode="hang-with-child", after=1)
    command = [*COMMAND, "run", *SMALL, "--scope", "fused", "--engine", engine]
    environment = os.environ | {"HFBENCH_HOME": str(home)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    give_up = time.monotonic() + PATIENCE
    while len(family := psutil.Process(process.pid).children(recursive=True)) < 2:  # it and its own child hang by now
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < give_up
        time.sleep(0.02)
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (130, "")
    assert err.splitlines() == ["record: r.json", "hfbench: interrupted"]
    assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in family)
    assert json.loads(Path("r.json").read_text())["interrupted"] is True
