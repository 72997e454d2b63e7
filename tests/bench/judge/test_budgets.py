from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hfbench.bench.judge.budgets import Allowance, Budget, load_budgets
from hfbench.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

AXES = {"backend": "libav", "scope": "segment", "format": "jpg", "cache": "off"}


def written(folder: Path, text: str) -> Path:
    path = folder / "pyproject.toml"
    path.write_text(text)
    return path


def test_budgets_of_a_project(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
        [[tool.hfbench.budgets.hdr-sdr-mixed-scope]]
        scope = "segment"
        hdrPreflightMs = { below = 300 }
        tmpPeakBytes = { allow = "1.5%", below = 5e6 }

        [tool.hfbench.budgets."*"]
        filesOpened = { allow = 2 }
        """,
    )
    where = (("scope", "segment"),)
    assert load_budgets(path) == (
        Budget("hdr-sdr-mixed-scope", "hdrPreflightMs", below=300.0, where=where),
        Budget("hdr-sdr-mixed-scope", "tmpPeakBytes", below=5e6, allow=Allowance(share=0.015), where=where),
        Budget("*", "filesOpened", allow=Allowance(count=2.0)),
    )


def test_where_a_budget_applies() -> None:
    budget = Budget("mixed", "hdrPreflightMs", below=300, where=(("scope", "segment"),))
    assert budget.applies("mixed", AXES)
    assert not budget.applies("mixed", AXES | {"scope": "source"})
    assert not budget.applies("other", AXES)
    assert Budget("*", "hdrPreflightMs", below=300).applies("other", AXES)


def test_allowances_add_up() -> None:
    assert Allowance(count=5).limit(100) == 105
    assert Allowance(share=0.02).limit(100) == 102
    assert Allowance().limit(100) == 100


@pytest.mark.parametrize("text", ["", "[tool.other]\nx = 1\n"])
def test_no_budgets(tmp_path: Path, text: str) -> None:
    assert load_budgets(written(tmp_path, text)) == ()
    assert load_budgets(tmp_path / "absent.toml") == ()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("hdrPreflightMs = 300", "below = 300"),
        ("hdrPreflightMs = { over = 300 }", "over"),
        ("hdrPreflightMs = {}", "hdrPreflightMs"),
        ("hdrPreflightMs = { below = -1 }", "-1"),
        ("hdrPreflightMs = { below = true }", "True"),
        ("hdrPreflightMs = { below = inf }", "inf"),
        ('tmpPeakBytes = { allow = "a bit" }', "a bit"),
        ("tmpPeakBytes = { allow = -3 }", "-3"),
        ('tmpPeakBytes = { allow = "nan%" }', "nan%"),
        ("tmpPeakBytes = { allow = false }", "False"),
    ],
)
def test_an_impossible_budget_names_scenario_metric_and_value(tmp_path: Path, line: str, words: str) -> None:
    path = written(tmp_path, f"[tool.hfbench.budgets.mixed]\n{line}\n")
    with pytest.raises(UsageError, match="'mixed'") as caught:
        load_budgets(path)
    assert words in caught.value.message


@pytest.mark.parametrize(
    "text", ["[tool", "tool = 3", "tool.hfbench = 3", "tool.hfbench.budgets = 3", "tool.hfbench.budgets.mixed = 3"]
)
def test_not_a_table(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match="budgets"):
        load_budgets(written(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[tool.hfbench.budget.mixed]\ncpuMs = { below = 1 }", "no setting 'budget'; did you mean budgets?"),
        ("[tool.hfbench.budgets.mixd]\ncpuMs = { below = 1 }", "'mixd': no such scenario; did you mean mixed?"),
        ("[tool.hfbench.budgets.mixed]\nscope = 'fussed'\ncpuMs = { below = 1 }", "scope 'fussed', .*mean fused"),
        ("[tool.hfbench.budgets.mixed]\nscope = 3\ncpuMs = { below = 1 }", "scope 3, which there is not; choose"),
        ("[tool.hfbench.budgets.mixed]\nformat = 'webp'\ncpuMs = { below = 1 }", "format 'webp', .* choose from jpg"),
        ("[tool.hfbench.budgets.mixed]\nbackend = 'libva'\ncpuMs = { below = 1 }", "backend 'libva', .*mean libav"),
        ("[tool.hfbench.budgets.mixed]\nscpoe = 'fused'\ncpuMs = { below = 1 }", "'scpoe', .* did you mean scope"),
        ("[tool.hfbench.budgets.mixed]\ncpuMS = { below = 1 }", "'cpuMS', which there is not; did you mean cpuMs"),
        ("[tool.hfbench.budgets.mixed]\nhdrPreflihtMs = { below = 1 }", "did you mean hdrPreflightMs"),
    ],
)
def test_a_budget_that_could_never_match_is_an_error(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        load_budgets(written(tmp_path, text), ("mixed", "other"))


def test_what_another_engine_calls_its_own_may_have_a_budget(tmp_path: Path) -> None:
    text = "[tool.hfbench]\nengine = 'x'\n[tool.hfbench.budgets.mixed]\nbackend = 'peer'\nownMs = { below = 1 }"
    assert load_budgets(written(tmp_path, text), ("mixed",)) == (
        Budget("mixed", "ownMs", below=1.0, where=(("backend", "peer"),)),
    )


def test_a_budget_in_words() -> None:
    budget = Budget("mixed", "cpuMs", below=300, allow=Allowance(1, 0.02), where=(("scope", "fused"),))
    assert str(budget) == "cpuMs < 300, allowance 1 + 2.0% of mixed [fused]"
