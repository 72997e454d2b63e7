"""Where the cache is, if there is one: off unless asked for."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The environment variable that switches the cache on for every run.
ENVIRONMENT_VARIABLE: Final = "HFBENCH_EXTRACT_CACHE_DIR"

_OFF: Final = frozenset({"", "off", "none", "false", "0"})


def cache_root_from(option: str | None, environ: Mapping[str, str]) -> Path | None:
    """The absolute folder of the cache, or None for no cache.

    ``option`` is what ``--cache`` was given, None when it was not given; then the environment decides. In either place
    ``off``, ``none``, ``false``, ``0`` (in any case) and the empty text mean no cache, so that ``--cache off`` wins
    over the environment. A folder that has such a name is written ``./off``.

    Nothing is created or checked here: :meth:`hfbench.cache.store.ExtractionCache.open` does that.
    """
    asked = environ.get(ENVIRONMENT_VARIABLE, "") if option is None else option
    if asked.strip().lower() in _OFF:
        return None
    path = Path(asked)
    # A home folder that is not known leaves "~" as it is: a strange folder name is better than a traceback here.
    with contextlib.suppress(RuntimeError):
        path = path.expanduser()
    return path.absolute()
