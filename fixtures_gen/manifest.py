"""manifest.json: how a fixture was made, and the size and hash of each of its files."""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MANIFEST_FORMAT = 1
"""Version of manifest.json. 1: first."""


def file_sha256(path: Path) -> str:
    """SHA-256 of a file in lower-case hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of the fixture in ``folder``; None where there is none, or none of this format."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(manifest, dict) or manifest.get("format") != MANIFEST_FORMAT or not manifest.get("files"):
        return None
    return manifest


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write and flush to the disk: the rename that follows must not overtake the contents."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        json.dump(data, file, indent=1, ensure_ascii=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
