"""What is measured: a scenario with one value for each axis. Used by run, compare, gate, budgets, history and asv.

Standard library only: the command line reads the axes from here for ``--help``.
"""

from __future__ import annotations

import difflib
import itertools
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Self

from hfbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: The engine in cases and samples of the built-in backends.
BUILT_IN: Final = "hfbench"
#: The engine in cases and samples of the decode limit: open, seek and decode, and nothing else.
DECODE_LIMIT: Final = "decode-only"
#: The value of an axis that is left open: measurements are compared across it.
OPEN: Final = "*"

#: Axes that can be chosen -> the values that hfbench itself knows, in the order in which they are compared. An engine
#: behind the worker protocol may have fixed other values (``backend`` ``hyperframes``).
KNOWN_VALUES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "backend": ("libav", "ffmpeg"),
        "scope": ("source", "segment", "fused"),
        "format": ("jpg", "png", "png16"),
        "cache": ("off", "cold", "warm"),
        "workload": ("files",),
    }
)
#: Axes in which two measurements must agree, unless they are compared across them on purpose. The engine is not among
#: them, because engines are what is compared.
COMPARED: Final = ("backend", "scope", "format", "cache")
#: Left out of a label where they have their usual value.
_UNSAID: Final[Mapping[str, str]] = MappingProxyType({"engine": BUILT_IN, "cache": "off", "workload": "files"})
_LABELLED: Final = ("engine", "backend", "scope", "format", "cache", "workload")


@dataclass(frozen=True, slots=True, order=True)
class Case:
    """One thing that is measured.

    Attributes:
        scenario: its name.
        backend: one of hfbench's own, or the one that an engine reports.
        scope: how much of a source is normalised.
        format: of the images.
        cache: state of the extraction cache: ``off``, ``cold`` or ``warm``.
        engine: ``hfbench``, or the name of an engine behind the worker protocol.
        workload: what is done with the frames: ``files`` are written.
    """

    scenario: str
    backend: str = "libav"
    scope: str = "fused"
    format: str = "jpg"
    cache: str = "off"
    engine: str = BUILT_IN
    workload: str = "files"

    @classmethod
    def parse(cls, scenario: str, axes: Mapping[str, object]) -> Self:
        """A case from axis name -> value, as records, engines, asv's parameters and budgets write it.

        Raises:
            UsageError: there is no such axis, or a value is not text; the message names both.
        """
        for axis, value in axes.items():
            check_axis(axis)
            if not isinstance(value, str) or not value:
                raise UsageError(f"{axis} is {value!r}; it must be a text, for example {_example(axis)!r}")
        return cls(scenario, **{axis: str(value) for axis, value in axes.items()})

    def __str__(self) -> str:
        """``hdr-sdr-mixed-scope [libav fused jpg]``; axes that are left open or have their usual value are left out."""
        values = {axis: getattr(self, axis) for axis in _LABELLED}
        shown = [value for axis, value in values.items() if value not in {OPEN, _UNSAID.get(axis)}]
        return f"{self.scenario} [{' '.join(shown)}]" if shown else self.scenario

    @property
    def subject(self) -> str:
        """What runs it: the backend where it is one of hfbench's own, else the engine."""
        return self.backend if self.engine == BUILT_IN else self.engine

    def across(self, axes: Iterable[str]) -> Self:
        """The same case with these axes left open."""
        return replace(self, **dict.fromkeys(axes, OPEN))

    def on(self, axes: Mapping[str, str]) -> Self:
        """The same case with other values on these axes; what is not an axis is ignored, as the protocol requires."""
        return replace(self, **{axis: value for axis, value in axes.items() if axis in KNOWN_VALUES})

    def axes(self) -> dict[str, str]:
        """Axis name -> value, for :data:`COMPARED`."""
        return {axis: getattr(self, axis) for axis in COMPARED}


def every_case(scenarios: Iterable[str], **values: Sequence[str]) -> tuple[Case, ...]:
    """All combinations of the values given for each axis; an axis that is not named, or has none, keeps its default."""
    chosen = {axis: dict.fromkeys(given) for axis, given in values.items() if given}
    return tuple(
        Case(scenario, **dict(zip(chosen, combination, strict=True)))
        for scenario in scenarios
        for combination in itertools.product(*chosen.values())
    )


def check_axis(name: str) -> None:
    """Whether there is such an axis.

    Raises:
        UsageError: there is none; the message names the nearest.
    """
    known = [each.name for each in fields(Case) if each.name != "scenario"]
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        raise UsageError(f"there is no axis {name!r}" + (f"; did you mean {near[0]}?" if near else f": {known}"))


def _example(axis: str) -> str:
    return KNOWN_VALUES[axis][0] if axis in KNOWN_VALUES else BUILT_IN
