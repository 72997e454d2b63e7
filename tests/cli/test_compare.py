from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from hfbench.bench.record import RunRecord, Sample
from hfbench.bench.record_writer import RecordWriter

Run = Callable[..., Any]
Engine = Callable[..., str]

ROUNDS = ("--rounds", 8, "--scenario", "cfr-sdr-cache")


def sample(number: int, cpu: float, **more: Any) -> Sample:
    plain = {"backend": "libav", "scope": "fused", "format": "jpg", **more}
    metrics = {"cpuMs": cpu + number / 10, "videoExtractMs": cpu, "framesDecoded": 60, "tmpPeakBytes": 3_000_000}
    return Sample(scenario="demo", round=number, metrics=metrics, frames={"a": 3}, **plain)


def saved(name: str, *samples: Sample, **more: Any) -> Path:
    record = replace(RunRecord(fixtures={"demo": "f"}, machine={"cpu": "x"}), samples=samples, **more)
    writer = RecordWriter(Path(name), record)
    writer.finish()
    return writer.path


def rounds(cpu: float, count: int = 10, **more: Any) -> list[Sample]:
    return [sample(number, cpu, **more) for number in range(1, count + 1)]


def test_two_records(hfbench: Run) -> None:
    old, same, slow = (saved(name, *rounds(cpu)) for name, cpu in (("a", 100), ("b", 100), ("c", 160)))
    ended = hfbench("compare", old, same)
    assert ended.code == 0
    assert "PASS: no regression, a -> b" in ended.out
    assert "measured at different times" in ended.out
    ended = hfbench("compare", old, slow)
    assert ended.code == 1
    assert "cpuMs +5" in ended.out


@pytest.mark.parametrize(
    ("event", "options", "code"),
    [
        ("push", (), 4),
        ("push", ("--allow-unsure",), 0),
        ("pull_request", (), 0),
        ("pull_request", ("--no-allow-unsure",), 4),
    ],
)
def test_unsure_does_not_block_a_pull_request_unless_asked(
    hfbench: Run, monkeypatch: pytest.MonkeyPatch, event: str, options: tuple[str, ...], code: int
) -> None:
    monkeypatch.setenv("GITHUB_EVENT_NAME", event)
    ended = hfbench("compare", saved("a", *rounds(100)), saved("b", *rounds(115)), "--json", *options)
    assert (ended.code, ended.document["verdict"], ended.document["exit_code"]) == (code, "UNSURE", code)


def test_unlike_records_are_refused_by_name(hfbench: Run) -> None:
    old = saved("a", *rounds(100))
    other = saved("b", *rounds(100), fixtures={"demo": "g"})
    ended = hfbench("compare", old, other)
    assert ended.code == 3
    assert "fixture hash differs: f against g" in ended.out
    elsewhere = hfbench("compare", old, saved("c", *rounds(100), machine={"cpu": "y"}), "--json")
    assert elsewhere.code == 3
    assert elsewhere.document["comparisons"][0]["refused"][0]["fact"] == "cpu"


def test_two_ways_in_one_record(hfbench: Run) -> None:
    path = saved("a", *rounds(100, scope="source"), *rounds(40, scope="segment"), *rounds(160, scope="fused"))
    ended = hfbench("compare", path, "--across", "scope", "--json")
    assert ended.code == 1
    pairs = [(each["base"], each["contender"], each["verdict"]) for each in ended.document["comparisons"]]
    assert pairs == [("source", "segment", "PASS"), ("source", "fused", "FAIL")]
    assert hfbench("compare", path, "--across", "backend").code == 2


def test_engines_side_by_side(hfbench: Run, engine: Engine) -> None:
    counters = {"framesDecoded": 60, "processesSpawned": 4, "tmpPeakBytes": 3 * 2**20}
    peer = engine("theirs", cpu=150.0, axes={"backend": "peer", "scope": "segment"}, counters=counters)
    files = ("--markdown", "m.md", "--junit", "j.xml", "--record", "r.json")
    ended = hfbench("compare", engine("ours"), peer, engine("again", seed=3), *ROUNDS, *files)
    assert ended.code == 1
    table = {line.split("  ")[0].strip(): line for line in ended.out.splitlines()}
    assert "cfr-sdr-cache [jpg]: medians, and the change against ours" in ended.out
    assert "libav fused" in table["ran as"]
    assert "peer segment" in table["ran as"]
    assert table["frames (files found)"].count("3 (3)") == 3
    assert "3.0 MiB" in table["tmpPeakBytes"]
    assert "FAIL: a regression, ours -> theirs" in ended.out
    assert "PASS: no regression, ours -> again" in ended.out
    assert len(ET.parse("j.xml").getroot().findall("testsuite")) == 2
    assert Path("m.md").read_text().count("## hfbench:") == 2
    again = hfbench("compare", "r.json", "--json")
    assert [each["verdict"] for each in again.document["comparisons"]] == ["FAIL", "PASS"]


