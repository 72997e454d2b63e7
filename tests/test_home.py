"""One rule for ``HFBENCH_HOME`` in the program and in the oracle, which share no code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures_gen.errors import UnusableSettingError
from fixtures_gen.home import default_root
from hfbench.errors import UsageError
from hfbench.home import fixtures_folder

if TYPE_CHECKING:
    from pathlib import Path

ABSOLUTE = ["{user}", "~", "~/a/b", "{user}/../other", "/with space/ü"]
RELATIVE = ["relative", "./relative", "../relative", ".", "~no-such-user/hfbench", " /leading-space"]


@pytest.fixture(autouse=True)
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another user's home folder, and a working folder elsewhere."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.chdir("/")
    return tmp_path


@pytest.mark.parametrize("value", ABSOLUTE)
def test_both_find_one_store(value: str, user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = value.format(user=user)
    monkeypatch.setenv("HFBENCH_HOME", named)
    expected = named.replace("~", str(user))
    assert str(fixtures_folder()) == str(default_root()) == f"{expected}/fixtures"


@pytest.mark.parametrize("value", ["", None])
def test_without_a_home_it_is_the_cache_folder(value: str | None, user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if value is None:
        monkeypatch.delenv("HFBENCH_HOME", raising=False)
    else:
        monkeypatch.setenv("HFBENCH_HOME", value)
    assert fixtures_folder() == default_root()
    assert fixtures_folder().is_relative_to(user)


@pytest.mark.parametrize("value", RELATIVE)
def test_both_reject_a_relative_home(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HFBENCH_HOME", value)
    with pytest.raises(UsageError, match="HFBENCH_HOME is .*, a relative path: give an absolute one"):
        fixtures_folder()
    with pytest.raises(UnusableSettingError, match="HFBENCH_HOME is .*, a relative path: give an absolute one"):
        default_root()
