"""The messages of the engine-under-test protocol: frozen values and their JSON lines. docs/protocol.md describes them.

History of the protocol, newest first:

* ``hfbench-worker/1``: the first one.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hfbench.bench.record import Metrics

PROTOCOL: Final = "hfbench-worker/1"
_EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})
#: More frames than any clip has.
_MOST_FRAMES: Final = 2**53


class ProtocolError(ValueError):
    """A line that is not a message of the protocol; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """One task: extract a composition's frames and report what it cost.

    Attributes:
        scenario: its name, for messages.
        composition: the composition's JSON document; every ``src`` is an absolute path.
        options: ``backend``, ``scope``, ``format`` and whatever else the engine knows; unknown keys are ignored.
        cache: ``off``; ``cold``: an empty cache in ``cache_folder``; ``warm``: filled before the clock starts.
        out: an empty folder for the frames. It and all in it are deleted by the harness after the answer.
        cache_folder: where a cache may be kept; ``""`` with ``off``.
    """

    scenario: str
    composition: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    cache: str = "off"
    out: str = ""
    cache_folder: str = ""

    def to_json(self, number: int) -> dict[str, Any]:
        """The request as a JSON-able dict; ``number`` comes back in the answer."""
        return {
            "op": "run",
            "id": number,
            "scenario": self.scenario,
            "composition": dict(self.composition),
            "options": dict(self.options),
            "cache": self.cache,
            "out": self.out,
            "cache_folder": self.cache_folder,
        }

    @classmethod
    def from_json(cls, message: Mapping[str, Any]) -> RunRequest:
        """Read a request.

        Raises:
            ProtocolError: a key is missing or of the wrong type.
        """
        return cls(
            scenario=_text(message, "scenario"),
            composition=_table(message, "composition"),
            options=_table(message, "options", default={}),
            cache=_text(message, "cache", default="off"),
            out=_place(message, "out"),
            cache_folder=_text(message, "cache_folder", default="") and _place(message, "cache_folder"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """What an engine says of itself.

    Attributes:
        axes: ``backend``, ``scope``, ``format`` where the engine has them fixed, whatever a request asks for.
        capabilities: what it can do, for people and for later versions of the protocol.
        facts: versions and revisions, name -> text.
    """

    name: str
    version: str
    axes: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    capabilities: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    facts: Mapping[str, str] = field(default_factory=lambda: _EMPTY)

    def to_json(self) -> dict[str, Any]:
        """The answer to ``hello`` as a JSON-able dict."""
        return {
            "ok": True,
            "protocol": PROTOCOL,
            "name": self.name,
            "version": self.version,
            "axes": dict(self.axes),
            "capabilities": dict(self.capabilities),
            "facts": dict(self.facts),
        }

    @classmethod
    def from_json(cls, message: Mapping[str, Any]) -> Hello:
        """Read the answer to ``hello``.

        Raises:
            ProtocolError: another protocol, or a key is missing or of the wrong type.
        """
        spoken = message.get("protocol")
        if spoken != PROTOCOL:
            raise ProtocolError(f"it speaks {spoken!r}, and this hfbench {PROTOCOL!r}")
        axes, facts = (_table(message, key, default={}) for key in ("axes", "facts"))
        return cls(
            name=_text(message, "name"),
            version=_text(message, "version"),
            axes={str(key): str(value) for key, value in axes.items()},
            capabilities=_table(message, "capabilities", default={}),
            facts={str(key): str(value) for key, value in facts.items()},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAnswer:
    """What one run cost: metrics as ``hfbench metrics`` names them (None: unknown) and frames by clip id."""

    metrics: Metrics
    frames: Mapping[str, int] = field(default_factory=lambda: _EMPTY)

    def to_json(self) -> dict[str, Any]:
        """The answer to ``run`` as a JSON-able dict, without its ``id``."""
        return {"ok": True, "sample": {"metrics": dict(self.metrics), "frames": dict(self.frames)}}

    @classmethod
    def from_json(cls, message: Mapping[str, Any]) -> RunAnswer:
        """Read the answer to ``run``.

        Raises:
            ProtocolError: a key is missing or of the wrong type.
        """
        sample = _table(message, "sample")
        metrics, frames = _table(sample, "metrics"), _table(sample, "frames", default={})
        for name, value in metrics.items():
            if value is not None and not _is_number(value):
                raise ProtocolError(f"metric {name} is {_short(value)}; it must be a finite number or null")
        for clip, count in frames.items():
            if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count < _MOST_FRAMES:
                raise ProtocolError(f"frames of {clip!r} is {_short(count)}; it must be a count")
        return cls(metrics=metrics, frames=frames)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Error response: ``kind`` for programs (``unsupported``, ``extraction_failed``), ``message`` for people."""

    kind: str
    message: str

    def to_json(self) -> dict[str, Any]:
        """The answer as a JSON-able dict, without its ``id``."""
        return {"ok": False, "error": {"kind": self.kind, "message": self.message}}

    @classmethod
    def from_json(cls, message: Mapping[str, Any]) -> Refusal:
        """Read an answer whose ``ok`` is false.

        Raises:
            ProtocolError: it has no error.
        """
        error = _table(message, "error")
        return cls(kind=_text(error, "kind", default="failed"), message=_text(error, "message"))


def _short(value: object) -> str:
    return repr(value)[:40]


def _is_number(value: object) -> bool:
    """A number that a float can hold: JSON can't express infinity, but 1e999 and a 400-digit integer become it."""
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:
        return False


def encode(message: Mapping[str, Any]) -> bytes:
    """One message as one line of ASCII, which is UTF-8: a file name may hold bytes that are not valid UTF-8.

    Raises:
        ValueError: NaN or infinity, which JSON can't express.
    """
    return json.dumps(message, allow_nan=False, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """One line as a message.

    Raises:
        ProtocolError: not UTF-8, not JSON, NaN or infinity in it, or not an object.
    """
    try:
        message = json.loads(line.decode(), parse_constant=_refuse_constant)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise ProtocolError(f"not a JSON line: {line[:80]!r}") from error
    if not isinstance(message, dict):
        raise ProtocolError(f"not a JSON object: {line[:80]!r}")
    return message


def _refuse_constant(name: str) -> float:
    raise ValueError(name)


_REQUIRED: Final = object()


def _text(message: Mapping[str, Any], key: str, default: object = _REQUIRED) -> str:
    value = message.get(key, default)
    if not isinstance(value, str):
        raise ProtocolError(_wrong(key, value, "text"))
    return value


def _place(message: Mapping[str, Any], key: str) -> str:
    """The empty name would be the current folder, whose contents the user may want to keep."""
    name = _text(message, key)
    if not name or "\0" in name:
        raise ProtocolError(_wrong(key, repr(name), "the name of a folder"))
    return name


def _table(message: Mapping[str, Any], key: str, default: object = _REQUIRED) -> dict[str, Any]:
    value = message.get(key, default)
    if not isinstance(value, dict):
        raise ProtocolError(_wrong(key, value, "an object"))
    return value


def _wrong(key: str, value: object, wanted: str) -> str:
    return f"{key!r} is missing" if value is _REQUIRED else f"{key!r} is {str(value)[:80]!r}; it must be {wanted}"
