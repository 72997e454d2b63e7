"""Compositions as JSON: the schema ``hfbench-composition/1``.

History of the format:

* 1: the first. ``schema`` may be left out; ``end`` and ``duration`` exclude each other.
"""

from __future__ import annotations

import difflib
import functools
import json
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from hfbench import timebase
from hfbench.composition import fields
from hfbench.composition.model import DEFAULT_FPS, Clip, Composition, check_clip_count
from hfbench.errors import CompositionError

if TYPE_CHECKING:
    from pathlib import Path

    from hfbench.composition.fields import Rate

SCHEMA: Final = "hfbench-composition/1"

# Characters. Python refuses to convert more than 4300 digits; no time has as many as this.
_LONGEST_INTEGER: Final = 100

_DOCUMENT_KEYS: Final = ("schema", "fps", "timeline_end", "clips")
_CLIP_KEYS: Final = (
    "id",
    "src",
    "start",
    "end",
    "duration",
    "media_start",
    "playback_rate",
    "loop",
    "has_audio",
)
_DEFAULTS: Final[Mapping[str, object]] = {
    "start": 0,
    "media_start": 0,
    "playback_rate": 1,
    "loop": False,
    "has_audio": False,
}


@functools.cache
def _schema_text() -> str:
    return resources.files(__package__).joinpath("schema.json").read_text(encoding="utf-8")


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a composition file. It ships with the package as ``schema.json``."""
    schema: dict[str, Any] = json.loads(_schema_text())
    return schema


def parse(text: str, *, root: Path | None = None, fps: Rate | None = None) -> Composition:
    """Read the text of a composition file.

    Raises:
        CompositionError: not JSON, or not a composition; one line that names the clip and the key.
    """
    return from_document(_parsed(text), root=root, fps=fps)


def from_document(document: object, *, root: str | Path | None = None, fps: Rate | None = None) -> Composition:
    """Read a parsed document.

    Raises:
        CompositionError: not a composition; one line that names the clip and the key.
    """
    if not isinstance(document, Mapping):
        raise CompositionError(f'a composition is an object such as {{"clips": […]}}, not {_kind_of(document)}')
    _check_keys(document, _DOCUMENT_KEYS, where="")
    _check_schema(document.get("schema", SCHEMA))
    if "clips" not in document:
        raise CompositionError("clips: missing; a composition needs at least one clip")
    _check_types(document, "")
    return Composition(
        _clips(document["clips"]),
        fps=document.get("fps", DEFAULT_FPS) if fps is None else fps,
        timeline_end=document.get("timeline_end"),
        root=root,
    )


def to_document(composition: Composition) -> dict[str, Any]:
    """A composition as a document that :func:`from_document` reads back; values at their defaults are left out."""
    document: dict[str, Any] = {"schema": SCHEMA, "fps": _written(composition.fps)}
    if composition.timeline_end is not None:
        document["timeline_end"] = _written(composition.timeline_end)
    document["clips"] = [_clip_document(clip, as_url=not composition.absolute_sources) for clip in composition.clips]
    return document


def _parsed(text: str) -> object:
    try:
        # Decimal keeps every digit that is written; NaN and Infinity go on to the field, which can name the clip.
        return json.loads(
            text,
            object_pairs_hook=_object_without_duplicates,
            parse_float=_number,
            parse_int=_number,
            parse_constant=float,
        )
    except json.JSONDecodeError as error:
        hint = " (it looks like HTML: name it .html)" if text.lstrip().startswith("<") else ""
        msg = f"is not JSON: line {error.lineno}, column {error.colno}: {error.msg}{hint}"
    except RecursionError:
        msg = "is nested too deeply for a composition"
    raise CompositionError(msg)


def _number(literal: str) -> int | float | Decimal:
    # An absurd literal stays a Decimal or becomes an infinity: the field that it is written in refuses it by name.
    if len(literal) <= _LONGEST_INTEGER and literal.lstrip("-").isdigit():
        return int(literal)
    try:
        return Decimal(literal)
    except InvalidOperation:
        return float(literal)


def _object_without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        owner = f"clip {fields.shown(values['id'])}: " if "id" in values else ""
        raise CompositionError(f"{owner}{fields.shown(twice)}: the key is given twice")
    return values


def _check_schema(value: object) -> None:
    if value != SCHEMA:
        raise CompositionError(f'schema: {_spelled(value)} is not known; allowed: "{SCHEMA}"')


def _check_keys(document: Mapping[Any, object], allowed: Collection[str], *, where: str) -> None:
    for key in document:
        if key not in allowed:
            near = difflib.get_close_matches(str(key)[:80].lower(), allowed, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise CompositionError(f"{where}unknown key {fields.shown(key)}{hint} (allowed: {', '.join(allowed)})")


def _clips(value: Sequence[object]) -> Iterable[Clip]:
    check_clip_count(len(value))
    return tuple(_clip(index, item) for index, item in enumerate(value))


def _clip(index: int, document: object) -> Clip:
    if not isinstance(document, Mapping):
        raise CompositionError(f"clips[{index}]: a clip is an object with 'id' and 'src', not {_kind_of(document)}")
    if not isinstance(document.get("id"), str):
        _check_keys(document, _CLIP_KEYS, where=f"clips[{index}]: ")
        given = f"must be text, not {_kind_of(document['id'])}" if "id" in document else "missing"
        raise CompositionError(f"clips[{index}]: id: {given}; every clip needs a name")
    where = f"clip {fields.shown(document['id'])}: "
    _check_keys(document, _CLIP_KEYS, where=where)
    if "src" not in document:
        raise CompositionError(f"{where}src: missing; every clip needs a source")
    _check_types(document, where)
    values = {key: document[key] for key in _CLIP_KEYS if key in document and key != "duration"}
    if "duration" in document:
        values["end"] = _end_from_duration(document, where)
    return Clip(**values)


def _check_types(document: Mapping[str, object], where: str) -> None:
    """Refuse values of another JSON type, named as JSON names them and not as Python does."""
    for key, value in document.items():
        takes, wanted = _TYPE_BY_KEY[key]
        if not takes(value):
            raise CompositionError(f"{where}{key}: {_spelled(value)} is not {wanted}")


def _end_from_duration(document: Mapping[str, Any], where: str) -> Fraction | None:
    if "end" in document:
        raise CompositionError(f"{where}duration: a clip has 'end' or 'duration', not both")
    try:
        duration = fields.read_end(document["duration"], Fraction(0))
    except ValueError as error:
        # The message about an end before the start belongs to the key ``end``.
        raise CompositionError(f"{where}duration: {str(error).partition(':')[0]}") from None
    try:
        return None if duration is None else fields.read_seconds(document.get("start", 0)) + duration
    except ValueError as error:
        raise CompositionError(f"{where}start: {error}") from None


def _clip_document(clip: Clip, *, as_url: bool) -> dict[str, Any]:
    # A URL path from HTML begins at the project root; in JSON the same path would begin at the root of the disk.
    src = clip.src.lstrip("/") if as_url and clip.src.strip("/") else clip.src
    document: dict[str, Any] = {"id": clip.id, "src": src, "start": _written(clip.start)}
    if clip.end is not None:
        document["end"] = _written(clip.end)
    for key in ("media_start", "playback_rate", "loop", "has_audio"):
        value = getattr(clip, key)
        if value != _DEFAULTS[key]:
            document[key] = value if isinstance(value, bool) else _written(value)
    return document


def _written(value: Fraction) -> int | float | str:
    """The simplest JSON number that is read back as the same value."""
    if value.denominator == 1:
        return value.numerator
    nearest = float(value)
    return nearest if timebase.to_fraction(nearest) == value else timebase.rate_text(value)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple)


def _may_be_rate(value: object) -> bool:
    return isinstance(value, Mapping) or _is_list(value) or _is_number(value)


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal | Fraction | str) and not isinstance(value, bool)


def _is_number_or_null(value: object) -> bool:
    return value is None or _is_number(value)


_SECONDS: Final = (_is_number, 'a number of seconds such as 1.5 or "3/2"')
_SECONDS_OR_NULL: Final = (_is_number_or_null, "a number of seconds or null")
_FLAG: Final = (_is_flag, "true or false")
_TYPE_BY_KEY: Final[Mapping[str, tuple[Callable[[object], bool], str]]] = {
    "schema": (_is_text, "text"),
    "fps": (_may_be_rate, 'a frame rate such as 30 or "30000/1001"'),
    "timeline_end": _SECONDS_OR_NULL,
    "clips": (_is_list, "a list of clips"),
    "id": (_is_text, "text"),
    "src": (_is_text, "text"),
    "start": _SECONDS,
    "end": _SECONDS_OR_NULL,
    "duration": _SECONDS_OR_NULL,
    "media_start": _SECONDS,
    "playback_rate": (_is_number, "a number from 0.1 to 5"),
    "loop": _FLAG,
    "has_audio": _FLAG,
}


def _kind_of(value: object) -> str:
    """The JSON type of a value, with its article."""
    if value is None:
        return "null"
    kinds = {bool: "a truth value", str: "text", list: "a list", dict: "an object"}
    return kinds.get(type(value), "a number" if _is_number(value) else type(value).__name__)


def _spelled(value: object) -> str:
    """A value as JSON spells it, cut to a line."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, float) and not math.isfinite(value):
        return json.dumps(value)
    return _kind_of(value) if isinstance(value, list | dict) else fields.shown(value)
