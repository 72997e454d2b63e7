"""Where hfbench stores files on a machine: fixtures, records, environments of the gate."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from hfbench.errors import UsageError

ENVIRONMENT_NAME: Final = "HFBENCH_HOME"


def home_folder() -> Path:
    """``HFBENCH_HOME`` if set and not empty, else hfbench's folder in the user's cache folder. Need not exist yet.

    ``~`` and ``~user`` are expanded, as a shell does where the value is not quoted.

    Raises:
        UsageError: ``HFBENCH_HOME`` is a relative path. Engines, notebooks and builds run in other folders than the
            command that starts them: each would use a different home.
    """
    named = os.environ.get(ENVIRONMENT_NAME)
    if not named:
        import platformdirs

        return Path(platformdirs.user_cache_dir("hfbench", appauthor=False))
    folder = Path(os.path.expanduser(named))  # noqa: PTH111  Path.expanduser raises for an unknown user
    if not folder.is_absolute():
        raise UsageError(
            f"{ENVIRONMENT_NAME} is {named!r}, a relative path: give an absolute one, such as {folder.absolute()}"
        )
    return folder


def fixtures_folder() -> Path:
    """The fixture store."""
    return home_folder() / "fixtures"


def records_folder() -> Path:
    """The default folder of run records."""
    return home_folder() / "records"


def cubes_folder() -> Path:
    """Colour maps as cube files."""
    return home_folder() / "cubes"


def kernels_folder() -> Path:
    """Compiled kernels, one folder per version."""
    return home_folder() / "kernels"
