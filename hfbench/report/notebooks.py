"""The notebooks that can be run: those that ship with hfbench, and files that the user names."""

from __future__ import annotations

import difflib
import itertools
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hfbench.errors import MachineError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

_PACKAGE: Final = Path(__file__).parents[1]
#: In a wheel they are inside the package, in a source tree next to it.
_PLACES: Final = (_PACKAGE / "notebook" / "notebooks", _PACKAGE.parent / "notebooks")


#: Names that the report itself uses.
_TAKEN: Final = ("index",)


@dataclass(frozen=True, slots=True)
class Notebook:
    """A notebook file.

    Attributes:
        name: that of the file without its suffix; of two such notebooks in one report, the second gets a number.
        title: its first heading; ``about`` is its first sentence.
    """

    path: Path
    name: str
    title: str
    about: str


def find_notebooks() -> tuple[Notebook, ...]:
    """The notebooks of hfbench in the order of their names.

    Raises:
        MachineError: The installation has none.
    """
    for place in _PLACES:
        found = sorted(place.glob("[0-9][0-9]-*.ipynb"))
        if found:
            return tuple(read_notebook(path) for path in found)
    raise MachineError("the notebooks are missing from this installation: install hfbench again")


def choose_notebooks(names: Iterable[str]) -> tuple[Notebook, ...]:
    """Notebooks by name (``01-quickstart``, ``quickstart``, ``01``) or by path, in the order given.

    No two of the result have the same name: each is a page of the report.

    Raises:
        UsageError: A notebook does not exist; the message names the nearest.
    """
    known = find_notebooks()
    chosen = {notebook.path.resolve(): notebook for notebook in (_choose(name, known) for name in names)}
    return _with_names_of_their_own(chosen.values())


def _with_names_of_their_own(notebooks: Iterable[Notebook]) -> tuple[Notebook, ...]:
    """Number the names that are taken; some file systems do not distinguish upper and lower case."""
    taken, found = set(_TAKEN), []
    for notebook in notebooks:
        numbered = (f"{notebook.name}-{number}" for number in itertools.count(2))
        name = next(each for each in itertools.chain([notebook.name], numbered) if each.casefold() not in taken)
        taken.add(name.casefold())
        found.append(replace(notebook, name=name))
    return tuple(found)


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
    """Read name, title and first sentence of a notebook file.

    Raises:
        UsageError: It is not a notebook.
    """
    try:
        cells: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
        first = next((cell for cell in cells if cell["cell_type"] == "markdown"), {"source": ""})
        lines = [line.strip() for line in "".join(first["source"]).splitlines() if line.strip()]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} is not a notebook: {error}") from error
    title = lines[0].lstrip("# ") if lines else path.stem
    return Notebook(path, path.stem, title, lines[1] if len(lines) > 1 else "")
