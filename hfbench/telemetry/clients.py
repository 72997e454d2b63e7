"""What sinks with a client library share: a check that it is installed, and settings that keep it quiet."""

from __future__ import annotations

import logging
import uuid
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from hfbench.errors import NotInstalledError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Random, new in each process: says which events belong together and nothing about who sent them.
ANONYMOUS_ID: Final = str(uuid.uuid4())


def require(scheme: str, extra: str, modules: Sequence[str], find: Callable[[str], object] = find_spec) -> None:
    """Check that a client library is installed, without importing it.

    Args:
        scheme: The sink that needs it.
        extra: The extra of hfbench that brings it.
        modules: What will be imported, parents first.
        find: Finds a module without importing it.

    Raises:
        NotInstalledError: One of ``modules`` is missing; the message holds the pip command.
    """
    for module in modules:
        try:
            is_there = find(module) is not None
        except ImportError:  # a parent package is missing
            is_there = False
        if not is_there:
            raise NotInstalledError(
                f"sink {scheme}: needs its client library: pip install 'hfbench[{extra}]'",
                diagnostic=f"module {module} not found",
            )


def quieten(logger_name: str) -> None:
    """Keep a client's warnings off stderr, where Python prints them when logging is not configured.

    Failures are counted by the dispatcher. A program that configured logging still gets the client's records.
    """
    logger = logging.getLogger(logger_name)
    if not any(isinstance(handler, logging.NullHandler) for handler in logger.handlers):
        logger.addHandler(logging.NullHandler())


def no_credentials(request: Any) -> Any:
    """Authenticate with nothing: ``requests`` else looks into ``~/.netrc``, whose default entry may hold an address."""
    return request
