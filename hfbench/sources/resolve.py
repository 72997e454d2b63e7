"""A clip's ``src`` to an absolute path of a regular file, as a browser reads a URL whose site is the project root.

What is returned is always an absolute path that was checked with stat: names such as ``concat:a|b`` or ``data:…``
reach FFmpeg as the name of an existing file, or not at all.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_to_bytes

from hfbench.sources.policy import SourcePolicy, SourceProblem, SourceProblemKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_REMOTE: Final = re.compile(r"https?://", re.IGNORECASE)
_FILE_URL: Final = re.compile(r"file://(?:localhost)?(?=/)", re.IGNORECASE)
# RFC 3986, section 3.1. Also what FFmpeg takes for the name of a protocol.
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
# A sign of a percent escape that is well formed; any other % belongs to the name.
_ESCAPES: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_MAX_SHOWN_CHARACTERS: Final = 120

_DEFAULT_POLICY: Final = SourcePolicy()


@dataclass(frozen=True, slots=True)
class _Found:
    """What was found at one of the candidates: ``mode`` is None for a broken link."""

    path: Path
    mode: int | None
    why_missing: str = ""


def is_remote(src: str) -> bool:
    """Whether a source is fetched over the network: ``http://`` or ``https://``."""
    return _REMOTE.match(src) is not None


def load_fetch() -> None:
    """Import what fetching needs: most compositions never do."""
    from hfbench.sources import fetch  # noqa: F401


def resolve_source(
    src: str,
    *,
    root: Path,
    policy: SourcePolicy = _DEFAULT_POLICY,
    absolute_ok: bool = True,
    download_into: Path | None = None,
    stop: Callable[[], bool] | None = None,
) -> Path:
    """Find the regular file that a source means.

    The name as written comes first; then without ``?query`` and ``#fragment``; then each with its percent escapes
    decoded. ``..`` stops at the root, ``/assets/a.mp4`` begins at the root, ``file:///…`` means a file inside the root.

    Args:
        src: what the clip says.
        root: the project root.
        policy: what is allowed.
        absolute_ok: whether an absolute path that exists is taken as it is (JSON), ahead of the root.
        download_into: a folder of the caller's for ``https://`` sources; None refuses them.
        stop: polled several times a second during a download; true ends it.

    Returns:
        An absolute path; with ``policy.confined`` without links, so that none can be bent later.

    Raises:
        SourceProblem: there is no such file, it is not a regular file, or the policy does not allow it.
    """
    if is_remote(src):
        return _fetched(src, policy, download_into, stop)
    return _on_disk(src, root, policy, absolute_ok=absolute_ok)


def _on_disk(src: str, root: Path, policy: SourcePolicy, *, absolute_ok: bool) -> Path:
    """The first candidate that exists, if it is a regular file and allowed."""
    base = Path(os.path.abspath(root))  # noqa: PTH100  Path.absolute keeps "..", which must not count as inside
    outside: _Found | None = None
    missing: _Found | None = None
    for candidate in _candidates(src, base, absolute_ok=absolute_ok):
        found = _look_at(candidate)
        if found is None:
            continue
        if found.mode is None:
            missing = missing or found
        elif policy.confined and not _is_inside(found.path, base):
            outside = outside or found
        else:
            return _regular(src, found, policy)
    raise _nothing_found(src, base, outside, missing)


def clamp(url_path: str, root: Path) -> Path:
    """A URL path under the root, as a browser reads it: ``..`` never climbs above the root, and links don't matter."""
    kept: list[str] = []
    for segment in url_path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in {"", "."}:
            kept.append(segment)
    return root.joinpath(*kept)


def _candidates(src: str, root: Path, *, absolute_ok: bool) -> Iterator[Path]:
    """The paths to try, in order, each once."""
    seen: set[Path] = set()
    is_file_url = _FILE_URL.match(src) is not None
    for spelling in _spellings(_FILE_URL.sub("", src, count=1)):
        places = [clamp(spelling, root)]
        if spelling.startswith("/"):
            absolute = Path(os.path.normpath(spelling)) if is_file_url else Path(spelling)
            if (absolute_ok and not is_file_url) or _is_under(absolute, root):
                places.insert(0, absolute)
        for place in places:
            if place not in seen:
                seen.add(place)
                yield place


