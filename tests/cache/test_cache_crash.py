from __future__ import annotations

from pathlib import Path

import pytest
from cache_world import RunChild


@pytest.mark.parametrize(
    "scenario", ["publish", "lose", "heal", "adopt", "read", "evict", "sweep damage", "clear", "probe"]
)
def test_killed_at_any_line_the_next_run_finds_only_whole_entries(
    run_child: RunChild, tmp_path: Path, scenario: str
) -> None:
    done = run_child("cache_child_crash.py", tmp_path / "cache", scenario)
    assert int(done.stdout) > 50, "points of death"
