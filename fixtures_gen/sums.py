"""The committed SHA256SUMS: what the pinned ffmpeg makes of each recipe at its default size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from fixtures_gen.errors import FixtureError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fixtures_gen.recipe import Size

COMMITTED = Path(__file__).with_name("SHA256SUMS")
_VERSION = "# ffmpeg version: "
_HEADER = """\
# SHA-256 of every fixture at its default size, as `sha256sum` prints it; `python -m fixtures_gen verify` compares.
# Another ffmpeg version makes other bytes, and says so instead of failing.
"""

Pinned = Literal["match", "differs", "not listed", "other ffmpeg version"]


@dataclass(frozen=True, slots=True)
class Sums:
    """Expected hashes by ``<name>-<size>/<file>`` and the ffmpeg version that they hold for."""

    ffmpeg_version: str
    hashes: Mapping[str, str]

    def judge(self, key: str, sha256: str, ffmpeg_version: str) -> Pinned:
        """What the committed file says about these bytes."""
        if not self.hashes:
            return "not listed"
        if ffmpeg_version != self.ffmpeg_version:
            return "other ffmpeg version"
        expected = self.hashes.get(key)
        if expected is None:
            return "not listed"
        return "match" if expected == sha256 else "differs"

    def with_hashes(self, hashes: Mapping[str, str]) -> Sums:
        """The same with some hashes replaced or added."""
        return Sums(self.ffmpeg_version, {**self.hashes, **hashes})


def key_of(name: str, size: Size, file: str) -> str:
    """How a file is named in SHA256SUMS."""
    return f"{name}-{size.value}/{file}"


def read(path: Path = COMMITTED) -> Sums:
    """Read a SHA256SUMS file; a missing one lists nothing. ``FixtureError`` for an invalid line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return Sums("", {})
    version, hashes = "", {}
    for line in lines:
        if line.startswith(_VERSION):
            version = line.removeprefix(_VERSION).strip()
        elif line and not line.startswith("#"):
            sha256, _, key = line.partition("  ")
            if not key or len(sha256) != 64:
                raise FixtureError(f"{path.name} has a line that is not a checksum: {line[:80]}")
            hashes[key] = sha256
    return Sums(version, hashes)


def write(sums: Sums, path: Path = COMMITTED) -> None:
    """Write the file, sorted by key."""
    lines = [f"{sha256}  {key}\n" for key, sha256 in sorted(sums.hashes.items())]
    text = f"{_HEADER}{_VERSION}{sums.ffmpeg_version}\n{''.join(lines)}"
    path.write_text(text, encoding="utf-8", newline="\n")
