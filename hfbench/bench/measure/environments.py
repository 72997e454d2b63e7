"""Environments of two revisions of a project: built once, kept by content, with one set of dependencies.

A release of a dependency between two builds would look like a change of the project. So the contender is built first
(or kept), and the baseline is built with exactly the versions that are installed there; where that can't be, the two
sets are compared, and the differences are reported.
"""

from __future__ import annotations

import hashlib
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hfbench.bench.measure.installing import Install, constraints_of, pip_install
from hfbench.bench.measure.revisions import BuildError, OnStage, Revision, settings, worktree
from hfbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_CHECK_SECONDS: Final = 60
_READY: Final = "hfbench-ready"
_DIST_INFO: Final = re.compile(r"(?P<name>.+?)-(?P<version>[^-]+)\.dist-info")
#: The program that a project must provide unless it names its engine.
PROGRAM: Final = "hfbench"


@dataclass(frozen=True, slots=True)
class Environment:
    """A folder in which one revision is installed.

    Attributes:
        place: has a ``bin`` with the programs, and ``source`` with the project's files.
    """

    place: Path

    @property
    def programs(self) -> Path:
        """The folder of its programs."""
        return self.place / "bin"

    @property
    def source(self) -> Path:
        """The project's files at that revision."""
        return self.place / "source"

    def dependencies(self) -> dict[str, str]:
        """Installed distributions -> versions; what was installed from files (the project itself) is left out."""
        found = {}
        for folder in self.place.glob("lib/python*/site-packages/*.dist-info"):
            named = _DIST_INFO.fullmatch(folder.name)
            if named and not _is_from_files(folder):
                found[re.sub(r"[-_.]+", "-", named["name"]).lower()] = named["version"]
        return dict(sorted(found.items()))

    def provides(self, program: str) -> bool:
        """Whether the project itself, and no dependency of it, brings a program; true where that is not known."""
        if not (self.programs / program).exists():
            return False
        owners = [
            folder
            for folder in self.place.glob("lib/python*/site-packages/*.dist-info")
            if re.search(rf"^{re.escape(program)}\s*=", _text(folder / "entry_points.txt"), re.MULTILINE)
        ]
        return not owners or any(map(_is_from_files, owners))

    def is_usable(self) -> bool:
        """Whether it is whole, was built in this place, and has an interpreter that still runs."""
        if not _text(self.place / _READY).endswith(f"\n{self.place}\n"):
            return False
        python = self.programs / "python"
        if not python.is_symlink() and not python.exists():
            return True  # nothing but files
        try:
            done = subprocess.run([str(python), "-c", ""], capture_output=True, timeout=_CHECK_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return False
        return done.returncode == 0


@dataclass(frozen=True, slots=True)
class Project:
    """Where two revisions come from, and where their environments are kept.

    Attributes:
        engine: the command of its engine, run in the project's folder; empty: as its pyproject.toml says.
    """

    repository: Path
    store: Path
    engine: str = ""


def build_both(
    project: Project, base: Revision, head: Revision, on_stage: OnStage, install: Install | None = None
) -> tuple[Environment, Environment]:
    """The environments of baseline and contender.

    Raises:
        BuildError: one of them does not install.
        UsageError: the project does not provide the engine that would be measured.
        MachineError: no git program.
    """
    for revision in (base, head):
        _refuse_other_projects(project, revision)
    contender = environment(project, head, on_stage, install)
    if (base.tree, base.folder) == (head.tree, head.folder):
        return contender, contender
    return _baseline(project, base, contender, on_stage, install), contender


def _baseline(
    project: Project, base: Revision, contender: Environment, on_stage: OnStage, install: Install | None
) -> Environment:
    wanted = contender.dependencies()
    kept = _kept(project, base)
    if not wanted or (kept.is_usable() and not differences(kept, contender)):
        return environment(project, base, on_stage, install)
    try:
        return environment(project, base, on_stage, install, wanted)
    except BuildError:
        on_stage(f"{base.label}: does not install with the contender's versions of its dependencies; with its own")
        return environment(project, base, on_stage, install)


def differences(one: Environment, other: Environment) -> tuple[str, ...]:
    """``numpy 1.26.4 -> 2.0.0`` for each dependency that is not the same in both."""
    before, after = one.dependencies(), other.dependencies()
    return tuple(
        f"{name} {before.get(name, 'absent')} -> {after.get(name, 'absent')}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    )


def environment(
    project: Project,
    revision: Revision,
    on_stage: OnStage,
    install: Install | None = None,
    versions: Mapping[str, str] | None = None,
) -> Environment:
    """The environment in which the revision is installed; built once, kept in the project's store.

    An environment whose build was interrupted, that was moved, or whose interpreter is gone is built again. Two
    processes that ask for the same one wait for each other.

    Args:
        project: where it comes from.
        revision: what is installed.
        on_stage: called with a description of each stage.
        install: in place of :func:`pip_install`.
        versions: of dependencies, where they are to be exactly these.

    Raises:
        BuildError: it does not install.
        MachineError: no git program.
    """
    from filelock import FileLock

    found = _kept(project, revision, versions)
    place = found.place
    project.store.mkdir(parents=True, exist_ok=True)
    if revision.left_out:
        on_stage(f"{revision.label}: left out what is not committed in {', '.join(revision.left_out)}")
    with FileLock(f"{place}.lock"):
        if found.is_usable():
            on_stage(f"{revision.label}: environment kept from before")
            return found
        shutil.rmtree(place, ignore_errors=True)  # what an interrupted build left
        if versions:
            lines = "".join(f"{name}=={version}\n" for name, version in versions.items())
            constraints_of(place).write_text(lines, encoding="utf-8")
        _build(project, revision, found, on_stage, install)
    return found


def _build(
    project: Project, revision: Revision, found: Environment, on_stage: OnStage, install: Install | None
) -> None:
    with worktree(project.repository, revision) as source:
        if install is not None or is_installable(settings(project.repository, revision), source):
            (install or pip_install)(source, found.place, revision, on_stage)
        elif not engine_command(project, revision):
            raise BuildError(f"{revision.label} is no Python project; name its engine: [tool.hfbench] engine")
        shutil.copytree(source, found.source, symlinks=True, ignore=shutil.ignore_patterns(".git"))
    (found.place / _READY).write_text(f"{revision.commit}\n{found.place}\n", encoding="utf-8")


def _kept(project: Project, revision: Revision, versions: Mapping[str, str] | None = None) -> Environment:
    parts = [revision.tree[:20]]
    parts += [_short_hash(revision.folder)] if revision.folder else []
    parts += [f"py{sys.version_info.major}{sys.version_info.minor}"]
    parts += [_short_hash(repr(sorted(versions.items())))] if versions else []
    return Environment(project.store / "-".join(parts))


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def is_installable(document: Mapping[str, Any], source: Path) -> bool:
    """Whether pip could install the project; if not, its files are used as they are."""
    return "project" in document or "build-system" in document or (source / "setup.py").exists()


def engine_command(project: Project, revision: Revision) -> str:
    """The command that was asked for, or that the revision declares: ``[tool.hfbench] engine`` of its pyproject.toml.

    Raises:
        UsageError: it declares something else than a command.
    """
    if project.engine:
        return project.engine
    table = settings(project.repository, revision).get("tool", {}).get("hfbench", {})
    declared = table.get("engine", "") if isinstance(table, dict) else ""
    if not isinstance(declared, str):
        raise UsageError(f"[tool.hfbench] engine of {revision.label} is {declared!r}; write a command, as text")
    return declared


def engine_arguments(command: str, built: Environment) -> tuple[str, ...]:
    """The command of a built revision's engine: a program of its environment first, else one of the system.

    Raises:
        UsageError: an unclosed quote.
    """
    try:
        program, *rest = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"engine {command!r}: {error}") from error
    own = built.programs / program
    return (str(own) if own.exists() else program, *rest)


def _refuse_other_projects(project: Project, revision: Revision) -> None:
    """A project that only depends on hfbench would measure hfbench twice, whatever the project changes itself.

    Raises:
        UsageError: as the revision's pyproject.toml shows.
    """
    if engine_command(project, revision):
        return
    about = settings(project.repository, revision).get("project")
    if (
        isinstance(about, dict)
        and "scripts" not in about.get("dynamic", ())
        and PROGRAM not in about.get("scripts", {})
    ):
        raise UsageError(no_engine(revision))


def no_engine(revision: Revision) -> str:
    """The message for a project that does not provide the engine."""
    return (
        f"{revision.label} provides no program {PROGRAM!r}, so that the {PROGRAM} it depends on would be measured, not "
        'it: name its engine in pyproject.toml ([tool.hfbench] engine = "COMMAND") or with --engine NAME=COMMAND'
    )


def _is_from_files(dist_info: Path) -> bool:
    """Whether a distribution was installed from a folder (PEP 610): the project, not something that it depends on."""
    return '"dir_info"' in _text(dist_info / "direct_url.json")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