def test_engines_by_option_as_well(hfbench: Run, engine: Engine) -> None:
    ended = hfbench("compare", "--engine", engine("a"), "--engine", engine("b", seed=2), *ROUNDS, "--json")
    assert ended.code == 0
    assert ended.document["comparisons"][0]["contender"] == "b"


def test_frames_that_differ_are_not_compared(hfbench: Run, engine: Engine) -> None:
    ended = hfbench("compare", engine("a"), engine("b", frames={"a": 2}), *ROUNDS)
    assert ended.code == 3
    assert "frame count differs" in ended.out
    assert "2 (2)" in ended.out


def test_formats_that_differ_are_not_compared(hfbench: Run, engine: Engine) -> None:
    ended = hfbench("compare", engine("a"), engine("b", axes={"format": "png"}), *ROUNDS)
    assert ended.code == 3
    assert "format differs: jpg against png" in ended.out


def test_an_engine_that_dies_leaves_a_record(hfbench: Run, engine: Engine) -> None:
    ended = hfbench("compare", engine("a"), engine("b", mode="die", after=2), *ROUNDS, "--record", "r.json")
    assert ended.code == 3
    assert "engine 'b' ended with exit code 7; its last words: fatal: the disk is on fire" in ended.err
    assert "record: r.json" in ended.err
    assert Path("r.json").exists()


def test_reports_are_written_once_anything_was_measured(hfbench: Run, engine: Engine) -> None:
    files = ("--markdown", "m.md", "--junit", "j.xml", "--record", "r.json")
    ended = hfbench("compare", engine("a"), engine("b", mode="huge", after=3), engine("c"), *ROUNDS, *files)
    assert ended.code == 3
    assert "engine 'b' does not keep to the protocol: metric cpuMs is inf; it must be a finite number" in ended.err
    assert "engine 'b' does not keep" in Path("m.md").read_text()
    assert ET.parse("j.xml").getroot().findall("testsuite/testcase/error")
    assert hfbench("compare", "r.json").code == 3


@pytest.mark.parametrize("axis", [(), ("--across", "scope")])
def test_an_engine_is_chosen_where_records_hold_several(hfbench: Run, axis: tuple[str, ...]) -> None:
    scopes = ("source", "fused") if axis else ("fused",)
    runs = {
        name: [
            each
            for engine, cpu in (("one", 100.0), ("two", by))
            for scope in scopes
            for each in rounds(cpu * (0.5 if scope == "fused" else 1), engine=engine, scope=scope)
        ]
        for name, by in (("a", 160.0), ("b", 200.0))
    }
    paths = [saved(name, *samples) for name, samples in runs.items()][: 1 if axis else 2]
    ended = hfbench("compare", *paths, *axis)
    assert ended.code == 2
    assert "choose one with --engine NAME" in ended.err
    assert hfbench("compare", *paths, *axis, "--engine", "one").code == 0
    assert hfbench("compare", *paths, *axis, "--engine", "three").code == 2
    assert "holds no engine 'three'; it holds one, two" in hfbench("compare", *paths, *axis, "--engine", "three").err
    if not axis:
        assert hfbench("compare", *paths, "--engine", "one", "--engine", "two").code == 1


@pytest.mark.parametrize(
    ("things", "words"),
    [
        ((), "give two records"),
        (("nowhere.json",), "there is no record 'nowhere.json'"),
        (("a=x",), "at least two engines"),
        (("a=x", "a=y"), "different names"),
        (("plain.json",), "--across backend or --across scope"),
        (("plain.json", "a=x"), "give two records"),
        (("plain.json", "plain.json", "plain.json"), "give two records"),
    ],
)
def test_wrong_use(hfbench: Run, things: tuple[str, ...], words: str) -> None:
    saved("plain.json", *rounds(100))
    ended = hfbench("compare", *things)
    assert ended.code == 2
    assert words in ended.err


def test_a_record_without_samples(hfbench: Run) -> None:
    ended = hfbench("compare", saved("a", notes=("main does not build",)))
    assert ended.code == 3
    assert "main does not build" in ended.err


def test_no_record_at_all(hfbench: Run, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{")
    ended = hfbench("compare", "x.json", "x.json")
    assert ended.code == 3
    assert "not a run record" in ended.err
