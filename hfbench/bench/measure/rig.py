"""Engines side by side on one machine: started together, warmed up, asked in turn, and measured alike."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Protocol, Self

from hfbench.bench.judge.comparability import Case
from hfbench.bench.protocol.client import RUN_SECONDS, EngineProcess, EngineSpec
from hfbench.bench.protocol.messages import Hello, RunAnswer, RunRequest
from hfbench.bench.record import Sample

_EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})
_IMAGES: Final = frozenset({".jpg", ".jpeg", ".png", ".webp"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One case to measure: the scenario on fixed axes, and what an engine must be told to run it.

    Attributes:
        composition: its JSON document, every ``src`` absolute, so that every engine reads the same bytes.
        fixture: hash of the recipe of its sources.
        options: what else goes to the engine (``quality``, ...).
    """

    case: Case
    composition: Mapping[str, Any]
    fixture: str
    options: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)


class Engine(Protocol):
    """What the rig needs of an engine; :class:`~hfbench.bench.protocol.client.EngineProcess` is one."""

    def hello(self) -> Hello:
        """Say who it is."""

    def run(self, request: RunRequest, *, limit_seconds: float) -> RunAnswer:
        """Run one scenario."""

    def close(self) -> None:
        """End it, and whatever it started."""


StartEngine = Callable[[EngineSpec], Engine]


class Rig:
    """Seats (a name each) with a running engine in every one. A context manager: leaving it ends all engines."""

    def __init__(
        self,
        seats: Mapping[str, EngineSpec],
        *,
        start: StartEngine = EngineProcess,
        limit_seconds: float = RUN_SECONDS,
    ) -> None:
        self.seats = dict(seats)
        self.hellos: dict[str, Hello] = {}
        self._start = start
        self._limit_seconds = limit_seconds
        self._engines: dict[str, Engine] = {}
        self._running = ExitStack()
        self._folder = Path(tempfile.mkdtemp(prefix="hfbench-rig-"))
        self._order = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def restart(self, warm_up: Sequence[Work]) -> None:
        """End all engines, start fresh ones, and let each run every piece of work once, uncounted.

        Raises:
            EngineError: one of them does not start, or does not answer.
        """
        self._running.close()
        self._running = ExitStack()
        for seat, spec in self.seats.items():
            engine = self._start(spec)
            self._running.callback(engine.close)
            self._engines[seat] = engine
            self.hellos[seat] = engine.hello()
        for work in warm_up:
            for seat in self.seats:
                self.warm_up(seat, work)

    def warm_up(self, seat: str, work: Work) -> None:
        """One run that is not counted.

        Raises:
            EngineError: the engine did not answer as it should.
        """
        self._run(seat, work)

    def measure(self, seat: str, work: Work, *, number: int, role: str = "") -> Sample:
        """One counted run.

        Raises:
            EngineError: the engine did not answer as it should.
        """
        answer, files = self._run(seat, work)
        case = self.case(seat, work)
        self._order += 1
        return Sample(
            scenario=case.scenario,
            backend=case.backend,
            scope=case.scope,
            format=case.format,
            cache=case.cache,
            round=number,
            metrics=answer.metrics,
            engine=self.seats[seat].name,
            role=role,
            frames=answer.frames,
            files=files,
            order=self._order - 1,
        )

    def case(self, seat: str, work: Work) -> Case:
        """What a seat's engine really runs when asked for this work: axes that it has fixed stay fixed."""
        fixed = self.hellos[seat].axes
        axes = {axis: fixed.get(axis, value) for axis, value in work.case.axes().items()}
        return Case(work.case.scenario, **axes)

    def facts(self) -> dict[str, dict[str, str]]:
        """Engine name -> what it said of itself."""
        return {
            self.seats[seat].name: {"engine": hello.name, "version": hello.version, **hello.facts}
            for seat, hello in self.hellos.items()
        }

    def _run(self, seat: str, work: Work) -> tuple[RunAnswer, int]:
        case = self.case(seat, work)
        with self._empty_folder("out-") as out, self._cache_folder(seat, case) as cache:
            request = RunRequest(
                scenario=case.scenario,
                composition=work.composition,
                options={**work.options, "backend": case.backend, "scope": case.scope, "format": case.format},
                cache=case.cache,
                out=str(out),
                cache_folder=str(cache) if cache else "",
            )
            answer = self._engines[seat].run(request, limit_seconds=self._limit_seconds)
            return answer, _count_images(out)

    @contextmanager
    def _empty_folder(self, prefix: str) -> Iterator[Path]:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=self._folder))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def _cache_folder(self, seat: str, case: Case) -> Iterator[Path | None]:
        """A cache lives as long as the rig when warm (each seat has its own), and for one run when cold."""
        if case.cache == "warm":
            folder = self._folder / f"cache-{seat}"
            folder.mkdir(exist_ok=True)
            yield folder
        elif case.cache == "cold":
            with self._empty_folder("cache-") as folder:
                yield folder
        else:
            yield None


def _count_images(folder: Path) -> int:
    return sum(1 for path in folder.rglob("*") if path.suffix.lower() in _IMAGES and path.is_file())
