"""Ways to run a scenario, and what runs them: the seam between a measurement and the engines that it measures.

:mod:`~hfbench.bench.measure.in_process` runs hfbench's own backends in this process,
:mod:`~hfbench.bench.measure.over_protocol` any engine behind the worker protocol.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from hfbench.bench.judge.comparability import Case

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hfbench.bench.frame_check import FrameCheck
    from hfbench.bench.record import Sample
    from hfbench.bench.scenarios import BuiltScenario
    from hfbench.model.plan import ImageFormat, Scope

#: The engine in samples of the built-in backends.
BUILT_IN: Final = "hfbench"


@dataclass(frozen=True, slots=True)
class Way:
    """One way to run a scenario on a built-in backend."""

    backend: str
    scope: Scope
    format: ImageFormat

    def __str__(self) -> str:
        return f"{self.label} {self.scope.value} {self.format.value}"

    @property
    def label(self) -> str:
        """What its rows in a table are called: ways of one label share their warm-up."""
        return self.backend

    @property
    def engine(self) -> str:
        """The engine in its samples."""
        return BUILT_IN

    def case(self, scenario: str) -> Case:
        """What a sample of it measures."""
        return Case(scenario, self.backend, self.scope.value, self.format.value)


@dataclass(frozen=True, slots=True)
class EngineWay:
    """One way to run a scenario on an engine behind the worker protocol; an axis that it has fixed may say anything."""

    engine: str
    backend: str
    scope: str
    format: str
    cache: str

    def __str__(self) -> str:
        return f"{self.engine} {self.scope} {self.format}"

    @property
    def label(self) -> str:
        """What its rows in a table are called: ways of one label share their warm-up."""
        return self.engine

    def case(self, scenario: str) -> Case:
        """What a sample of it measures."""
        return Case(scenario, self.backend, self.scope, self.format, self.cache)


AnyWay = Way | EngineWay


@dataclass(frozen=True, slots=True)
class Taken:
    """What one counted run gave.

    Attributes:
        check: what was found of its frames; None where nobody looked.
        engines: engine name -> what it said of itself.
    """

    sample: Sample
    check: FrameCheck | None
    engines: Mapping[str, Mapping[str, str]]


class Turn(Protocol):
    """One way, ready to be run as often as it is its turn."""

    @property
    def way(self) -> AnyWay:
        """Which."""

    def warm_up(self, built: BuiltScenario) -> None:
        """Run once, uncounted.

        Raises:
            MeasurementError: the run failed, or was cancelled.
        """

    def run(self, built: BuiltScenario, number: int) -> Taken:
        """One counted run, of round ``number``.

        Raises:
            MeasurementError: the run failed, or was cancelled.
        """
