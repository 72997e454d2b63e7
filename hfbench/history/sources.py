"""Reads asv results, records and folders of records into one history."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from hfbench.bench.record_reader import load_record
from hfbench.errors import RecordError, UsageError
from hfbench.history.asv_results import is_asv_results, read_asv_results
from hfbench.history.commits import Commits
from hfbench.history.record_points import read_record
from hfbench.history.values import Axes, History, Point, Reading, Series
from hfbench.home import records_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_DIRTY: Final = "-dirty"


def load_history(
    sources: Iterable[str | Path], commits: Commits | None = None, *, all_branches: bool = False
) -> History:
    """Read asv results and run records into one history, in the topological order of its commits.

    A measurement of a commit that ``commits`` does not know has no place in that order: it is left out, and counted in
    :attr:`History.left_out`. Measurements that report no commit are on lines of their own, in the order of time.

    Args:
        sources: asv's ``results`` folder or the folder above it, record files, folders of records.
        commits: from :func:`~hfbench.history.commits_of`; without it no commit has a place.
        all_branches: show the commits of every branch, each branch as a line of its own; by default only those on the
            first-parent line of the current branch.

    Raises:
        UsageError: a source does not exist.
        RecordError: a record that was named can't be read. A damaged file among others in a folder is left out, and
            named in :attr:`History.trouble`.
    """
    known = commits or Commits()
    trouble: list[str] = []
    table = _Table(known, all_branches=all_branches)
    labels: dict[Path, str] = {}
    for path in dict.fromkeys(Path(source).resolve() for source in sources):
        for reading in _read(path, trouble, labels):
            table.add(reading)
    return History(table.series(), tuple(trouble), table.left_out(), MappingProxyType(table.sizes))


def usual_sources(repository: Path) -> list[Path]:
    """The sources that are read where none is named: the repository's asv results, and the records that runs keep.

    Args:
        repository: its folder, or one inside it: a notebook in JupyterLab runs in the notebooks' folder.
    """
    inside = repository.resolve()
    here = [inside, *inside.parents]
    root = next((place for place, folder in enumerate(here) if (folder / ".git").exists()), 0)
    asv = (folder / ".asv" / "results" for folder in here[: root + 1])
    return [folder for folder in (*asv, records_folder()) if folder.is_dir()]


@dataclass(slots=True)
class _Table:
    """Collects readings into lines; what has no place in the order of commits is counted instead."""

    commits: Commits
    all_branches: bool
    lines: dict[Axes, dict[str, Point]] = field(default_factory=dict)
    unknown: Counter[str] = field(default_factory=Counter)
    elsewhere: Counter[str] = field(default_factory=Counter)
    sizes: dict[str, str] = field(default_factory=dict)

    def add(self, reading: Reading) -> None:
        """Put a reading into its line, together with others of the same commit."""
        if reading.size:
            self.sizes[reading.axes.fixture] = reading.size
        if not reading.revision:
            self._join(reading.axes, Point(reading.label, reading.when, reading.values))
            return
        found = self.commits.find(reading.revision)
        if found is None:
            self.unknown[reading.revision.removesuffix(_DIRTY)] += 1
        elif found.branch != self.commits.branch and not self.all_branches:
            self.elsewhere[found.sha] += 1
        else:
            dirty = _DIRTY if reading.revision.endswith(_DIRTY) else ""
            axes = replace(reading.axes, repository=self.commits.repository, branch=found.branch)
            self._join(axes, Point(found.sha + dirty, found.when, reading.values, found.place))

    def series(self) -> tuple[Series, ...]:
        """Every line, its points in order."""
        return tuple(
            Series(axes, tuple(sorted(self.lines[axes].values(), key=lambda point: point.order)))
            for axes in sorted(self.lines)
        )

    def left_out(self) -> tuple[str, ...]:
        """What is not shown, how many, and how to see it."""
        said = []
        if self.unknown:
            why = self.commits.problem or (
                "another repository's, or on no branch: name the repository that they come from with --repo"
            )
            said.append(f"{_counted(self.unknown)} without a place in the order of commits: {why}")
        if self.elsewhere:
            said.append(
                f"{_counted(self.elsewhere)} not on the first-parent line of {self.commits.branch}; "
                "--all-branches shows them"
            )
        return tuple(said)

    def _join(self, axes: Axes, point: Point) -> None:
        line = self.lines.setdefault(axes, {})
        before = line.get(point.commit)
        line[point.commit] = (
            point
            if before is None
            else replace(before, when=min(before.when, point.when), values=before.values + point.values)
        )


def _counted(found: Counter[str]) -> str:
    measurements, commits = found.total(), len(found)
    return f"{measurements} measurement{'s' * (measurements > 1)} of {commits} commit{'s' * (commits > 1)}"


def _read(source: Path, trouble: list[str], labels: dict[Path, str]) -> Iterator[Reading]:
    if source.is_file():
        yield from _record(source, trouble, labels)
        return
    if not source.is_dir():
        raise UsageError(
            f"{source}: there is no such file or folder; name asv's results, a record or a folder of records"
        )
    asv = next((folder for folder in (source, source / "results") if is_asv_results(folder)), None)
    if asv is not None:
        yield from read_asv_results(asv, trouble)
        return
    for path in sorted(source.glob("*.json")):
        try:
            yield from _record(path, trouble, labels)
        except RecordError as error:
            trouble.append(error.message)


def _record(path: Path, trouble: list[str], labels: dict[Path, str]) -> Iterator[Reading]:
    """The readings of a record; none of one that was read before, as a file and in its folder."""
    if path in labels:
        return
    record = load_record(path)
    names = (path.stem, f"{path.parent.name}/{path.stem}", str(path))
    labels[path] = next(name for name in names if name not in labels.values())
    wrong = sum(bool(sample.wrong_frames) for sample in record.samples)
    if wrong:
        trouble.append(f"{path}: {wrong} samples with wrong frames")
    yield from read_record(record, labels[path])
