"""Git, called in one way: a fixed configuration and language, whatever the user's settings are.

The system's and the user's configuration files are still read, because they hold ``safe.directory`` and the filters of
Git LFS; every setting that changes what the commands of hfbench print or do is overridden here.
"""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Final

from hfbench.errors import MachineError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SECONDS: Final = 30
_SETTINGS: Final = {
    "advice.addEmbeddedRepo": "false",
    "color.ui": "false",
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,  # a post-checkout hook of the user's is not part of a measurement
    "core.quotePath": "false",
    "gc.auto": "0",
    "log.follow": "false",
    "log.mailmap": "false",
    "log.showSignature": "false",
    "status.relativePaths": "false",
    "submodule.recurse": "false",
}
#: Variables of a surrounding git (a hook, a rebase) point at another index or repository; these only configure.
_KEPT_VARIABLES: Final = ("GIT_CONFIG", "GIT_EXEC_PATH", "GIT_SSH", "GIT_SSL", "GIT_ASKPASS")


class GitError(MachineError):
    """A git command failed; ``diagnostic`` is everything that it wrote to stderr."""


class NotARepositoryError(UsageError):
    """The folder is not in a git repository."""


def git(folder: Path, *arguments: str, seconds: float = _SECONDS, extra: Mapping[str, str] | None = None) -> str:
    """Run a git command in a folder and return what it printed, without line ends around it.

    Ask for ``-z`` where paths are printed: they are then separated by NUL and never quoted. Bytes of a path that are
    not UTF-8 come as surrogates (PEP 383).

    Args:
        folder: Where to run it.
        arguments: The command and its arguments.
        seconds: The longest that it may take.
        extra: Further environment variables.

    Raises:
        NotARepositoryError: The folder is not in a git repository.
        GitError: The command failed, or did not end in time.
        MachineError: There is no git program, or it can't be run there.
    """
    settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
    command = ["git", "--no-pager", "--no-optional-locks", "-C", str(folder), *settings, *arguments]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=seconds,
            env=_environment() | dict(extra or {}),
            check=False,
        )
    except FileNotFoundError as error:
        raise MachineError("there is no git program: install git, or put it on the PATH") from error
    except OSError as error:
        raise MachineError(f"git can't be run: {error.strerror or error}") from error
    except subprocess.TimeoutExpired as error:
        raise GitError(f"git {arguments[0]} did not end within {seconds:.0f} s in {folder}") from error
    if done.returncode != 0:
        raise _failure(folder, arguments[0], done.stderr)
    return done.stdout.strip("\n")


def _environment() -> dict[str, str]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name.startswith(_KEPT_VARIABLES)
    }
    return inherited | {"LC_ALL": "C", "LANGUAGE": "C", "GIT_TERMINAL_PROMPT": "0"}


def _failure(folder: Path, command: str, stderr: str) -> GitError | NotARepositoryError:
    reason = _reason(stderr)
    if "not a git repository" in reason:
        return NotARepositoryError(
            f"{folder} is not in a git repository: run this in one, or name one", diagnostic=stderr
        )
    if "dubious ownership" in stderr:
        advice = f"run `git config --global --add safe.directory {folder}`"
        return GitError(f"git does not trust {folder}, which belongs to another user: {advice}", diagnostic=stderr)
    return GitError(f"git {command} failed in {folder}: {reason}", diagnostic=stderr)


def _reason(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    fatal = [line for line in lines if line.startswith(("fatal:", "error:"))]
    return (fatal or lines or ["no reason given"])[0]
