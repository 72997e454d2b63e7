from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from hfbench.cli import main
from hfbench.errors import UsageError
from hfbench.report import choose_notebooks, parameters_for, read_parameters

if TYPE_CHECKING:
    from pathlib import Path


def _notebook(path: Path, *cells: str, parameters: str = "") -> Path:
    code = [(parameters, ["parameters"]), *((cell, []) for cell in cells)]
    document = {
        "cells": [
            {"cell_type": "markdown", "id": "title", "metadata": {}, "source": ["# A title\n", "\n", "A sentence."]},
            *(
                {
                    "cell_type": "code",
                    "id": f"cell-{number}",
                    "metadata": {"tags": tags},
                    "source": source,
                    "outputs": [],
                    "execution_count": None,
                }
                for number, (source, tags) in enumerate(code)
            ),
        ],
        "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path.write_text(json.dumps(document))
    return path


def _report(*words: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(["report", *words])
    return int(str(left.value.code))


def test_an_unknown_parameter_is_wrong_use_and_nothing_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert _report("-n", "06-colour", "-p", "siez=180p", "--out", str(out)) == 2
    assert "no parameter 'siez' in 06-colour; did you mean size?" in capsys.readouterr().err
    assert not out.exists()


def test_an_unknown_notebook_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert _report("-n", "quikstart") == 2
    assert "did you mean quickstart?" in capsys.readouterr().err


def test_a_failing_cell_fails_the_command_and_the_notebook_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = _notebook(tmp_path / "bad.ipynb", "print('before')", "raise ValueError('the cell broke')", "print('after')")
    good = _notebook(tmp_path / "good.ipynb", "print('well')")
    out = tmp_path / "out"
    assert _report("-n", str(bad), "-n", str(good), "--out", str(out)) == 3
    told = capsys.readouterr().err
    assert "hfbench: 1 of 2 notebooks failed; the last error: ValueError: the cell broke" in told
    assert "bad.ipynb" in told
    kept = json.loads((out / "notebooks" / "bad.ipynb").read_text())
    assert any("before" in str(cell.get("outputs")) for cell in kept["cells"])
    assert "the cell broke" in (out / "bad.html").read_text()
    assert "well" in (out / "good.html").read_text()
    index = (out / "index.html").read_text()
    assert "✗ failed in cell" in index
    assert "✓ ran" in index


def test_a_parameter_reaches_the_notebook_as_its_declared_type(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook = _notebook(
        tmp_path / "typed.ipynb", "print(type(n).__name__, n + 1, name)", parameters='n: int = 1\nname: str = "x"'
    )
    assert _report("-n", str(notebook), "-p", "n=41", "-p", "name=7", "--out", str(tmp_path / "out"), "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["pages"][0]["error"] is None
    assert "int 42 7" in (tmp_path / "out" / "typed.html").read_text()


def test_what_a_kernel_says_by_itself_is_not_said_on_our_stderr(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A kernel that is stopped in the middle tells tracebacks; what a cell prints is kept."""
    noisy = _notebook(tmp_path / "noisy.ipynb", "import os, sys; os.write(2, b'noise'); print('kept', file=sys.stderr)")
    assert _report("-n", str(noisy), "--out", str(tmp_path / "out")) == 0
    assert capfd.readouterr().err == ""
    assert "kept" in (tmp_path / "out" / "noisy.html").read_text()


def test_a_value_of_another_type_is_refused() -> None:
    with pytest.raises(UsageError, match="rounds: 'many' is not allowed; give int"):
        parameters_for(choose_notebooks(["02"]), {"rounds": "many"})
    with pytest.raises(UsageError, match="write NAME=VALUE"):
        read_parameters(["rounds"])


def test_records_fill_the_parameters_that_are_meant_for_them(tmp_path: Path) -> None:
    records = [tmp_path / name for name in ("a.json", "b.json")]
    filled = parameters_for(choose_notebooks(["02", "compare", "05-history"]), {}, records)
    assert filled["02-preflight-scopes"] == {"record": str(records[0])}
    assert filled["04-compare"] == {"base": str(records[0]), "contender": str(records[1])}
    assert filled["05-history"] == {"sources": f"{records[0]},{records[1]}"}


def test_a_record_that_cannot_be_read_is_said_before_anything_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _report(str(tmp_path / "absent.json"), "--out", str(tmp_path / "out")) == 3
    assert "can't read the record" in capsys.readouterr().err
