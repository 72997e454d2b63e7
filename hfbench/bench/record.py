"""The run record: one versioned JSON document a run, written after every sample.

Longer than other files: values, writer and reader of one format stand together, for none changes without the others.

History of the format, newest first:

* ``hfbench-record/1``: the first one. Added later: ``runs`` of a sample (absent: 1); ``wrong_frames``, ``lowest`` and
  ``warm_up``, each only where there is something to say; ``rule`` (of a gate) and ``terms`` (of engines side
  by side) among the options; ``trouble``.
"""

from __future__ import annotations

import json
import math
import os
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, cast

from hfbench.errors import HfbenchError, NotInstalledError, OutputError, RecordError
from hfbench.model.metrics import is_counted

if TYPE_CHECKING:
    import pandas as pd

#: The version that is written. A change of meaning or of a name makes a new one; :data:`_READERS` keeps the old.
SCHEMA: Final = "hfbench-record/1"

#: Fields of a sample that are written only where they say something.
_ONLY_WHERE_ANY: Final = ("wrong_frames", "lowest", "warm_up")
Metrics = Mapping[str, float | int | None]
_EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Load:
    """Load averages: runnable processes over the last one, five and fifteen minutes (getloadavg(3))."""

    one_minute: float
    five_minutes: float
    fifteen_minutes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One run of one scenario (or the median of a few, see ``runs``), with everything that was measured.

    Attributes:
        round: which round (or pair) of the run, from 1; samples of one round were taken next to each other.
        metrics: by the names that ``hfbench metrics`` lists; None where the engine can't tell.
        engine: the name of the engine that ran, as in ``NAME=COMMAND``.
        role: what the sample is for in a gate: ``baseline``, ``contender``, ``canary-a``, ``canary-b``; else ``""``.
        cache: state of the extraction cache: ``off``, ``cold`` or ``warm``.
        frames: clip id -> frames, as the engine reported them.
        files: image files that the harness itself found in the output folder; None where nobody looked.
        order: place in the run, from 0: drift of the machine shows along it.
        runs: how many runs right after each other this is the median of.
        wrong_frames: which frame is wrong and what it should be, where frames were held against the truth; empty where
            all were right, or nobody looked.
        lowest: counters that were not the same in all ``runs`` (``metrics`` has the highest) -> the lowest.
        warm_up: counters that were another number in the warm-up right before this sample -> that number.
    """

    scenario: str
    backend: str
    scope: str
    format: str
    round: int
    metrics: Metrics
    engine: str = "hfbench"
    role: str = ""
    cache: str = "off"
    frames: Mapping[str, int] = field(default_factory=lambda: _EMPTY)
    files: int | None = None
    order: int = 0
    runs: int = 1
    wrong_frames: str = ""
    lowest: Mapping[str, float] = field(default_factory=lambda: _EMPTY)
    warm_up: Mapping[str, float] = field(default_factory=lambda: _EMPTY)

    def __post_init__(self) -> None:
        """Refuse numbers that JSON can't hold.

        Raises:
            RecordError: a metric is NaN, infinite, or no number.
        """
        for name, value in self.metrics.items():
            if value is not None and not _is_number(value):
                shown = str(value)[:40]
                raise RecordError(
                    f"scenario {self.scenario!r}: metric {name} is {shown}; it must be a finite number or null"
                )

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dict with the fields' own names."""
        plain = {each.name: getattr(self, each.name) for each in fields(self)}
        plain |= {name: dict(plain[name]) for name in ("metrics", "frames", "lowest", "warm_up")}
        return {name: value for name, value in plain.items() if value or name not in _ONLY_WHERE_ANY}


def merged(samples: Sequence[Sample]) -> Sample:
    """One sample for a few runs of the same case: medians of the metrics (unknown in one: unknown).

    Counted work is as a rule the same in each; where it is not, the highest is kept, and so are frames and files that
    differ from the first: a run that lost frames must not hide behind two that did not.
    """
    first = samples[0]
    odd = next((each for each in samples if (each.frames, each.files) != (first.frames, first.files)), first)
    values = {name: [each.metrics.get(name) for each in samples] for name in first.metrics}
    return replace(
        first,
        metrics={name: _middle(name, given) for name, given in values.items()},
        frames=odd.frames,
        files=odd.files,
        runs=len(samples),
        lowest=dict(_lowest(values)),
    )


def _middle(name: str, values: Sequence[float | int | None]) -> float | int | None:
    """By what the metric is, never by how its number is written: whole milliseconds are times as well."""
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    return max(known) if is_counted(name) else median(known)


