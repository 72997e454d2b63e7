"""Files and folders in, one history out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hfbench.bench.record import load_record
from hfbench.errors import RecordError, UsageError
from hfbench.history.asv_results import is_asv_results, read_asv_results
from hfbench.history.commits import Commits
from hfbench.history.record_points import read_record
from hfbench.history.values import Axes, History, Point, Series
from hfbench.home import records_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def load_history(sources: Iterable[str | Path], commits: Commits | None = None) -> History:
    """Read asv results and run records into one history.

    Args:
        sources: asv's ``results`` folder or the folder above it, record files, folders of records.
        commits: the order of commits; without it points stand in the order of their times.

    Raises:
        UsageError: a source is not there.
        RecordError: nothing could be read from a source that was named. A damaged file among others in a folder is
            left out, and named in ``trouble``.
    """
    known = commits or Commits()
    joined: dict[Axes, dict[str, Point]] = {}
    trouble: list[str] = []
    for source in sources:
        for axes, point in _read(Path(source), known, trouble):
            line = joined.setdefault(axes, {})
            before = line.get(point.commit)
            line[point.commit] = point if before is None else _joined(before, point)
    return History(
        tuple(Series(axes, _ordered(joined[axes].values(), known)) for axes in sorted(joined)), tuple(trouble)
    )


def usual_sources(repository: Path) -> list[Path]:
    """What is read where no source is named: asv's results of the repository, and the records that runs keep.

    Args:
        repository: its folder, or one inside it: a notebook in JupyterLab runs in the notebooks' folder.
    """
    inside = repository.resolve()
    here = [inside, *inside.parents]
    root = next((place for place, folder in enumerate(here) if (folder / ".git").exists()), 0)
    asv = (folder / ".asv" / "results" for folder in here[: root + 1])
    return [folder for folder in (*asv, records_folder()) if folder.is_dir()]


def _ordered(points: Iterable[Point], commits: Commits) -> tuple[Point, ...]:
    return tuple(sorted(points, key=lambda point: (point.when, *commits.order(point.commit))))


def _joined(one: Point, other: Point) -> Point:
    return Point(one.commit, min(one.when, other.when), one.values + other.values)


def _read(source: Path, commits: Commits, trouble: list[str]) -> Iterator[tuple[Axes, Point]]:
    if source.is_file():
        yield from read_record(load_record(source), source.stem, commits)
        return
    if not source.is_dir():
        raise UsageError(
            f"{source}: there is no such file or folder; name asv's results, a record or a folder of records"
        )
    asv = next((folder for folder in (source, source / "results") if is_asv_results(folder)), None)
    if asv is not None:
        yield from read_asv_results(asv)
        return
    for path in sorted(source.glob("*.json")):
        try:
            yield from read_record(load_record(path), path.stem, commits)
        except RecordError as error:
            trouble.append(error.message)