def _spellings(src: str) -> Iterator[str]:
    """The readings of a name, the literal one first: a file may well be called ``what?.mp4`` or ``100%25.mp4``."""
    without_query = src.partition("?")[0]
    without_either = without_query.partition("#")[0]
    literal = dict.fromkeys((src, without_query, without_either))
    decoded = (_ESCAPES.sub(_decoded, spelling) for spelling in literal)
    for spelling in dict.fromkeys((*literal, *decoded)):
        if "\0" not in spelling:
            yield spelling


def _decoded(escapes: re.Match[str]) -> str:
    return os.fsdecode(unquote_to_bytes(escapes[0]))


def _look_at(path: Path) -> _Found | None:
    """What exists at a path, links followed; None where nothing does."""
    try:
        return _Found(path, path.stat().st_mode)
    except (OSError, ValueError) as error:
        code = error.errno if isinstance(error, OSError) else None
    if code == errno.ELOOP:
        return _Found(path, None, "is a link that leads back to itself")
    if code == errno.EACCES:
        return _Found(path, None, "is in a folder that may not be read")
    if code == errno.ENOENT and path.is_symlink():
        return _Found(path, None, "is a link that leads nowhere")
    return None


def _regular(src: str, found: _Found, policy: SourcePolicy) -> Path:
    if found.mode is None or not stat.S_ISREG(found.mode):
        kind = _kind_of_file(found.mode or 0)
        raise SourceProblem(
            SourceProblemKind.NOT_A_REGULAR_FILE,
            f"source {_shown(src)}: {_shown_path(found.path)} is {kind}; only regular files are read",
        )
    if not os.access(found.path, os.R_OK):
        raise SourceProblem(
            SourceProblemKind.SOURCE_REFUSED,
            f"source {_shown(src)}: {_shown_path(found.path)} may not be read by this user",
        )
    return found.path.resolve() if policy.confined else found.path


def _nothing_found(src: str, root: Path, outside: _Found | None, missing: _Found | None) -> SourceProblem:
    if outside is not None:
        msg = f"source {_shown(src)} is outside the project root {_shown_path(root)}, and the run is confined to it"
        return SourceProblem(SourceProblemKind.SOURCE_REFUSED, msg)
    if missing is not None:
        msg = f"source {_shown(src)}: {_shown_path(missing.path)} {missing.why_missing}"
        return SourceProblem(SourceProblemKind.SOURCE_MISSING, msg)
    scheme = _SCHEME.match(src)
    if scheme is not None and _FILE_URL.match(src) is None:
        msg = (
            f"source {_shown(src)}: no file has this name, and {_shown(scheme[0])} addresses are not opened;"
            " allowed: a path, file:///… or https://…"
        )
        return SourceProblem(SourceProblemKind.SOURCE_REFUSED, msg)
    place = next(reversed([*_candidates(src, root, absolute_ok=False)]), root)
    looked_for = "" if str(place) == src else f"; looked for {_shown_path(place)}"
    msg = f"source {_shown(src)} does not exist{looked_for}"
    return SourceProblem(SourceProblemKind.SOURCE_MISSING, msg)


def _fetched(src: str, policy: SourcePolicy, into: Path | None, stop: Callable[[], bool] | None) -> Path:
    # Imported here: most compositions never need the network library.
    from hfbench.sources import fetch

    return fetch.fetch_source(src, into=into, policy=policy, stop=stop)


def _is_under(path: Path, root: Path) -> bool:
    """Whether a normalised absolute path begins with the root, in either spelling of a root that is itself a link."""
    normal = Path(os.path.normpath(path))
    return normal.is_relative_to(root) or normal.is_relative_to(root.resolve())


def _is_inside(path: Path, root: Path) -> bool:
    """Whether the file that a path leads to, every link followed, is in the root."""
    return path.resolve().is_relative_to(root.resolve())


def _kind_of_file(mode: int) -> str:
    kinds = {
        stat.S_IFDIR: "a folder",
        stat.S_IFIFO: "a FIFO",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    return kinds.get(stat.S_IFMT(mode), "a special file")


def _shown(text: str) -> str:
    """A name on one line, printable and not longer than a line."""
    cut = text if len(text) <= _MAX_SHOWN_CHARACTERS else f"{text[:_MAX_SHOWN_CHARACTERS]}…"
    return repr(cut)


def _shown_path(path: Path) -> str:
    """A path likewise; where it is cut, its end is kept, which identifies the file."""
    text = os.fspath(path)
    return repr(text if len(text) <= _MAX_SHOWN_CHARACTERS else f"…{text[-_MAX_SHOWN_CHARACTERS:]}")
