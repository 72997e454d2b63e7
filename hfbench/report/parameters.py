"""Parameters of notebooks: what a notebook declares, and the values that it is given.

papermill runs a notebook with a parameter that it does not declare, and only warns; here that is an error. What a
notebook declares is read from its syntax tree: papermill splits lines at ``=`` and loses defaults that contain one.
"""

from __future__ import annotations

import ast
import difflib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hfbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from hfbench.report.notebooks import Notebook

_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")
_TEXTS: Final = ("str", "str | None", "Optional[str]")
_TAG: Final = "parameters"
#: Parameters that a report fills in from the records it is given.
FROM_RECORDS: Final = ("record", "base", "contender", "sources")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter that a notebook declares.

    Attributes:
        default: as it is written in the notebook: ``"180p"``, ``2``.
        kind: ``str``, ``int``, ``float``, ``bool``, or another type, whose values are read as JSON.
    """

    name: str
    default: str
    kind: str


Declared = dict[str, Parameter]


def declared_by(notebook: Notebook) -> Declared:
    """The parameters in the notebook's first cell with the tag ``parameters``, by name; none without such a cell.

    Raises:
        UsageError: The cell is not Python.
    """
    source = next(_tagged_cells(notebook.path), "")
    # Lines of IPython (magics, shell commands) are not Python, and declare nothing.
    plain = "\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in source.splitlines())
    try:
        tree = ast.parse(plain)
    except SyntaxError as error:
        raise UsageError(
            f"{notebook.path}: the cell with the tag {_TAG!r} is not Python, line {error.lineno}: {error.msg}"
        ) from error
    return {each.name: each for statement in tree.body for each in _declared(statement, plain)}


def _tagged_cells(path: Path) -> Iterator[str]:
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell.get("cell_type") == "code" and _TAG in cell.get("metadata", {}).get("tags", ()):
            yield "".join(cell["source"])


def _declared(statement: ast.stmt, source: str) -> Iterator[Parameter]:
    """Parameters of ``name: type = value`` and ``name = value``; the value may be any expression."""
    match statement:
        case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=ast.expr() as value):
            kind = ast.unparse(annotation).strip("'\"")
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            kind = type(value.value).__name__ if isinstance(value, ast.Constant) else ""
        case _:
            return
    yield Parameter(name, ast.get_source_segment(source, value) or ast.unparse(value), kind)


def read_parameters(pairs: Iterable[str]) -> dict[str, str]:
    """Turn ``("size=180p", "rounds=3")`` into a dict; only the first ``=`` separates.

    Raises:
        UsageError: A pair has no name or no ``=``.
    """
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"parameter {pair!r}: write NAME=VALUE")
        found[name.strip()] = value
    return found


def parameters_for(
    notebooks: Sequence[Notebook], given: Mapping[str, str], records: Sequence[Path] = ()
) -> dict[str, dict[str, Any]]:
    """The values for each notebook, of the declared types, by the notebook's name.

    Args:
        notebooks: The notebooks that will be run.
        given: Name -> text. A value goes to every notebook that declares the name.
        records: Fill ``record``, ``base``, ``contender`` and ``sources`` where these are declared and not given.

    Raises:
        UsageError: No notebook declares a name (the message names the nearest), or a value is of another type.
    """
    declared = {notebook.name: declared_by(notebook) for notebook in notebooks}
    known = {name for each in declared.values() for name in each}
    for name in given:
        if name not in known:
            raise UsageError(_unknown(name, known, notebooks))
    filled = _from_records(records)
    return {
        notebook: {key: filled[key] for key in filled if key in has}
        | {key: _value(text, has[key]) for key, text in given.items() if key in has}
        for notebook, has in declared.items()
    }


def _from_records(records: Sequence[Path]) -> dict[str, str]:
    paths = [str(path.absolute()) for path in records]
    if not paths:
        return {}
    ends = (paths[0], paths[-1] if len(paths) > 1 else "")
    return dict(zip(FROM_RECORDS, (paths[0], *ends, ",".join(paths)), strict=True))


def _unknown(name: str, known: set[str], notebooks: Sequence[Notebook]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    hint = f"did you mean {near[0]}?" if near else f"they have {', '.join(sorted(known)) or 'none'}"
    return f"no parameter {name!r} in {', '.join(each.name for each in notebooks)}; {hint}"


def _value(text: str, parameter: Parameter) -> Any:
    if parameter.kind in _TEXTS:
        return text
    readers: dict[str, Callable[[str], Any]] = {"int": int, "float": float, "bool": _flag}
    try:
        return readers.get(parameter.kind, json.loads)(text)
    except ValueError:
        kind = parameter.kind if parameter.kind in readers else "JSON"
        raise UsageError(f"parameter {parameter.name}: {text!r} is not allowed; give {kind}") from None


def _flag(text: str) -> bool:
    if text.lower() in (*_TRUE, *_FALSE):
        return text.lower() in _TRUE
    raise ValueError(text)
