"""The temporary folder of one extraction, next to its output, and the bytes in it."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Final

from hfbench.cache.leases import Lock, lock_folder
from hfbench.errors import OutputError

_PREFIX: Final = ".hfbench-work-"
_FRAME_FILE: Final = re.compile(r"frame_\d{5,}\.(jpg|png)")
#: How often a folder is renamed into place against another run that does the same at the same moment.
_SWAP_ATTEMPTS: Final = 20
#: The errors of renaming a folder onto one that is not empty.
_TAKEN: Final = frozenset({errno.EEXIST, errno.ENOTEMPTY})


class WorkFolder:
    """Intermediates and frames in the making; on the output's file system, so that results are renamed into place.

    Nothing is deleted before the end and files only grow, so the bytes at the end are the high-water mark: exact, not
    sampled, and the same each time, however the clips' work is interleaved.
    """

    def __init__(self, out_dir: Path) -> None:
        self._out_dir = out_dir
        self._made: tuple[Path, Lock | None] | None = None
        try:
            out_dir.mkdir(parents=True, exist_ok=True)
            if not os.access(out_dir, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            _sweep(out_dir)
        except OSError as error:
            raise _unusable(out_dir, error) from error

    @property
    def path(self) -> Path:
        """The folder; made when it is first asked for, which a run whose frames are all in the cache never does.

        Raises:
            OutputError: it can't be made.
        """
        if self._made is None:
            try:
                self._made = _new_locked_folder(self._out_dir)
            except OSError as error:
                raise _unusable(self._out_dir, error) from error
        return self._made[0]

    def new_folder(self, name: str) -> Path:
        """An empty folder."""
        folder = self.path / name
        folder.mkdir(parents=True)
        return folder

    def measure(self) -> int:
        """Bytes on disk now, hard links counted once; the high-water mark up to now."""
        if self._made is None:
            return 0
        sizes: dict[tuple[int, int], int] = {}
        for parent, _, names in os.walk(self.path):
            for name in names:
                status = os.lstat(os.path.join(parent, name))  # noqa: PTH118  thousands of frames: no Path each
                sizes[status.st_dev, status.st_ino] = status.st_size
        return sum(sizes.values())

    def publish(self, folder: Path, clip_id: str) -> Path:
        """Rename a folder of frames to its place in the output, replacing what an earlier run left there.

        Raises:
            OutputError: it can't be renamed.
        """
        place = self._out_dir / clip_id
        try:
            for attempt in range(_SWAP_ATTEMPTS):
                with contextlib.suppress(FileNotFoundError):
                    place.rename(self.path / f"old-{folder.name}-{attempt}")
                try:
                    folder.rename(place)
                except OSError as error:
                    if error.errno not in _TAKEN:
                        raise
                    continue  # another run put its frames there in between
                return place
            raise OutputError(f"{place} is being written by another run: give each run its own --out")
        except OSError as error:
            raise OutputError(
                f"frames can't be moved to {place} ({error.strerror}): check the folder's permissions",
                diagnostic=str(error),
            ) from error

    def close(self) -> None:
        """Remove the folder and everything in it."""
        if self._made is None:
            return
        path, lock = self._made
        shutil.rmtree(path, ignore_errors=True)
        if lock is not None:
            lock.close()


def _unusable(out_dir: Path, error: OSError) -> OutputError:
    return OutputError(
        f"the output folder {out_dir} can't be used ({error.strerror}): choose another with --out",
        diagnostic=str(error),
    )


def _new_locked_folder(out_dir: Path) -> tuple[Path, Lock | None]:
    """A new folder and the lock that shows others that its run is alive; no lock where the file system has none."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=out_dir))
        try:
            lock = lock_folder(path, exclusive=False)
        except OSError:
            return path, None
        if isinstance(lock, Lock):
            return path, lock
        # Another run's sweep ran between the two steps and took the folder for a dead run's.


def _sweep(out_dir: Path) -> None:
    """Remove the work folders of runs that were killed (the kernel released their locks)."""
    for name in os.listdir(out_dir):  # noqa: PTH208  an output may hold many clips: no Path each
        if name.startswith(_PREFIX):
            with contextlib.suppress(OSError):
                lock = lock_folder(out_dir / name, exclusive=True)
                if isinstance(lock, Lock):
                    with lock:
                        shutil.rmtree(out_dir / name, ignore_errors=True)


def refuse_foreign_folders(out_dir: Path, clip_ids: tuple[str, ...]) -> None:
    """Refuse to replace anything but frames: a folder named like a clip must hold nothing else.

    Raises:
        OutputError: it holds something else, it is not a folder, or the output can't be read.
    """
    try:
        if out_dir.exists() and not out_dir.is_dir():
            raise OutputError(f"{out_dir} is not a folder: choose another --out")
        for clip_id in clip_ids:
            _refuse_foreign_folder(out_dir / clip_id, clip_id)
    except OSError as error:
        raise _unusable(out_dir, error) from error


def _refuse_foreign_folder(place: Path, clip_id: str) -> None:
    try:
        is_folder = stat.S_ISDIR(place.lstat().st_mode)
    except FileNotFoundError:
        return
    if not is_folder:
        raise OutputError(f"{place} is in the way: frames of clip {clip_id!r} go into a folder of that name")
    for name in os.listdir(place):  # noqa: PTH208  thousands of frames: no Path each
        if not _FRAME_FILE.fullmatch(name) or (place / name).is_dir():
            raise OutputError(f"{place} holds {name!r}, which is not a frame: it is not replaced; choose another --out")
