"""Reads run records of every version, and checks them: a value of the wrong kind is rejected here, by name."""

from __future__ import annotations

import json
import stat
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, cast

from hfbench.bench.record import SCHEMA, Load, RunRecord, Sample, is_finite_number
from hfbench.errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def load_record(path: str | Path) -> RunRecord:
    """Read a record of any version that was ever written.

    Raises:
        RecordError: not there, not JSON, not a record, or from a newer hfbench.
    """
    place = Path(path)
    try:
        if not stat.S_ISREG(place.stat().st_mode):  # a pipe would be waited for, a folder has no text
            raise RecordError(f"can't read the record {place}: it is not a regular file")
        document = json.loads(place.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecordError(f"can't read the record {place}: {error.strerror or error}") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise RecordError(f"{place} is not a run record: {error}") from error
    except json.JSONDecodeError as error:
        raise RecordError(f"{place} is not a run record: not JSON (line {error.lineno}: {error.msg})") from error
    return record_from_json(document, name=str(place))


def record_from_json(document: object, *, name: str = "the record") -> RunRecord:
    """Make a record from decoded JSON; ``name`` is what messages call it.

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
    """Check the kind of each value that is there: a wrong one would only be noticed in the middle of a comparison.

    Raises:
        RecordError: something is of another kind.
    """
    for key, fits in kinds.items():
        if key in document and not fits(document[key]):
            raise RecordError(f"{key} of {name} can't be {repr(document[key])[:80]}")


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
    """Any key is allowed; the values that a comparison reads must be of the right kind."""
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
        "canary_share": is_finite_number,
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
        "load_before": _is_table(is_finite_number),
        "load_after": _is_table(is_finite_number),
        "notes": lambda value: isinstance(value, list),
        "trouble": _is_list(_is_text),
        "interrupted": lambda value: isinstance(value, bool),
    }
)
_SAMPLE_V1: Final = MappingProxyType(
    {
        **dict.fromkeys(
            ("scenario", "backend", "scope", "format", "engine", "role", "cache", "wrong_frames", "pixels"), _is_text
        ),
        **dict.fromkeys(("round", "order", "runs"), _is_count),
        "files": lambda value: value is None or _is_count(value),
        "metrics": lambda value: isinstance(value, dict),
        "frames": _is_table(_is_count),
        "lowest": _is_table(is_finite_number),
        "warm_up": _is_table(is_finite_number),
    }
)
_READERS: Final = cast("Mapping[str, Callable[[dict[str, Any]], RunRecord]]", MappingProxyType({SCHEMA: _read_v1}))
