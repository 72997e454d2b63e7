"""The data of notebooks: fixtures, new measurements, saved records, histories."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hfbench.errors import UsageError
from hfbench.notebook.described import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fixtures_gen import Truth
    from hfbench.bench.record import RunRecord
    from hfbench.bench.scenarios import BuiltScenario
    from hfbench.composition import Composition
    from hfbench.history import History

_MEBIBYTE = 2**20


@dataclass(frozen=True, slots=True)
class BuiltFixture:
    """A fixture on disk, and the truth about its files."""

    folder: Path
    truth: Truth


def built(scenario: str, size: str | None = None) -> BuiltScenario:
    """A scenario with its fixture on disk, built where it is missing.

    Raises:
        UsageError: The scenario or the size does not exist.
        MachineError: The fixture can't be built.
    """
    from hfbench.bench.scenarios import build_scenarios, find_scenario

    (found,) = build_scenarios([find_scenario(scenario)], size)
    return found


def composition(scenario: str, size: str | None = None) -> Composition:
    """The composition of a scenario, ready to be extracted.

    Raises:
        UsageError: The scenario or the size does not exist.
        MachineError: The fixture can't be built.
    """
    return built(scenario, size).composition


def measured(
    scenarios: str | Iterable[str],
    *,
    size: str | None = None,
    rounds: int = 3,
    backends: Sequence[str] = ("libav",),
    scopes: Sequence[str] = ("source", "segment", "fused"),
    record: str | Path = "",
) -> RunRecord:
    """Measure now, as ``hfbench run`` does: a warm-up in which the frames are checked, then interleaved rounds.

    Args:
        scenarios: One name or several.
        size: Picture size, ``180p`` to ``2160p``; by default each fixture's own.
        rounds: Counted runs of each case.
        backends: ``libav``, ``ffmpeg``.
        scopes: ``source``, ``segment``, ``fused``.
        record: A saved record to show instead of a new measurement.

    Raises:
        UsageError: A scenario, backend, scope, size or number of rounds is not allowed; the message lists what is.
        RecordError: The record can't be read.
        MeasurementError: A run failed or gave wrong frames, so its times would mean nothing.
    """
    if record:
        return load(record)
    for backend in backends:
        _check("backend", backend, ("libav", "ffmpeg"))
    for scope in scopes:
        _check("scope", scope, ("source", "segment", "fused"))
    if rounds < 1:
        raise UsageError(f"rounds: {rounds} is not allowed; give 1 or more")
    names = [scenarios] if isinstance(scenarios, str) else list(scenarios)
    return _measured(names, size, rounds, [(backend, scope) for backend in backends for scope in scopes])


def _measured(names: Sequence[str], size: str | None, rounds: int, axes: Sequence[tuple[str, str]]) -> RunRecord:
    from hfbench.bench.case import Case
    from hfbench.bench.measure.run import Measurement, measure
    from hfbench.errors import MeasurementError
    from hfbench.model.cancellation import CancelToken

    cases = tuple(Case(name, backend, scope) for name in dict.fromkeys(names) for backend, scope in axes)
    with tempfile.TemporaryDirectory(prefix="hfbench-notebook-") as folder:
        wanted = Measurement(tuple(built(name, size) for name in dict.fromkeys(names)), cases, rounds)
        outcome = measure(wanted, Path(folder) / "record.json", token=CancelToken())
    wrong = [f"{case}: {check.first_wrong}" for case, check in outcome.checks.items() if not check.is_right]
    if wrong:
        raise MeasurementError(f"wrong frames: {wrong[0]}")
    return outcome.record


def load(path: str | Path) -> RunRecord:
    """Load a saved record.

    Raises:
        RecordError: It can't be read.
    """
    from hfbench.bench.record_reader import load_record

    return load_record(path)


def history(
    sources: str | Iterable[str | Path] = (), repository: str | Path = ".", *, all_branches: bool = False
) -> History:
    """The history in asv results and records; a made-up one, which says so, where there is none.

    Args:
        sources: paths, or one text with paths separated by commas. By default ``.asv/results`` of the repository, and
            the records that ``hfbench run`` has kept.
        repository: the repository whose commits were measured: its folder or one inside it.
        all_branches: show every branch, each as a line of its own, and not only the current one's first-parent line.

    Raises:
        UsageError: A source does not exist.
        RecordError: A source can't be read.
    """
    from hfbench.history import commits_of, load_history, usual_sources

    named = [text.strip() for text in sources.split(",") if text.strip()] if isinstance(sources, str) else list(sources)
    chosen = named or usual_sources(Path(repository))
    found = load_history(chosen, commits_of(Path(repository)), all_branches=all_branches)
    if named or len(found.commits) > 1:
        return found
    from hfbench.notebook.made_up import example_history

    return replace(example_history(), trouble=found.trouble, left_out=found.left_out)


def fixture_table(names: Iterable[str], size: str | None = None) -> Table:
    """The files of these fixtures, by their own truth; fixtures are built where missing.

    Raises:
        MachineError: There is no ffmpeg program to build with.
    """
    rows = []
    for name, entry in entries(names, size).items():
        for file in entry.truth.files:
            rate = "variable" if file.frame_rate is None else f"{float(file.frame_rate):.5g} fps"
            shape = "x".join(map(str, file.display_size))
            light = (file.hdr or "sdr").upper()
            bytes_ = (entry.folder / file.name).stat().st_size
            rows.append(
                (name, file.name, file.codec, shape, str(file.frames), rate, light, f"{bytes_ / _MEBIBYTE:.2f}")
            )
    headings = ("fixture", "file", "codec", "picture", "frames", "rate", "light", "MiB")
    return Table(headings, tuple(rows))


def entries(names: Iterable[str], size: str | None = None) -> dict[str, BuiltFixture]:
    """Fixture name -> its folder and truth; fixtures are built where missing.

    Raises:
        MachineError: There is no ffmpeg program to build with.
        UsageError: The size does not exist.
    """
    from fixtures_gen import Request, Size
    from hfbench.bench.scenarios import fixture_store

    if size:
        _check("size", size, [each.value for each in Size])
    store, chosen = fixture_store(), list(names)
    picture = Size(size) if size else None
    found = store.ensure([Request(name, picture) for name in chosen])
    return {each.name: BuiltFixture(each.folder, store.truth(each.name, picture)) for each in found}


def _check(name: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise UsageError(f"{name}: {value!r} is not allowed; choose one of {', '.join(allowed)}")
