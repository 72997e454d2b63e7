"""Repeated frames on disk: one picture, several names."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def link_or_copy(existing: Path, new: Path) -> None:
    """A second name for a file that is already written; a copy where the file system has no hard links."""
    try:
        os.link(existing, new)
    except OSError:
        shutil.copyfile(existing, new)
