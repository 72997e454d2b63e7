from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hfbench.bench.case import Case
from hfbench.bench.measure.external import Engines, Work, parse_engines
from hfbench.bench.measure.run_root import open_run_root
from hfbench.bench.protocol.client import EngineSpec
from hfbench.bench.protocol.messages import Hello, RunAnswer, RunRequest
from hfbench.bench.scenarios import BuiltScenario, Scenario
from hfbench.composition import Clip, Composition
from hfbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


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


def on(cache: str = "off") -> Case:
    return Case("demo", "libav", "segment", "png", cache)


COMPOSITION = Composition([Clip("a", "/x.mp4")])


@contextmanager
def engines_of(log: list[tuple[str, RunRequest]], **axes: str) -> Iterator[Engines]:
    specs = {"baseline": EngineSpec("old", ("x",)), "contender": EngineSpec("new", ("x",))}
    built = BuiltScenario(Scenario("demo", "", "demo", ()), COMPOSITION, "f" * 12, None)
    work = Work(cases=(), scenarios={"demo": built}, options={"quality": 90}, limit_seconds=7)
    with open_run_root() as root, Engines(specs, work, root, start=lambda spec: Recorder(spec, log, axes)) as engines:
        yield engines


def test_requests_hold_the_work_and_the_axes(log: list[tuple[str, RunRequest]]) -> None:
    with engines_of(log, backend="other") as engines:
        engines.restart()
        outcome = engines.subject("contender").run(on(), is_checked=True)
    ((name, request),) = log
    assert (name, request.scenario, request.composition) == ("new", "demo", COMPOSITION.to_json())
    assert request.options == {"quality": 90, "backend": "other", "scope": "segment", "format": "png"}
    sample = outcome.sample
    assert (sample.backend, sample.engine, sample.files) == ("other", "new", 1)
    assert outcome.check is None  # nobody knows the truth of this one


def test_every_run_has_its_own_empty_folder_and_nothing_is_left(log: list[tuple[str, RunRequest]]) -> None:
    with engines_of(log) as engines:
        engines.restart()
        engines.subject("contender").warm_up(on())
        for _ in range(3):
            engines.subject("baseline").run(on(), is_checked=False)
    assert [name for name, _ in log] == ["new", "old", "old", "old"]
    folders = {request.out for _, request in log}
    assert len(folders) == 4
    assert not any(Path(folder).parent.exists() for folder in folders)


@pytest.mark.parametrize(("cache", "folders"), [("off", 1), ("warm", 1), ("cold", 2)])
def test_cache_folders(log: list[tuple[str, RunRequest]], cache: str, folders: int) -> None:
    with engines_of(log) as engines:
        engines.restart()
        for role in ("baseline", "baseline", "contender"):
            engines.subject(role).run(on(cache), is_checked=False)
        used = [request.cache_folder for name, request in log if name == "old"]
        others = {request.cache_folder for name, request in log if name == "new"}
    assert len(set(used)) == folders
    assert ("" in used) is (cache == "off")
    assert cache == "off" or not others & set(used)  # roles never share a cache


def test_engines_are_closed_at_a_restart_after_a_run_and_at_the_end(
    tmp_path: Path, make_work: Callable[..., Work]
) -> None:
    started: list[Recorder] = []

    def start(spec: EngineSpec) -> Recorder:
        started.append(Recorder(spec, [], {}))
        return started[-1]

    baseline = {"baseline": EngineSpec("old", ("x",))}
    with open_run_root(tmp_path) as root, Engines(baseline, make_work(limit_seconds=7), root, start=start) as engines:
        engines.restart()
        engines.restart()  # nothing has run: the engines are as good as new
        assert [each.closed for each in started] == [False]
        engines.run("baseline", on(), is_checked=False)
        engines.restart()
        assert [each.closed for each in started] == [True, False]
        assert engines.facts() == {"old": {"engine": "recorder", "version": "1"}}
    assert [each.closed for each in started] == [True, True]


def test_names_are_one_of_a_kind() -> None:
    assert [spec.name for spec in parse_engines(["libav=x", "hfbench=y"], [])] == ["libav", "hfbench"]
    for texts, backends in ((["a=x", "a=y"], []), (["libav=x"], ["libav"]), (["hfbench=x"], ["ffmpeg"])):
        with pytest.raises(UsageError, match="two things in this run are called"):
            parse_engines(texts, backends)
