from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.makers.cache_world import RunChild


@pytest.mark.parametrize(
    "scenario", ["publish", "lose", "heal", "adopt", "read", "evict", "sweep damage", "clear", "probe"]
)
def test_killed_before_any_change_the_next_run_finds_only_whole_entries(
    run_child: RunChild, tmp_path: Path, scenario: str
) -> None:
    done = run_child("crash.py", tmp_path / "cache", scenario)
    assert int(done.stdout) >= 4, "points of death"


def test_control_a_publisher_that_is_not_atomic_is_noticed(run_child: RunChild, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="killed before change"):
        run_child("crash.py", tmp_path / "cache", "in place")
