"""What a history is: series of points, one point a commit, on axes that never mix what is unlike."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from hfbench.errors import NotInstalledError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pandas as pd

_SHORT: Final = 8


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Axes:
    """What must be equal for two numbers to share a line.

    Attributes:
        fixture: hash of the recipe of the sources: other input bytes make another line.
        machine: a name or a description; numbers of two machines are never compared.
    """

    scenario: str
    metric: str
    backend: str = "libav"
    scope: str = "fused"
    format: str = "jpg"
    cache: str = "off"
    engine: str = "hfbench"
    fixture: str = ""
    machine: str = ""

    @property
    def is_time(self) -> bool:
        """Whether the metric is a time, and so noisy; everything else is counted."""
        return self.metric.endswith("Ms")

    def __str__(self) -> str:
        shown = [self.backend, self.scope, self.format, *([self.cache] if self.cache != "off" else [])]
        return f"{self.scenario} [{' '.join(shown)}] {self.metric}"


@dataclass(frozen=True, slots=True)
class Point:
    """What was measured at one commit.

    Attributes:
        commit: the full hash, with ``-dirty`` where the tree had changes; another label where no commit is known.
        when: seconds since 1970: of the commit where it is known, else of the measurement.
        values: every sample, in the metric's unit.
    """

    commit: str
    when: float
    values: tuple[float, ...]

    @property
    def value(self) -> float:
        """The median of the samples."""
        return median(self.values)

    @property
    def label(self) -> str:
        """The commit as people write it."""
        sha, dirty, _ = self.commit.partition("-dirty")
        is_hash = len(sha) == len("0" * 40) and all(char in "0123456789abcdef" for char in sha)
        return (sha[:_SHORT] if is_hash else sha) + dirty


@dataclass(frozen=True, slots=True)
class Series:
    """One line: points in the order of the commits."""

    axes: Axes
    points: tuple[Point, ...]

    @property
    def values(self) -> tuple[float, ...]:
        """One number a point."""
        return tuple(point.value for point in self.points)


@dataclass(frozen=True, slots=True)
class History:
    """All series, ordered by their axes; ``trouble`` says which files could not be read, and why."""

    series: tuple[Series, ...]
    trouble: tuple[str, ...] = ()

    @property
    def commits(self) -> tuple[str, ...]:
        """Every commit of any series, oldest first."""
        seen: dict[str, float] = {}
        for point in self._points():
            seen[point.commit] = min(point.when, seen.get(point.commit, point.when))
        return tuple(sorted(seen, key=lambda commit: seen[commit]))

    def where(self, **chosen: str | Iterable[str]) -> History:
        """The series whose axes have these values: ``history.where(metric="cpuMs", scope=("segment", "fused"))``."""
        wanted = {name: {value} if isinstance(value, str) else set(value) for name, value in chosen.items()}
        kept = (
            each for each in self.series if all(getattr(each.axes, name) in values for name, values in wanted.items())
        )
        return History(tuple(kept), self.trouble)

    def _points(self) -> Iterator[Point]:
        for each in self.series:
            yield from each.points


def to_table(history: History) -> pd.DataFrame:
    """A row a point: the axes, ``commit``, ``label``, ``when``, ``samples`` (how many), ``value``, ``low``, ``high``.

    Raises:
        NotInstalledError: pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise NotInstalledError('a table of a history needs pandas: pip install "hfbench[notebooks]"') from error
    return pd.DataFrame(list(rows(history)))


def rows(history: History) -> Iterator[dict[str, Any]]:
    """The rows of :func:`to_table` as plain dicts."""
    for each in history.series:
        axes = asdict(each.axes)
        for point in each.points:
            yield {
                **axes,
                "commit": point.commit,
                "label": point.label,
                "when": point.when,
                "samples": len(point.values),
                "value": point.value,
                "low": min(point.values),
                "high": max(point.values),
            }
