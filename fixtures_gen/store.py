"""Fixtures on disk, found by the hash of their recipe; complete or absent, never partial."""

from __future__ import annotations

import os
import shutil
import threading
import time
import uuid
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from filelock import FileLock

from fixtures_gen import program
from fixtures_gen.building import build
from fixtures_gen.catalogue import CATALOGUE
from fixtures_gen.errors import FixtureError, UnknownNameError
from fixtures_gen.manifest import MANIFEST_FORMAT, file_sha256, read_manifest, write_json
from fixtures_gen.recipe import Encode, Recipe, Size, recipe_hash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from fixtures_gen.truth import Truth

BUILDING = ".building-"
VERIFYING = ".verify-"
_ABANDONED_SECONDS = 6 * 3600  # no verification of one fixture takes that long
_LOCKS = ".locks"


@dataclass(frozen=True, slots=True)
class Request:
    """One fixture at one size; ``None`` means the recipe's default size."""

    name: str
    size: Size | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """One thing that happened in ``ensure`` or ``verify``: ``done`` of ``total`` fixtures are finished."""

    name: str
    size: Size
    state: Literal["building", "built", "reused", "verified"]
    done: int
    total: int
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Entry:
    """A fixture in the store: its folder and what its manifest says."""

    name: str
    size: Size
    folder: Path
    manifest: Mapping[str, Any]

    @property
    def bytes(self) -> int:
        """Size of all media files together."""
        return sum(int(file["bytes"]) for file in self.manifest["files"].values())


def find_recipe(name: str) -> Recipe:
    """The recipe of that name; ``UnknownNameError`` names similar ones, or all."""
    import difflib

    if name in CATALOGUE:
        return CATALOGUE[name]
    near = difflib.get_close_matches(name, CATALOGUE, n=3)
    hint = f"did you mean {', '.join(near)}?" if near else f"there are {', '.join(CATALOGUE)}"
    raise UnknownNameError(f"there is no fixture {name!r}: {hint}")


