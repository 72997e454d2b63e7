"""Clips and compositions: frozen values, checked when they are made."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol, TypeVar

from hfbench.composition import fields
from hfbench.errors import CompositionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hfbench.composition.fields import Number, Rate

#: More clips than this in one composition is a mistake (each becomes a folder and a decode).
MAX_CLIPS: Final = 100_000

DEFAULT_FPS: Final = 30

_Value = TypeVar("_Value")


class NoteKind(StrEnum):
    """Kinds of remarks by the readers of compositions, which do not prevent the extraction."""

    #: ``data-start`` names an element that is not in the document: the start is 0.
    UNKNOWN_START_REFERENCE = "unknown_start_reference"
    #: ``data-start`` leads back to itself: the start is 0.
    CIRCULAR_START_REFERENCE = "circular_start_reference"
    #: ``data-start`` is neither a number nor a reference: the start is 0.
    UNREADABLE_START = "unreadable_start"
    #: The declared times leave the element no time on screen: it is left out.
    NEVER_SHOWN = "never_shown"
    #: A ``<video>`` without a ``src`` attribute: it is left out.
    NO_SOURCE = "no_source"


@dataclass(frozen=True, slots=True)
class CompositionNote:
    """Something noticed while a composition was read.

    Attributes:
        kind: what it is about.
        clip_id: the clip, or the id of another element that a start refers to; None where it has none.
        message: one line for people.
    """

    kind: NoteKind
    clip_id: str | None
    message: str


@dataclass(frozen=True, slots=True, init=False)
class Clip:
    """One source on the timeline.

    Attributes:
        id: names the clip and the folder of its frames; a plain folder name of at most 200 bytes of UTF-8.
        src: a path inside the project, a ``file://`` URL or an ``https://`` URL.
        start: timeline seconds at which the clip appears; below 0 for an invisible preroll.
        end: timeline seconds at which it ends, above ``start``; None for the natural end of the source.
        media_start: source seconds shown at ``start``, at least 0.
        playback_rate: source seconds per timeline second, within 0.1 and 5.
        loop: whether the clip begins again where its source ends.
        has_audio: whether the author says that the source has sound; extraction does not use it.

    Raises:
        CompositionError: a value outside what is allowed; the message names the clip, the key and the value.
    """

    id: str
    src: str
    start: Fraction
    end: Fraction | None
    media_start: Fraction
    playback_rate: Fraction
    loop: bool
    has_audio: bool

    # Written out, and not generated, so that a strict type checker lets callers pass numbers in every spelling.
    def __init__(
        self,
        id: str,  # noqa: A002  the field's name in every format
        src: str,
        start: Number = 0,
        end: Number | None = None,
        media_start: Number = 0,
        *,
        playback_rate: Number = 1,
        loop: bool = False,
        has_audio: bool = False,
    ) -> None:
        first = _checked(id, "start", fields.read_seconds, start)
        values = {
            "id": _checked(id, "id", fields.check_id, id),
            "src": _checked(id, "src", fields.check_src, src),
            "start": first,
            "end": _checked(id, "end", lambda value: fields.read_end(value, first), end),
            "media_start": _checked(id, "media_start", fields.read_media_start, media_start),
            "playback_rate": _checked(id, "playback_rate", fields.read_playback_rate, playback_rate),
            "loop": _checked(id, "loop", fields.check_flag, loop),
            "has_audio": _checked(id, "has_audio", fields.check_flag, has_audio),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)


class _Load(Protocol):
    def __call__(self, path: str | Path, *, root: str | Path | None = None, fps: Rate | None = None) -> Composition: ...


class _FromJson(Protocol):
    def __call__(self, document: object, *, root: str | Path | None = None) -> Composition: ...


@dataclass(frozen=True, slots=True, init=False)
class Composition:
    """Clips on one timeline, at one frame rate.

    Attributes:
        clips: at least one, at most :data:`MAX_CLIPS`; no two ids name one folder.
        fps: frames per second, above 0.
        timeline_end: timeline seconds at which the render ends, above 0; None where the clips decide.
        root: the project root, absolute: relative sources are looked up in it.
        notes: what the reader of the file noticed.
        absolute_sources: whether a ``src`` that is an existing absolute path is taken as it is (JSON, Python), or is
            looked up under ``root`` like a URL path (HTML).

    Raises:
        CompositionError: no clip, too many, two with one id, or a value outside what is allowed.
    """

    clips: tuple[Clip, ...]
    fps: Fraction
    timeline_end: Fraction | None
    root: Path
    notes: tuple[CompositionNote, ...]
    absolute_sources: bool

    # The package puts the functions of the readers here (``hfbench/composition/__init__.py``): they make compositions,
    # so that they import this module, and it does not import them.
    load: ClassVar[_Load]
    from_json: ClassVar[_FromJson]
    to_json: ClassVar[Callable[[Composition], dict[str, Any]]]

    def __init__(
        self,
        clips: Iterable[Clip],
        *,
        fps: Rate = DEFAULT_FPS,
        timeline_end: Number | None = None,
        root: str | Path | None = None,
        notes: Iterable[CompositionNote] = (),
        absolute_sources: bool = True,
    ) -> None:
        values = {
            "clips": _checked_clips(clips),
            "fps": _checked(None, "fps", fields.read_rate, fps),
            "timeline_end": _checked(
                None, "timeline_end", lambda value: fields.read_end(value, Fraction(0)), timeline_end
            ),
            "root": Path.cwd() if root is None else Path(root).absolute(),
            "notes": tuple(notes),
            "absolute_sources": absolute_sources,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)


def _checked(clip_id: object, key: str, read: Callable[[object], _Value], value: object) -> _Value:
    """Read one value, or raise an error of one line that names the clip and the key."""
    try:
        return read(value)
    except ValueError as error:
        where = "" if clip_id is None else f"clip {fields.shown(clip_id)}: "
        raise CompositionError(f"{where}{key}: {error}") from None


def _checked_clips(clips: Iterable[Clip]) -> tuple[Clip, ...]:
    kept = tuple(clips)
    if not kept:
        raise CompositionError("clips: a composition needs at least one clip")
    check_clip_count(len(kept))
    by_folder: dict[str, str] = {}
    for clip in kept:
        # Two clips must not share a folder on any disk: many fold case, some also fold Unicode spellings.
        folder = unicodedata.normalize("NFC", clip.id).casefold()
        if folder in by_folder:
            raise _duplicate_id(clip.id, by_folder[folder])
        by_folder[folder] = clip.id
    return kept


def check_clip_count(count: int) -> None:
    """Refuse a composition of too many clips.

    Raises:
        CompositionError: more than :data:`MAX_CLIPS`.
    """
    if count > MAX_CLIPS:
        raise CompositionError(f"clips: {count} clips are too many; allowed: at most {MAX_CLIPS}")


def _duplicate_id(clip_id: str, other: str) -> CompositionError:
    why = "another clip has the same id" if other == clip_id else f"it names the same folder as {fields.shown(other)}"
    msg = f"clip {fields.shown(clip_id)}: id: {why}; ids must differ, and by more than upper and lower case"
    return CompositionError(msg)
