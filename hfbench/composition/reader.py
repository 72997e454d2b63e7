"""Reads a composition from disk: JSON or HTML, bounded in size, regular files only."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hfbench.composition import html_format, json_format
from hfbench.errors import CompositionError

if TYPE_CHECKING:
    from hfbench.composition.fields import Rate
    from hfbench.composition.model import Composition

#: Bytes: 100 000 clips of over 300 bytes each.
MAX_JSON_BYTES: Final = 32 * 2**20

#: Bytes. The HTML parser is much slower than the JSON one.
MAX_HTML_BYTES: Final = 4 * 2**20

_JSON_SUFFIXES: Final = frozenset({".json"})
_HTML_SUFFIXES: Final = frozenset({".html", ".htm", ".xhtml"})


def load_composition(path: str | Path, *, root: str | Path | None = None, fps: Rate | None = None) -> Composition:
    """Read a composition file: JSON (schema ``hfbench-composition/1``) or HyperFrames HTML.

    Args:
        path: the file; ``.json``, ``.html`` and ``.htm`` name the format; with any other name the content decides.
        root: the project root; the file's folder by default.
        fps: overrides the frame rate of the file.

    Raises:
        CompositionError: one line that names the file, and the clip and the key where there are any.
    """
    file = Path(path)
    try:
        text = _decoded(_read_bytes(file))
        project = _project_root(file, None if root is None else Path(root))
        if _is_html(file, text):
            _check_size(len(text), MAX_HTML_BYTES)
            return html_format.parse(text, root=project, fps=fps)
        return json_format.parse(text, root=project, fps=fps)
    except CompositionError as error:
        raise CompositionError(f"{_name_in_message(file)}: {error.message}", diagnostic=error.diagnostic) from None


def _read_bytes(path: Path) -> bytes:
    try:
        # O_NONBLOCK: opening a FIFO without a writer would wait for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:  # noqa: PTH123  a descriptor, not a path
            mode = os.fstat(descriptor).st_mode
            if stat.S_ISDIR(mode):
                raise CompositionError("is a folder; give the composition file in it")
            if not stat.S_ISREG(mode):
                raise CompositionError("is not a regular file")
            content = file.read(MAX_JSON_BYTES + 1)
    except IsADirectoryError:
        raise CompositionError("is a folder; give the composition file in it") from None
    except OSError as error:
        raise CompositionError(f"can't be read: {error.strerror or error}") from None
    except ValueError:
        raise CompositionError("can't be read: the name holds a NUL") from None
    _check_size(len(content), MAX_JSON_BYTES)
    return content


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise CompositionError(f"is too large for a composition; allowed: at most {limit // 2**20} MiB")


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CompositionError(f"is not UTF-8 text: byte {error.start} is 0x{content[error.start]:02x}") from None


def _is_html(path: Path, text: str) -> bool:
    """Whether it is HTML: by the suffix, else by the first character."""
    suffix = path.suffix.lower()
    if suffix in _JSON_SUFFIXES | _HTML_SUFFIXES:
        return suffix in _HTML_SUFFIXES
    beginning = text.lstrip()[:1]
    if beginning in {"<", "{"}:
        return beginning == "<"
    raise CompositionError("is neither a JSON object nor HTML; allowed: a .json or .html composition")


def _project_root(path: Path, root: Path | None) -> Path:
    if root is None:
        return path.absolute().parent
    if not root.is_dir():
        raise CompositionError(f"root: {_name_in_message(root)} is not a folder")
    return root.absolute()


def _name_in_message(path: Path) -> str:
    """The path as given, or escaped where printing it could break the line or fail."""
    text = os.fspath(path)
    return text if text.isprintable() else repr(text)
