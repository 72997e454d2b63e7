"""Budgets and allowances declared by a project: ``[tool.hfbench.budgets]`` of its pyproject.toml.

One table a scenario (or a list of tables; ``"*"`` is every scenario); ``backend``, ``scope``, ``format`` and ``cache``
narrow it; every other key is a metric with ``below`` (checked on the contender's median, in the metric's unit) and/or
``allow`` (how much a counter may grow: a number, or a percentage of the baseline)::

    [[tool.hfbench.budgets.hdr-sdr-mixed-scope]]
    scope = "segment"
    hdrPreflightMs = { below = 300 }
    tmpPeakBytes = { allow = "1%" }
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from hfbench.bench.case import COMPARED
from hfbench.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

ANY_SCENARIO: Final = "*"


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

    def applies(self, scenario: str, axes: Mapping[str, str]) -> bool:
        """Whether the budget is for this scenario on these axes."""
        is_named = self.scenario in {scenario, ANY_SCENARIO}
        return is_named and all(axes.get(axis) == value for axis, value in self.where)


def load_budgets(pyproject: Path) -> tuple[Budget, ...]:
    """Read the budgets of a pyproject.toml; none where the file or the table is absent.

    Raises:
        UsageError: not TOML, or a budget that says something impossible; the message names scenario, key and value.
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
        table = table.get(name, {})
    return tuple(read_budgets(table))


def read_budgets(table: object) -> Iterator[Budget]:
    """Budgets from the decoded table.

    Raises:
        UsageError: as :func:`load_budgets`.
    """
    if not isinstance(table, Mapping):
        raise UsageError(f"tool.hfbench.budgets must be a table of scenarios, not {table!r}")
    for scenario, given in table.items():
        for entry in given if isinstance(given, list) else [given]:
            if not isinstance(entry, Mapping):
                raise UsageError(f"budgets of {scenario!r} must be a table of metrics, not {entry!r}")
            where = tuple((axis, str(entry[axis])) for axis in COMPARED if axis in entry)
            for metric, limits in entry.items():
                if metric not in COMPARED:
                    yield _budget(str(scenario), str(metric), limits, where)


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
