"""Budgets and allowances declared by a project: ``[tool.hfbench.budgets]`` of its pyproject.toml.

One table per scenario (or a list of tables; ``"*"`` is every scenario); ``backend``, ``scope``, ``format`` and
``cache`` narrow it; every other key is a metric with ``below`` (checked on the contender's median, in the metric's
unit) and/or ``allow`` (how much a counter may grow: a number, or a percentage of the baseline)::

    [[tool.hfbench.budgets.hdr-sdr-mixed-scope]]
    scope = "segment"
    hdrPreflightMs = { below = 300 }
    tmpPeakBytes = { allow = "1%" }
"""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from hfbench.bench.case import COMPARED, KNOWN_VALUES
from hfbench.errors import UsageError
from hfbench.model.metrics import METRICS

if TYPE_CHECKING:
    from pathlib import Path

ANY_SCENARIO: Final = "*"
#: What [tool.hfbench] of a project may hold.
SETTINGS: Final = ("budgets", "engine")


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much a counter may grow: ``count`` units plus ``share`` of the baseline's value."""

    count: float = 0.0
    share: float = 0.0

    def limit(self, baseline: float) -> float:
        """The highest value that is still allowed."""
        return baseline + self.count + self.share * abs(baseline)


@dataclass(frozen=True, slots=True)
class Budget:
    """What is declared for one metric of one scenario; ``where`` narrows it to (axis, value) pairs."""

    scenario: str
    metric: str
    below: float | None = None
    allow: Allowance | None = None
    where: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dict with the fields' own names."""
        return asdict(self) | {"where": dict(self.where)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` writes.

        Raises:
            KeyError, TypeError: it is something else.
        """
        allow = document["allow"]
        return cls(
            scenario=str(document["scenario"]),
            metric=str(document["metric"]),
            below=document["below"],
            allow=None if allow is None else Allowance(**allow),
            where=tuple((str(axis), str(value)) for axis, value in document["where"].items()),
        )

    def __str__(self) -> str:
        """``hdrPreflightMs < 300 of hdr-sdr-mixed-scope [segment]``."""
        limits = [f"< {self.below:g}"] if self.below is not None else []
        limits += [f"allowance {self.allow.count:g} + {self.allow.share:.1%}"] if self.allow is not None else []
        where = f" [{' '.join(value for _, value in self.where)}]" if self.where else ""
        return f"{self.metric} {', '.join(limits)} of {self.scenario}{where}"

    def applies(self, scenario: str, axes: Mapping[str, str]) -> bool:
        """Whether the budget is for this scenario on these axes."""
        is_named = self.scenario in {scenario, ANY_SCENARIO}
        return is_named and all(axes.get(axis) == value for axis, value in self.where)


def load_budgets(pyproject: Path, scenarios: Collection[str] | None = None) -> tuple[Budget, ...]:
    """Read the budgets of a pyproject.toml; none where the file or the table is absent.

    Args:
        pyproject: the file.
        scenarios: all known names: a budget for another one could never apply. None: names are not checked.

    Raises:
        UsageError: not TOML, or a budget that can't be meant; the message names scenario, key and value.
    """
    try:
        document = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError, RecursionError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"can't read the budgets of {pyproject.name}: {error}") from error
    table: object = document
    for name in ("tool", "hfbench", "budgets"):
        if not isinstance(table, Mapping):
            raise UsageError(
                f"{pyproject.name}: what should hold {name!r} is {table!r}; write a table [tool.hfbench.budgets]"
            )
        if name == "budgets":
            for key in table:
                _known(key, SETTINGS, f"{pyproject.name}: [tool.hfbench] has no setting {key!r}")
        table = table.get(name, {})
    return tuple(read_budgets(table, scenarios))


def read_budgets(table: object, scenarios: Collection[str] | None = None) -> Iterator[Budget]:
    """Budgets from the decoded table.

    Raises:
        UsageError: as :func:`load_budgets`.
    """
    if not isinstance(table, Mapping):
        raise UsageError(f"tool.hfbench.budgets must be a table of scenarios, not {table!r}")
    for scenario, given in table.items():
        if scenarios is not None:
            _known(scenario, (*scenarios, ANY_SCENARIO), f"a budget is declared for {scenario!r}: no such scenario")
        for entry in given if isinstance(given, list) else [given]:
            if not isinstance(entry, Mapping):
                raise UsageError(f"budgets of {scenario!r} must be a table of metrics, not {entry!r}")
            where = tuple((axis, _axis_value(scenario, axis, entry[axis])) for axis in COMPARED if axis in entry)
            for metric, limits in entry.items():
                if metric not in COMPARED:
                    yield _budget(str(scenario), _metric(scenario, metric), limits, where)


def _axis_value(scenario: str, axis: str, value: object) -> str:
    """A value that a case can have. A backend may be any other engine's own, unless it looks like a typing error."""
    known = KNOWN_VALUES[axis]
    wrong = f"a budget of {scenario!r} is for the {axis} {value!r}, which there is not"
    if not isinstance(value, str) or axis != "backend" or difflib.get_close_matches(value, known, 1):
        _known(value, known, wrong)
    return str(value)


def _metric(scenario: str, name: str) -> str:
    """A metric of hfbench, or an engine's own, unless that looks like a typing error."""
    if name not in METRICS:
        by_lower = {each.lower(): each for each in METRICS}
        near = by_lower.get(name.lower()) or next(iter(difflib.get_close_matches(name, METRICS, 1, 0.9)), None)
        near = near or next(iter(difflib.get_close_matches(name, COMPARED, 1, 0.75)), None)
        if near:
            raise UsageError(f"a budget of {scenario!r} is for {name!r}, which there is not; did you mean {near}?")
    return name


def _known(name: object, known: Collection[str], wrong: str) -> None:
    if name not in known:
        near = difflib.get_close_matches(str(name), known, 1)
        raise UsageError(wrong + (f"; did you mean {near[0]}?" if near else f"; choose from {', '.join(known)}"))


def _budget(scenario: str, metric: str, limits: Any, where: tuple[tuple[str, str], ...]) -> Budget:
    name = f"budget {metric} of {scenario!r}"
    if not isinstance(limits, Mapping) or not limits or set(limits) - {"below", "allow"}:
        raise UsageError(f"{name} is {limits!r}; write {{ below = 300 }} or {{ allow = 0 }} or both")
    below = limits.get("below")
    if below is not None and not _is_amount(below):
        raise UsageError(f"{name}: below is {below!r}; it must be a number above 0")
    allow = _allowance(name, limits["allow"]) if "allow" in limits else None
    return Budget(scenario, metric, None if below is None else float(below), allow, where)


def _allowance(name: str, value: Any) -> Allowance:
    text = value.strip() if isinstance(value, str) else ""
    try:
        if text.endswith("%"):
            allowance = Allowance(share=float(text[:-1]) / 100)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            allowance = Allowance(count=float(value))
        else:
            raise ValueError  # noqa: TRY301  one message for every way to be wrong
        if not (math.isfinite(allowance.count) and allowance.count >= 0 <= allowance.share < math.inf):
            raise ValueError  # noqa: TRY301
    except ValueError:
        raise UsageError(f'{name}: allow is {value!r}; it must be a number from 0 (5) or a percentage ("2%")') from None
    return allowance


def _is_amount(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf
