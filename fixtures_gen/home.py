"""Where fixtures are kept unless a folder is named: the rule of hfbench's home, written again (no code is shared)."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from fixtures_gen.errors import UnusableSettingError


def default_root() -> Path:
    """``$HFBENCH_HOME/fixtures``, or ``fixtures`` in hfbench's folder in the user's cache folder.

    Raises ``UnusableSettingError`` where ``HFBENCH_HOME`` is relative: builders and readers run in different folders.
    """
    home = os.environ.get("HFBENCH_HOME", "")
    if home == "":
        return Path(platformdirs.user_cache_dir("hfbench", appauthor=False), "fixtures")
    root = Path(os.path.expanduser(home), "fixtures")  # noqa: PTH111  Path.expanduser raises for an unknown user
    if not root.is_absolute():
        raise UnusableSettingError(f"HFBENCH_HOME is {home!r}, a relative path: give an absolute one")
    return root
