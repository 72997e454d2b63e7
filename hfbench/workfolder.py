"""The folder that an extraction works in, beside its output, and how many bytes it held at most."""

from __future__ import annotations

import re
import shutil
import tempfile
import threading
from pathlib import Path
from typing import Final

from hfbench.errors import OutputError

_PREFIX: Final = ".hfbench-work-"
_FRAME_FILE: Final = re.compile(r"frame_\d{5,}\.(jpg|png)")
#: How often a folder is swapped in against another run that does the same at the same moment.
_SWAP_ATTEMPTS: Final = 20


class WorkFolder:
    """Intermediates and frames in the making; on the output's file system, so that results are renamed into place.

    Bytes on disk only grow between two deletions, and every deletion goes through :meth:`release`, which measures
    first: the high-water mark is exact, not sampled.
    """

    def __init__(self, out_dir: Path) -> None:
        try:
            out_dir.mkdir(parents=True, exist_ok=True)
            self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=out_dir))
        except OSError as error:
            msg = f"the output folder {out_dir} can't be used ({error.strerror}): choose another with --out"
            raise OutputError(msg, diagnostic=str(error)) from error
        self._out_dir = out_dir
        self._lock = threading.Lock()
        self._settled: dict[Path, int] = {}
        self._counted_inodes: set[tuple[int, int]] = set()
        self._peak_bytes = 0

    def new_folder(self, name: str) -> Path:
        """An empty folder."""
        folder = self.path / name
        folder.mkdir(parents=True)
        return folder

    def settle(self, path: Path) -> None:
        """Say that a file or folder will not change any more, so that it is measured only once."""
        with self._lock:
            self._settled[path] = self._bytes_under(path)

    def release(self, path: Path) -> None:
        """Delete a file or folder that is not needed any more, after taking the high-water mark."""
        with self._lock:
            self._measure()
            self._settled.pop(path, None)
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def measure(self) -> tuple[int, int]:
        """(high-water mark, bytes now)."""
        with self._lock:
            now = self._measure()
            return self._peak_bytes, now

    def publish(self, folder: Path, clip_id: str) -> Path:
        """Rename a folder of frames to its place in the output, instead of what an earlier run left there.

        Raises:
            OutputError: it can't be renamed.
        """
        place = self._out_dir / clip_id
        try:
            for attempt in range(_SWAP_ATTEMPTS):
                if place.exists():
                    place.rename(self.path / f"old-{folder.name}-{attempt}")
                try:
                    folder.rename(place)
                except OSError:
                    continue  # another run put its frames there in between
                return place
            msg = f"{place} is written by another run all the time: give each run its own --out"
            raise OutputError(msg)
        except OSError as error:
            msg = f"frames can't be moved to {place} ({error.strerror}): check the folder's permissions"
            raise OutputError(msg, diagnostic=str(error)) from error

    def close(self) -> None:
        """Remove the folder and all that is left in it."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _measure(self) -> int:
        now = sum(self._settled.values()) + self._bytes_under(self.path, frozenset(self._settled))
        self._peak_bytes = max(self._peak_bytes, now)
        return now

    def _bytes_under(self, path: Path, without: frozenset[Path] = frozenset()) -> int:
        """Bytes of all files under a path, each inode once; settled ones stay marked as counted."""
        is_settling = not without and path != self.path
        seen = self._counted_inodes if is_settling else set(self._counted_inodes)
        total = 0
        waiting = [path]
        while waiting:
            current = waiting.pop()
            try:
                status = current.lstat()
                if current.is_dir() and not current.is_symlink():
                    waiting += [child for child in current.iterdir() if child not in without]
                    continue
            except FileNotFoundError:
                continue
            if (status.st_dev, status.st_ino) not in seen:
                seen.add((status.st_dev, status.st_ino))
                total += status.st_size
        return total


def refuse_foreign_folders(out_dir: Path, clip_ids: tuple[str, ...]) -> None:
    """Make sure that only frames are ever replaced: a folder of a clip's name that holds anything else is a refusal.

    Raises:
        OutputError: such a folder, or a file of that name.
    """
    if out_dir.exists() and not out_dir.is_dir():
        msg = f"{out_dir} is not a folder: choose another --out"
        raise OutputError(msg)
    for clip_id in clip_ids:
        place = out_dir / clip_id
        if place.is_symlink() or place.is_file():
            msg = f"{place} is in the way: frames of clip {clip_id!r} go into a folder of that name"
            raise OutputError(msg)
        stranger = next((each for each in _names(place) if not _FRAME_FILE.fullmatch(each)), None)
        if stranger is not None:
            msg = f"{place} holds {stranger!r}, which is no frame: it is not replaced; choose another --out"
            raise OutputError(msg)


def _names(folder: Path) -> list[str]:
    try:
        return [each.name for each in folder.iterdir()]
    except FileNotFoundError:
        return []
