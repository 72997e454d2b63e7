"""A probe result as a JSON document, so that a warm run opens no media file."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from enum import Enum
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from hfbench.color import ColorTags
from hfbench.model.clock import Clock, Edit, EditedClock, Join, JoinedClock, OrderClock, StatedClock
from hfbench.model.media import ContentLight, Crop, FrameTiming, HdrFacts, MasteringDisplay, MediaInfo, Orientation

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: Version of the document; a change of :class:`~hfbench.model.media.MediaInfo` needs a new one.
#: 1: the first; 2: dating, the longest hold, the reorder delay; 3: the clock; 4: the crop, HDR10+; 5: the
#: last picture of an edited track.
DOCUMENT_VERSION: Final = 5


def to_document(media: MediaInfo) -> dict[str, Any]:
    """The probe result as JSON values, without the path, which the reader knows."""
    plain = {field.name: _plain(getattr(media, field.name)) for field in fields(media) if field.name != "path"}
    return plain | {"clock": {"kind": type(media.clock).__name__, **plain["clock"]}}


def _plain(value: object) -> Any:
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    if isinstance(value, Enum):
        return value.name if isinstance(value, Orientation) else value.value
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return value


def from_document(document: Mapping[str, Any], path: Path) -> MediaInfo:
    """The probe result of the file at ``path``.

    Raises:
        KeyError, TypeError, ValueError: the document is not one of :func:`to_document` of this version.
    """
    given = dict(document)
    rate = given["rate_from_header"]
    given |= {
        "orientation": Orientation[given["orientation"]],
        "sample_aspect_ratio": Fraction(given["sample_aspect_ratio"]),
        "time_base": Fraction(given["time_base"]),
        "rate_from_header": None if rate is None else Fraction(rate),
        "timing": _timing(given["timing"]),
        "container_tags": ColorTags(**given["container_tags"]),
        "frame_tags": ColorTags(**given["frame_tags"]),
        "hdr": _hdr(given["hdr"]),
        "crop": None if given["crop"] is None else Crop(**given["crop"]),
        "clock": _clock(given["clock"]),
        "notes": tuple((kind, message) for kind, message in given["notes"]),
    }
    return MediaInfo(path=path, **given)


_SECONDS: Final = ("first_pts", "last_pts", "end", "period", "longest_hold")


def _timing(given: Mapping[str, Any]) -> FrameTiming:
    exact = {name: Fraction(given[name]) for name in _SECONDS}
    return FrameTiming(**exact, frames=given["frames"], is_vfr=given["is_vfr"])


def _clock(given: Mapping[str, Any]) -> Clock:
    match given["kind"]:
        case "StatedClock":
            return StatedClock()
        case "OrderClock":
            return OrderClock()
        case "JoinedClock":
            joins = tuple(Join(each["position"], Fraction(each["shift"])) for each in given["joins"])
            return JoinedClock(joins, tuple((Fraction(time), position) for time, position in given["keyframes"]))
        case "EditedClock":
            edits = tuple(Edit(*(Fraction(each[name]) for name in _EDIT_FIELDS)) for each in given["edits"])
            return EditedClock(edits, Fraction(given["last_picture"]))
    raise ValueError(f"there is no clock named {given['kind']!r}")


_EDIT_FIELDS: Final = ("start", "duration", "media_start")


def _hdr(given: Mapping[str, Any]) -> HdrFacts:
    mastering, light = given["mastering_display"], given["content_light"]
    return HdrFacts(
        mastering_display=None if mastering is None else _mastering(mastering),
        content_light=None if light is None else ContentLight(**light),
        dolby_vision_profile=given["dolby_vision_profile"],
        dolby_vision_compatibility=given["dolby_vision_compatibility"],
        has_hdr10_plus=given["has_hdr10_plus"],
    )


def _mastering(given: Mapping[str, Any]) -> MasteringDisplay:
    red, green, blue = ((x, y) for x, y in given["primaries_xy"])
    x, y = given["white_xy"]
    return MasteringDisplay((red, green, blue), (x, y), given["min_luminance"], given["max_luminance"])
