"""Where hfbench keeps what it keeps on a machine: fixtures, records, environments of the gate."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

ENVIRONMENT_NAME: Final = "HFBENCH_HOME"


def home_folder() -> Path:
    """``HFBENCH_HOME`` if set, else hfbench's folder in the user's cache folder. Need not exist yet."""
    named = os.environ.get(ENVIRONMENT_NAME)
    if named:
        return Path(named).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_cache_dir("hfbench", appauthor=False))


def fixtures_folder() -> Path:
    """The fixture store."""
    return home_folder() / "fixtures"


def records_folder() -> Path:
    """Where runs save their records unless told otherwise."""
    return home_folder() / "records"


def cubes_folder() -> Path:
    """Colour maps as cube files."""
    return home_folder() / "cubes"
