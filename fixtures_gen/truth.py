"""What a fixture file holds, written down when it is made, independent of any reader.

Times are exact: ``Fraction`` seconds of *media time*, which is the file's own timestamps after its edit list,
as a demuxer hands them out. Colour numbers are those of ITU-T H.273; 2 means unspecified.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = 1
"""Version of truth.json. 1: first."""

UNSPECIFIED = 2


@dataclass(frozen=True, slots=True)
class Tags:
    """Colour description after H.273; ``full_range`` is ``None`` where the range is not stated."""

    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED
    matrix: int = UNSPECIFIED
    full_range: bool | None = None


UNTAGGED = Tags()
BT709 = Tags(1, 1, 1, full_range=False)


@dataclass(frozen=True, slots=True)
class MasteringDisplay:
    """SMPTE ST 2086: chromaticities in units of 0.00002 (G, B, R, white), luminance in 0.0001 cd/m²."""

    green: tuple[int, int]
    blue: tuple[int, int]
    red: tuple[int, int]
    white: tuple[int, int]
    max_luminance: int
    min_luminance: int


@dataclass(frozen=True, slots=True)
class ContentLight:
    """CTA-861.3 content light level in cd/m²."""

    max_cll: int
    max_fall: int


@dataclass(frozen=True, slots=True)
class Uniform:
    """A constant frame rate: ``first``, ``first + step``, … ``count`` times, in seconds."""

    first: Fraction
    step: Fraction
    count: int

    @property
    def pts(self) -> tuple[Fraction, ...]:
        """Presentation times in seconds, rising."""
        return tuple(self.first + k * self.step for k in range(self.count))


@dataclass(frozen=True, slots=True)
class Listed:
    """Any presentation times, as whole ticks of ``time_base`` seconds, rising."""

    ticks: tuple[int, ...]
    time_base: Fraction

    @property
    def count(self) -> int:
        """How many frames there are."""
        return len(self.ticks)

    @property
    def pts(self) -> tuple[Fraction, ...]:
        """Presentation times in seconds, rising."""
        return tuple(tick * self.time_base for tick in self.ticks)


Timing = Uniform | Listed


@dataclass(frozen=True, slots=True)
class FileTruth:
    """One media file.

    ``width`` and ``height`` are as stored, ``display_size`` is after ``rotation`` (clockwise degrees to turn the
    stored picture for display). ``frame_rate`` is ``None`` for a variable rate. ``frame_ids`` are the barcodes
    in presentation order, one for each of ``pts``; ``packets`` is given where an edit list hides some.
    ``container`` is ``None`` where the container has no place for tags or carries none. ``hdr`` is the verdict
    to reach: "pq", "hlg" or ``None``. ``last_duration`` is how long the last frame is declared to last.
    ``bitstream`` is that of the first frame, SEI messages included. ``media_start`` is set where the fixture is
    meant to be asked for from there.
    """

    name: str
    codec: str
    pix_fmt: str
    width: int
    height: int
    time_base: Fraction
    timing: Timing
    frame_ids: range | tuple[int, ...]
    frame_rate: Fraction | None
    container: Tags | None = BT709
    bitstream: Tags = BT709
    mastering: MasteringDisplay | None = None
    content_light: ContentLight | None = None
    rotation: int = 0
    alpha: bool = False
    hdr: str | None = None
    last_duration: Fraction | None = None
    packets: int | None = None
    media_start: Fraction | None = None
    notes: str = ""

    @property
    def pts(self) -> tuple[Fraction, ...]:
        """Presentation time of each frame in seconds of media time."""
        return self.timing.pts

    @property
    def frames(self) -> int:
        """How many frames a reader must get."""
        return self.timing.count

    @property
    def is_vfr(self) -> bool:
        """Whether the frame rate varies, by how the file was made."""
        return self.frame_rate is None

    @property
    def display_size(self) -> tuple[int, int]:
        """Width and height as shown."""
        upright = self.rotation % 180 == 0
        return (self.width, self.height) if upright else (self.height, self.width)

    @property
    def resolved(self) -> Tags:
        """The tags that a correct reader finds: the bitstream's, and the container's for what it leaves open."""
        held, declared = self.bitstream, self.container or UNTAGGED
        return Tags(
            primaries=declared.primaries if held.primaries == UNSPECIFIED else held.primaries,
            transfer=declared.transfer if held.transfer == UNSPECIFIED else held.transfer,
            matrix=declared.matrix if held.matrix == UNSPECIFIED else held.matrix,
            full_range=declared.full_range if held.full_range is None else held.full_range,
        )


@dataclass(frozen=True, slots=True)
class Truth:
    """Every file of one fixture, in the order of the recipe."""

    files: tuple[FileTruth, ...]

    def file(self, name: str) -> FileTruth:
        """The truth of one file; ``KeyError`` for a name that is not there."""
        for entry in self.files:
            if entry.name == name:
                return entry
        raise KeyError(name)

    def to_json(self) -> dict[str, Any]:
        """Plain data for truth.json; fractions become "n/d"."""
        return {"format": FORMAT, "files": [_plain(entry) for entry in self.files]}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Truth:
        """The inverse of ``to_json``; ``ValueError`` for another format."""
        if data.get("format") != FORMAT:
            raise ValueError(f"truth.json has format {data.get('format')!r}, this version reads {FORMAT}")
        return Truth(tuple(_file(entry) for entry in data["files"]))


def _plain(entry: FileTruth) -> dict[str, Any]:
    plain: dict[str, Any] = _fractions_out(asdict(entry))
    kind = "uniform" if isinstance(entry.timing, Uniform) else "listed"
    plain["timing"] = {"kind": kind, **plain["timing"]}
    ids = entry.frame_ids
    if isinstance(ids, range):
        plain["frame_ids"] = {"start": ids.start, "stop": ids.stop, "step": ids.step}
    derived = {"is_vfr": entry.is_vfr, "display_size": list(entry.display_size), "frames": entry.frames}
    return {**plain, "derived": derived}


def _fractions_out(value: Any) -> Any:
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    if isinstance(value, dict):
        return {key: _fractions_out(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_fractions_out(item) for item in value]
    return value


def _fraction(text: str | None) -> Fraction | None:
    return None if text is None else Fraction(text)


def _timing(data: Mapping[str, Any]) -> Timing:
    if data["kind"] == "uniform":
        return Uniform(Fraction(data["first"]), Fraction(data["step"]), data["count"])
    return Listed(tuple(data["ticks"]), Fraction(data["time_base"]))


def _mastering(data: Mapping[str, Any] | None) -> MasteringDisplay | None:
    if data is None:
        return None
    points = {key: (int(data[key][0]), int(data[key][1])) for key in ("green", "blue", "red", "white")}
    return MasteringDisplay(
        **points, max_luminance=int(data["max_luminance"]), min_luminance=int(data["min_luminance"])
    )


def _file(data: Mapping[str, Any]) -> FileTruth:
    fields = {k: v for k, v in data.items() if k != "derived"}
    ids = fields["frame_ids"]
    light = fields["content_light"]
    return FileTruth(
        **{
            **fields,
            "time_base": Fraction(fields["time_base"]),
            "timing": _timing(fields["timing"]),
            "frame_ids": range(ids["start"], ids["stop"], ids["step"]) if isinstance(ids, dict) else tuple(ids),
            "frame_rate": _fraction(fields["frame_rate"]),
            "container": None if fields["container"] is None else Tags(**fields["container"]),
            "bitstream": Tags(**fields["bitstream"]),
            "mastering": _mastering(fields["mastering"]),
            "content_light": None if light is None else ContentLight(**light),
            "last_duration": _fraction(fields["last_duration"]),
            "media_start": _fraction(fields["media_start"]),
        }
    )
