"""A recipe: the steps that make a fixture, as data that can be read, shown and hashed."""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import asdict, dataclass
from enum import Enum
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from fixtures_gen import barcode, sources
from fixtures_gen.sources import Camera, Screen

if TYPE_CHECKING:
    from collections.abc import Callable

    from fixtures_gen.edits import Edit
    from fixtures_gen.truth import Truth

HASH_VERSION = 1
"""Version of the canonical description below. 1: first."""

GLOBAL_ARGUMENTS = ("-hide_banner", "-loglevel", "error", "-nostdin")
BITEXACT = ("-fflags", "+bitexact", "-flags:v", "+bitexact")
"""Without these every Matroska file gets a random SegmentUID and MP4 the muxer's version."""


class Size(Enum):
    """Picture sizes that every recipe can be built at, 16:9."""

    P180 = "180p"
    P360 = "360p"
    P720 = "720p"
    P1080 = "1080p"
    P2160 = "2160p"

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.value[:-1])

    @property
    def width(self) -> int:
        """Columns."""
        return self.height * 16 // 9


@dataclass(frozen=True, slots=True)
class Lavfi:
    """A picture source made by libavfilter."""

    graph: str


@dataclass(frozen=True, slots=True)
class Files:
    """Input options and names of files that earlier steps made, exactly as ffmpeg gets them."""

    arguments: tuple[str, ...]


Source = Camera | Screen | Lavfi | Files


@dataclass(frozen=True, slots=True)
class Encode:
    """Run ffmpeg once: ``source`` in, ``args`` as output options, ``output`` out."""

    output: str
    source: Source
    args: tuple[str, ...] = ()

    @property
    def arguments(self) -> tuple[str, ...]:
        """Everything after the program's name."""
        if isinstance(self.source, Lavfi):
            given: tuple[str, ...] = ("-f", "lavfi", "-i", self.source.graph)
        elif isinstance(self.source, Files):
            given = self.source.arguments
        else:
            given = sources.input_arguments(self.source)
        return (*GLOBAL_ARGUMENTS, *given, *self.args, *BITEXACT, self.output)

    def describe(self) -> dict[str, Any]:
        """Plain data that changes whenever the bytes could."""
        described: dict[str, Any] = {"step": "ffmpeg", "arguments": list(self.arguments)}
        if isinstance(self.source, Camera | Screen):
            described["painting"] = {"kind": type(self.source).__name__, **_plain(asdict(self.source))}
        return described


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Change the bytes of a finished file in a way that no muxer offers."""

    output: str
    source: str
    edit: Edit

    def describe(self) -> dict[str, Any]:
        """Plain data that changes whenever the bytes could."""
        edit = {"kind": type(self.edit).__name__, **_plain(asdict(self.edit))}
        return {"step": "rewrite", "output": self.output, "source": self.source, "edit": edit}


@dataclass(frozen=True, slots=True)
class Text:
    """Write a small text file, such as a list for the concat demuxer."""

    output: str
    text: str

    def describe(self) -> dict[str, Any]:
        """Plain data that changes whenever the bytes could."""
        return {"step": "text", "output": self.output, "text": self.text}


@dataclass(frozen=True, slots=True)
class Join:
    """Put files one after another, byte for byte."""

    output: str
    parts: tuple[str, ...]

    def describe(self) -> dict[str, Any]:
        """Plain data that changes whenever the bytes could."""
        return {"step": "join", "output": self.output, "parts": list(self.parts)}


Step = Encode | Rewrite | Text | Join


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one fixture is made and what it holds.

    ``steps`` and ``truth`` are functions of the size. Files that ``truth`` does not name are scaffolding and
    are removed after the last step. Raise ``version`` to force a rebuild where no argument changed.
    """

    name: str
    title: str
    tags: frozenset[str]
    default_size: Size
    steps: Callable[[Size], tuple[Step, ...]]
    truth: Callable[[Size], Truth]
    version: int = 1

    def describe(self, size: Size) -> dict[str, Any]:
        """The canonical description that is hashed, as plain data."""
        return {
            "hashVersion": HASH_VERSION,
            "name": self.name,
            "size": size.value,
            "version": self.version,
            "barcode": barcode.LAYOUT_VERSION,
            "painting": sources.PAINTING_VERSION,
            "steps": [step.describe() for step in self.steps(size)],
            "truth": self.truth(size).to_json(),
        }


@functools.lru_cache(maxsize=1024)
def recipe_hash(recipe: Recipe, size: Size, ffmpeg_version: str) -> str:
    """16 hex digits that change whenever the recipe, the truth or the ffmpeg program does."""
    described = {**recipe.describe(size), "ffmpeg": ffmpeg_version}
    canonical = json.dumps(described, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Fractions as text and tuples as lists, so that JSON keeps them exactly."""
    return {key: str(value) if isinstance(value, Fraction) else value for key, value in values.items()}
