"""Compositions as HyperFrames writes them: HTML whose ``<video>`` elements carry their times in ``data-*`` attributes.

The rules are those of HyperFrames' parser (``@hyperframes/engine`` 0.8.33, ``parseVideoElements`` and
``resolveReferencedStart``), with a note where that parser is silent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from hfbench import timebase
from hfbench.composition import fields, html_elements
from hfbench.composition.model import DEFAULT_FPS, Clip, Composition, CompositionNote, NoteKind, check_clip_count
from hfbench.errors import CompositionError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hfbench.composition.fields import Rate
    from hfbench.composition.html_elements import Element

# Strict: "2s" and "12abc" are not numbers. The decimal literals that JavaScript's Number() accepts.
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_REFERENCE: Final = re.compile(r"(?P<id>[A-Za-z0-9_.:-]+)(?:\s*(?P<sign>[+-])\s*(?P<offset>[0-9]*\.?[0-9]+))?")
_HTML_WHITESPACE: Final = " \t\n\f\r"


@dataclass(frozen=True, slots=True)
class _Reference:
    """``data-start="target + offset"``: the end of another element, plus seconds."""

    target: str
    offset: Fraction


@dataclass(frozen=True, slots=True)
class _NamedVideo:
    """A ``<video src>`` with the id that its clip gets."""

    element: Element
    clip_id: str
    src: str


def parse(text: str, *, root: Path | None = None, fps: Rate | None = None) -> Composition:
    """Read the text of an HTML composition.

    Raises:
        CompositionError: no clip is left to extract, an id that can't name a folder, or a document that no browser
            would show (nested or filled beyond the limits of :mod:`hfbench.composition.html_elements`).
    """
    elements = html_elements.read(text)
    notes: list[CompositionNote] = []
    videos = tuple(_named_videos(elements, notes))
    if not videos:
        raise CompositionError(
            f"no <video> with a src attribute{_beside_templates(elements)}: there is nothing to extract"
        )
    check_clip_count(len(videos))
    starts = _Starts(elements, {video.element.index: video.clip_id for video in videos})
    clips = tuple(clip for video in videos if (clip := _clip(video, starts.of(video.element), notes)) is not None)
    notes.extend(starts.notes())
    if not clips:
        raise CompositionError(f"no <video> is ever shown: {notes[-1].message}")
    return Composition(
        clips,
        fps=DEFAULT_FPS if fps is None else fps,
        root=root,
        notes=notes,
        absolute_sources=False,
    )


def _beside_templates(elements: tuple[Element, ...]) -> str:
    """A hint for the message that there is no video."""
    if not any(element.tag == "template" for element in elements):
        return ""
    return " outside <template> (one is read only where it is the whole body)"


def _named_videos(elements: tuple[Element, ...], notes: list[CompositionNote]) -> Iterator[_NamedVideo]:
    unnamed = 0
    for element in elements:
        if element.tag != "video":
            continue
        src = element.get("src").strip(_HTML_WHITESPACE)
        clip_id = element.get("data-hf-render-id") or element.get("id")
        if not src:
            notes.append(
                CompositionNote(NoteKind.NO_SOURCE, clip_id or None, "a <video> without a src attribute is left out")
            )
            continue
        if not clip_id:
            # Counted over the unnamed ones with a source, shown or not, as HyperFrames does.
            clip_id = f"hf-video-{unnamed}"
            unnamed += 1
        yield _NamedVideo(element, clip_id, src)


def _clip(video: _NamedVideo, start: Fraction, notes: list[CompositionNote]) -> Clip | None:
    """The clip of a video; None, and a note, where its declared times leave it no time on screen."""
    element = video.element
    duration, end = _number(element.get("data-duration")), _number(element.get("data-end"))
    never = None
    if duration is not None and duration <= 0:
        never = f"data-duration {fields.shown(element.get('data-duration'))} is not above 0"
    elif end is not None and end <= start:
        never = (
            f"data-end {fields.shown(element.get('data-end'))} is not after its start {timebase.seconds_text(start)}"
        )
    if never is not None:
        message = f"clip {fields.shown(video.clip_id)} is never shown and left out: {never}"
        notes.append(CompositionNote(NoteKind.NEVER_SHOWN, video.clip_id, message))
        return None
    if end is None and duration is not None:
        end = start + duration
    return Clip(
        video.clip_id,
        video.src,
        start,
        end,
        _media_start(element),
        playback_rate=_playback_rate(element),
        loop="loop" in element.attributes,
        has_audio=element.get("data-has-audio") == "true",
    )


def _media_start(element: Element) -> Fraction:
    for name in ("data-playback-start", "data-media-start"):
        value = _number(element.get(name))
        if value is not None and value >= 0:
            return value
    return Fraction(0)


def _playback_rate(element: Element) -> Fraction:
    rate = _number(element.get("data-playback-rate"))
    if rate is None or rate <= 0:
        return Fraction(1)
    return min(max(rate, fields.MIN_PLAYBACK_RATE), fields.MAX_PLAYBACK_RATE)


def _number(raw: str) -> Fraction | None:
    """A strict number; None for everything else, numbers too large to be a time included."""
    text = raw.strip()
    if _NUMBER.fullmatch(text) is None:
        return None
    try:
        return fields.read_seconds(text)
    except ValueError:
        return None


def _read_start(raw: str) -> Fraction | _Reference | None:
    """What ``data-start`` says: seconds, a reference, or None for neither."""
    text = raw.strip()
    if not text:
        return Fraction(0)
    seconds = _number(text)
    if seconds is not None:
        return max(Fraction(0), seconds)
    match = _REFERENCE.fullmatch(text)
    if match is None:
        return None
    offset = _number(match["offset"] or "0") or Fraction(0)
    return _Reference(match["id"], -offset if match["sign"] == "-" else offset)


class _Starts:
    """The start of each element on the timeline, with references followed; each element is resolved once.

    The walk is a loop and not a recursion: a chain of references may be as long as the document.
    """

    def __init__(self, elements: tuple[Element, ...], clip_ids: dict[int, str]) -> None:
        self._clip_ids = clip_ids
        self._resolved: dict[int, Fraction] = {}
        self._problems: dict[int, CompositionNote] = {}
        # As HyperFrames looks a target up: by id first, then by composition; the first in the document wins.
        self._by_id: dict[str, Element] = {}
        self._by_composition: dict[str, Element] = {}
        for element in elements:
            name = element.get("id") or clip_ids.get(element.index, "")
            self._by_id.setdefault(name, element)
            self._by_composition.setdefault(element.get("data-composition-id"), element)

    def of(self, element: Element) -> Fraction:
        """Timeline seconds, at least 0."""
        chain: dict[int, tuple[Element, _Reference]] = {}
        while element.index not in self._resolved and element.index not in chain:
            reference = self._follow(element)
            if reference is None:
                break
            chain[element.index] = (element, reference)
            element = self._target(reference)
        if element.index not in self._resolved:
            self._break_cycle(list(chain.values()), element)
        for index, (_, reference) in reversed(chain.items()):
            if index not in self._resolved:
                end = self._end_of(self._target(reference))
                self._resolved[index] = max(Fraction(0), end + reference.offset)
        return self._resolved[next(iter(chain), element.index)]

    def notes(self) -> Iterator[CompositionNote]:
        """What was wrong with the references that were followed, in document order."""
        for index in sorted(self._problems):
            yield self._problems[index]

    def _follow(self, element: Element) -> _Reference | None:
        """The reference that the element's start needs; None once its start is known without one."""
        raw = element.get("data-start")
        start = _read_start(raw)
        if isinstance(start, _Reference) and not self._knows(start.target):
            self._note(element, NoteKind.UNKNOWN_START_REFERENCE, f"there is no element {start.target!r}")
            start = Fraction(0)
        if start is None:
            self._note(element, NoteKind.UNREADABLE_START, "it is neither seconds nor 'id', 'id + seconds'")
            start = Fraction(0)
        if isinstance(start, _Reference):
            return start
        self._resolved[element.index] = start
        return None

    def _break_cycle(self, chain: list[tuple[Element, _Reference]], first: Element) -> None:
        """Give every element of the cycle that begins at ``first`` the start 0."""
        indexes = [element.index for element, _ in chain]
        for element, _ in chain[indexes.index(first.index) :]:
            self._note(element, NoteKind.CIRCULAR_START_REFERENCE, "it leads back to itself")
            self._resolved[element.index] = Fraction(0)

    def _end_of(self, target: Element) -> Fraction:
        """Where a target ends; where it starts, if it declares no time: its natural end is not known here."""
        start = self._resolved[target.index]
        # HyperFrames reads a target's data-duration before its data-end, though a clip's own data-end comes first.
        duration, end = _number(target.get("data-duration")), _number(target.get("data-end"))
        if duration is not None and duration > 0:
            return start + duration
        return start if end is None else max(start, end)

    def _knows(self, name: str) -> bool:
        return name in self._by_id or name in self._by_composition

    def _target(self, reference: _Reference) -> Element:
        return self._by_id.get(reference.target) or self._by_composition[reference.target]

    def _note(self, element: Element, kind: NoteKind, why: str) -> None:
        name = self._clip_ids.get(element.index) or element.get("id") or element.get("data-composition-id") or None
        who = f"<{element.tag}>" if name is None else f"clip {fields.shown(name)}"
        if name is not None and element.index not in self._clip_ids:
            who = f"element {fields.shown(name)}"
        message = f"{who}: data-start: {fields.shown(element.get('data-start'))}: {why}; taken as 0"
        self._problems[element.index] = CompositionNote(kind, name, message)
