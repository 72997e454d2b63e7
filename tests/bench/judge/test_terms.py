from __future__ import annotations

import pytest

from hfbench.bench.judge.terms import time_metrics
from hfbench.errors import UsageError


@pytest.mark.parametrize("names", [(), ("cpu", "heap")])
def test_unknown_metrics_to_block_on(names: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="cpu, wall or both"):
        time_metrics(names)