def _lowest(values: Mapping[str, Sequence[float | int | None]]) -> Iterator[tuple[str, float]]:
    for name, given in values.items():
        known = [value for value in given if value is not None]
        if is_counted(name) and len(known) == len(given) and min(known) < max(known):
            yield name, min(known)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run: its samples, and what one must know to believe them.

    Attributes:
        created: when the run started, ISO 8601 in UTC.
        machine: :func:`hfbench.bench.machine.machine_facts`.
        versions: :func:`hfbench.bench.machine.versions` of the process that measured.
        engines: engine name -> what it said of itself (version, revision, libraries).
        options: how the run was asked for, JSON-able.
        fixtures: scenario -> hash of the recipe its sources were built by.
        load_before: load averages; ``load_after`` is None while the run is under way.
        trouble: why the measurement ended before its time, if it did: the verdict says so, too.
        interrupted: true until the run is finished, so a record on disk tells the truth even after a power cut.
    """

    schema: str = SCHEMA
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    samples: tuple[Sample, ...] = ()
    machine: Mapping[str, str | int] = field(default_factory=lambda: _EMPTY)
    versions: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    engines: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: _EMPTY)
    options: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    fixtures: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    load_before: Load | None = None
    load_after: Load | None = None
    notes: tuple[str, ...] = ()
    trouble: tuple[str, ...] = ()
    interrupted: bool = False

    def to_json(self) -> dict[str, Any]:
        """The document, JSON-able, ``schema`` first."""
        return {
            "schema": self.schema,
            "created": self.created,
            "samples": [sample.to_json() for sample in self.samples],
            "machine": dict(self.machine),
            "versions": dict(self.versions),
            "engines": {name: dict(facts) for name, facts in self.engines.items()},
            "options": dict(self.options),
            "fixtures": dict(self.fixtures),
            "load_before": asdict(self.load_before) if self.load_before else None,
            "load_after": asdict(self.load_after) if self.load_after else None,
            "notes": list(self.notes),
            **({"trouble": list(self.trouble)} if self.trouble else {}),
            "interrupted": self.interrupted,
        }


class RecordWriter:
    """Keeps a record on disk while a run goes on; the file is whole and readable at every moment."""

    def __init__(self, path: Path, record: RunRecord) -> None:
        """Write ``record``, marked as interrupted until :meth:`finish`.

        Raises:
            OutputError: the file can't be written.
        """
        self.path = path
        self.record = replace(record, interrupted=True)
        self._save()

    def add(self, *samples: Sample, engines: Mapping[str, Mapping[str, str]] = _EMPTY) -> RunRecord:
        """Append samples, and what their engines said of themselves, and rewrite the file."""
        self.record = replace(
            self.record, samples=self.record.samples + samples, engines={**self.record.engines, **engines}
        )
        self._save()
        return self.record

    def declare(self, **options: Any) -> RunRecord:
        """Add to the options, and rewrite the file: what only the measurement itself knows of how it was asked for."""
        self.record = replace(self.record, options={**self.record.options, **options})
        self._save()
        return self.record

    def fail(self, error: HfbenchError) -> RunRecord:
        """Keep why the measurement ends before its time, and rewrite the file."""
        self.record = replace(self.record, trouble=(*self.record.trouble, error.message))
        return self.note(error.message, error.diagnostic)

    def note(self, *notes: str) -> RunRecord:
        """Append what a reader must know (empty notes are left out), and rewrite the file."""
        self.record = replace(self.record, notes=self.record.notes + tuple(note for note in notes if note))
        self._save()
        return self.record

    def finish(self, *, load_after: Load | None = None) -> RunRecord:
        """The run came to its own end: take the mark away and write for the last time."""
        self.record = replace(self.record, load_after=load_after, interrupted=False)
        self._save()
        return self.record

    def _save(self) -> None:
        text = json.dumps(self.record.to_json(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        write_atomically(self.path, text)


def write_atomically(path: Path, text: str) -> None:
    """Write ``text`` beside ``path`` and rename it into place: a reader never sees half a file.

    Raises:
        OutputError: the folder can't be made or written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OutputError(
            f"can't write {path}: {error.strerror or error}; choose another place with --record"
        ) from error


