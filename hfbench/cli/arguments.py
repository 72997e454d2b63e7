"""A command's values in one frozen dataclass: nothing untyped leaves the command's own function."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_Arguments = TypeVar("_Arguments")
_Result = TypeVar("_Result")


def typed(kind: type[_Arguments]) -> Callable[[Callable[[_Arguments], _Result]], Callable[..., _Result]]:
    """Let click call a function that takes one value of a dataclass, whose fields are named as the parameters."""

    def decorate(function: Callable[[_Arguments], _Result]) -> Callable[..., _Result]:
        @wraps(function)
        def with_values(**values: Any) -> _Result:
            return function(kind(**values))

        with_values.__dict__["arguments"] = kind
        return with_values

    return decorate
