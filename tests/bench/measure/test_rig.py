from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hfbench.bench.judge.comparability import Case
from hfbench.bench.measure.rig import Rig, Work
from hfbench.bench.protocol.client import EngineSpec
from hfbench.bench.protocol.messages import Hello, RunAnswer, RunRequest

if TYPE_CHECKING:
    from collections.abc import Mapping


class Recorder:
    """An engine in this process that keeps what it was asked."""

    def __init__(self, spec: EngineSpec, log: list[tuple[str, RunRequest]], axes: Mapping[str, str]) -> None:
        self.spec, self.log, self.axes = spec, log, axes
        self.closed = False

    def hello(self) -> Hello:
        return Hello(name="recorder", version="1", axes=self.axes)

    def run(self, request: RunRequest, *, limit_seconds: float) -> RunAnswer:
        assert limit_seconds == 7
        assert list(Path(request.out).iterdir()) == []
        (Path(request.out) / "frame_00001.PNG").touch()
        (Path(request.out) / "notes.txt").touch()
        if request.cache_folder:
            (Path(request.cache_folder) / "entry").touch()
        self.log.append((self.spec.name, request))
        return RunAnswer(metrics={"cpuMs": 1.0}, frames={"a": 1})

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def log() -> list[tuple[str, RunRequest]]:
    return []


def work_on(cache: str = "off") -> Work:
    case = Case("demo", "libav", "segment", "png", cache)
    return Work(case=case, composition={"clips": [1]}, fixture="f", options={"quality": 90})


def rig_of(log: list[tuple[str, RunRequest]], **axes: str) -> Rig:
    seats = {"baseline": EngineSpec("old", ("x",)), "contender": EngineSpec("new", ("x",))}
    return Rig(seats, start=lambda spec: Recorder(spec, log, axes), limit_seconds=7)


def test_requests_hold_the_work_and_the_axes(log: list[tuple[str, RunRequest]]) -> None:
    with rig_of(log, backend="other") as rig:
        rig.restart([])
        sample = rig.measure("contender", work_on(), number=4, role="contender")
    ((name, request),) = log
    assert (name, request.scenario, request.composition) == ("new", "demo", {"clips": [1]})
    assert request.options == {"quality": 90, "backend": "other", "scope": "segment", "format": "png"}
    assert (sample.backend, sample.round, sample.engine, sample.role, sample.files) == (
        "other",
        4,
        "new",
        "contender",
        1,
    )


def test_every_run_has_its_own_empty_folder_and_nothing_is_left(log: list[tuple[str, RunRequest]]) -> None:
    with rig_of(log) as rig:
        rig.restart([work_on()])
        assert [name for name, _ in log] == ["old", "new"]
        orders = [rig.measure("baseline", work_on(), number=1).order for _ in range(3)]
    assert orders == [0, 1, 2]  # warm-ups are not counted
    folders = {request.out for _, request in log}
    assert len(folders) == 5
    assert not any(Path(folder).parent.exists() for folder in folders)


@pytest.mark.parametrize(("cache", "folders"), [("off", 1), ("warm", 1), ("cold", 2)])
def test_cache_folders(log: list[tuple[str, RunRequest]], cache: str, folders: int) -> None:
    with rig_of(log) as rig:
        rig.restart([])
        for _ in range(2):
            rig.measure("baseline", work_on(cache), number=1)
        rig.measure("contender", work_on(cache), number=1)
        used = [request.cache_folder for name, request in log if name == "old"]
        others = {request.cache_folder for name, request in log if name == "new"}
    assert len(set(used)) == folders
    assert ("" in used) is (cache == "off")
    assert cache == "off" or not others & set(used)  # seats never share a cache


def test_engines_are_closed_at_a_restart_and_at_the_end() -> None:
    started: list[Recorder] = []

    def start(spec: EngineSpec) -> Recorder:
        started.append(Recorder(spec, [], {}))
        return started[-1]

    with Rig({"baseline": EngineSpec("old", ("x",))}, start=start) as rig:
        rig.restart([])
        rig.restart([])
        assert [engine.closed for engine in started] == [True, False]
        assert rig.facts() == {"old": {"engine": "recorder", "version": "1"}}
    assert [engine.closed for engine in started] == [True, True]
