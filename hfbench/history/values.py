"""A history: series of points, one point per commit, on axes that separate what is not comparable."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field, replace
from statistics import median
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from hfbench.errors import NotInstalledError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import pandas as pd

_SHORT: Final = 8
_HASH: Final = re.compile(r"[0-9a-f]{40}")
#: Axes that are shown only where two lines differ in nothing else.
_IDENTITY: Final = ("engine", "role", "branch", "settings", "fixture", "machine", "repository")


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Axes:
    """What must be equal for two numbers to share a line.

    Attributes:
        engine: the name that the engine reports; where a run gave it another one (``--engine NAME=COMMAND``),
            ``NAME (reported name)``.
        role: ``baseline`` or ``contender`` for the two sides of a gate; empty for all other measurements.
        repository: the repository whose commits are measured; empty where no commit is known.
        branch: the branch whose first-parent line holds the commit.
        settings: whatever else was chosen and changes the numbers: ``workers 1``, ``Python 3.12``.
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
    role: str = ""
    repository: str = ""
    branch: str = ""
    settings: str = ""
    fixture: str = ""
    machine: str = ""

    @property
    def is_time(self) -> bool:
        """Whether the metric is a time, and so noisy; everything else is counted."""
        return self.metric.endswith("Ms")

    @property
    def case(self) -> str:
        """How it was run: ``libav segment jpg``, with engine, role and cache where they are not the usual ones."""
        shown = [self.backend, self.scope, self.format]
        shown += [f"cache {self.cache}"] if self.cache != "off" else []
        shown += [self.engine] if self.engine != "hfbench" else []
        return " ".join([*shown, *([self.role] if self.role else [])])

    def __str__(self) -> str:
        return f"{self.scenario} [{self.case}] {self.metric}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One value as a source holds it, before its commit is looked up.

    Attributes:
        revision: the commit as it was reported; empty where none was.
        label: shown in place of a commit where none is known: the name of the record.
        when: seconds since 1970, of the measurement.
        size: picture size that the sources were asked for in; empty for their own, or where it is not known.
    """

    axes: Axes
    revision: str
    label: str
    when: float
    values: tuple[float, ...]
    size: str = ""


@dataclass(frozen=True, slots=True)
class Point:
    """The samples of one commit.

    Attributes:
        commit: the full hash, with ``-dirty`` where the tree had changes; the record's name where no commit is known.
        when: seconds since 1970: of the commit where it is known, else of the measurement.
        values: every sample, in the metric's unit.
        place: position of the commit in topological order; 0 where no commit is known.
    """

    commit: str
    when: float
    values: tuple[float, ...]
    place: int = 0

    @property
    def value(self) -> float:
        """The median of the samples."""
        return median(self.values)

    @property
    def label(self) -> str:
        """The commit with its hash abbreviated to 8 digits."""
        sha, dirty, _ = self.commit.partition("-dirty")
        return (sha[:_SHORT] if _HASH.fullmatch(sha) else sha) + dirty

    @property
    def order(self) -> tuple[int, float, str]:
        """Sorts points: by topological order, then time; a tree with changes comes after its commit."""
        return (self.place, self.when, self.commit)


@dataclass(frozen=True, slots=True)
class Series:
    """One line: points in the order of the commits."""

    axes: Axes
    points: tuple[Point, ...]

    @property
    def values(self) -> tuple[float, ...]:
        """The median of each point."""
        return tuple(point.value for point in self.points)


@dataclass(frozen=True, slots=True)
class History:
    """All series, ordered by their axes.

    Attributes:
        trouble: files that could not be read, and why.
        left_out: measurements that are not shown, how many, and how to see them.
        sizes: hash of a fixture's recipe -> the picture size that it was asked for in, where that is known.
    """

    series: tuple[Series, ...]
    trouble: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    sizes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def commits(self) -> tuple[str, ...]:
        """Every commit of any series, in topological order."""
        first: dict[str, tuple[int, float, str]] = {}
        for each in self.series:
            for point in each.points:
                first[point.commit] = min(point.order, first.get(point.commit, point.order))
        return tuple(sorted(first, key=lambda commit: first[commit]))

    def where(self, **chosen: str | Iterable[str]) -> History:
        """The series whose axes have these values: ``history.where(metric="cpuMs", scope=("segment", "fused"))``."""
        wanted = {name: {value} if isinstance(value, str) else set(value) for name, value in chosen.items()}
        kept = (
            each for each in self.series if all(getattr(each.axes, name) in values for name, values in wanted.items())
        )
        return replace(self, series=tuple(kept))

    def case_of(self, axes: Axes) -> str:
        """:attr:`Axes.case`, and what distinguishes this line from others of the same scenario, case and metric."""
        alike = [each.axes for each in self.series if str(each.axes) == str(axes)]
        telling = [name for name in _IDENTITY if len({getattr(each, name) for each in alike}) > 1]
        more = [f"{name} {getattr(axes, name) or 'none'}" for name in telling]
        return ", ".join([axes.case, *more])


def to_table(history: History) -> pd.DataFrame:
    """One row per point: the axes, ``commit label when``, ``samples`` (how many), and their ``value low high``.

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
