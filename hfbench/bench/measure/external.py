"""Engines behind the worker protocol: started together, warmed up, asked in turn, and measured alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from hfbench.bench.case import BUILT_IN, Case
from hfbench.bench.frame_check import FrameCheck, check_folder, count_frames, find_images
from hfbench.bench.measure.schedule import RunOutcome
from hfbench.bench.protocol.client import RUN_SECONDS, EngineProcess, EngineSpec
from hfbench.bench.protocol.messages import Hello, RunAnswer, RunRequest
from hfbench.bench.record import Sample
from hfbench.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from hfbench.bench.measure.run_root import RunRoot
    from hfbench.bench.scenarios import BuiltScenario

_EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})


class Engine(Protocol):
    """One running engine; :class:`~hfbench.bench.protocol.client.EngineProcess` is one."""

    def hello(self) -> Hello:
        """Ask the engine for its name and versions."""

    def run(self, request: RunRequest, *, limit_seconds: float) -> RunAnswer:
        """Run one scenario."""

    def close(self) -> None:
        """End the engine and every process that it started."""


StartEngine = Callable[[EngineSpec], Engine]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What engines are given to do.

    Attributes:
        cases: what is asked for; an axis that an engine has fixed stays as it is.
        scenarios: by name; every ``src`` is absolute, so that every engine reads the same bytes.
        options: what goes to an engine in addition to the axes (``quality``, ...).
        limit_seconds: for one run of one case.
    """

    cases: tuple[Case, ...]
    scenarios: Mapping[str, BuiltScenario]
    options: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    limit_seconds: float = RUN_SECONDS

    @property
    def built(self) -> tuple[BuiltScenario, ...]:
        """The scenarios, in the order in which they were asked for."""
        return tuple(self.scenarios.values())


class Engines:
    """One running engine per role (a name). A context manager: leaving it ends all engines."""

    def __init__(
        self, specs: Mapping[str, EngineSpec], work: Work, root: RunRoot, *, start: StartEngine = EngineProcess
    ) -> None:
        self.specs = {role: replace(spec, environment=_with_temporary(spec, root)) for role, spec in specs.items()}
        self.hellos: dict[str, Hello] = {}
        self._work = work
        self._start = start
        self._engines: dict[str, Engine] = {}
        self._running = ExitStack()
        self._root = root
        self._has_run = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def restart(self) -> None:
        """End all engines and start new ones, unless none of them has run anything yet.

        Raises:
            EngineError: one of them does not start, or does not answer ``hello``.
        """
        if not self._has_run:
            return
        self._running.close()
        self._running = ExitStack()
        for role, spec in self.specs.items():
            engine = self._start(spec)
            self._running.callback(engine.close)
            self._engines[role] = engine
            self.hellos[role] = engine.hello()
        self._has_run = False

    def subject(self, role: str) -> External:
        """What runs cases on the engine of a role."""
        return External(self, role)

    def cases(self, role: str) -> tuple[Case, ...]:
        """What the engine of a role actually runs when asked for all cases: equivalent ones are run once."""
        return tuple(dict.fromkeys(self.really(role, case) for case in self._work.cases))

    def distinct(self) -> tuple[Case, ...]:
        """The cases that are asked for, without those that are equivalent to an earlier one on every engine."""
        found: dict[tuple[Case, ...], Case] = {}
        for case in self._work.cases:
            found.setdefault(tuple(self.really(role, case) for role in self.specs), case)
        return tuple(found.values())

    def really(self, role: str, asked: Case) -> Case:
        """The case that is actually run: axes that the engine has fixed stay fixed, whatever is asked for."""
        return replace(asked.on(self.hellos[role].axes), engine=self.specs[role].name)

    def facts(self) -> dict[str, dict[str, str]]:
        """Engine name -> what it reported about itself, and the commit that it was built from."""
        return {
            self.specs[role].name: {"engine": hello.name, "version": hello.version, **hello.facts, **self._built(role)}
            for role, hello in self.hellos.items()
        }

    def _built(self, role: str) -> dict[str, str]:
        revision = self.specs[role].revision
        return {"revision": revision} if revision else {}

    def run(self, role: str, case: Case, *, is_checked: bool) -> tuple[RunAnswer, int, FrameCheck | None]:
        """Run a case once: what the engine answered, how many image files it left, and whether frames are right.

        Raises:
            EngineError: the engine did not answer as it should.
        """
        built = self._work.scenarios[case.scenario]
        self._has_run = True
        with self._root.folder("out-") as out, self._cache_folder(role, case) as cache:
            request = RunRequest(
                scenario=case.scenario,
                composition=built.composition.to_json(),
                options={**self._work.options, "backend": case.backend, "scope": case.scope, "format": case.format},
                cache=case.cache,
                out=str(out),
                cache_folder=str(cache) if cache else "",
            )
            answer = self._engines[role].run(request, limit_seconds=self._work.limit_seconds)
            files = len(find_images(out))
            if is_checked:
                return answer, files, check_folder(built, out, answer.frames)
            return answer, files, count_frames(built, answer.frames, files)

    @contextmanager
    def _cache_folder(self, role: str, case: Case) -> Iterator[Path | None]:
        """A warm cache is kept as long as the engines run (each role has its own), a cold one for one run."""
        if case.cache == "warm":
            folder = self._root.path / f"cache-{role}"
            folder.mkdir(exist_ok=True)
            yield folder
        elif case.cache == "cold":
            with self._root.folder("cache-") as folder:
                yield folder
        else:
            yield None


def _with_temporary(spec: EngineSpec, root: RunRoot) -> dict[str, str]:
    """The engine's environment, in which temporary files are in the run's folder: the next run removes them, too."""
    return {**spec.environment, **root.environment()}


@dataclass(frozen=True, slots=True)
class External:
    """A :class:`~hfbench.bench.measure.schedule.Subject`: the engine of one role."""

    engines: Engines
    role: str

    def warm_up(self, case: Case) -> Sample:
        """Run once, uncounted.

        Raises:
            EngineError: the engine did not answer as it should.
        """
        return self.run(case, is_checked=False).sample

    def run(self, case: Case, *, is_checked: bool) -> RunOutcome:
        """One counted run; image files are counted each time, and read with ``is_checked``.

        Raises:
            EngineError: the engine did not answer as it should.
        """
        case = self.engines.really(self.role, case)
        answer, files, check = self.engines.run(self.role, case, is_checked=is_checked)
        sample = Sample(
            scenario=case.scenario,
            backend=case.backend,
            scope=case.scope,
            format=case.format,
            cache=case.cache,
            round=0,
            metrics=answer.metrics,
            engine=case.engine,
            frames=answer.frames,
            files=files,
        )
        return RunOutcome(sample, check, self.engines.facts())


def parse_engines(texts: Sequence[str], backends: Sequence[str]) -> tuple[EngineSpec, ...]:
    """Read ``NAME=COMMAND`` of every engine that is measured together with these built-in ``backends``.

    Raises:
        UsageError: no name or no command; a name that another engine or a backend of the same run has.
    """
    names = {BUILT_IN, *backends} if backends else set()
    specs = tuple(EngineSpec.parse(text) for text in texts)
    for spec in specs:
        if spec.name in names:
            raise UsageError(
                f"two things in this run are called {spec.name!r}; give the engine another name: --engine NAME=COMMAND"
            )
        names.add(spec.name)
    return specs
