"""Parameters of notebooks: papermill only warns of one that a notebook does not have, and a warning is not read."""

from __future__ import annotations

import difflib
import json
import warnings
from typing import TYPE_CHECKING, Any, Final

from hfbench.errors import NotInstalledError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from hfbench.report.notebooks import Notebook

Declared = dict[str, dict[str, Any]]

_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")
#: Parameters that a report fills in from the records it is given.
FROM_RECORDS: Final = ("record", "base", "contender", "sources")


def declared_by(notebook: Notebook) -> Declared:
    """Name -> what papermill can tell of a parameter (``inferred_type_name``, ``default``, ``help``).

    Raises:
        NotInstalledError: papermill is not installed.
        UsageError: it is no notebook that papermill can read.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # papermill's imports warn of what its own next version will change
            from papermill.inspection import inspect_notebook
    except ImportError as error:
        raise NotInstalledError('reports need papermill and nbconvert: pip install "hfbench[notebooks]"') from error
    declared: Declared = inspect_notebook(str(notebook.path))
    return declared


def read_parameters(pairs: Iterable[str]) -> dict[str, str]:
    """``("size=180p", "rounds=3")`` as a dict of texts.

    Raises:
        UsageError: one has no ``=``.
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
    """Notebook name -> its share of what was given, as values of the declared types.

    Args:
        notebooks: that will be run.
        given: name -> text; each goes to every notebook that declares it.
        records: fill ``record``, ``base``, ``contender`` and ``sources`` where they are declared and not given.

    Raises:
        UsageError: no notebook declares a name (the message says which there are), or a value is of another type.
    """
    declared = {notebook.name: declared_by(notebook) for notebook in notebooks}
    known = {name for each in declared.values() for name in each}
    for name in given:
        if name not in known:
            raise UsageError(_unknown(name, known, notebooks))
    filled = _from_records(records)
    return {
        notebook: {key: filled[key] for key in filled if key in has}
        | {key: _value(key, text, has[key]) for key, text in given.items() if key in has}
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


def _value(name: str, text: str, declared: Mapping[str, Any]) -> Any:
    kind = str(declared.get("inferred_type_name", "None"))
    if kind == "str" or (kind == "None" and _is_text(declared)):
        return text
    readers: dict[str, Callable[[str], Any]] = {"int": int, "float": float, "bool": _flag}
    reader = readers.get(kind if kind in readers else _kind_of_default(declared), json.loads)
    try:
        return reader(text)
    except ValueError:
        raise UsageError(
            f"parameter {name}: {text!r} is not allowed; give {kind if kind != 'None' else 'JSON'}"
        ) from None


def _flag(text: str) -> bool:
    if text.lower() in (*_TRUE, *_FALSE):
        return text.lower() in _TRUE
    raise ValueError(text)


def _is_text(declared: Mapping[str, Any]) -> bool:
    return str(declared.get("default", "")).startswith(("'", '"'))


def _kind_of_default(declared: Mapping[str, Any]) -> str:
    try:
        return type(json.loads(str(declared.get("default", "")))).__name__
    except ValueError:
        return ""