def load_record(path: str | Path) -> RunRecord:
    """Read a record of any version that was ever written.

    Raises:
        RecordError: not there, not JSON, not a record, or from a newer hfbench.
    """
    place = Path(path)
    try:
        if not stat.S_ISREG(place.stat().st_mode):  # a pipe would be waited for, a folder has no text
            raise RecordError(f"can't read the record {place}: it is no regular file")
        document = json.loads(place.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecordError(f"can't read the record {place}: {error.strerror or error}") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise RecordError(f"{place} is not a run record: {error}") from error
    except json.JSONDecodeError as error:
        raise RecordError(f"{place} is not a run record: not JSON (line {error.lineno}: {error.msg})") from error
    return record_from_json(document, name=str(place))


def record_from_json(document: object, *, name: str = "the record") -> RunRecord:
    """Make a record from decoded JSON; ``name`` stands in messages.

    Raises:
        RecordError: not a record, or from a newer hfbench.
    """
    schema = document.get("schema") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(schema, str):
        raise RecordError(f'{name} is not a run record: it has no "schema"')
    reader = _READERS.get(schema)
    if reader is None:
        known = ", ".join(_READERS)
        raise RecordError(
            f"{name} has schema {schema!r}; this hfbench reads {known}; a newer hfbench may have written it: upgrade"
        )
    try:
        return reader(document)
    except RecordError as error:
        raise RecordError(f"{name} is damaged: {error.message}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RecordError(f"{name} is damaged: {type(error).__name__}: {error}") from error


def load_records(paths: str | Path | Iterable[str | Path]) -> pd.DataFrame:
    """All samples of one or many records as a table: a row a sample, a column a metric.

    Beside the sample's own fields (``scenario backend scope format cache round engine role order frames files``) stand
    ``record`` (the file's name), ``created``, ``interrupted``, ``fixture`` and ``version``.

    Raises:
        NotInstalledError: pandas is not installed.
        RecordError: as :func:`load_record`.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise NotInstalledError('load_records needs pandas: pip install "hfbench[notebooks]"') from error
    chosen = [paths] if isinstance(paths, str | Path) else list(paths)
    rows = [row for path in chosen for row in _rows(Path(path).name, load_record(path))]
    return pd.DataFrame(rows)


def _rows(name: str, record: RunRecord) -> Iterable[dict[str, Any]]:
    for sample in record.samples:
        yield {
            "record": name,
            "created": record.created,
            "interrupted": record.interrupted,
            "fixture": record.fixtures.get(sample.scenario),
            "version": record.engines.get(sample.engine, record.versions).get("version", ""),
            **{
                key: value
                for key, value in sample.to_json().items()
                if key not in {"metrics", "frames", *_ONLY_WHERE_ANY}
            },
            "frames": sum(sample.frames.values()) if sample.frames else None,
            **sample.metrics,
        }


def _read_v1(document: dict[str, Any]) -> RunRecord:
    known = {each.name for each in fields(RunRecord)}
    given = {key: value for key, value in document.items() if key in known and value is not None}
    _check(given, _RECORD_V1, "the record")
    given["samples"] = tuple(_sample_v1(each) for each in document["samples"])
    for key in ("notes", "trouble"):
        given[key] = tuple(str(each) for each in given.get(key, ()))
    for key in ("load_before", "load_after"):
        given[key] = Load(**given[key]) if key in given else None
    return RunRecord(**given)


def _sample_v1(document: dict[str, Any]) -> Sample:
    known = {each.name for each in fields(Sample)}
    name = f"a sample of {repr(document.get('scenario'))[:40]}"
    missing = [key for key in ("metrics", "round", "scenario", "backend", "scope", "format") if key not in document]
    if missing:
        raise RecordError(f"{name} has no {', no '.join(missing)}")
    _check(document, _SAMPLE_V1, name)
    # An unknown key is a later addition of the same version: additions never change the meaning of what was there.
    return Sample(**{key: value for key, value in document.items() if key in known})


def _check(document: Mapping[str, Any], kinds: Mapping[str, Callable[[Any], bool]], name: str) -> None:
    """Hold what is there against its kind: what is of another would only be noticed in the middle of a comparison.

    Raises:
        RecordError: something is of another kind.
    """
    for key, fits in kinds.items():
        if key in document and not fits(document[key]):
            raise RecordError(f"{key} of {name} can't be {repr(document[key])[:80]}")


def _is_number(value: object) -> bool:
    """A number that JSON can hold and a float can: an integer may be too large for one."""
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:
        return False


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_table(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, dict) and all(map(fits, value.values()))


def _is_list(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(map(fits, value))


def _is_time(value: object) -> bool:
    return isinstance(value, str) and bool(datetime.fromisoformat(value))


def _are_options(value: object) -> bool:
    """Anything may stand there; what a comparison reads must be of its kind."""
    if not isinstance(value, dict):
        return False
    _check({key: each for key, each in value.items() if each is not None}, _OPTIONS_V1, "the options")
    return True


_TEXT_TABLE: Final = _is_table(_is_text)
_OPTIONS_V1: Final = MappingProxyType(
    {
        "engines": _is_list(_is_text),
        "rule": lambda value: isinstance(value, dict),
        "terms": lambda value: isinstance(value, dict),
        "across": _is_list(_is_text),
        "most_pairs": _is_count,
        "canary_share": _is_number,
    }
)
_RECORD_V1: Final = MappingProxyType(
    {
        "created": _is_time,
        "machine": _is_table(lambda value: isinstance(value, str | int | float)),
        "versions": _TEXT_TABLE,
        "engines": _is_table(_TEXT_TABLE),
        "options": _are_options,
        "fixtures": _TEXT_TABLE,
        "load_before": _is_table(_is_number),
        "load_after": _is_table(_is_number),
        "notes": lambda value: isinstance(value, list),
        "trouble": _is_list(_is_text),
        "interrupted": lambda value: isinstance(value, bool),
    }
)
_SAMPLE_V1: Final = MappingProxyType(
    {
        **dict.fromkeys(
            ("scenario", "backend", "scope", "format", "engine", "role", "cache", "wrong_frames"), _is_text
        ),
        **dict.fromkeys(("round", "order", "runs"), _is_count),
        "files": lambda value: value is None or _is_count(value),
        "metrics": lambda value: isinstance(value, dict),
        "frames": _is_table(_is_count),
        "lowest": _is_table(_is_number),
        "warm_up": _is_table(_is_number),
    }
)
_READERS: Final = cast("Mapping[str, Callable[[dict[str, Any]], RunRecord]]", MappingProxyType({SCHEMA: _read_v1}))
