"""Reading what asv keeps: ``results/benchmarks.json`` and ``results/<machine>/<commit>-<environment>.json``.

The format is asv's second (``"version": 2``): every benchmark has a row whose columns are named once per file, rows are
cut after their last value, results are a flat list in the order of ``itertools.product`` over the parameters,
parameters are ``repr`` strings, a failed benchmark has null, and a skipped one a bare NaN.
"""

from __future__ import annotations

import ast
import itertools
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hfbench.errors import RecordError
from hfbench.history.values import Axes, Reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_RESULT_VERSION: Final = 2
_PREFIX: Final = "track_"
_AXES: Final = ("scenario", "backend", "scope", "format", "cache")


@dataclass(frozen=True, slots=True)
class _Row:
    """One benchmark in one result file."""

    name: str
    machine: str
    environment: str
    commit: str
    when: float
    columns: Mapping[str, Any]


def is_asv_results(folder: Path) -> bool:
    """Whether a folder is asv's ``results``."""
    return (folder / "benchmarks.json").is_file()


def read_asv_results(folder: Path, trouble: list[str]) -> Iterator[Reading]:
    """One reading per ``track_`` benchmark with a scenario, combination of parameters and result file.

    A file that can't be read, or is of another version of asv's format, is left out; ``trouble`` gets the reason.
    """
    try:
        names = _parameter_names(folder / "benchmarks.json")
    except RecordError as error:
        trouble.append(error.message)
        return
    for path in sorted(folder.glob("*/*.json")):
        if path.name != "machine.json":
            try:
                yield from _read(path, names)
            except RecordError as error:
                trouble.append(error.message)


def _read(path: Path, names: Mapping[str, tuple[str, ...]]) -> list[Reading]:
    try:
        return [reading for row in _rows(path) for reading in _readings(row, names.get(row.name, ()))]
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        raise RecordError(f"{path} is damaged: {type(error).__name__}: {error}") from error


def _parameter_names(path: Path) -> dict[str, tuple[str, ...]]:
    document = _load(path)
    return {
        name: tuple(facts.get("param_names", ()))
        for name, facts in document.items()
        if isinstance(facts, dict) and facts.get("type") == "track"
    }


def _rows(path: Path) -> Iterator[_Row]:
    document = _load(path)
    if document.get("version") != _RESULT_VERSION:
        raise RecordError(
            f"{path} has asv's result format {document.get('version')!r}; this hfbench reads {_RESULT_VERSION}"
        )
    columns, machine = document["result_columns"], str(document["params"]["machine"])
    commit, when = str(document["commit_hash"]), float(document["date"]) / 1000
    for name, cells in document["results"].items():
        yield _Row(name, machine, _environment(document), commit, when, dict(zip(columns, cells, strict=False)))


def _environment(document: Mapping[str, Any]) -> str:
    """What asv's matrix may vary: Python, required packages, variables. Different environments never share a line."""
    python = str(document.get("python") or "")
    chosen = {**(document.get("requirements") or {}), **(document.get("env_vars") or {})}
    more = (f"{name} {value}" for name, value in sorted(chosen.items()) if value)
    return ", ".join((*((f"Python {python}",) if python else ()), *more))


def _readings(row: _Row, names: tuple[str, ...]) -> Iterator[Reading]:
    suite, _, benchmark = row.name.rpartition(".")
    results = row.columns.get("result")
    if "scenario" not in names or results is None:
        return
    combinations = list(itertools.product(*row.columns.get("params") or ()))
    samples = row.columns.get("samples") or [None] * len(combinations)
    for combination, result, taken in zip(combinations, results, samples, strict=False):
        values = tuple(float(value) for value in (taken or [result]) if value is not None and math.isfinite(value))
        if result is None or not math.isfinite(result) or not values:
            continue
        given = {name: _plain(text) for name, text in zip(names, combination, strict=True)}
        more = (f"{name} {value}" for name, value in given.items() if name not in _AXES)
        axes = Axes(
            metric=benchmark.removeprefix(_PREFIX),
            settings=", ".join(text for text in (row.environment, f"suite {suite}", *more) if text),
            fixture=str(row.columns.get("version") or ""),
            machine=row.machine,
            **{name: value for name, value in given.items() if name in _AXES},
        )
        yield Reading(axes=axes, revision=row.commit, label=row.commit, when=row.when, values=values)


def _plain(text: str) -> str:
    """``"'segment'"`` -> ``segment``."""
    try:
        return str(ast.literal_eval(text))
    except (ValueError, SyntaxError):
        return str(text)


def _load(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RecordError(f"can't read asv's {path}: {error}") from error
    if not isinstance(document, dict):
        raise RecordError(f"{path} is not a result of asv")
    return document