class Store:
    """A folder of fixtures.

    ``root`` is created when needed. ``ffmpeg`` defaults to HFBENCH_FFMPEG or the program of imageio-ffmpeg and is
    looked for only when it is needed. Safe to use from several threads and processes at once.
    """

    def __init__(self, root: Path, ffmpeg: Path | None = None) -> None:
        """Remember the folder; nothing is created yet."""
        self.root = Path(root)
        self._ffmpeg = ffmpeg

    @property
    def program(self) -> program.Program:
        """The ffmpeg program in use; ``FixtureError`` where there is none."""
        return program.load(self._ffmpeg or program.find_ffmpeg())

    def folder(self, name: str, size: Size | None = None) -> Path:
        """Where the fixture is, or would be: ``<root>/<name>-<size>-<hash>``."""
        recipe = find_recipe(name)
        size = size or recipe.default_size
        return self.root / f"{name}-{size.value}-{recipe_hash(recipe, size, self.program.version)}"

    def problems(self, name: str, size: Size | None = None, *, deep: bool = False) -> tuple[str, ...]:
        """What is wrong with the entry: nothing for a complete one. ``deep`` also hashes every file."""
        folder = self.folder(name, size)
        manifest = read_manifest(folder)
        if manifest is None:
            return ("is not built" if not folder.exists() else "has no readable manifest.json",)
        found = []
        for file, facts in manifest["files"].items():
            path = folder / file
            if not path.is_file():
                found.append(f"{file} is missing")
            elif path.stat().st_size != facts["bytes"]:
                found.append(f"{file} has {path.stat().st_size} bytes instead of {facts['bytes']}")
            elif deep and file_sha256(path) != facts["sha256"]:
                found.append(f"{file} differs from its sha256")
        return tuple(found)

    def is_complete(self, name: str, size: Size | None = None) -> bool:
        """Whether the manifest and every file of the right length are there; contents are not read."""
        return not self.problems(name, size)

    def truth(self, name: str, size: Size | None = None) -> Truth:
        """What the fixture holds, from the recipe; nothing needs to be built."""
        recipe = find_recipe(name)
        return recipe.truth(size or recipe.default_size)

    def entry(self, name: str, size: Size | None = None) -> Entry:
        """The built fixture; ``FixtureError`` says how to build it where it is not complete."""
        recipe = find_recipe(name)
        size = size or recipe.default_size
        wrong = self.problems(name, size)
        if wrong:
            raise FixtureError(f"{name} at {size.value} {wrong[0]}: run `python -m fixtures_gen build {name}`")
        folder = self.folder(name, size)
        return Entry(name, size, folder, read_manifest(folder) or {})

    def path(self, name: str, file: str | None = None, size: Size | None = None) -> Path:
        """A media file of the fixture, the first by default; it need not exist yet."""
        truth = self.truth(name, size)
        return self.folder(name, size) / (file or truth.files[0].name)

    def ensure(
        self,
        requests: Iterable[Request | str],
        jobs: int = 2,
        on_progress: Callable[[Progress], None] | None = None,
        *,
        deep: bool = False,
    ) -> tuple[Entry, ...]:
        """Build what is missing or damaged, ``jobs`` at a time, and return every entry in the order asked for.

        A failure stops the others, leaves nothing half-built and is raised as ``FixtureError``; what was finished
        stays. ``deep`` also rebuilds entries whose bytes no longer match their sha256.
        """
        wanted = [r if isinstance(r, Request) else Request(r) for r in requests]
        sized = [Request(r.name, r.size or find_recipe(r.name).default_size) for r in wanted]
        distinct = list(dict.fromkeys(sized))
        self.program.require(())
        report = _Reporter(len(distinct), on_progress)
        stop = threading.Event()
        pool = ThreadPoolExecutor(max_workers=max(jobs, 1), thread_name_prefix="fixtures")
        try:
            running = [pool.submit(self._ensure_one, request, report, stop, deep=deep) for request in distinct]
            done, _ = wait(running, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
        finally:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
        return tuple(self.entry(r.name, r.size) for r in sized)

    def _ensure_one(self, request: Request, report: _Reporter, stop: threading.Event, *, deep: bool) -> None:
        recipe = find_recipe(request.name)
        size = request.size or recipe.default_size
        folder = self.folder(recipe.name, size)
        try:
            (self.root / _LOCKS).mkdir(parents=True, exist_ok=True)
            with FileLock(self.root / _LOCKS / f"{folder.name}.lock"):
                if not self.problems(recipe.name, size, deep=deep):
                    report.add(recipe.name, size, "reused")
                    return
                self._sweep(folder)
                report.add(recipe.name, size, "building")
                seconds = self._build_into(folder, recipe, size, stop)
        except OSError as error:
            raise FixtureError(f"cannot write {folder.name} under {self.root}: {error.strerror or error}") from error
        report.add(recipe.name, size, "built", seconds)

    def _sweep(self, folder: Path) -> None:
        """Remove what killed builds of this entry left; the caller holds the lock, so no other build of it runs."""
        for left in self.root.glob(f"{BUILDING}{folder.name}-*"):
            shutil.rmtree(left, ignore_errors=True)

    def _build_into(self, folder: Path, recipe: Recipe, size: Size, stop: threading.Event) -> float:
        """Build next to the final place, then move there in one rename. The caller holds the lock."""
        started = time.monotonic()
        work = self.root / f"{BUILDING}{folder.name}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        work.mkdir(parents=True)
        try:
            files = build(recipe, size, program.Runner(self.program, work, stop=stop))
            seconds = time.monotonic() - started
            manifest = self._manifest(recipe, size, files, seconds)
            write_json(work / "truth.json", recipe.truth(size).to_json())
            write_json(work / "manifest.json", manifest)
            if folder.exists():
                aside = work.with_name(f"{work.name}-old")
                folder.rename(aside)
                shutil.rmtree(aside, ignore_errors=True)
            work.rename(folder)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        return seconds

    def _manifest(self, recipe: Recipe, size: Size, files: tuple[Path, ...], seconds: float) -> dict[str, Any]:
        commands = [["ffmpeg", *s.arguments] for s in recipe.steps(size) if isinstance(s, Encode)]
        return {
            "format": MANIFEST_FORMAT,
            "name": recipe.name,
            "size": size.value,
            "recipeHash": recipe_hash(recipe, size, self.program.version),
            "ffmpeg": {"version": self.program.version, "sha256": self.program.sha256()},
            "buildSeconds": round(seconds, 3),
            "files": {p.name: {"bytes": p.stat().st_size, "sha256": file_sha256(p)} for p in files},
            "recipe": recipe.describe(size)["steps"],
            "commands": commands,
        }

    def gc(self, *, everything: bool = False, dry_run: bool = False) -> tuple[Path, ...]:
        """Remove entries that no recipe of this version makes, and what dead builders left; ``everything`` all.

        Returns what was (or, with ``dry_run``, would be) removed. Entries that are being built are left alone.
        """
        if not self.root.is_dir():
            return ()
        current = set() if everything else {self.folder(n, s).name for n in CATALOGUE for s in Size}
        removed = []
        for path in sorted(self.root.iterdir()):
            if not path.is_dir() or path.name == _LOCKS or path.name in current:
                continue
            if not _is_ours(path) or self._in_use(path):
                continue
            removed.append(path)
            if not dry_run:
                shutil.rmtree(path, ignore_errors=True)
        return tuple(removed)

    def _in_use(self, path: Path) -> bool:
        """Whether some process holds the lock of the entry that this folder belongs to."""
        name = path.name.removeprefix(BUILDING)
        for lock in (self.root / _LOCKS).glob("*.lock"):
            if name.startswith(lock.stem):
                probe = FileLock(lock, timeout=0)
                try:
                    with probe:
                        return False
                except TimeoutError:
                    return True
        return False


def _is_ours(path: Path) -> bool:
    """Whether gc may judge this folder: an entry, a build, or a verification that was left behind."""
    if path.name.startswith(VERIFYING):
        return time.time() - path.stat().st_mtime > _ABANDONED_SECONDS
    return path.name.startswith(BUILDING) or (path / "manifest.json").exists()


class _Reporter:
    """Counts finished requests and passes events on, one at a time."""

    def __init__(self, total: int, on_progress: Callable[[Progress], None] | None) -> None:
        self._total, self._tell, self._done, self._lock = total, on_progress, 0, threading.Lock()

    def add(self, name: str, size: Size, state: Literal["building", "built", "reused"], seconds: float = 0.0) -> None:
        with self._lock:
            self._done += state != "building"
            if self._tell is not None:
                self._tell(Progress(name, size, state, self._done, self._total, seconds))
