"""Proof that a recipe gives the same bytes anywhere: build twice under different surroundings and compare."""

from __future__ import annotations

import shutil
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fixtures_gen import sums as sums_module
from fixtures_gen.building import build
from fixtures_gen.catalogue import CATALOGUE
from fixtures_gen.errors import FixtureError
from fixtures_gen.manifest import file_sha256
from fixtures_gen.program import DEFAULT_SURROUNDINGS, Runner, Surroundings
from fixtures_gen.store import VERIFYING, Progress, find_recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fixtures_gen.recipe import Recipe, Size
    from fixtures_gen.store import Store
    from fixtures_gen.sums import Pinned, Sums

OTHER_SURROUNDINGS = Surroundings(
    cores=1,
    variables={"TZ": "Asia/Kathmandu", "LC_ALL": "tr_TR.UTF-8", "VPX_SIMD_CAPS": "0x07"},
    limit_asm=True,
)
"""One core, another time zone and locale, and SSE2 at most: libav by -cpuflags, x264 and x265 by asm=, libvpx by
its environment variable. SVT-AV1 and the painting in numpy are left alone; the painting is integers only."""

_OTHER_FOLDER = "an other folder — ü"


@dataclass(frozen=True, slots=True)
class FileVerification:
    """One file: its hash from each build, from the store where it is built there, and the committed verdict."""

    name: str
    first: str
    second: str
    stored: str | None
    pinned: Pinned

    @property
    def ok(self) -> bool:
        """Both builds agree, with the store too, and nothing contradicts SHA256SUMS."""
        return self.first == self.second and self.stored in {None, self.first} and self.pinned != "differs"


@dataclass(frozen=True, slots=True)
class Verification:
    """One fixture at one size; ``store_problems`` is what is wrong with the entry in the store, if it has one."""

    name: str
    size: Size
    files: tuple[FileVerification, ...]
    store_problems: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every file is reproducible and the store's copy is intact."""
        return all(file.ok for file in self.files) and not self.store_problems


def verify(
    store: Store,
    names: Iterable[str],
    size: Size | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    *,
    jobs: int = 2,
    expected: Sums | None = None,
) -> list[Verification]:
    """Build each fixture twice, from nothing, under two surroundings; hash; compare; keep nothing.

    ``expected`` defaults to the committed SHA256SUMS. The store is only read. Raises ``FixtureError`` where a
    recipe cannot be built; differences are values, see ``Verification.ok``.
    """
    recipes = [find_recipe(name) for name in names]
    known = sums_module.read() if expected is None else expected
    store.root.mkdir(parents=True, exist_ok=True)
    results: list[Verification] = []
    stop = threading.Event()
    with ThreadPoolExecutor(max_workers=max(jobs, 1), thread_name_prefix="verify") as pool:
        running = [
            pool.submit(_verify_one, store, recipe, size or recipe.default_size, known, stop) for recipe in recipes
        ]
        try:
            for future in running:
                result = future.result()
                results.append(result)
                if on_progress is not None:
                    on_progress(Progress(result.name, result.size, "verified", len(results), len(recipes)))
        finally:
            stop.set()  # after an error or Ctrl-C the other builds are of no use
            pool.shutdown(wait=True, cancel_futures=True)
    return results


def write_sums(store: Store, results: list[Verification]) -> None:
    """Put the hashes of verified fixtures of default size into SHA256SUMS; what left the catalogue is removed.

    Raises ``FixtureError`` where a fixture did not reproduce; nothing is written then.
    """
    unequal = [result.name for result in results if any(file.first != file.second for file in result.files)]
    if unequal:
        raise FixtureError(f"SHA256SUMS is not written: {', '.join(unequal)} did not reproduce")
    version = store.program.version
    known = sums_module.read()
    kept = known if known.ffmpeg_version == version else sums_module.Sums(version, {})
    fresh = {
        sums_module.key_of(result.name, result.size, file.name): file.first
        for result in results
        if result.size is CATALOGUE[result.name].default_size
        for file in result.files
    }
    names = {
        sums_module.key_of(name, recipe.default_size, entry.name)
        for name, recipe in CATALOGUE.items()
        for entry in recipe.truth(recipe.default_size).files
    }
    merged = kept.with_hashes(fresh)
    sums_module.write(sums_module.Sums(version, {key: sha for key, sha in merged.hashes.items() if key in names}))


def _verify_one(store: Store, recipe: Recipe, size: Size, known: Sums, stop: threading.Event) -> Verification:
    first = _hashes(store, recipe, size, (DEFAULT_SURROUNDINGS, "first"), stop)
    second = _hashes(store, recipe, size, (OTHER_SURROUNDINGS, _OTHER_FOLDER), stop)
    built = store.folder(recipe.name, size)
    version = store.program.version
    files = []
    for name, sha256 in first.items():
        stored = file_sha256(built / name) if (built / name).is_file() else None
        pinned = known.judge(sums_module.key_of(recipe.name, size, name), sha256, version)
        files.append(FileVerification(name, sha256, second[name], stored, pinned))
    problems = store.problems(recipe.name, size, deep=True) if built.exists() else ()
    return Verification(recipe.name, size, tuple(files), problems)


def _hashes(
    store: Store, recipe: Recipe, size: Size, where: tuple[Surroundings, str], stop: threading.Event
) -> dict[str, str]:
    """Build in a folder of the given name under the given surroundings; only the hashes stay."""
    surroundings, folder = where
    # In the store's own root: the system's temporary folder may be too small for media.
    work = Path(tempfile.mkdtemp(prefix=f"{VERIFYING}{recipe.name}-", dir=store.root))
    try:
        inner = work / folder
        inner.mkdir()
        files = build(recipe, size, Runner(store.program, inner, surroundings, stop))
        return {path.name: file_sha256(path) for path in files}
    finally:
        shutil.rmtree(work, ignore_errors=True)
