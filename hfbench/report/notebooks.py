"""The notebooks that there are: those that ship with hfbench, or a file of one's own."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hfbench.errors import MachineError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

_PACKAGE: Final = Path(__file__).parents[1]
#: In a wheel they lie inside the package, in a source tree beside it.
_PLACES: Final = (_PACKAGE / "notebook" / "notebooks", _PACKAGE.parent / "notebooks")


@dataclass(frozen=True, slots=True)
class Notebook:
    """A notebook: ``name`` is the file's without its ending, ``title`` and ``about`` its first heading and sentence."""

    path: Path
    title: str
    about: str

    @property
    def name(self) -> str:
        """``01-quickstart``."""
        return self.path.stem


def find_notebooks() -> tuple[Notebook, ...]:
    """The notebooks of hfbench in the order of their names.

    Raises:
        MachineError: they are not where an installation has them.
    """
    for place in _PLACES:
        found = sorted(place.glob("[0-9][0-9]-*.ipynb"))
        if found:
            return tuple(read_notebook(path) for path in found)
    raise MachineError("the notebooks are missing from this installation: install hfbench again")


def choose_notebooks(names: Iterable[str]) -> tuple[Notebook, ...]:
    """Notebooks by name (``01-quickstart``, ``quickstart``, ``01``) or by path, in the order given.

    Raises:
        UsageError: there is none of a name; the message names the nearest.
    """
    known = find_notebooks()
    return tuple(dict.fromkeys(_choose(name, known) for name in names))


def _choose(name: str, known: tuple[Notebook, ...]) -> Notebook:
    path = Path(name)
    if path.suffix == ".ipynb" and path.is_file():
        return read_notebook(path)
    for each in known:
        if name in {each.name, *each.name.split("-", 1)}:
            return each
    near = difflib.get_close_matches(name, [word for each in known for word in (each.name, each.name[3:])], 1)
    hint = f"did you mean {near[0]}?" if near else f"choose from {', '.join(each.name for each in known)}"
    raise UsageError(f"there is no notebook {name!r}; {hint}")


def read_notebook(path: Path) -> Notebook:
    """Title and first sentence of a notebook file.

    Raises:
        UsageError: it is no notebook.
    """
    try:
        cells: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
        first = next((cell for cell in cells if cell["cell_type"] == "markdown"), {"source": ""})
        lines = [line.strip() for line in "".join(first["source"]).splitlines() if line.strip()]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} is no notebook: {error}") from error
    title = lines[0].lstrip("# ") if lines else path.stem
    return Notebook(path, title, lines[1] if len(lines) > 1 else "")
